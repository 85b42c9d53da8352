/**
 * A fake server with a library for the tests of client and loader, and what was left to be closed.
 *
 * @module
 */

import type { Visibility } from '../../src/immich/api.ts'
import type { AutotagApi } from '../../src/immich/autotag/autotag-api.ts'
import {
  type AutotagClientOptions,
  createAutotagClient,
} from '../../src/immich/autotag/client/autotag-client.ts'
import { type LoadResult, loadSnapshot } from '../../src/immich/autotag/load/load-snapshot.ts'
import type { ReadStrategy } from '../../src/immich/autotag/load/read-memberships.ts'
import type { Snapshot, SnapshotNeeds } from '../../src/immich/autotag/snapshot.ts'
import {
  ALL_EVER,
  type KnownMembers,
  type Listing,
  type MembershipCache,
} from '../../src/immich/autotag/state.ts'
import { type FakeImmich, type FakeImmichOptions, startFakeImmich } from './fake-immich/fake-immich.ts'

const closing: (() => Promise<void>)[] = []

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).toReversed()) await close()
}

export async function start(options: FakeImmichOptions = {}): Promise<FakeImmich> {
  const fake = await startFakeImmich(options)
  closing.push(() => fake.close())
  return fake
}

export function clientOf(
  fake: Pick<FakeImmich, 'address' | 'key'>,
  options: Partial<AutotagClientOptions> = {},
): AutotagApi {
  const api = createAutotagClient({
    address: fake.address,
    key: fake.key,
    retry: { baseMs: 1 },
    breaker: { probeEveryMs: 5 },
    ...options,
  })
  closing.push(() => api.close())
  return api
}

/** With the token of a session. */
export function sessionOf(fake: FakeImmich, options: Partial<AutotagClientOptions> = {}): AutotagApi {
  return clientOf(fake, { key: { session: fake.addSession().secret }, ...options })
}

/** In memory. */
export function memoryCache(): MembershipCache & { readonly size: number } {
  const known = new Map<string, KnownMembers>()
  let last: Listing | undefined
  return {
    get size() {
      return known.size
    },
    read: (albumId, fingerprint) => {
      const entry = known.get(albumId)
      return entry?.fingerprint === fingerprint ? entry.assetIds : undefined
    },
    last: (albumId) => known.get(albumId),
    write: (albumId, fingerprint, assetIds, listing) => {
      known.set(albumId, { fingerprint, assetIds, listing })
    },
    keepOnly: (albumIds) => {
      for (const id of known.keys()) if (!albumIds.has(id)) known.delete(id)
    },
    listing: () => last,
    confirm: (listing, fingerprints) => {
      last = listing
      for (const [id, fingerprint] of fingerprints) {
        const entry = known.get(id)
        if (entry?.fingerprint !== fingerprint || entry.listing === ALL_EVER) continue
        known.set(id, { ...entry, listing: listing.id })
      }
    },
  }
}

export const ALL_NEEDS: SnapshotNeeds = {
  visibilities: ['timeline', 'archive'],
  isTagNeeded: () => true,
  people: false,
  albums: true,
  duplicates: true,
  users: true,
}

export async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<readonly T[]> {
  const items: T[] = []
  for await (const page of pages) items.push(...page)
  return items
}

/** What the snapshot must say, from the state of the server itself. */
export function truth({ state, user }: FakeImmich, visibilities: readonly Visibility[]): object {
  const shown = [...state.assets.values()].filter(
    ({ ownerId, visibility, deletedAt }) =>
      ownerId === user.id && visibilities.includes(visibility) && deletedAt === undefined,
  )
  const albums = [...state.albums.values()]
  return Object.fromEntries(
    shown.map(({ id, tagIds }) => {
      const values = [...tagIds].map((tagId) => state.tags.get(tagId)?.value ?? '')
      const above = [...state.tags.values()].filter(({ value }) =>
        values.some((own) => own === value || own.startsWith(`${value}/`)),
      )
      return [
        id,
        {
          tags: above.map((tag) => tag.id).toSorted(),
          albums: albums
            .filter(({ assetIds }) => assetIds.has(id))
            .map((album) => album.id)
            .toSorted(),
        },
      ]
    }),
  )
}

export function told({ assets }: Snapshot): object {
  return Object.fromEntries(
    [...assets].map(([id, { tagIds, albumIds }]) => [
      id,
      { tags: [...tagIds].toSorted(), albums: [...albumIds].toSorted() },
    ]),
  )
}

export interface Way {
  readonly version: string
  readonly read: ReadStrategy
}
export const WAYS: readonly Way[] = [
  { version: '2.5.6', read: 'albums' },
  { version: '2.5.6', read: 'session' },
  { version: '3.1.0', read: 'albums' },
  { version: '3.1.0', read: 'session' },
  { version: '3.2.2', read: 'albums' },
  { version: '3.2.2', read: 'filter' },
  { version: '3.2.2', read: 'session' },
]

export async function load(
  fake: FakeImmich,
  read: ReadStrategy,
  options: { needs?: SnapshotNeeds; cache?: ReturnType<typeof memoryCache> } = {},
): Promise<LoadResult> {
  const api = read === 'session' ? sessionOf(fake) : clientOf(fake)
  const { needs = ALL_NEEDS, cache = memoryCache() } = options
  try {
    return await loadSnapshot({ api, needs, read, cache })
  } finally {
    await api.close()
  }
}
