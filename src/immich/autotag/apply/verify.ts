/**
 * Looks again at what a run has written, in few calls.
 *
 * Tags can be lost although the server has confirmed them: the extraction of a fresh upload writes its own set over them
 * (immich issues 13633, 16747, 23861), and ids that are gone are dropped silently. Albums show by their counts.
 *
 * @module
 */

import type { AutotagApi, FoundAsset } from '../autotag-api.ts'
import type { DateText } from '../plan.ts'
import type { SnapshotAlbum } from '../snapshot.ts'
import { VISIBILITIES } from './present.ts'
import type { Written } from './run-so-far.ts'
import { isSameDate } from './step-parts.ts'

export interface Verification {
  /** In words, one a thing. */
  readonly differences: readonly string[]
  /** Tags that are not as they were written: path, and assets that lack it (or have it, where it was taken). */
  readonly tags: readonly TagDifference[]
  /** What was not looked at, to stay within the calls. */
  readonly unseen: number
  /** As they are now, by id; empty when the run changed none. */
  readonly albums: ReadonlyMap<string, SnapshotAlbum>
}

export interface TagDifference {
  readonly tag: string
  /** As it was written. */
  readonly is: boolean
  readonly assetIds: readonly string[]
}

export interface VerifyOptions {
  readonly api: AutotagApi
  readonly written: Written
  /** ISO 8601, by the server's clock: the dates were written after it. */
  readonly since: string
  readonly tagIds: ReadonlyMap<string, string>
  /** Tags whose assets cannot be told from those of their children. */
  readonly parentTags: ReadonlySet<string>
  /** Ids of albums that the run made. */
  readonly madeAlbums: ReadonlySet<string>
  /** Ids of albums: how many assets they had before the run; without those of which nobody knows. */
  readonly countsBefore: ReadonlyMap<string, number>
  readonly signal?: AbortSignal | undefined
  /** Default {@link MAX_CALLS}. */
  readonly maxCalls?: number
}

/** For the list of albums, dates and tags together; what was begun with the last of them is read to its end. */
const MAX_CALLS = 12

export async function verify(options: VerifyOptions): Promise<Verification> {
  const { api, written, maxCalls = MAX_CALLS } = options
  const budget = createBudget(api, maxCalls)
  const hasAlbums = written.albums.size + written.deleted.size > 0
  const now = hasAlbums ? await api.albums(options.signal) : []
  const albums = new Map(now.map((album) => [album.id, album]))
  const dates = await verifyDates(options, budget)
  const tags: TagDifference[] = []
  let unseen = dates.unseen
  // Those with the most assets tell the most for a call.
  const bySize = [...written.tags].toSorted(([, a], [, b]) => b.size - a.size)
  for (const [tag, wanted] of bySize) {
    const tagId = options.tagIds.get(tag)
    if (tagId === undefined || options.parentTags.has(tag)) continue
    const has = await readTagged(tagId, wanted, options, budget)
    if (has === undefined) unseen += wanted.size
    else tags.push(...tagDifferences(tag, wanted, has))
  }
  const differences = [...(hasAlbums ? albumDifferences(options, albums) : []), ...dates.differences]
  return { differences, tags, unseen, albums }
}

/** What may still be asked: by the requests that went out, or by pages where nobody counts those. */
interface Budget {
  /** Whether one more page may be read. */
  take(): boolean
}

function createBudget({ traffic }: AutotagApi, maxCalls: number): Budget {
  const before = traffic?.calls ?? 0
  let pages = 0
  return {
    take: () => {
      const spent = traffic === undefined ? pages : traffic.calls - before
      pages += 1
      return spent < maxCalls
    },
  }
}

/**
 * Assets that have the tag, as far as it matters: nearly all are in the timeline, so elsewhere is looked only for those
 * that lack it there. Undefined when it would be too many calls.
 */
async function readTagged(
  tagId: string,
  wanted: ReadonlyMap<string, boolean>,
  { api, signal }: VerifyOptions,
  budget: Budget,
): Promise<Set<string> | undefined> {
  const ids = new Set<string>()
  const isEnough = (): boolean => [...wanted].every(([id, is]) => !is || ids.has(id))
  for (const visibilities of [TIMELINE, ELSEWHERE]) {
    const pages = budget.take() ? api.findIds({ visibilities, tagId }, signal) : undefined
    if (pages === undefined || !(await readPages(pages, ids, budget))) return undefined
    if (isEnough()) return ids
  }
  return ids
}

/** Adds to `ids`; false when there are more pages than may be read. */
async function readPages(
  pages: AsyncIterable<readonly string[]>,
  ids: Set<string>,
  budget: Budget,
): Promise<boolean> {
  for await (const page of pages) {
    for (const id of page) ids.add(id)
    // A page that is not full is the last one.
    if (page.length >= FULL_PAGE && !budget.take()) return false
  }
  return true
}

const TIMELINE = ['timeline'] as const
const ELSEWHERE = ['archive', 'hidden'] as const

const FULL_PAGE = 1000

function tagDifferences(
  tag: string,
  wanted: ReadonlyMap<string, boolean>,
  has: ReadonlySet<string>,
): TagDifference[] {
  const wrong = [...wanted].filter(([id, is]) => has.has(id) !== is)
  return [true, false].flatMap((is) => {
    const assetIds = wrong.filter(([, wantedIs]) => wantedIs === is).map(([id]) => id)
    return assetIds.length === 0 ? [] : [{ tag, is, assetIds }]
  })
}

function albumDifferences(options: VerifyOptions, now: ReadonlyMap<string, SnapshotAlbum>): string[] {
  const { written } = options
  const counts = [...written.albums]
    .filter(([id]) => !written.deleted.has(id))
    .flatMap(([id, members]) => countDifference(id, members, now.get(id), options))
  const undeleted = [...written.deleted].filter((id) => now.has(id)).map((id) => `album ${id} is still there`)
  return [...counts, ...undeleted]
}

function countDifference(
  id: string,
  members: ReadonlyMap<string, boolean>,
  album: SnapshotAlbum | undefined,
  { countsBefore, madeAlbums }: VerifyOptions,
): string[] {
  if (album === undefined) return [`album ${id} is gone`]
  const before = madeAlbums.has(id) ? 0 : countsBefore.get(id)
  if (before === undefined) return []
  const put = [...members.values()].filter((isIn) => isIn).length
  const expected = before + put - (members.size - put)
  if (album.assetCount === expected) return []
  return [`album "${album.name}" has ${album.assetCount} assets, ${expected} were expected`]
}

async function verifyDates(
  { api, written, since, signal }: VerifyOptions,
  budget: Budget,
): Promise<{ differences: string[]; unseen: number }> {
  const open = new Map(written.dates)
  const differences: string[] = []
  if (open.size === 0) return { differences, unseen: 0 }
  budget.take()
  for await (const page of api.findAssets({ visibilities: VISIBILITIES, updatedAfter: since }, signal)) {
    for (const asset of page) {
      differences.push(...dateDifference(asset, open.get(asset.id)))
      open.delete(asset.id)
    }
    if (open.size === 0 || !budget.take()) break
  }
  return { differences, unseen: open.size }
}

function dateDifference({ id, fileName, taken }: FoundAsset, wanted: DateText | undefined): string[] {
  if (wanted === undefined || isSameDate(wanted, taken)) return []
  const shown = taken === undefined ? 'no date' : new Date(taken.atMs).toISOString()
  return [`${fileName} (${id}) has ${shown}, ${wanted.dateTimeOriginal} was written`]
}
