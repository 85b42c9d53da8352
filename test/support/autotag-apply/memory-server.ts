/**
 * An Immich for tests, without HTTP: as much of its behaviour as applying a plan can notice, with its limits and its
 * unfriendly sides, as they were measured on 3.1.0.
 *
 * Ids that are gone are dropped silently by tagging and by making an album, named by album calls, and fail the whole of
 * `PUT /assets`. A search by tag finds the assets of its children. Every change of an asset moves its time.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import type { Visibility } from '../../../src/immich/api.ts'
import type {
  AutotagApi,
  FoundAsset,
  IdOutcome,
  SearchQuery,
  ServerTag,
} from '../../../src/immich/autotag/autotag-api.ts'
import type {
  AlbumMember,
  AlbumRole,
  Snapshot,
  SnapshotAlbum,
  SnapshotAsset,
} from '../../../src/immich/autotag/snapshot.ts'
import { ForbiddenError, NotFoundError, ServerFailedError } from '../../../src/immich/immich-errors.ts'

export interface MemoryAsset {
  readonly id: string
  visibility: Visibility
  isFavourite: boolean
  rating: number | undefined
  taken: { atMs: number; zone: string | undefined } | undefined
  updatedAt: string
  readonly tagIds: Set<string>
}

export interface MemoryAlbum {
  readonly id: string
  name: string
  description: string
  isOwned: boolean
  updatedAt: string
  readonly members: Map<string, AlbumRole>
  readonly assetIds: Set<string>
}

/** A call as a test sees it, before it is carried out; what it throws or rejects with is the caller's answer. */
export type CallHook = (call: {
  readonly name: keyof AutotagApi
  readonly args: readonly unknown[]
}) => void | Promise<void>

const MAX_PAIRS = 32_767
const PAGE = 1000

export class MemoryServer {
  readonly address = 'http://memory.test:2283'
  readonly userId: string = randomUUID()
  readonly assets: Map<string, MemoryAsset> = new Map()
  readonly albums: Map<string, MemoryAlbum> = new Map()
  readonly tags: Map<string, ServerTag> = new Map()
  /** Every call, in the order of arrival. */
  readonly log: { readonly name: keyof AutotagApi; readonly args: readonly unknown[] }[] = []
  /** Before a call has an effect. */
  before: CallHook = () => undefined
  /** After it had its effect, before its answer: throws to lose the answer. */
  after: CallHook = () => undefined
  /** What the client takes in one call; undefined: it does not say. */
  chunkSize: number | undefined
  /** Of 1,000 ids a search page; tests shrink it. */
  pageSize: number = PAGE
  #clockMs: number = Date.UTC(2026, 10, 22, 8)

