/**
 * What the command line says to the jobs, and what they answer: plain data, no classes, no handles.
 *
 * The jobs themselves are in `ingest.ts`, `report.ts` and `check.ts`; they are imported only when they run, so
 * that `--help` loads none of this.
 *
 * @module
 */

import type { ExportInput } from '../exports/archive/export-inputs.ts'
import type { Logger } from '../logger.ts'

import type { Problem } from './problem.ts'
import type { RemoteSettings } from './remote-api.ts'
import type { ThumbnailSettings, ThumbnailStepProgress, ThumbnailStepSummary } from './thumbnail-api.ts'
import type { UploadProgress, UploadSettings, UploadSummary } from './upload-api.ts'

export type { ExportInput, Problem }

export interface IngestOptions {
  /** In the order in which they shall finish. */
  readonly exports: readonly ExportInput[]
  /** Absolute path of the library's folder; made when it is not there. */
  readonly library: string
  /** Absolute path of the folder for the database; `LIBRARY/.heirloom` when undefined. */
  readonly state: string | undefined
  readonly parallelExports: number
  /** Size of the one item pool that all exports share; of no meaning with {@link remote}. */
  readonly workers: number
  /** The only platform to use, spelled as {@link ProcessorInfo.name}; all that match when undefined. */
  readonly processor: string | undefined
  /** Plan only: nothing is written into the library. */
  readonly dryRun: boolean
  readonly metadata: 'embed' | 'sidecar'
  /** IANA zone for photos whose zone nothing else tells. */
  readonly zone: string | undefined
  /** Where each export is uploaded to as soon as it is finished; nowhere when undefined. */
  readonly upload?: UploadSettings
  /** How thumbnails of the library are made beside all this; none when undefined. */
  readonly thumbnails?: ThumbnailSettings
  /** Where files are placed and thumbnails made by workers of other processes; by those of this one when undefined. */
  readonly remote?: RemoteSettings
  /** Aborted: start nothing new, finish running work, answer with `interrupted`. */
  readonly signal: AbortSignal
  /** Aborted: kill the workers and answer at once. */
  readonly kill: AbortSignal
  readonly logger: Logger
  /** Called as often as there is something new; the caller limits how often it draws. */
  onProgress(progress: IngestProgress): void
}

export type ExportPhase = 'waiting' | 'listing' | 'reading' | 'placing' | 'finished' | 'failed'

/** How far one export is. The five outcomes add up to `filesDone`, and at the end to `filesFound`. */
export interface ExportProgress {
  readonly name: string
  readonly phase: ExportPhase
  readonly filesFound: number
  readonly filesDone: number
  readonly bytesFound: number
  readonly bytesDone: number
  readonly imported: number
  readonly duplicates: number
  readonly sidecars: number
  readonly ignored: number
  readonly failed: number
  /** One line for a person, such as why the export failed as a whole. */
  readonly message?: string
}

export interface IngestProgress {
  readonly exports: readonly ExportProgress[]
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly now: number
  readonly filesPerSecond: number
  readonly bytesPerSecond: number
  /** Undefined while it cannot be told, as during listing. */
  readonly etaMs?: number
  /** Only where uploads were asked for. */
  readonly upload?: UploadProgress
  /** Only where thumbnails were asked for. */
  readonly thumbnails?: ThumbnailStepProgress
}

export interface ExportSummary extends ExportProgress {
  /** Whether the outcomes add up to the files found. */
  readonly balanced: boolean
  /** Everything was already in the library, as it is: nothing was written. */
  readonly unchanged: boolean
  /** The first 20. */
  readonly problems: readonly Problem[]
  readonly problemCount: number
  readonly ambiguousCount: number
}

export type Outcome = 'imported' | 'duplicate' | 'sidecar' | 'ignored' | 'failed'

/** What a dry run would do with one file. */
export interface PlanEntry {
  readonly export: string
  readonly path: string
  readonly outcome: Outcome
  /** Path in the library, relative to it, where one is known before the bytes are read. */
  readonly name?: string
  /** Local time as ISO 8601, cut to its precision. */
  readonly taken?: string
  readonly albums: readonly string[]
  /** Why it is ignored or would fail. */
  readonly reason?: string
}

export interface IngestPlan {
  /** The first 10,000. */
  readonly entries: readonly PlanEntry[]
  readonly entryCount: number
}

export interface IngestSummary {
  readonly status: 'complete' | 'interrupted'
  readonly exports: readonly ExportSummary[]
  readonly library: string
  readonly reportJson?: string
  readonly reportHtml?: string
  readonly durationMs: number
  /** Of a dry run only. */
  readonly plan?: IngestPlan
  /** Only where uploads were asked for. */
  readonly upload?: UploadSummary
  /** Only where thumbnails were asked for. Its problems are not those of the ingest. */
  readonly thumbnails?: ThumbnailStepSummary
}

/** A platform, as `list-processors` shows it. */
export interface ProcessorInfo {
  /** `Google Photos` */
  readonly name: string
  /** Sub-folder in an export's folder of the library: `photos`. */
  readonly folder: string
  /** Higher is asked first. */
  readonly priority: number
}

export interface ReportOptions {
  readonly library: string
  readonly state: string | undefined
  /** True: only {@link ReportSummary.document} is wanted, no file is written. */
  readonly json: boolean
}

export interface ReportSummary {
  readonly library: string
  readonly exports: readonly ExportSummary[]
  /** The whole report as plain data. */
  readonly document: unknown
  readonly reportJson?: string
  readonly reportHtml?: string
}

export interface CheckOptions {
  readonly library: string
  readonly state: string | undefined
  /** Exports whose every byte is looked for; none: only the library itself is checked. */
  readonly exports: readonly ExportInput[]
  readonly signal: AbortSignal
  onProgress(progress: CheckProgress): void
}

export interface CheckProgress {
  /** What is read just now: the library, or an export's name. */
  readonly subject: string
  readonly filesDone: number
  readonly filesTotal: number
  readonly bytesDone: number
  readonly bytesTotal: number
}

export interface CheckSummary {
  readonly status: 'complete' | 'interrupted'
  readonly library: {
    readonly path: string
    readonly filesChecked: number
    readonly bytesChecked: number
    /** Files whose bytes are not those that were committed. */
    readonly damaged: number
    /** Files that the catalog names and the disk does not have. */
    readonly missing: number
  }
  readonly exports: readonly {
    readonly name: string
    readonly filesFound: number
    /** Media whose bytes are in the library, proven by hash. */
    readonly safe: number
    /** Metadata files: what they say is in the library, their bytes are not. */
    readonly sidecars: number
    /** Files that are no photo, video or metadata, such as documents: gone with the export. */
    readonly notKept: number
    /** The first 20 of them. */
    readonly notKeptFiles: readonly { readonly path: string; readonly reason: string }[]
    /** Media that the library does not hold. */
    readonly unsafe: number
    /** Whether every photo and video is safe; look at `notKept` before deleting. */
    readonly deletable: boolean
  }[]
  /** The first 20. */
  readonly problems: readonly (Problem & { readonly export?: string })[]
  readonly problemCount: number
  readonly durationMs: number
}
