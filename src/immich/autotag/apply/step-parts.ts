/**
 * Steps taken apart: what they change, of whom, and smaller steps of the same kind.
 *
 * A step's subjects are what it has an outcome for: assets, the album itself, or a member.
 *
 * @module
 */

import type { AlbumRef, DateText, Step } from '../plan.ts'

/** Of an album that is to be made, its key is one of them, beside its first assets. */
export function subjectsOf(step: Step): readonly string[] {
  switch (step.op) {
    case 'album.create':
      return [step.album.key, ...step.assetIds]
    case 'album.delete':
      return [step.album.id]
    case 'share.add':
    case 'share.role':
    case 'share.remove':
      return [step.userId]
    case 'album.add':
    case 'album.remove':
    case 'asset.set':
    case 'date.set':
    case 'tag.add':
    case 'tag.remove':
      return step.assetIds
  }
}

/**
 * The step for just those of its subjects that `keep` holds; undefined when none is left. An album is made with what is
 * left of its assets; without its key nothing of it is left.
 */
export function narrowed(step: Step, keep: (subject: string) => boolean): Step | undefined {
  switch (step.op) {
    case 'album.delete':
    case 'share.add':
    case 'share.role':
    case 'share.remove':
      return subjectsOf(step).every(keep) ? step : undefined
    case 'album.create':
      return keep(step.album.key) ? { ...step, assetIds: step.assetIds.filter(keep) } : undefined
    case 'date.set': {
      const [assetIds, before] = filterBoth(step.assetIds, step.before, keep)
      return assetIds.length === 0 ? undefined : { ...step, assetIds, before }
    }
    case 'asset.set': {
      const [assetIds, before] = filterBoth(step.assetIds, step.before, keep)
      return assetIds.length === 0 ? undefined : { ...step, assetIds, before }
    }
    case 'album.add':
    case 'album.remove':
    case 'tag.add':
    case 'tag.remove': {
      const assetIds = step.assetIds.filter(keep)
      return assetIds.length === 0 ? undefined : { ...step, assetIds }
    }
  }
}

function filterBoth<Value>(
  ids: readonly string[],
  values: readonly Value[],
  keep: (id: string) => boolean,
): [string[], Value[]] {
  const kept = [...ids.keys()].filter((index) => keep(ids[index] ?? ''))
  return [kept.map((index) => ids[index] as string), kept.map((index) => values[index] as Value)]
}

/** What is changed, without of whom: steps with the same key may share a call. */
export function changeKey(step: Step): string {
  return JSON.stringify([step.op, ...targetOf(step)])
}

/** What is changed in whose name: settled subjects are remembered under it. */
export function stepKey(step: Step): string {
  return JSON.stringify([step.op, step.rule, ...targetOf(step)])
}

function targetOf(step: Step): readonly unknown[] {
  switch (step.op) {
    case 'tag.add':
    case 'tag.remove':
      return [step.tag]
    case 'date.set':
      return [step.to.dateTimeOriginal, step.to.timeZone]
    case 'asset.set':
      return 'rating' in step.to ? ['rating', step.to.rating] : ['favourite', step.to.isFavourite]
    case 'share.add':
    case 'share.role':
      return [albumKey(step.album), step.role]
    case 'share.remove':
      return [albumKey(step.album)]
    case 'album.add':
    case 'album.create':
    case 'album.delete':
    case 'album.remove':
      return [albumKey(step.album)]
  }
}

/** Of an album that is there its id, of one that is made by the plan its key. */
export function albumKey(album: AlbumRef): string {
  return 'id' in album ? `id ${album.id}` : `key ${album.key}`
}

/** Whether a date is what a step says, by its instant; zones only where both have one. */
export function isSameDate(
  a: DateText | null,
  b: { readonly atMs: number; readonly zone: string | undefined } | undefined,
): boolean {
  if (a === null || b === undefined) return a === null && b === undefined
  return Date.parse(a.dateTimeOriginal) === b.atMs
}

/** The value of a favourite or rating step, and what an asset has of it. */
export function wordOf(
  { to }: Extract<Step, { op: 'asset.set' }>,
  asset: { readonly isFavourite: boolean; readonly rating: number | undefined },
): { readonly wanted: boolean | number | null; readonly now: boolean | number | null } {
  return 'rating' in to
    ? { wanted: to.rating, now: asset.rating ?? null }
    : { wanted: to.isFavourite, now: asset.isFavourite }
}
