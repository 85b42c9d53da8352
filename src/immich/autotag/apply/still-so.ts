/**
 * Compare and set: what of a plan may still be done, now that the server has been looked at again. Pure.
 *
 * What somebody has changed meanwhile is left to them: also when they did just what the plan wanted, because then it is
 * theirs and not to be undone as ours.
 *
 * @module
 */

import type { FoundAsset } from '../autotag-api.ts'
import type { UndoneStep } from '../autotag-jobs.ts'
import type { Plan, Step } from '../plan.ts'
import type { Present } from './present.ts'
import { albumKey, isSameDate, narrowed, subjectsOf, wordOf } from './step-parts.ts'

export interface Comparison {
  readonly steps: readonly Step[]
  readonly dropped: readonly UndoneStep[]
}

/** Why a subject of a step is not to be touched; undefined when it is as the plan found it, as far as is known. */
type Objection = (subject: string, index: number) => string | undefined

export function dropChanged(
  steps: readonly Step[],
  present: Present,
  context: { readonly snapshot: Plan['snapshot']; readonly madeAlbums: ReadonlySet<string> },
): Comparison {
  const kept: Step[] = []
  const dropped: UndoneStep[] = []
  const lostKeys = new Set<string>()
  // Deletions come last and look at what is left of the removals before them.
  for (const step of steps) {
    const objection = objectionTo(step, present, { ...context, kept, lostKeys })
    const objections = subjectsOf(step).map((subject, index) => [subject, objection(subject, index)] as const)
    if (step.op === 'album.create' && objections.some(([, says]) => says !== undefined)) {
      lostKeys.add(albumKey(step.album))
    }
    const refused = new Map(
      objections.flatMap(([subject, says]) => (says === undefined ? [] : [[subject, says]])),
    )
    const left = refused.size === 0 ? step : narrowed(step, (subject) => !refused.has(subject))
    if (left !== undefined) kept.push(left)
    dropped.push(...undoneParts(step, refused, left === undefined))
  }
  return { steps: kept, dropped }
}

function undoneParts(step: Step, refused: ReadonlyMap<string, string>, isWhole: boolean): UndoneStep[] {
  const byReason = Map.groupBy(refused.keys(), (subject) => refused.get(subject) ?? '')
  return [...byReason].map(([message, ids]) => {
    const own = new Set(ids)
    const part = isWhole ? step : (narrowed(step, (id) => own.has(id)) ?? step)
    return { step: part, outcome: 'changed-meanwhile', ids, message }
  })
}

interface Context {
  readonly snapshot: Plan['snapshot']
  readonly madeAlbums: ReadonlySet<string>
  readonly kept: readonly Step[]
  readonly lostKeys: ReadonlySet<string>
}

function objectionTo(step: Step, present: Present, context: Context): Objection {
  switch (step.op) {
    case 'tag.add':
    case 'tag.remove':
      return tagObjection(step, present)
    case 'date.set':
      return (id, index) => dateObjection(step, index, present.changed.get(id))
    case 'asset.set':
      return (id, index) => wordObjection(step, index, present.changed.get(id))
    case 'album.create':
      return createObjection(step, present, context)
    case 'album.add':
    case 'album.remove':
      return contentObjection(step, present, context)
    case 'album.delete':
      return () => deleteObjection(step, present, context)
    case 'share.add':
    case 'share.remove':
    case 'share.role':
      return () => shareObjection(step, present, context)
  }
}

function dateObjection(
  step: Extract<Step, { op: 'date.set' }>,
  index: number,
  now: FoundAsset | undefined,
): string | undefined {
  if (now === undefined || isSameDate(step.before[index] ?? null, now.taken)) return undefined
  return 'its date was changed meanwhile'
}

function wordObjection(
  step: Extract<Step, { op: 'asset.set' }>,
  index: number,
  asset: FoundAsset | undefined,
): string | undefined {
  if (asset === undefined || wordOf(step, asset).now === step.before[index]) return undefined
  return `${'rating' in step.to ? 'its rating' : 'whether it is a favourite'} was changed meanwhile`
}

function tagObjection(step: Extract<Step, { tag: string }>, present: Present): Objection {
  const tagged = present.tagged.get(step.tag)
  const wanted = step.op === 'tag.add'
  const hasNow = (id: string): boolean | undefined => {
    const own = present.assetTags.get(id)
    if (own !== undefined) return own.some((tag) => tag === step.tag || tag.startsWith(`${step.tag}/`))
    return tagged?.has(id)
  }
  if (!present.tagIds.has(step.tag)) return () => (wanted ? undefined : 'the tag was deleted meanwhile')
  return (id) => {
    if (hasNow(id) !== wanted) return undefined
    return wanted ? 'it was given the tag meanwhile' : 'the tag was taken from it meanwhile'
  }
}

/** The plan would not make an album of that name had there been one. */
function createObjection(
  { album }: Extract<Step, { op: 'album.create' }>,
  { albums }: Present,
  { snapshot }: Context,
): Objection {
  const known = new Set(Object.keys(snapshot.albums))
  const namesake = [...albums.values()].find(
    ({ id, name, isOwned }) => isOwned && name === album.name && !known.has(id),
  )
  return (subject) =>
    subject === album.key && namesake !== undefined ? 'an album of this name was made meanwhile' : undefined
}

function contentObjection(
  step: Extract<Step, { op: 'album.add' | 'album.remove' }>,
  { albums, members }: Present,
  { lostKeys }: Context,
): Objection {
  const { album } = step
  if (!('id' in album)) return lostKey(lostKeys, albumKey(album))
  if (!albums.has(album.id)) return () => 'the album was deleted meanwhile'
  const inside = members.get(album.id)
  const wanted = step.op === 'album.add'
  return (id) => {
    if (inside === undefined || inside.has(id) !== wanted) return undefined
    return wanted ? 'it was put into the album meanwhile' : 'it was taken out of the album meanwhile'
  }
}

function lostKey(lostKeys: ReadonlySet<string>, key: string): Objection {
  return () => (lostKeys.has(key) ? 'an album of this name was made meanwhile' : undefined)
}

function shareObjection(
  step: Extract<Step, { op: 'share.add' | 'share.role' | 'share.remove' }>,
  { albums }: Present,
  { lostKeys }: Context,
): string | undefined {
  if (!('id' in step.album)) return lostKey(lostKeys, albumKey(step.album))(step.userId, 0)
  const album = albums.get(step.album.id)
  if (album === undefined) return 'the album was deleted meanwhile'
  const role = album.members.find(({ userId }) => userId === step.userId)?.role
  const expected = step.op === 'share.add' ? undefined : step.before
  return role === expected
    ? undefined
    : `who may see the album was changed meanwhile: ${step.email} is ${role ?? 'no member'}`
}

/** Only what this tool has made and what nothing else is in. */
function deleteObjection(
  { album }: Extract<Step, { op: 'album.delete' }>,
  { albums }: Present,
  { kept, madeAlbums }: Context,
): string | undefined {
  const now = albums.get(album.id)
  if (now === undefined) return 'the album was deleted meanwhile'
  if (!madeAlbums.has(album.id)) return 'the album was not made by this tool'
  const removed = new Set(
    kept.flatMap((step) =>
      step.op === 'album.remove' && 'id' in step.album && step.album.id === album.id ? step.assetIds : [],
    ),
  )
  const others = now.assetCount - removed.size
  return others > 0 ? `the album has ${others} other assets` : undefined
}
