/**
 * Reads a library into memory: all that rules are decided on, in few calls, and in one burst before anything is changed.
 *
 * What the server says is exact or this fails: there is no half of a snapshot. Calls go beside each other as far as the
 * limiter of the client lets them.
 *
 * @module
 */

import type { Visibility } from '../../api.ts'
import { ForbiddenError } from '../../immich-errors.ts'
import type { AutotagApi, Capabilities, FoundAsset, ServerTag } from '../autotag-api.ts'
import type {
  DuplicateGroup,
  Snapshot,
  SnapshotAlbum,
  SnapshotAsset,
  SnapshotNeeds,
  SnapshotTag,
  SnapshotUser,
} from '../snapshot.ts'
import type { MembershipCache } from '../state.ts'
import { CannotReadError } from './load-errors.ts'
import { listAssets, readTagged } from './read-assets.ts'
import {
  COUNTED,
  type Listed,
  type Memberships,
  type ReadStrategy,
  readMemberships,
} from './read-memberships.ts'
import { createSharedValues, type SharedValues } from './shared-values.ts'
import { together } from './together.ts'

export interface LoadProgress {
  readonly stage: 'library' | 'assets' | 'tags' | 'albums'
  readonly done: number
  /** Undefined while nobody knows. */
  readonly total: number | undefined
}

export interface LoadOptions {
  readonly api: AutotagApi
  readonly needs: SnapshotNeeds
  readonly read: 'auto' | ReadStrategy
  readonly cache: MembershipCache
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (progress: LoadProgress) => void
  /** Epoch milliseconds, where the server does not tell the time. Default `Date.now`. */
  readonly now?: () => number
}

export interface LoadResult {
  readonly snapshot: Snapshot
  /** Requests, repeats included. */
  readonly calls: number
  readonly strategy: ReadStrategy
}

export async function loadSnapshot(options: LoadOptions): Promise<LoadResult> {
  const { api, signal, now = Date.now } = options
  const callsBefore = api.traffic?.calls ?? 0
  const version = await api.version(signal)
  const takenAt = new Date(api.traffic?.serverTimeMs ?? now()).toISOString()
  const library = await readLibrary(options)
  const strategy = chooseStrategy(api.address, options.read, library.capabilities)
  const content = await readContent(options, library, strategy)
  const snapshot = {
    address: api.address,
    version,
    userId: library.userId,
    takenAt,
    users: library.users,
    albums: new Map(library.albums.map((album) => [album.id, album])),
    ...assemble(library, content),
  }
  return { snapshot, calls: (api.traffic?.calls ?? 0) - callsBefore, strategy }
}

/** @throws CannotReadError when the rules ask for a way that this server or key does not have. */
export function chooseStrategy(
  address: string,
  read: LoadOptions['read'],
  { hasSync, hasSearchFilter }: Capabilities,
): ReadStrategy {
  if (read === 'auto') {
    if (hasSync) return 'session'
    return hasSearchFilter ? 'filter' : 'albums'
  }
  if ((read === 'session' && !hasSync) || (read === 'filter' && !hasSearchFilter))
    throw new CannotReadError(address, read)
  return read
}

interface Library {
  readonly capabilities: Capabilities
  /** Empty for an account without anything in it, whose key may not ask. */
  readonly userId: string
  readonly users: readonly SnapshotUser[]
  readonly tags: readonly ServerTag[]
  readonly albums: readonly SnapshotAlbum[]
  readonly duplicates: readonly DuplicateGroup[]
}

async function readLibrary({ api, needs, signal, onProgress }: LoadOptions): Promise<Library> {
  let done = 0
  const step = async <T>(part: Promise<T>): Promise<T> => {
    const result = await part
    done += 1
    onProgress?.({ stage: 'library', done, total: LIBRARY_PARTS })
    return result
  }
  onProgress?.({ stage: 'library', done, total: LIBRARY_PARTS })
  const [capabilities, me, albums, tags, users, duplicates] = await together<
    [
      Capabilities,
      Awaited<ReturnType<AutotagApi['me']>>,
      readonly SnapshotAlbum[],
      readonly ServerTag[],
      readonly SnapshotUser[],
      readonly DuplicateGroup[],
    ]
  >(signal, (both) => [
    step(api.capabilities(both)),
    step(api.me(both)),
    step(api.albums(both)),
    step(api.tags(both)),
    step(needs.users ? unlessForbidden(api.users(both)) : Promise.resolve([])),
    step(needs.duplicates ? api.duplicates(both) : Promise.resolve([])),
  ])
  return { capabilities, userId: me?.id ?? '', albums, tags, users, duplicates }
}

const LIBRARY_PARTS = 6

async function unlessForbidden<T>(list: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await list
  } catch (error) {
    if (error instanceof ForbiddenError) return []
    throw error
  }
}

