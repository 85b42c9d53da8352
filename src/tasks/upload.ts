/**
 * `heirloom upload`: the uploads of a library without an ingest, from its catalog alone.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import { HeirloomError } from '../errors.ts'
import { QueueEngine } from '../queue/queue-engine.ts'
import { type LibrarySession, openLibrarySession, requireLibrary } from './library-session.ts'
import { collectLibraryReport } from './report.ts'
import { callLibrary } from './store-calls.ts'
import type { UploadOptions, UploadSummary } from './upload-api.ts'
import type { UploadLanes } from './upload-lanes.ts'

/** What a retry can cure passes in seconds; see also `upload-lanes.ts`. */
const RETRY_DELAY_MS = 1_000

const PROGRESS_MS = 250

export class UnknownExportError extends HeirloomError {
  readonly code = 'upload/unknown-export'
  readonly recovery = 'discard'

  constructor(unknown: readonly string[], known: readonly string[]) {
    super(`the library has no export called ${unknown.join(', ')}`, {
      hint: known.length === 0 ? 'It has none.' : `It has: ${known.join(', ')}`,
    })
  }
}

/**
 * Runs the uploads of all exports, or of those that are named, one after the other.
 *
 * @throws NoLibraryError, LibraryInUseError and their kin; ImmichError when the server refuses as a whole;
 *   {@link UnknownExportError}
 */
export async function uploadLibrary(options: UploadOptions): Promise<UploadSummary> {
  const startedAt = systemClock.now()
  const { library, state } = options
  await requireLibrary(library, state)
  const opening = openLibrarySession({ library, state, command: 'upload', now: startedAt })
  // The HTTP client takes as long to load as the database to open: both are done at once.
  const [session, lanes] = await Promise.all([opening, import('./upload-lanes.ts')])
  try {
    const names = await chooseExports(session, options.only)
    if (options.dryRun) {
      const { forecastUploads } = await import('./upload-forecast.ts')
      return await forecastUploads(session, options, { names, startedAt })
    }
    return await run(session, options, { names, startedAt, Uploads: lanes.UploadLanes })
  } finally {
    await session.close()
  }
}

/** In the order in which they came into the library; those that failed as a whole are left out, unless named. */
async function chooseExports(session: LibrarySession, only: readonly string[]): Promise<readonly string[]> {
  const { exports } = await collectLibraryReport(session)
  const known = exports.map(({ name }) => name)
  const unknown = only.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new UnknownExportError(unknown, known)
  if (only.length > 0) return known.filter((name) => only.includes(name))
  return exports.filter(({ problems }) => problems.length === 0).map(({ name }) => name)
}

interface Chosen {
  readonly names: readonly string[]
  readonly startedAt: number
  readonly Uploads: typeof UploadLanes
}

async function run(
  { backend, paths }: LibrarySession,
  options: UploadOptions,
  { names, startedAt, Uploads }: Chosen,
): Promise<UploadSummary> {
  const { settings, signal, kill, logger } = options
  await callLibrary(backend, 'tasks.clear', null)
  const uploads = new Uploads({
    backend,
    root: paths.root,
    settings,
    signal,
    logger,
    startedAt,
    isBusyElsewhere: () => false,
  })
  const { lanes, handlers } = uploads
  const queue = new QueueEngine({ backend, sole: true, retryDelayMs: RETRY_DELAY_MS, lanes, handlers })
  const tell = (): void => options.onProgress(uploads.progress(systemClock.now()))
  const timer = setInterval(tell, PROGRESS_MS)
  const stop = (): void => void queue.stop({ graceful: !kill.aborted })
  signal.addEventListener('abort', stop)
  kill.addEventListener('abort', stop)
  try {
    if (!signal.aborted) await work(queue, uploads, names, signal)
  } finally {
    signal.removeEventListener('abort', stop)
    kill.removeEventListener('abort', stop)
    clearInterval(timer)
    await queue.stop({ graceful: !kill.aborted })
    await uploads.close()
  }
  uploads.throwRefusal()
  tell()
  return uploads.summarize({ status: signal.aborted ? 'interrupted' : 'complete', exports: names })
}

async function work(
  queue: QueueEngine,
  uploads: UploadLanes,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await queue.start()
  uploads.start(queue)
  for (const name of names) await uploads.enqueue(name)
  try {
    await queue.drain({ waitForPaused: true })
  } catch (error) {
    // A queue that was told to stop is not drained; everything else is a reason to fail.
    if (!signal.aborted && !uploads.isRefused) throw error
  }
}
