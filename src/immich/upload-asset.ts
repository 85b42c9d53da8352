/**
 * A catalogued file as the upload sees it, and what the server is known to have of it.
 *
 * Plain data only: it comes out of the database's thread. The library fills it in; this folder does not know the
 * library.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'
import type { Position, Taken } from '../media/metadata.ts'

/**
 * `uploaded` by us; `present` when the user had it there before; `trashed` when it lies in the server's trash,
 * where it stays; `unsupported` when the server does not know the format; `failed` is tried again by the next run.
 */
export type UploadState = 'uploaded' | 'present' | 'trashed' | 'unsupported' | 'failed'

export type UploadRole =
  | 'primary'
  | 'edited'
  | 'live-video'
  | 'motion-video'
  | 'raw'
  | 'overlay'
  | 'edit-instructions'

/** What can be changed on the server without sending the file. */
export interface Words {
  readonly favourite: boolean
  readonly archived: boolean
  readonly caption?: string
  /** 1 to 5. */
  readonly rating?: number
}

export interface UploadRecord {
  readonly state: UploadState
  readonly remoteId?: string
  /** What the server was told; undefined where it had the file before us. */
  readonly told?: Words
}

export interface SourceAlbum {
  readonly title: string
  readonly description?: string
  /** Of the export that has the album. */
  readonly exportName: string
  /** Whose export it is, where its name tells: `anna`. */
  readonly user?: string
}

/** One content of the catalog. Hashes are 40 hexadecimal digits. */
export interface UploadAsset extends Words {
  readonly id: number
  readonly role: UploadRole
  /** Relative to the library, `/` between segments. */
  readonly path: string
  readonly sidecarPath?: string
  readonly sourceSha1: string
  readonly writtenSha1: string
  readonly sizeBytes: number
  /** As identified by content: `jpeg`. */
  readonly format: string
  readonly platform: string
  readonly exportName: string
  readonly user?: string
  readonly originalName?: string
  readonly taken?: Taken
  /** The file's own date, where `taken` is another one: it stays, there and on the server. */
  readonly cameraLocal?: string
  readonly position?: Position
  readonly keywords: readonly string[]
  readonly people: readonly string[]
  /** In every copy of every export. */
  readonly trashed: boolean
  /** Another export's copy told more than the library's file says. */
  readonly knowsMore: boolean
  readonly albums: readonly SourceAlbum[]
  /** Epoch milliseconds: when it came into the library. */
  readonly createdAt: number
  /** On the server in question. */
  readonly record?: UploadRecord
}

/** A picture or clip and what belongs to it, the primary first. */
export interface UploadFamily {
  readonly assets: readonly UploadAsset[]
}

/** What a page of checks told of one asset. */
export type AssetVerdict =
  | { readonly kind: 'new' }
  /** The user has it, under the hash of what the library wrote or of what the export had. */
  | { readonly kind: 'present'; readonly remoteId: string; readonly sha1: string }
  | { readonly kind: 'trashed'; readonly remoteId: string; readonly sha1: string }
  | { readonly kind: 'unsupported' }

/** What became of one asset, for the catalog. */
export interface UploadSettlement {
  readonly assetId: number
  readonly state: UploadState
  readonly remoteId?: string
  /** Under which the server has it. */
  readonly sha1?: string
  readonly told?: Words
  readonly error?: ErrorRecord
}
