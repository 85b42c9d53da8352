/**
 * The opposite of steps, for as much as is still as they left it. Pure.
 *
 * @module
 */

import type { AlbumRef, DateText, Remark, Step } from '../plan.ts'
import type { Snapshot, SnapshotAlbum } from '../snapshot.ts'
import { albumIdOf } from './perform-call.ts'
import { isSameDate } from './step-parts.ts'

export interface Inversion {
  readonly steps: readonly Step[]
  readonly remarks: readonly Remark[]
}

interface Context {
  readonly snapshot: Snapshot
  /** Albums that the run made: key to id. */
  readonly madeAlbums: ReadonlyMap<string, string>
}

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>

export function invertSteps(done: readonly Step[], context: Context): Inversion {
  const remarks: Remark[] = []
  const steps = done.flatMap((step) => invertStep(step, context, remarks))
  const restored = done.flatMap((step) =>
    step.op === 'album.delete' ? restore(step, done, context, remarks) : [],
  )
  const emptied = done.flatMap((step) =>
    step.op === 'album.create' ? deleteMade(step, { steps, done, context, remarks }) : [],
  )
  const deleted = new Set(emptied.flatMap((step) => (step.op === 'album.delete' ? [step.album.id] : [])))
  // Who sees an album that is deleted needs no taking out.
  const isMoot = (step: Step): boolean =>
    step.op === 'share.remove' && 'id' in step.album && deleted.has(step.album.id)
  return { steps: [...restored, ...steps.filter((step) => !isMoot(step)), ...emptied], remarks }
}

/** Albums that were made or deleted are seen to once the rest is known. */
function invertStep(step: Step, context: Context, remarks: Remark[]): readonly Step[] {
  switch (step.op) {
    case 'tag.add':
    case 'tag.remove':
      return invertTag(step, context)
    case 'date.set':
      return invertDate(step, context, remarks)
    case 'asset.set':
      return invertWords(step, context)
    case 'album.add':
    case 'album.remove':
    case 'album.create':
      return invertContent(step, context)
    case 'album.delete':
      return []
    case 'share.add':
    case 'share.remove':
    case 'share.role':
      return invertShare(step, context, remarks)
  }
}

function invertTag(step: StepOf<'tag.add' | 'tag.remove'>, { snapshot }: Context): Step[] {
  const tag = [...snapshot.tags.values()].find(({ value }) => value === step.tag)
  const wasGiven = step.op === 'tag.add'
  const assetIds = step.assetIds.filter((id) => {
    const asset = snapshot.assets.get(id)
    return asset !== undefined && (tag !== undefined && asset.tagIds.includes(tag.id)) === wasGiven
  })
  if (assetIds.length === 0) return []
  return [{ op: wasGiven ? 'tag.remove' : 'tag.add', rule: step.rule, tag: step.tag, assetIds }]
}

function invertDate(step: StepOf<'date.set'>, { snapshot }: Context, remarks: Remark[]): Step[] {
  const still = step.assetIds.flatMap((id, index) => {
    const asset = snapshot.assets.get(id)
    if (asset === undefined || !isSameDate(step.to, asset.taken)) return []
    return [{ id, before: step.before[index] ?? null }]
  })
  const dateless = still.flatMap(({ id, before }) => (before === null ? [id] : []))
  if (dateless.length > 0) {
    const says = 'a date that had none before cannot be taken away again'
    remarks.push({ rule: step.rule, kind: 'undo-limit', says, assetIds: dateless })
  }
  const byBefore = Map.groupBy(still, ({ before }) => JSON.stringify(before))
  const steps = [...byBefore.values()].flatMap((group): Step[] => {
    const to: DateText | null = group[0]?.before ?? null
    if (to === null) return []
    const assetIds = group.map(({ id }) => id)
    return [
      {
        op: 'date.set',
        rule: step.rule,
        to,
        precision: 'second',
        assetIds,
        before: assetIds.map(() => step.to),
      },
    ]
  })
  const dated = steps.flatMap((one) => ('assetIds' in one ? one.assetIds : []))
  if (dated.length > 0) {
    const says = 'a date that was written stays locked against what the file says, and its sidecar file stays'
    remarks.push({ rule: step.rule, kind: 'undo-limit', says, assetIds: dated })
  }
  return steps
}

function invertWords(step: StepOf<'asset.set'>, { snapshot }: Context): Step[] {
  const { to } = step
  const still = step.assetIds.flatMap((id, index) => {
    const asset = snapshot.assets.get(id)
    if (asset === undefined) return []
    const isSo = 'rating' in to ? (asset.rating ?? null) === to.rating : asset.isFavourite === to.isFavourite
    return isSo ? [{ id, before: step.before[index] ?? null }] : []
  })
  const now = 'rating' in to ? to.rating : to.isFavourite
  return [...Map.groupBy(still, ({ before }) => before)].map(([before, group]): Step => {
    const assetIds = group.map(({ id }) => id)
    const value =
      'rating' in to
        ? { rating: Number.isInteger(before) ? Number(before) : null }
        : { isFavourite: before === true }
    return { op: 'asset.set', rule: step.rule, to: value, assetIds, before: assetIds.map(() => now) }
  })
}

