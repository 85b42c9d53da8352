/**
 * Puts changes into steps: what one rule does to many assets alike is one step, in the order in which steps are applied.
 *
 * @module
 */

import type { AlbumRef, AppliedFacts, Plan, Step, StepOp } from '../plan.ts'
import { planIdOf } from '../plan-id.ts'
import type { Rules } from '../rules.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Change, Decision, ShareChange } from './decision.ts'
import { compareText } from './library-draft.ts'

const ORDER: readonly StepOp[] = [
  'album.create',
  'album.add',
  'tag.add',
  'tag.remove',
  'date.set',
  'asset.set',
  'album.remove',
  'share.add',
  'share.role',
  'share.remove',
  'album.delete',
]

export interface PlanParts {
  readonly snapshot: Snapshot
  readonly rules: Pick<Rules, 'hash'>
  readonly decision: Decision
  /** Those that the decision was made with. */
  readonly facts: AppliedFacts
  /** ISO 8601. */
  readonly madeAt: string
}

/** The difference between what is and what the rules want. The same parts give the same plan, to the byte. */
export function makePlan({ snapshot, rules, decision, madeAt }: PlanParts): Plan {
  const steps = toSteps(decision.changes)
  const plan: Omit<Plan, 'id'> = {
    format: 1,
    madeAt,
    server: { address: snapshot.address, userId: snapshot.userId, version: snapshot.version },
    rulesHash: rules.hash,
    snapshot: {
      takenAt: snapshot.takenAt,
      assets: snapshot.assets.size,
      albums: fingerprintsOf(steps, snapshot),
    },
    steps,
    overrides: decision.overrides,
    remarks: decision.remarks,
  }
  return { ...plan, id: planIdOf(plan) }
}

/** Steps of these changes, in their order, with their assets in the order of ids. */
export function toSteps(changes: readonly Change[]): readonly Step[] {
  const steps = [...assetSteps(changes), ...albumSteps(changes), ...plainSteps(changes)]
  return steps.sort(byOrder)
}

type AssetChange = Extract<Change, { readonly kind: 'tag' | 'date' | 'favorite' | 'rating' }>

/** Tags, dates, favourites and ratings: by the rule and what it does. */
function assetSteps(changes: readonly Change[]): readonly Step[] {
  const groups = new Map<string, AssetChange[]>()
  for (const change of changes) {
    if (!isAssetChange(change)) continue
    const key = keyOf(change)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [change])
    else group.push(change)
  }
  return [...groups.values()].map((group) => toAssetStep(group.sort(byAsset)))
}

function isAssetChange(change: Change): change is AssetChange {
  return (
    change.kind === 'tag' || change.kind === 'date' || change.kind === 'favorite' || change.kind === 'rating'
  )
}

function keyOf(change: AssetChange): string {
  const { kind, rule } = change
  switch (kind) {
    case 'tag':
      return `${kind} ${rule} ${change.is} ${change.tag}`
    case 'date':
      return `${kind} ${rule} ${change.precision} ${change.to.dateTimeOriginal} ${change.to.timeZone ?? ''}`
    case 'favorite':
      return `${kind} ${rule}`
    case 'rating':
      return `${kind} ${rule} ${change.to}`
  }
}

function toAssetStep(group: readonly AssetChange[]): Step {
  const [first] = group
  if (first === undefined) throw new TypeError('a step has no changes')
  const { rule } = first
  const assetIds = group.map(({ assetId }) => assetId)
  switch (first.kind) {
    case 'tag':
      return { op: first.is ? 'tag.add' : 'tag.remove', rule, tag: first.tag, assetIds }
    case 'date': {
      const before = group.map((change) => (change.kind === 'date' ? change.before : null))
      return { op: 'date.set', rule, to: first.to, precision: first.precision, assetIds, before }
    }
    case 'favorite':
      return { op: 'asset.set', rule, to: { isFavourite: true }, assetIds, before: plainBefore(group) }
    case 'rating':
      return { op: 'asset.set', rule, to: { rating: first.to }, assetIds, before: plainBefore(group) }
  }
}