interface Content {
  readonly assets: ReadonlyMap<string, FoundAsset>
  /** By asset. */
  readonly tagged: ReadonlyMap<string, readonly string[]>
  readonly memberships: Memberships
  readonly shared: SharedValues
}

async function readContent(
  { api, needs, cache, signal, onProgress }: LoadOptions,
  { capabilities, tags, albums }: Library,
  strategy: ReadStrategy,
): Promise<Content> {
  const shared = createSharedValues()
  const wanted = tags.filter(({ value }) => needs.isTagNeeded(value))
  const withHidden = needs.visibilities.includes('hidden')
  const isNeeded = (id: string): boolean =>
    typeof needs.albums === 'boolean' ? needs.albums : needs.albums.has(id)
  const hasAlbums = albums.some(({ id }) => isNeeded(id))
  const isComplete = !withHidden && COUNTED.every((visibility) => needs.visibilities.includes(visibility))
  const [assets, tagged, memberships] = await together<[Content['assets'], Content['tagged'], Memberships]>(
    signal,
    (both) => {
      const listing = listAssets(api, {
        visibilities: needs.visibilities,
        withPeople: needs.people,
        isOne: capabilities.hasSearchFilter,
        keep: (asset) => compact(asset, shared),
        signal: both,
        onProgress: (done) => onProgress?.({ stage: 'assets', done, total: undefined }),
      })
      const readTags = async (shown: readonly Visibility[]): Promise<Content['tagged']> =>
        await readTagged(api, wanted, {
          visibilities: shown,
          signal: both,
          onProgress: (done, total) => onProgress?.({ stage: 'tags', done, total }),
        })
      const listed = (): Listed => ({ assets: listing.assets, endedAtMs: api.traffic?.serverTimeMs })
      const readAlbums = async (): Promise<Memberships> =>
        await readMemberships(strategy, {
          api,
          albums: albums.filter(({ id }) => isNeeded(id)),
          others: albums.filter(({ id }) => !isNeeded(id)).map(({ id }) => id),
          cache,
          withHidden,
          listing: isComplete ? listing.done.then(listed) : undefined,
          signal: both,
          onProgress: (done, total) => onProgress?.({ stage: 'albums', done, total }),
        })
      return [
        listing.done.then(() => listing.assets),
        listing.shown.then(readTags),
        hasAlbums ? listing.shown.then(readAlbums) : Promise.resolve<Memberships>(new Map()),
      ]
    },
  )
  return { assets, tagged, memberships, shared }
}

/** The same in less memory. */
function compact(asset: FoundAsset, shared: SharedValues): FoundAsset {
  const { ownerId, taken, description, camera, place, people } = asset
  return {
    ...asset,
    ownerId: shared.text(ownerId),
    description: shared.text(description),
    taken: taken === undefined ? undefined : { atMs: taken.atMs, zone: shared.maybe(taken.zone) },
    camera: shared.record(camera),
    place: shared.record(place),
    people: people === undefined ? undefined : shared.list(people),
  }
}

function assemble(
  { tags, albums, duplicates }: Library,
  { assets: found, tagged, memberships, shared }: Content,
): Pick<Snapshot, 'assets' | 'tags' | 'duplicates'> {
  const albumIds = new Map<string, string[]>()
  // In the order of the list, and by its ids: the same list is the same value.
  for (const { id } of albums) {
    for (const assetId of memberships.get(id) ?? []) {
      const before = albumIds.get(assetId)
      if (before === undefined) albumIds.set(assetId, [id])
      else before.push(id)
    }
  }
  const assets = new Map<string, SnapshotAsset>()
  for (const asset of found.values()) {
    const { id } = asset
    assets.set(id, {
      ...asset,
      tagIds: shared.list(tagged.get(id) ?? []),
      albumIds: shared.list(albumIds.get(id) ?? []),
    })
  }
  const parents = new Set(tags.map(({ parentId }) => parentId))
  const snapshotTag = ({ id, value }: ServerTag): SnapshotTag => ({ id, value, hasChildren: parents.has(id) })
  return {
    assets,
    tags: new Map(tags.map((tag) => [tag.id, snapshotTag(tag)])),
    duplicates: duplicates.flatMap((group) => groupAmong(assets, group)),
  }
}

/** Without those that are not in the snapshot; nothing when fewer than two are left. */
function groupAmong(
  assets: ReadonlyMap<string, SnapshotAsset>,
  { id, assetIds, suggestedKeepIds }: DuplicateGroup,
): readonly DuplicateGroup[] {
  const isThere = (assetId: string): boolean => assets.has(assetId)
  const there = assetIds.filter(isThere)
  return there.length < 2 ? [] : [{ id, assetIds: there, suggestedKeepIds: suggestedKeepIds.filter(isThere) }]
}
