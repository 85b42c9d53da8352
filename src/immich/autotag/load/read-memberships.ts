/**
 * Which assets are in which albums, by the way that costs the fewest calls on this server.
 *
 * `session`: all in one stream. `filter`: albums with no day in common are searched together, and an asset's day tells
 * its album. `albums`: one search for each album. The last two remember each album under its fingerprint and read only
 * what has changed. All three come to the same; what cannot be proved is read by itself.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import type { Visibility } from '../../api.ts'
import { NotFoundError } from '../../immich-errors.ts'
import type { AutotagApi, FoundAsset } from '../autotag-api.ts'
import type { SnapshotAlbum } from '../snapshot.ts'
import type { KnownMembers, Listing, MembershipCache } from '../state.ts'
import { groupAlbums } from './album-colouring.ts'
import { isSameButForAssets } from './album-fingerprint.ts'
import { createProof, goesWith, isOursAlone, isShown, mayBeUnchanged } from './known-members.ts'
import { type CountedAlbum, type FoundMember, placeMembers } from './place-members.ts'
import { mapBeside } from './together.ts'

export type ReadStrategy = 'session' | 'filter' | 'albums'

export interface MembershipRead {
  readonly api: AutotagApi
  readonly albums: readonly SnapshotAlbum[]
  /** Ids of those that nobody asked for. */
  readonly others: readonly string[]
  readonly cache: MembershipCache
  /** Hidden assets in albums are neither counted nor dated by the server. */
  readonly withHidden: boolean
  /** All assets that an album shows, where they are listed: by them more can be told of what is remembered. */
  readonly listing?: Promise<Listed> | undefined
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number) => void
}

export interface Listed {
  readonly assets: ReadonlyMap<string, FoundAsset>
  /** By the server's clock; undefined when it does not tell. */
  readonly endedAtMs: number | undefined
}

/** By album; assets that nobody asked for may be among them. Albums that are gone meanwhile have none. */
export type Memberships = Map<string, readonly string[]>

/** Those that an album counts. */
export const COUNTED: readonly Visibility[] = ['timeline', 'archive']

/** Searches that wait for a place in the limiter at a time. */
const WIDTH = 12

export async function readMemberships(strategy: ReadStrategy, read: MembershipRead): Promise<Memberships> {
  if (strategy === 'session') return await fromStream(read)
  const { albums, cache } = read
  const before = read.listing === undefined ? undefined : cache.listing()
  const { known, changed, doubtful, wereOurs } = remembered(read, before)
  for (const [id, members] of await readAlbums(strategy, read, changed)) known.set(id, members)
  const listed = await read.listing
  const isRight = listed === undefined ? () => false : createProof(listed.assets, before)
  const wrong = doubtful.filter(({ last }) => !isRight(last)).map(({ album }) => album)
  for (const [id, members] of await readAlbums(strategy, read, wrong)) known.set(id, members)
  for (const { album, last } of doubtful) {
    if (wrong.includes(album)) {
      wereOurs.delete(album.id)
      continue
    }
    known.set(album.id, last.assetIds)
    cache.write(album.id, cacheKey(album, read), last.assetIds, last.listing)
  }
  // Those of which nothing is known are gone meanwhile.
  cache.keepOnly(new Set([...known.keys(), ...read.others]))
  // It would not go with what is remembered of the others.
  if (listed?.endedAtMs !== undefined && read.others.length === 0) {
    const assetIds = [...listed.assets.values()].filter(isShown).map(({ id }) => id)
    const fingerprints = albums
      .filter((album) => isOursAlone(album) || wereOurs.has(album.id))
      .map((album) => [album.id, cacheKey(album, read)] as const)
    cache.confirm({ id: randomUUID(), endedAtMs: listed.endedAtMs, assetIds }, new Map(fingerprints))
  }
  return known
}

interface Remembered {
  readonly known: Memberships
  /** To be read. */
  readonly changed: readonly SnapshotAlbum[]
  /** To be read, unless the listing tells that they are as they were. */
  readonly doubtful: readonly { readonly album: SnapshotAlbum; readonly last: KnownMembers }[]
  /** Ids of those that hold nothing of others, as they did not when they were listed. */
  readonly wereOurs: Set<string>
}

function remembered(read: MembershipRead, before: Listing | undefined): Remembered {
  const known: Memberships = new Map()
  const changed: SnapshotAlbum[] = []
  const doubtful: Remembered['doubtful'][number][] = []
  const wereOurs = new Set<string>()
  for (const album of read.albums) {
    const last = read.cache.last(album.id)
    if (
      last !== undefined &&
      goesWith(last, before) &&
      isSameButForAssets(last.fingerprint, album.fingerprint)
    )
      wereOurs.add(album.id)
    if (last?.fingerprint === cacheKey(album, read)) known.set(album.id, last.assetIds)
    else if (last !== undefined && read.listing !== undefined && mayBeUnchanged(album, last, before))
      doubtful.push({ album, last })
    else changed.push(album)
  }
  return { known, changed, doubtful, wereOurs }
}

