/**
 * The jobs behind the commands, loaded when they are first called: `--help` and `--version` load none of them.
 *
 * @module
 */

import type { AutotagJobs } from '../immich/autotag/autotag-jobs.ts'
import type { RunningServer, ServeOptions } from '../server/serve.ts'
import type {
  CheckOptions,
  CheckSummary,
  IngestOptions,
  IngestSummary,
  ProcessorInfo,
  ReportOptions,
  ReportSummary,
} from '../tasks/ingest-api.ts'
import type { RemoteWorkerOptions, RemoteWorkerSummary } from '../tasks/remote-api.ts'
import type { ThumbsOptions, ThumbsSummary } from '../tasks/thumbnail-api.ts'
import type { ImmichConnection, ServerCheck, UploadOptions, UploadSummary } from '../tasks/upload-api.ts'

export interface Services {
  ingest(options: IngestOptions): Promise<IngestSummary>
  reportLibrary(options: ReportOptions): Promise<ReportSummary>
  checkLibrary(options: CheckOptions): Promise<CheckSummary>
  uploadLibrary(options: UploadOptions): Promise<UploadSummary>
  makeThumbs(options: ThumbsOptions): Promise<ThumbsSummary>
  /** Works for coordinators on other hosts, until it is told to end. */
  runWorker(options: RemoteWorkerOptions): Promise<RemoteWorkerSummary>
  /** Its rules, plans and server, loaded. */
  autotag(): Promise<AutotagJobs>
  /** Resolves when it listens. */
  startServer(options: ServeOptions): Promise<RunningServer>
  /** Never rejects for what is wrong with the server: that is what it answers. */
  checkServer(connection: ImmichConnection): Promise<ServerCheck>
  /** Highest priority first. */
  listProcessors(): Promise<readonly ProcessorInfo[]>
}

/** The real jobs. */
export const jobs: Services = Object.freeze({
  ingest: async (options: IngestOptions) => (await import('../tasks/ingest.ts')).ingest(options),
  reportLibrary: async (options: ReportOptions) =>
    (await import('../tasks/report.ts')).reportLibrary(options),
  checkLibrary: async (options: CheckOptions) => (await import('../tasks/check.ts')).checkLibrary(options),
  uploadLibrary: async (options: UploadOptions) =>
    (await import('../tasks/upload.ts')).uploadLibrary(options),
  makeThumbs: async (options: ThumbsOptions) => (await import('../tasks/thumbs.ts')).makeThumbs(options),
  runWorker: async (options: RemoteWorkerOptions) =>
    (await import('../tasks/remote-worker.ts')).runRemoteWorker(options),
  autotag: async () => (await import('../immich/autotag/autotag.ts')).autotagJobs,
  startServer: async (options: ServeOptions) => (await import('../server/serve.ts')).startServer(options),
  checkServer: async (connection: ImmichConnection) =>
    (await import('../tasks/check-server.ts')).checkServer(connection),
  listProcessors: async () => (await import('../tasks/list-processors.ts')).listProcessors(),
})