function plainBefore(group: readonly AssetChange[]): readonly (boolean | number | null)[] {
  return group.map((change) =>
    change.kind === 'favorite' || change.kind === 'rating' ? change.before : null,
  )
}

type AlbumChange = Extract<Change, { readonly kind: 'album' }>

/** By album, by the rule, and whether assets come or go. An album that is made gets the assets of one rule with it. */
function albumSteps(changes: readonly Change[]): readonly Step[] {
  const groups = new Map<string, AlbumChange[]>()
  for (const change of changes) {
    if (change.kind !== 'album') continue
    const key = `${refKey(change.album)}\n${change.is}\n${change.rule}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [change])
    else group.push(change)
  }
  const made = new Set<string>()
  return [...groups]
    .sort(([one], [other]) => compareText(one, other))
    .map(([, group]) => toAlbumStep(group.sort(byAsset), made))
}

function toAlbumStep(group: readonly AlbumChange[], made: Set<string>): Step {
  const [first] = group
  if (first === undefined) throw new TypeError('a step has no changes')
  const { rule, album, is } = first
  const assetIds = group.map(({ assetId }) => assetId)
  if ('key' in album && !made.has(album.key)) {
    made.add(album.key)
    return { op: 'album.create', rule, album, description: '', assetIds }
  }
  return { op: is ? 'album.add' : 'album.remove', rule, album, assetIds }
}

function refKey(album: AlbumRef): string {
  return 'key' in album ? `new ${album.key}` : `id ${album.id}`
}

/** Members and deletions: one change is one step. */
function plainSteps(changes: readonly Change[]): readonly Step[] {
  return changes.flatMap((change): readonly Step[] => {
    if (change.kind === 'share') return [toShareStep(change)]
    if (change.kind !== 'album-delete') return []
    const { rule, album } = change
    const { id, name, description, members } = album
    return [{ op: 'album.delete', rule, album: { id, name }, before: { description, members } }]
  })
}

function toShareStep({ rule, album, userId, email, role, before }: ShareChange): Step {
  const target = { rule, album, userId, email }
  if (role === null) return { op: 'share.remove', ...target, before: before ?? 'viewer' }
  return before === null
    ? { op: 'share.add', ...target, role }
    : { op: 'share.role', ...target, role, before }
}

function byAsset(one: { readonly assetId: string }, other: { readonly assetId: string }): number {
  return compareText(one.assetId, other.assetId)
}

function byOrder(one: Step, other: Step): number {
  const ranks = ORDER.indexOf(one.op) - ORDER.indexOf(other.op)
  return ranks !== 0 ? ranks : compareText(sortKey(one), sortKey(other))
}

function sortKey(step: Step): string {
  switch (step.op) {
    case 'tag.add':
    case 'tag.remove':
      return `${step.tag}\n${step.rule}`
    case 'date.set':
      return `${step.to.dateTimeOriginal}\n${step.to.timeZone ?? ''}\n${step.rule}\n${step.precision}`
    case 'asset.set':
      return `${'rating' in step.to ? `rating ${step.to.rating}` : 'favorite'}\n${step.rule}`
    case 'share.add':
    case 'share.role':
    case 'share.remove':
      return `${step.album.name}\n${refKey(step.album)}\n${step.email}\n${step.userId}`
    case 'album.create':
    case 'album.add':
    case 'album.remove':
    case 'album.delete':
      return `${step.album.name}\n${refKey(step.album)}\n${step.rule}`
  }
}

/** Of the albums of the server that steps touch: what they must still be when the steps are taken. */
function fingerprintsOf(steps: readonly Step[], snapshot: Snapshot): Readonly<Record<string, string>> {
  const ids = new Set(steps.flatMap((step) => ('album' in step && 'id' in step.album ? [step.album.id] : [])))
  return Object.fromEntries(
    [...ids].sort(compareText).map((id) => [id, snapshot.albums.get(id)?.fingerprint ?? '']),
  )
}
