/**
 * The task of making one picture's thumbnails: payload, result, and how such a task is made.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'
import type { FileFacts } from '../library/hashed-files.ts'
import type { ThumbnailOptions } from '../media/thumbnail/thumbnail.ts'
import { THUMBNAIL_TIMEOUT_MS, thumbnailStyle } from '../media/thumbnail/thumbnail.ts'
import type { NewTask } from '../queue/task.ts'
import type { ObjectStoreConfig } from '../storage/object-store.ts'

/** The lane of these tasks, and their kind. */
export const THUMBNAIL_LANE = 'thumbnail'

export interface ThumbnailPayload {
  readonly source:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'object'; readonly store: ObjectStoreConfig; readonly name: string }
  /**
   * Hex, of the content; the worker computes it when nobody knows it yet, and says so at once: the coordinator's
   * `onEmit` takes a {@link HashedChunk} and answers a {@link HashedAnswer}.
   */
  readonly sha1?: string
  /** To be shown to people; never a path to open. */
  readonly fileName: string
  readonly options: ThumbnailOptions
  readonly maxPixels: number
  /** Where the thumbnails are put. */
  readonly store: ObjectStoreConfig
  /** Absolute: for what has to be a file while it is decoded. Default: the system's. */
  readonly tempFolder?: string
}

/** What the worker tells of a plain file that it has hashed, before it decodes it. */
export interface HashedChunk {
  readonly type: 'hashed'
  readonly file: FileFacts
  readonly sha1: string
}

/** Whether all thumbnails of that content are there: then there is nothing to be made. */
export interface HashedAnswer {
  readonly isKnown: boolean
}

/** A thumbnail that lies in the store. */
export interface PlacedThumbnail {
  readonly size: number
  readonly objectName: string
  readonly mime: string
  readonly widthPx: number
  readonly heightPx: number
  readonly sizeBytes: number
}

export interface ThumbnailResult {
  /** Hex, of the content. */
  readonly sha1: string
  readonly style: string
  /** Address of the store that has them: see `ObjectStore.address`. */
  readonly store: string
  /** Of the upright picture. */
  readonly widthPx: number
  readonly heightPx: number
  /** Base64. */
  readonly thumbhash: string
  readonly thumbnails: readonly PlacedThumbnail[]
  /** The picture is cut off or damaged, and its thumbnails show what is left. */
  readonly damaged?: true
}

/** The result where {@link HashedAnswer.isKnown}: nothing was made. */
export interface KnownResult {
  readonly sha1: string
  readonly style: string
  readonly isKnown: true
}

/** Somebody waits for a single upload; thousands of a batch can wait for it. */
export const SINGLE_UPLOAD_PRIORITY = 10
export const BATCH_PRIORITY = 0

/** What a retry can cure is a store that hiccups; a picture that killed its process once is tried once more. */
const THUMBNAIL_RETRIES = 1

/** Read within the time that every picture has. */
const SOON_READ_BYTES = 64 * 1024 * 1024

/** Of a slow network share or an old disk. */
const READ_BYTES_PER_MS = 10_000

/** Time that reading a large file for its hash takes, beside that of the decoder: 4 GB of video are no hostile file. */
export function readingMs(sizeBytes: number): number {
  return Math.ceil(Math.max(0, sizeBytes - SOON_READ_BYTES) / READ_BYTES_PER_MS)
}

export function thumbnailTask(
  payload: ThumbnailPayload,
  options: { readonly priority: number; readonly timeoutMs?: number },
): NewTask<ThumbnailPayload> {
  const { sha1, source } = payload
  const what = sha1 ?? (source.kind === 'file' ? source.path : source.name)
  return {
    kind: THUMBNAIL_LANE,
    lane: THUMBNAIL_LANE,
    payload,
    priority: options.priority,
    dedupeKey: `thumbnail:${thumbnailStyle(payload.options)}:${payload.options.sizes.join('+')}:${what}`,
    maxRetries: THUMBNAIL_RETRIES,
    timeoutMs: options.timeoutMs ?? THUMBNAIL_TIMEOUT_MS,
  }
}

/**
 * Whose fault it was. `unsupported`: no thumbnail is made of such files, here. `content`: this file's, and it will
 * be again. `circumstances`: a full disk, a store that is down, a file that is gone; another run may do better.
 */
export type FailureCause = 'unsupported' | 'content' | 'circumstances'

const UNSUPPORTED: ReadonlySet<string> = new Set([
  'thumbnail/unsupported-format',
  'thumbnail/missing-decoder',
])

/** Beside those of the decoders: a picture for which the process had to be ended, or that took it down. */
const BY_CONTENT: ReadonlySet<string> = new Set([
  'queue/timeout',
  'queue/memory-limit',
  'queue/worker-crashed',
])

/** Of a task's last error. */
export function causeOf({ code, message }: Pick<ErrorRecord, 'code' | 'message'>): FailureCause {
  if (UNSUPPORTED.has(code)) return 'unsupported'
  // A process that does not even start says nothing about the picture it should have had.
  if (message.startsWith('worker did not start')) return 'circumstances'
  return code.startsWith('thumbnail/') || BY_CONTENT.has(code) ? 'content' : 'circumstances'
}
