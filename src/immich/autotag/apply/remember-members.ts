/**
 * What a run knows of albums that it changed, kept for the next look at the library: else each would be read again.
 *
 * Only what is certain. Of an album that the run has made, as long as nothing else was put into it: all of it. Of one
 * that it only took from: what was in it before, less what was taken. In both nothing may have been added by others,
 * which would show in the album's date, and as many must be in it as are remembered. An album that the run added to has
 * another date by the run's own doing, which hides whether somebody exchanged pictures meanwhile: it is read again, as
 * many of them as are few calls right away.
 *
 * @module
 */

import type { AutotagApi } from '../autotag-api.ts'
import { hasSameAdditions, openFingerprint } from '../load/album-fingerprint.ts'
import { COUNTED } from '../load/read-memberships.ts'
import { mapBeside } from '../load/together.ts'
import type { SnapshotAlbum } from '../snapshot.ts'
import { ALL_EVER, type KnownMembers, type MembershipCache } from '../state.ts'
import type { Written } from './run-so-far.ts'

export interface ChangedAlbums {
  readonly cache: MembershipCache
  readonly written: Written
  /** As they are after the run; by id. */
  readonly albums: ReadonlyMap<string, SnapshotAlbum>
  /** Of albums that were made with all that was sent: their fingerprint then, by id. */
  readonly madeAs: ReadonlyMap<string, string>
}

/** Without a call. */
export function rememberMembers({ cache, written, albums, madeAs }: ChangedAlbums): void {
  for (const [id, changes] of written.albums) {
    const album = albums.get(id)
    if (album === undefined) continue
    const known = madeMembers(madeAs.get(id), changes) ?? leftMembers(cache.last(id), changes)
    if (known === undefined || !hasSameAdditions(known.fingerprint, album.fingerprint)) continue
    if (known.assetIds.length !== album.assetCount) continue
    cache.write(id, openFingerprint(album.fingerprint), known.assetIds, known.listing)
  }
}

/** Calls that looking into albums may take. */
const MAX_CALLS = 90
const WIDTH = 8

/**
 * Reads the albums that the run added to, where they are remembered and the next look would need a call for each: a
 * session reads all in one stream, and a filter many at once. What is found to be just what
 * was expected is as certain as what was known before.
 */
export async function readAdded(
  { cache, written, albums }: ChangedAlbums,
  api: AutotagApi,
  signal: AbortSignal | undefined,
): Promise<void> {
  const added = [...written.albums].flatMap(([id, changes]) => {
    const [album, before] = [albums.get(id), cache.last(id)]
    const isAddedTo = [...changes.values()].some((isIn) => isIn)
    return album !== undefined && before !== undefined && isAddedTo ? [{ album, before, changes }] : []
  })
  if (added.length === 0) return
  const { hasSearchFilter, hasSync } = await api.capabilities(signal)
  if (hasSearchFilter || hasSync) return
  const callsBefore = api.traffic?.calls ?? 0
  await mapBeside(added, WIDTH, async ({ album, before, changes }) => {
    if ((api.traffic?.calls ?? 0) - callsBefore >= MAX_CALLS) return
    const assetIds = await api.albumAssetIds(album.id, COUNTED, signal, album.assetCount)
    if (!isExpected(assetIds, before, changes)) return
    cache.write(album.id, openFingerprint(album.fingerprint), assetIds, before.listing)
  })
}

function isExpected(assetIds: readonly string[], before: KnownMembers, changes: Changes): boolean {
  const expected = new Set(before.assetIds)
  for (const [id, isIn] of changes) {
    if (isIn) expected.add(id)
    else expected.delete(id)
  }
  return assetIds.length === expected.size && assetIds.every((id) => expected.has(id))
}

/** By asset: true, it was put in; false, it was taken out. */
type Changes = ReadonlyMap<string, boolean>

function madeMembers(fingerprint: string | undefined, changes: Changes): KnownMembers | undefined {
  if (fingerprint === undefined || ![...changes.values()].every((isIn) => isIn)) return undefined
  return { fingerprint, assetIds: [...changes.keys()], listing: ALL_EVER }
}

function leftMembers(before: KnownMembers | undefined, changes: Changes): KnownMembers | undefined {
  if (before === undefined || [...changes.values()].some((isIn) => isIn)) return undefined
  const members = new Set(before.assetIds)
  // One that is not in it was read after the run had taken something.
  if (![...changes.keys()].every((id) => members.has(id))) return undefined
  return { ...before, assetIds: before.assetIds.filter((id) => !changes.has(id)) }
}