/** What was read is remembered. */
async function readAlbums(
  strategy: 'filter' | 'albums',
  read: MembershipRead,
  changed: readonly SnapshotAlbum[],
): Promise<Memberships> {
  if (changed.length === 0) return new Map()
  // An empty one has nothing to read, unless the hidden are wanted, which are not counted.
  const unread = changed.filter(({ assetCount }) => assetCount > 0 || read.withHidden)
  const found = strategy === 'filter' ? await fromGroups(read, unread) : await oneByOne(read, unread)
  const known: Memberships = new Map()
  for (const album of changed) {
    const members = found.get(album.id)
    if (members === undefined && album.assetCount > 0) continue
    known.set(album.id, members ?? [])
    read.cache.write(album.id, cacheKey(album, read), members ?? [])
  }
  return known
}

function cacheKey({ fingerprint }: SnapshotAlbum, { withHidden }: MembershipRead): string {
  return withHidden ? `${fingerprint}|hidden` : fingerprint
}

async function fromStream({ api, signal, onProgress }: MembershipRead): Promise<Memberships> {
  onProgress(0, 1)
  const members = new Map<string, Set<string>>()
  for await (const batch of api.syncMemberships(signal)) {
    for (const { albumId, assetId } of batch) {
      const assets = members.get(albumId)
      if (assets === undefined) members.set(albumId, new Set([assetId]))
      else assets.add(assetId)
    }
  }
  onProgress(1, 1)
  return new Map([...members].map(([albumId, assets]) => [albumId, [...assets]]))
}

async function fromGroups(read: MembershipRead, albums: readonly SnapshotAlbum[]): Promise<Memberships> {
  const dated = albums.filter(isDated)
  const groups = groupAlbums(dated)
  let done = 0
  read.onProgress(0, groups.length)
  const placed = await mapBeside(groups, WIDTH, async (group) => {
    const part = placeMembers(group, await membersOfAny(read, group))
    done += 1
    read.onProgress(done, groups.length)
    return part
  })
  const members: Memberships = new Map(placed.flatMap((part) => [...part.members]))
  for (const { id, assetCount } of albums) if (assetCount === 0) members.set(id, [])
  if (read.withHidden) await addHidden(read, members, [...members.keys()])
  const alone = albums.filter(({ id, assetCount }) => assetCount > 0 && !members.has(id))
  for (const [id, assets] of await oneByOne(read, alone)) members.set(id, assets)
  return members
}

function isDated(album: SnapshotAlbum): album is SnapshotAlbum & CountedAlbum {
  return album.assetCount > 0 && album.startMs !== undefined && album.endMs !== undefined
}

/** Nothing when one of them is gone: that fails the whole search, and none is proved. */
async function membersOfAny(
  { api, signal }: MembershipRead,
  albums: readonly { readonly id: string }[],
): Promise<readonly FoundMember[]> {
  const found: FoundMember[] = []
  const query = { albumIds: albums.map(({ id }) => id), visibilities: COUNTED, isBare: true }
  try {
    for await (const page of api.findAssets(query, signal)) {
      for (const { id, wallClockMs } of page) found.push({ id, wallClockMs })
    }
  } catch (error) {
    if (error instanceof NotFoundError) return []
    throw error
  }
  return found
}

/** Hidden ones are hardly ever in albums, and no day says which: so halves are asked until they are found. */
async function addHidden(
  read: MembershipRead,
  members: Memberships,
  albumIds: readonly string[],
): Promise<void> {
  if (albumIds.length === 0) return
  const hidden: string[] = []
  for await (const page of read.api.findIds({ albumIds, visibilities: ['hidden'] }, read.signal))
    hidden.push(...page)
  if (hidden.length === 0) return
  const [only] = albumIds
  if (albumIds.length === 1 && only !== undefined) {
    members.set(only, [...(members.get(only) ?? []), ...hidden])
    return
  }
  const half = Math.ceil(albumIds.length / 2)
  await addHidden(read, members, albumIds.slice(0, half))
  await addHidden(read, members, albumIds.slice(half))
}

async function oneByOne(read: MembershipRead, albums: readonly SnapshotAlbum[]): Promise<Memberships> {
  const { api, withHidden, signal } = read
  const visibilities: readonly Visibility[] = withHidden ? [...COUNTED, 'hidden'] : COUNTED
  const members: Memberships = new Map()
  let done = 0
  if (albums.length > 0) read.onProgress(0, albums.length)
  await mapBeside(albums, WIDTH, async ({ id, assetCount }) => {
    try {
      const enough = withHidden ? undefined : assetCount
      members.set(id, await api.albumAssetIds(id, visibilities, signal, enough))
    } catch (error) {
      // Deleted since it was listed.
      if (!(error instanceof NotFoundError)) throw error
    }
    done += 1
    read.onProgress(done, albums.length)
  })
  return members
}
