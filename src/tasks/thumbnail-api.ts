/**
 * What the command line says to the thumbnail job, and what it answers: plain data, no classes, no handles.
 *
 * @module
 */

import type { Logger } from '../logger.ts'
import type { ThumbnailOptions } from '../media/thumbnail/thumbnail.ts'
import type { Problem } from './problem.ts'
import type { RemoteSettings } from './remote-api.ts'

/** How thumbnails are made, wherever they are made. */
export interface ThumbnailSettings {
  readonly options: ThumbnailOptions
  /** Of one picture; more is refused before it is decoded. */
  readonly maxPixels: number
  /** Of one attempt; then its process is killed. */
  readonly timeoutMs: number
  /** Worker processes. */
  readonly workers: number
  /** That this process may use, to be told. */
  readonly cpus: number
  /** What failed, or had no decoder, in an earlier run is tried again. */
  readonly retryFailed: boolean
}

/** What gets thumbnails. Paths are absolute. */
export type ThumbsTarget =
  | { readonly kind: 'library'; readonly library: string }
  | {
      readonly kind: 'folder'
      /** Files and folders, as they were resolved: no links, none inside another. */
      readonly inputs: readonly ThumbsInput[]
      /** Folder in which the thumbnails are found by their pictures' names; made when it is not there. */
      readonly output: string
    }

export interface ThumbsInput {
  /** Absolute, without links on the way. */
  readonly path: string
  readonly isFolder: boolean
  /** Before the names of its pictures, with a `/` at its end; empty for none. */
  readonly prefix: string
}

export interface ThumbsOptions {
  readonly target: ThumbsTarget
  /** Absolute path of the folder for the database; `.heirloom` in the library or output when undefined. */
  readonly state: string | undefined
  readonly settings: ThumbnailSettings
  /** Where thumbnails are made by workers of other processes; by those of this one when undefined. */
  readonly remote?: RemoteSettings
  /** Aborted: begin nothing new, finish the pictures that are being made, answer with `interrupted`. */
  readonly signal: AbortSignal
  /** Aborted: kill the workers and answer at once. */
  readonly kill: AbortSignal
  readonly logger: Logger
  onProgress(progress: ThumbsProgress): void
}

/** What has become of pictures. `made + there + unsupported + failed` are done. */
export interface ThumbnailCounts {
  /** By this run. */
  readonly made: number
  /** All sizes were there, also under another picture of the same content. */
  readonly there: number
  /** No thumbnails are made of such files, or not on this machine. */
  readonly unsupported: number
  readonly failed: number
  /** Among those made or there: damaged, so that a part of the picture is missing. */
  readonly damaged: number
}

export interface ThumbsProgress extends ThumbnailCounts {
  /** Files that were found; undefined while they are counted. */
  readonly total?: number
  /** Looked at and decided, files that are no pictures included. */
  readonly done: number
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly now: number
  readonly madePerSecond: number
  /** Undefined while it cannot be told. */
  readonly etaMs?: number
  readonly isFinished: boolean
}

/** Of the step of an ingest. */
export interface ThumbnailStepProgress extends ThumbnailCounts {
  /** Tasks that are waiting or at work. */
  readonly waiting: number
}

export interface ThumbnailStepSummary extends ThumbnailCounts {
  /** The first 20. */
  readonly problems: readonly Problem[]
  readonly problemCount: number
  /** Most frequent first: the first 20. */
  readonly unsupportedReasons: readonly UnsupportedReason[]
}

export interface ThumbsSummary extends ThumbnailCounts {
  readonly status: 'complete' | 'interrupted'
  /** Folder that has the thumbnails. */
  readonly output: string
  /** Files that are no pictures or videos. */
  readonly ignored: number
  /** What could not be read or made: the first 20. */
  readonly problems: readonly Problem[]
  readonly problemCount: number
  /** Why files are unsupported, most frequent first: the first 20 reasons. */
  readonly unsupportedReasons: readonly UnsupportedReason[]
  readonly durationMs: number
}

export interface UnsupportedReason {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly files: number
}
