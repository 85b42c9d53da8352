/**
 * What the command line says to the uploads, and what they answer: plain data, no classes, no handles.
 *
 * @module
 */

import type { Logger } from '../logger.ts'
import type { Problem } from './problem.ts'

/** How to get at the server. Never logged and never stored. */
export interface ImmichConnection {
  /** Without `/api`. */
  readonly address: string
  readonly key: string
  /** Any certificate is accepted. */
  readonly insecure: boolean
}

export interface UploadSettings {
  readonly connection: ImmichConnection
  /** Files that are sent at once, at most: fewer when the server gets slow. */
  readonly concurrency: number
  /** Uploads that stand still for this long, and nothing else is to be done, are left for later. */
  readonly waitMs: number
  /** Templates of the names of albums on the server, such as `{album}`; none for no albums. */
  readonly albumNames: readonly string[]
  /** What lay in the trash of its platform, too. */
  readonly includeTrashed: boolean
  /** Globs of paths in the library that are not uploaded. */
  readonly ignorePatterns: readonly string[]
  /** Ask the server again about everything: what was deleted there is sent again, what is in its trash is not. */
  readonly recheck?: boolean
}

export interface UploadOptions {
  /** Absolute path of the library's folder. */
  readonly library: string
  readonly state: string | undefined
  /** Names of exports; all when empty. */
  readonly only: readonly string[]
  /** Tell what would be done; nothing is sent that changes the server. */
  readonly dryRun: boolean
  readonly settings: UploadSettings
  /** Aborted: begin nothing new, finish the files that are being sent, answer with `interrupted`. */
  readonly signal: AbortSignal
  /** Aborted: break off at once. */
  readonly kill: AbortSignal
  readonly logger: Logger
  onProgress(progress: UploadProgress): void
}

/**
 * `checking`: the server is asked what it has. `sending`: files are on their way. `arranging`: albums and stacks.
 * `finished` says nothing of single files that failed.
 */
export type UploadPhase = 'waiting' | 'checking' | 'sending' | 'arranging' | 'finished' | 'failed'

/** How far the upload of one export is. */
export interface ExportUpload {
  readonly name: string
  readonly phase: UploadPhase
  /** That are to be sent, as far as is known. */
  readonly filesFound: number
  /** Sent, or found to be there, or failed. */
  readonly filesDone: number
  readonly bytesFound: number
  readonly bytesDone: number
  /** Sent by this run. */
  readonly created: number
  /** The server had them, also from somebody else's hand. */
  readonly present: number
  readonly failed: number
  /** One line for a person, such as why the upload failed as a whole. */
  readonly message?: string
}

export interface UploadProgress {
  /** In the order in which they are uploaded; those whose turn has not come are left out. */
  readonly exports: readonly ExportUpload[]
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly now: number
  readonly filesPerSecond: number
  readonly bytesPerSecond: number
  readonly etaMs?: number
  /** Such as that the server does not answer. */
  readonly trouble?: string
}

export interface ExportUploadSummary extends ExportUpload {
  /** Not on the server yet, for whatever reason; `heirloom upload` goes on with them. */
  readonly left: number
  /** In the server's trash, where they stay. */
  readonly trashed: number
  /** Of formats that the server does not take. */
  readonly unsupported: number
  /** The first 20. */
  readonly problems: readonly Problem[]
  readonly problemCount: number
}

/** What a dry run found that is to be done. */
export interface UploadForecast {
  readonly files: number
  readonly bytes: number
  /** Files that the server has already. */
  readonly present: number
  readonly albums: number
  /** Of the server's interface, by method: how often each would be called, at most. */
  readonly calls: Readonly<Record<string, number>>
}

export interface UploadSummary {
  readonly status: 'complete' | 'interrupted'
  readonly library: string
  readonly address: string
  /** Such as `3.1.0`; undefined when the server did not answer. */
  readonly serverVersion?: string
  readonly exports: readonly ExportUploadSummary[]
  readonly durationMs: number
  /** About the server or the uploads as a whole. */
  readonly problems: readonly Problem[]
  /** The page that was written; none by a dry run. */
  readonly reportHtml?: string
  /** Of a dry run only. */
  readonly forecast?: UploadForecast
}

/** One thing that was looked at on a server. */
export interface ServerFinding {
  readonly name: string
  readonly state: 'ok' | 'warn' | 'fail'
  readonly detail: string
  readonly hint?: string
}

export interface ServerCheck {
  readonly address: string
  /** Whether uploads can work. */
  readonly ok: boolean
  readonly findings: readonly ServerFinding[]
}
