/**
 * What this project asks of an Immich server: one method an endpoint, in the words of the domain.
 *
 * The seam between the client, which knows HTTP and versions, and the plans that use it. Every method rejects with an
 * {@link ImmichError} (see `immich-errors.ts`) whose `recovery` says whether a later attempt can help; what may be
 * repeated safely was repeated already.
 *
 * @module
 */

/** Of the server: 3.1.0. */
export interface ServerVersion {
  readonly major: number
  readonly minor: number
  readonly patch: number
}

export interface ServerUser {
  readonly id: string
  readonly name: string
}

export interface UploadCheck {
  /** Echoed in the answer. */
  readonly id: string
  /** 40 hexadecimal digits. */
  readonly sha1: string
}

export type UploadVerdict = { readonly id: string } & (
  | { readonly action: 'accept' }
  /** The user has these bytes already; maybe in the trash. */
  | { readonly action: 'duplicate'; readonly assetId: string; readonly isTrashed: boolean }
  | { readonly action: 'unsupported' }
)

export type Visibility = 'timeline' | 'archive' | 'hidden' | 'locked'

export interface UploadFile {
  /** Absolute; opened for reading and streamed. */
  readonly path: string
  /** As the server shall know it; its extension decides the type. */
  readonly fileName: string
  readonly sizeBytes: number
  /** Of the file: 40 hexadecimal digits. */
  readonly sha1: string
  /** ISO 8601 with an offset: used only where the file itself says nothing. */
  readonly createdAt: string
  readonly modifiedAt: string
  readonly isFavourite?: boolean
  readonly visibility?: Visibility
  /** Server id of the video of a live photo, which was uploaded before. */
  readonly livePhotoVideoId?: string
  /** Text of an `.xmp`. */
  readonly sidecar?: string
}

export interface UploadedFile {
  readonly assetId: string
  readonly status: 'created' | 'duplicate'
}

export interface ServerAlbum {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly assetCount: number
  readonly isOwned: boolean
}

/** Of one asset of a bulk call. */
export interface MemberResult {
  readonly assetId: string
  readonly outcome: 'added' | 'present' | 'not-found' | 'no-permission'
}

export interface AssetChange {
  readonly isFavourite?: boolean
  readonly visibility?: Visibility
  readonly rating?: number
  readonly description?: string
}

export interface AssetSearch {
  readonly albumId?: string
  readonly sha1?: string
  readonly isTrashed?: boolean
  /** Answers carry {@link FoundAsset.words}. */
  readonly withWords?: boolean
}

export interface FoundAsset {
  readonly id: string
  readonly sha1: string
  readonly fileName: string
  readonly isTrashed: boolean
  readonly livePhotoVideoId?: string
  /** What the server says of it; absent when it was not asked for. */
  readonly words?: FoundWords
}

export interface FoundWords {
  readonly isFavourite: boolean
  readonly visibility: Visibility
  /** Empty for none. */
  readonly description: string
  /** Undefined where nobody rated it. */
  readonly rating?: number
}

export interface ImmichApi {
  /** Base address without key, for messages. */
  readonly address: string
  version(signal?: AbortSignal): Promise<ServerVersion>
  /** The owner of the key; needs `user.read`, else undefined. */
  me(signal?: AbortSignal): Promise<ServerUser | undefined>
  /** Of the key in use, such as `asset.upload`; `['all']` for everything; undefined when the server does not tell. */
  permissions(signal?: AbortSignal): Promise<readonly string[] | undefined>
  /** Extensions with their dot, lower case. */
  supportedExtensions(signal?: AbortSignal): Promise<ReadonlySet<string>>
  /** Any number; chunked inside. In the order of `checks`. */
  checkUploads(checks: readonly UploadCheck[], signal?: AbortSignal): Promise<readonly UploadVerdict[]>
  /** Safe to repeat: equal bytes are answered as a duplicate. `onBytes` gets how many more bytes were sent. */
  upload(
    file: UploadFile,
    options?: { readonly signal?: AbortSignal; readonly onBytes?: (bytes: number) => void },
  ): Promise<UploadedFile>
  /** All that the user sees, owned or shared. */
  albums(signal?: AbortSignal): Promise<readonly ServerAlbum[]>
  /** Not repeated inside: a lost answer may mean an album that exists. */
  createAlbum(
    album: { readonly name: string; readonly description?: string },
    signal?: AbortSignal,
  ): Promise<ServerAlbum>
  /** Any number; chunked inside. Safe to repeat. */
  addToAlbum(
    albumId: string,
    assetIds: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly MemberResult[]>
  /** All or nothing at the server; chunked inside. */
  updateAssets(assetIds: readonly string[], change: AssetChange, signal?: AbortSignal): Promise<void>
  /** The first is shown. Not repeated inside. */
  createStack(assetIds: readonly string[], signal?: AbortSignal): Promise<{ readonly id: string }>
  /** Stacks that one of these assets is in. */
  stacksOf(
    assetId: string,
    signal?: AbortSignal,
  ): Promise<readonly { readonly id: string; readonly assetIds: readonly string[] }[]>
  /** Every match, page by page. */
  search(filter: AssetSearch, signal?: AbortSignal): AsyncIterable<FoundAsset>
  /** Ends idle connections. */
  close(): Promise<void>
}