  /** By the server's clock; every look at it is a millisecond later. */
  now(): string {
    this.#clockMs += 1
    return new Date(this.#clockMs).toISOString()
  }

  addAsset(asset: Partial<Omit<MemoryAsset, 'tagIds'>> = {}): MemoryAsset {
    const made: MemoryAsset = {
      id: randomUUID(),
      visibility: 'timeline',
      isFavourite: false,
      rating: undefined,
      taken: { atMs: Date.UTC(2024, 0, 1), zone: 'UTC' },
      updatedAt: this.now(),
      tagIds: new Set(),
      ...asset,
    }
    this.assets.set(made.id, made)
    return made
  }

  addAlbum(name: string, assetIds: readonly string[] = []): MemoryAlbum {
    const album: MemoryAlbum = {
      id: randomUUID(),
      name,
      description: '',
      isOwned: true,
      updatedAt: this.now(),
      members: new Map(),
      assetIds: new Set(assetIds),
    }
    this.albums.set(album.id, album)
    return album
  }

  addTag(value: string): ServerTag {
    const known = [...this.tags.values()].find((tag) => tag.value === value)
    if (known !== undefined) return known
    const slash = value.lastIndexOf('/')
    const parentId = slash === -1 ? undefined : this.addTag(value.slice(0, slash)).id
    const tag = { id: randomUUID(), value, parentId }
    this.tags.set(tag.id, tag)
    return tag
  }

  tagged(value: string): string[] {
    const tag = [...this.tags.values()].find((one) => one.value === value)
    if (tag === undefined) return []
    return [...this.assets.values()].filter((asset) => asset.tagIds.has(tag.id)).map(({ id }) => id)
  }

  albumNamed(name: string): MemoryAlbum | undefined {
    return [...this.albums.values()].find((album) => album.name === name)
  }

  /** How often a method was called. */
  count(name: keyof AutotagApi): number {
    return this.log.filter((call) => call.name === name).length
  }

  /** All that a plan can change, to be compared: ids of albums and tags are left out, because an undo makes new ones. */
  picture(): unknown {
    const tagsOf = (asset: MemoryAsset): string[] =>
      [...asset.tagIds].map((id) => this.tags.get(id)?.value ?? '?').toSorted()
    return {
      assets: [...this.assets.values()]
        .map((asset) => ({
          id: asset.id,
          isFavourite: asset.isFavourite,
          rating: asset.rating,
          takenMs: asset.taken?.atMs,
          tags: tagsOf(asset),
        }))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      albums: [...this.albums.values()]
        .map(({ name, description, members, assetIds }) => ({
          name,
          description,
          members: [...members].toSorted(),
          assetIds: [...assetIds].toSorted(),
        }))
        .map((album) => JSON.stringify(album))
        .toSorted(),
    }
  }

  snapshot(): Snapshot {
    const albumsOf = Map.groupBy(
      [...this.albums.values()].flatMap(({ id, assetIds }) =>
        [...assetIds].map((assetId) => ({ id, assetId })),
      ),
      ({ assetId }) => assetId,
    )
    const withParents = (ids: ReadonlySet<string>): string[] => [
      ...new Set([...ids].flatMap((id) => this.#lineage(id))),
    ]
    return {
      address: this.address,
      version: { major: 3, minor: 1, patch: 0 },
      userId: this.userId,
      takenAt: this.now(),
      assets: new Map(
        [...this.assets.values()].map((asset): [string, SnapshotAsset] => [
          asset.id,
          {
            ...this.#found(asset),
            tagIds: withParents(asset.tagIds),
            albumIds: (albumsOf.get(asset.id) ?? []).map(({ id }) => id),
          },
        ]),
      ),
      tags: new Map(
        [...this.tags.values()].map(({ id, value }) => [
          id,
          { id, value, hasChildren: [...this.tags.values()].some(({ parentId }) => parentId === id) },
        ]),
      ),
      albums: new Map([...this.albums.values()].map((album) => [album.id, this.#shown(album)])),
      duplicates: [],
      users: [],
    }
  }

  client(): AutotagApi {
    const call = async <Result>(
      name: keyof AutotagApi,
      args: readonly unknown[],
      work: () => Result,
    ): Promise<Result> => {
      this.log.push({ name, args })
      await this.before({ name, args })
      const result = work()
      await this.after({ name, args })
      return result
    }
    const pages = async function* <Item>(
      items: Promise<readonly Item[]>,
      size: number,
    ): AsyncGenerator<Item[]> {
      const all = await items
      for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size)
    }
    const search = (name: keyof AutotagApi, query: SearchQuery): Promise<readonly FoundAsset[]> =>
      call(name, [query], () => this.#search(query))
    return {
      address: this.address,
      ...(this.chunkSize === undefined ? {} : { chunkSize: () => this.chunkSize ?? 1 }),
      version: () => call('version', [], () => ({ major: 3, minor: 1, patch: 0 })),
      me: () => call('me', [], () => ({ id: this.userId, name: 'ada' })),
      permissions: () => call('permissions', [], () => ['all']),
      capabilities: () => call('capabilities', [], () => ({ hasSearchFilter: false, hasSync: false })),
      users: () => call('users', [], () => []),
      tags: () => call('tags', [], () => [...this.tags.values()]),
      albums: () => call('albums', [], () => [...this.albums.values()].map((album) => this.#shown(album))),
      duplicates: () => call('duplicates', [], () => []),
      findAssets: (query) => pages(search('findAssets', query), this.pageSize),
      findIds: (query) =>
        pages(
          search('findIds', query).then((found) => found.map(({ id }) => id)),
          this.pageSize,
        ),
      albumAssetIds: (albumId) => call('albumAssetIds', [albumId], () => [...this.#album(albumId).assetIds]),
      syncMemberships: () => {
        throw new ForbiddenError('sync', 'sessions only')
      },
      tagsOfAsset: (assetId) =>
        call('tagsOfAsset', [assetId], () =>
          [...this.#asset(assetId).tagIds].flatMap((id) => this.tags.get(id) ?? []),
        ),
      createTags: (values) => call('createTags', [values], () => values.map((value) => this.addTag(value))),
      tagAssets: (tagIds, assetIds) =>
        call('tagAssets', [tagIds, assetIds], () => this.#tag(tagIds, assetIds)),
      untagAssets: (tagId, assetIds) =>
        call('untagAssets', [tagId, assetIds], () =>
          assetIds.map((id) =>
            this.#outcome(
              id,
              (asset) => {
                if (!asset.tagIds.delete(tagId)) return 'was-so'
                asset.updatedAt = this.now()
                return 'done'
              },
              'was-so',
            ),
          ),
        ),
      createAlbum: (wanted) => call('createAlbum', [wanted], () => this.#create(wanted)),
      addToAlbum: (albumId, assetIds) =>
        call('addToAlbum', [albumId, assetIds], () => {
          const album = this.#album(albumId)
          album.updatedAt = this.now()
          return assetIds.map((id) =>
            this.#outcome(
              id,
              () => {
                if (album.assetIds.has(id)) return 'was-so'
                album.assetIds.add(id)
                return 'done'
              },
              'gone',
            ),
          )
        }),
      removeFromAlbum: (albumId, assetIds) =>
        call('removeFromAlbum', [albumId, assetIds], () => {
          // Its time stays, as in 2.5.
          const album = this.#album(albumId)
          return assetIds.map((id) => ({ id, outcome: album.assetIds.delete(id) ? 'done' : 'was-so' }))
        }),
      deleteAlbum: (albumId) => call('deleteAlbum', [albumId], () => void this.albums.delete(albumId)),
      addAlbumMembers: (albumId, members) =>
        call('addAlbumMembers', [albumId, members], () => {
          const album = this.#album(albumId)
          for (const { userId, role } of members) {
            if (album.members.has(userId)) throw new NotFoundError('sharing', 'User already added', 400)
            album.members.set(userId, role)
          }
        }),
      setAlbumRole: (albumId, userId, role) =>
        call(
          'setAlbumRole',
          [albumId, userId, role],
          () => void this.#album(albumId).members.set(userId, role),
        ),
      removeAlbumMember: (albumId, userId) =>
        call('removeAlbumMember', [albumId, userId], () => {
          if (!this.#album(albumId).members.delete(userId))
            throw new NotFoundError('unsharing', 'not in album', 400)
        }),
      setDate: (assetIds, to) =>
        call('setDate', [assetIds, to], () => {
          this.#changeAll(assetIds, (asset) => {
            asset.taken = { atMs: Date.parse(to.dateTimeOriginal), zone: to.timeZone ?? undefined }
          })
        }),
      setAssets: (assetIds, to) =>
        call('setAssets', [assetIds, to], () => {
          this.#changeAll(assetIds, (asset) => {
            if (to.isFavourite !== undefined) asset.isFavourite = to.isFavourite
            if (to.rating !== undefined) asset.rating = to.rating ?? undefined
          })
        }),
      close: () => Promise.resolve(),
    }
  }

  #changeAll(ids: readonly string[], change: (asset: MemoryAsset) => void): void {
    const assets = ids.map((id) => this.#asset(id))
    for (const asset of assets) {
      change(asset)
      asset.updatedAt = this.now()
    }
  }

  #tag(tagIds: readonly string[], assetIds: readonly string[]): number {
    if (tagIds.length * assetIds.length > MAX_PAIRS) {
      throw new ServerFailedError('tagging', 'Internal server error', { kind: 'status', status: 500 })
    }
    let count = 0
    for (const asset of assetIds.flatMap((id) => this.assets.get(id) ?? [])) {
      const before = asset.tagIds.size
      for (const id of tagIds) if (this.tags.has(id)) asset.tagIds.add(id)
      count += asset.tagIds.size - before
      asset.updatedAt = this.now()
    }
    return count
  }

  #create(wanted: {
    name: string
    description: string
    assetIds: readonly string[]
    members: readonly AlbumMember[]
  }): SnapshotAlbum {
    const album = this.addAlbum(
      wanted.name,
      wanted.assetIds.filter((id) => this.assets.has(id)),
    )
    album.description = wanted.description
    for (const { userId, role } of wanted.members) album.members.set(userId, role)
    return this.#shown(album)
  }

  #outcome(
    id: string,
    change: (asset: MemoryAsset) => IdOutcome['outcome'],
    ifMissing: IdOutcome['outcome'],
  ): IdOutcome {
    const asset = this.assets.get(id)
    return { id, outcome: asset === undefined ? ifMissing : change(asset) }
  }

  #asset(id: string): MemoryAsset {
    const asset = this.assets.get(id)
    if (asset === undefined) throw new NotFoundError('asset', 'Not found or no asset.update access', 400)
    return asset
  }

  #album(id: string): MemoryAlbum {
    const album = this.albums.get(id)
    if (album === undefined) throw new NotFoundError('album', 'Not found or no album.read access', 400)
    return album
  }

  #lineage(tagId: string): string[] {
    const tag = this.tags.get(tagId)
    if (tag === undefined) return []
    return [tagId, ...(tag.parentId === undefined ? [] : this.#lineage(tag.parentId))]
  }

  #search({ visibilities, tagId, updatedAfter }: SearchQuery): FoundAsset[] {
    return [...this.assets.values()]
      .filter(({ visibility }) => visibilities.includes(visibility))
      .filter(({ updatedAt }) => updatedAfter === undefined || updatedAt > updatedAfter)
      .filter(
        ({ tagIds }) => tagId === undefined || [...tagIds].some((id) => this.#lineage(id).includes(tagId)),
      )
      .map((asset) => this.#found(asset))
  }

  #found(asset: MemoryAsset): FoundAsset {
    return {
      id: asset.id,
      ownerId: this.userId,
      fileName: `${asset.id.slice(0, 8)}.jpg`,
      path: `/upload/${asset.id}.jpg`,
      type: 'image',
      visibility: asset.visibility,
      isFavourite: asset.isFavourite,
      rating: asset.rating,
      description: '',
      taken: asset.taken,
      fileCreatedAtMs: 0,
      fileModifiedAtMs: 0,
      uploadedAtMs: 0,
      wallClockMs: asset.taken?.atMs ?? 0,
      updatedAt: asset.updatedAt,
      camera: { make: undefined, model: undefined },
      place: { city: undefined, state: undefined, country: undefined },
      widthPixels: undefined,
      heightPixels: undefined,
      sizeBytes: undefined,
      duplicateId: undefined,
      people: undefined,
    }
  }

  #shown({ id, name, description, isOwned, updatedAt, members, assetIds }: MemoryAlbum): SnapshotAlbum {
    return {
      id,
      name,
      description,
      isOwned,
      assetCount: assetIds.size,
      startMs: undefined,
      endMs: undefined,
      members: [...members].map(([userId, role]) => ({ userId, role })),
      fingerprint: `${updatedAt}|${assetIds.size}`,
    }
  }
}
