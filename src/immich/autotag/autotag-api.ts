/**
 * What keeping a library in order asks of an Immich server: one method an endpoint, in the words of the domain.
 *
 * The seam between the client, which knows HTTP and versions, and loading, applying and undoing. Every method rejects with
 * an `ImmichError`; what may be repeated safely was repeated already.
 *
 * @module
 */

import type { ServerVersion, Visibility } from '../api.ts'
import type { Traffic } from '../connection.ts'
import type { DateText } from './plan.ts'
import type {
  AlbumMember,
  AlbumRole,
  DuplicateGroup,
  SnapshotAlbum,
  SnapshotAsset,
  SnapshotUser,
} from './snapshot.ts'

/** What a server can do, found by asking it, never by demanding a version. */
export interface Capabilities {
  /** `search/metadata` takes `filter` (3.2 on). */
  readonly hasSearchFilter: boolean
  /** The credentials are a session's, and `sync/stream` answers them. */
  readonly hasSync: boolean
}

/** An asset as a search answers it: what it is in is not told there. */
export type FoundAsset = Omit<SnapshotAsset, 'tagIds' | 'albumIds'>

export interface ServerTag {
  readonly id: string
  readonly value: string
  readonly parentId: string | undefined
}

export interface AlbumMembership {
  readonly albumId: string
  readonly assetId: string
}

/** Of one id of a bulk call. */
export interface IdOutcome {
  readonly id: string
  readonly outcome: 'done' | 'was-so' | 'gone' | 'refused'
}

export interface SearchQuery {
  /** One or more, each asked for: what a server takes for none differs. */
  readonly visibilities: readonly Visibility[]
  readonly tagId?: string
  /** In any of them. More than one needs {@link Capabilities.hasSearchFilter}. */
  readonly albumIds?: readonly string[]
  /** Changed after it; ISO 8601. */
  readonly updatedAfter?: string
  readonly withPeople?: boolean
  /** Without what the file says of itself, such as its date, camera and place: less to send. */
  readonly isBare?: boolean
}

/** Bulk changes of which an asset costs the server about the same. */
export type BulkKind = 'tag' | 'untag' | 'album' | 'asset'

export interface AutotagApi {
  readonly address: string
  /** Undefined of doubles in tests. */
  readonly traffic?: Traffic
  /** Assets that one call should take now, by what calls have taken (without their wait in the limiter). */
  chunkSize?(kind: BulkKind): number
  /** Calls of this kind that go at the same time now, by how the server answers. */
  room?(kind: BulkKind): number
  version(signal?: AbortSignal): Promise<ServerVersion>
  /**
   * The user's id, also where the key may not ask for the user: then of an album of theirs. Undefined in an empty
   * library; rejects with a `ForbiddenError` where there are assets and no such album.
   */
  me(signal?: AbortSignal): Promise<{ readonly id: string; readonly name: string } | undefined>
  permissions(signal?: AbortSignal): Promise<readonly string[] | undefined>
  capabilities(signal?: AbortSignal): Promise<Capabilities>

  users(signal?: AbortSignal): Promise<readonly SnapshotUser[]>
  tags(signal?: AbortSignal): Promise<readonly ServerTag[]>
  /** All that the user sees. */
  albums(signal?: AbortSignal): Promise<readonly SnapshotAlbum[]>
  duplicates(signal?: AbortSignal): Promise<readonly DuplicateGroup[]>
  /** With their dates and all; 1,000 a page. */
  findAssets(query: SearchQuery, signal?: AbortSignal): AsyncIterable<readonly FoundAsset[]>
  /** The ids alone, of the same: less to hold. */
  findIds(query: SearchQuery, signal?: AbortSignal): AsyncIterable<readonly string[]>
  /** Of one album, trashed ones left out. With `enough`, a further visibility is not asked for once so many are found. */
  albumAssetIds(
    albumId: string,
    visibilities: readonly Visibility[],
    signal?: AbortSignal,
    enough?: number,
  ): Promise<readonly string[]>
  /** All memberships in one call; needs {@link Capabilities.hasSync}. Read to its end, whatever happens. */
  syncMemberships(signal?: AbortSignal): AsyncIterable<readonly AlbumMembership[]>
  /** Tags of one asset, without their parents. */
  tagsOfAsset(assetId: string, signal?: AbortSignal): Promise<readonly ServerTag[]>

  /** Parents are made too. In the order of `values`. */
  createTags(values: readonly string[], signal?: AbortSignal): Promise<readonly ServerTag[]>
  /** Pairs that were not there before; ids that are gone or not the user's are dropped silently by the server. */
  tagAssets(tagIds: readonly string[], assetIds: readonly string[], signal?: AbortSignal): Promise<number>
  untagAssets(tagId: string, assetIds: readonly string[], signal?: AbortSignal): Promise<readonly IdOutcome[]>
  /** Fills and shares in one call. Not repeated inside. */
  createAlbum(
    album: {
      readonly name: string
      readonly description: string
      readonly assetIds: readonly string[]
      readonly members: readonly AlbumMember[]
    },
    signal?: AbortSignal,
  ): Promise<SnapshotAlbum>
  addToAlbum(
    albumId: string,
    assetIds: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly IdOutcome[]>
  removeFromAlbum(
    albumId: string,
    assetIds: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly IdOutcome[]>
  /** Resolves also when it is gone. */
  deleteAlbum(albumId: string, signal?: AbortSignal): Promise<void>
  /** Not atomic at the server: those that are members already fail the call, so they must not be among them. */
  addAlbumMembers(albumId: string, members: readonly AlbumMember[], signal?: AbortSignal): Promise<void>
  setAlbumRole(albumId: string, userId: string, role: AlbumRole, signal?: AbortSignal): Promise<void>
  removeAlbumMember(albumId: string, userId: string, signal?: AbortSignal): Promise<void>
  /** All or nothing: one id that is gone is a `RejectedError`. */
  setDate(assetIds: readonly string[], to: DateText, signal?: AbortSignal): Promise<void>
  setAssets(
    assetIds: readonly string[],
    to: { readonly isFavourite?: boolean; readonly rating?: number | null },
    signal?: AbortSignal,
  ): Promise<void>
  close(): Promise<void>
}