function invertContent(
  step: StepOf<'album.add' | 'album.remove' | 'album.create'>,
  context: Context,
): Step[] {
  const album = albumNow(step.album, context)
  if (album === undefined) return []
  const wasPut = step.op !== 'album.remove'
  const assetIds = step.assetIds.filter((id) => {
    const asset = context.snapshot.assets.get(id)
    return asset !== undefined && asset.albumIds.includes(album.id) === wasPut
  })
  if (assetIds.length === 0) return []
  return [{ op: wasPut ? 'album.remove' : 'album.add', rule: step.rule, album: refOf(album), assetIds }]
}

function invertShare(
  step: StepOf<'share.add' | 'share.role' | 'share.remove'>,
  context: Context,
  remarks: Remark[],
): Step[] {
  const album = albumNow(step.album, context)
  if (album === undefined) return []
  const { rule, userId, email } = step
  const now = album.members.find((member) => member.userId === userId)?.role
  const target = { rule, album: refOf(album), userId, email }
  if (step.op === 'share.remove') {
    return now === undefined ? [{ op: 'share.add', ...target, role: step.before }] : []
  }
  if (now !== step.role) return []
  if (step.op === 'share.role') return [{ op: 'share.role', ...target, role: step.before, before: step.role }]
  const says = `the invitation of ${email} to the album "${album.name}" may have been mailed already`
  remarks.push({ rule, kind: 'undo-limit', says, assetIds: [] })
  return [{ op: 'share.remove', ...target, before: step.role }]
}

/** An album that the run deleted, with the assets that the run took out of it before. */
function restore(
  step: StepOf<'album.delete'>,
  done: readonly Step[],
  { snapshot }: Context,
  remarks: Remark[],
): readonly Step[] {
  const { id, name } = step.album
  if (snapshot.albums.has(id)) return []
  const removed = done.flatMap((one) =>
    one.op === 'album.remove' && 'id' in one.album && one.album.id === id ? one.assetIds : [],
  )
  const assetIds = [...new Set(removed)].filter((asset) => snapshot.assets.has(asset))
  const namesake = [...snapshot.albums.values()].find((album) => album.isOwned && album.name === name)
  if (namesake !== undefined) return refill(step.rule, namesake, assetIds, snapshot)
  const says = `the album "${name}" comes back with another id, and without what was said about its pictures`
  remarks.push({ rule: step.rule, kind: 'undo-limit', says, assetIds })
  const album = { key: `${name} (${id})`, name }
  const emails = new Map(snapshot.users.map((user) => [user.id, user.email]))
  return [
    { op: 'album.create', rule: step.rule, album, description: step.before.description, assetIds },
    ...step.before.members.map(
      ({ userId, role }): Step => ({
        op: 'share.add',
        rule: step.rule,
        album,
        userId,
        email: emails.get(userId) ?? userId,
        role,
      }),
    ),
  ]
}

/** It was brought back already, or made anew since: a second one of its name would be nobody's wish. */
function refill(rule: string, album: SnapshotAlbum, assetIds: readonly string[], snapshot: Snapshot): Step[] {
  const missing = assetIds.filter((id) => snapshot.assets.get(id)?.albumIds.includes(album.id) === false)
  return missing.length === 0 ? [] : [{ op: 'album.add', rule, album: refOf(album), assetIds: missing }]
}

/** Deletes an album that the run made, unless somebody has made it their own meanwhile. */
function deleteMade(
  step: StepOf<'album.create'>,
  run: { steps: readonly Step[]; done: readonly Step[]; context: Context; remarks: Remark[] },
): Step[] {
  const album = albumNow(step.album, run.context)
  if (album === undefined) return []
  const reason = reasonToKeep(step, album, run)
  if (reason !== undefined) {
    const says = `the album "${album.name}" stays: ${reason}`
    run.remarks.push({ rule: step.rule, kind: 'undo-limit', says, assetIds: [] })
    return []
  }
  const before = { description: album.description, members: album.members }
  return [{ op: 'album.delete', rule: step.rule, album: refOf(album), before }]
}

function reasonToKeep(
  step: StepOf<'album.create'>,
  album: SnapshotAlbum,
  { steps, done, context }: { steps: readonly Step[]; done: readonly Step[]; context: Context },
): string | undefined {
  const removed = new Set(
    steps.flatMap((one) =>
      one.op === 'album.remove' && 'id' in one.album && one.album.id === album.id ? one.assetIds : [],
    ),
  )
  const others = album.assetCount - removed.size
  if (others > 0) return `it has ${others} other assets`
  if (album.name !== step.album.name || album.description !== step.description)
    return 'somebody has changed its words'
  const invited = new Set(
    done.flatMap((one) =>
      one.op === 'share.add' && albumNow(one.album, context)?.id === album.id ? [one.userId] : [],
    ),
  )
  return album.members.every(({ userId }) => invited.has(userId)) ? undefined : 'somebody has shared it'
}

/** The album of a step, if it is there. */
function albumNow(album: AlbumRef, { snapshot, madeAlbums }: Context): SnapshotAlbum | undefined {
  const id = albumIdOf(album, { tagIds: new Map(), madeAlbums })
  return id === undefined ? undefined : snapshot.albums.get(id)
}

function refOf({ id, name }: SnapshotAlbum): { readonly id: string; readonly name: string } {
  return { id, name }
}
