/**
 * `heirloom upload`: the uploads of a library without an ingest, from its catalog alone.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import { HeirloomError } from '../errors.ts'
import type { QueueEngine } from '../queue/queue-engine.ts'
import { callLibrary } from './library-calls.ts'
import { type LibrarySession, openLibrarySession, requireLibrary } from './library-session.ts'
import type { UploadOptions, UploadSummary } from './upload-api.ts'
import type { UploadLanes } from './upload-lanes.ts'
import type { UploadServer } from './upload-server.ts'

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
  let loading: Promise<Loaded> | undefined
  const load = (): Promise<Loaded> => {
    loading ??= loadUploads(options)
    // Whoever waits for it is told.
    loading.catch(() => undefined)
    return loading
  }
  // The HTTP client takes as long to load as the database's thread to start: not before that has begun.
  const opening = { library, state, command: 'upload', now: startedAt, whileOpening: () => void load() }
  let session: LibrarySession | undefined
  try {
    session = await openLibrarySession(opening)
    const names = await chooseExports(session, options.only)
    if (options.dryRun) {
      const { forecastUploads } = await import('./upload-forecast.ts')
      return await forecastUploads(session, options, { names, startedAt })
    }
    const chosen = { names, startedAt, ...(await load()) }
    const [summary, { collectLibraryReport, writeLibraryReport }] = await Promise.all([
      run(session, options, chosen),
      import('./report.ts'),
    ])
    // After the uploads: only then is known what of them failed.
    const report = await collectLibraryReport(session)
    const { reportHtml } = await writeLibraryReport(session.paths.root, report)
    return { ...summary, reportHtml }
  } finally {
    const loaded = await loading?.catch(() => undefined)
    await loaded?.server.close()
    await session?.close()
  }
}

interface Loaded {
  readonly Uploads: typeof UploadLanes
  readonly Queue: typeof QueueEngine
  /** On the way to its first answer, unless this is a dry run. */
  readonly server: UploadServer
}

async function loadUploads({ settings, signal, dryRun }: UploadOptions): Promise<Loaded> {
  const { UploadServer: Server } = await import('./upload-server.ts')
  const server = new Server(settings)
  if (!dryRun) server.greet(signal)
  const [lanes, engine] = await Promise.all([import('./upload-lanes.ts'), import('../queue/queue-engine.ts')])
  return { server, Uploads: lanes.UploadLanes, Queue: engine.QueueEngine }
}

/** In the order in which they came into the library; those that failed as a whole are left out, unless named. */
async function chooseExports(session: LibrarySession, only: readonly string[]): Promise<readonly string[]> {
  const exports = await callLibrary(session.backend, 'upload.exports', null)
  const known = exports.map(({ name }) => name)
  const unknown = only.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new UnknownExportError(unknown, known)
  if (only.length > 0) return known.filter((name) => only.includes(name))
  return exports.filter(({ hasFailed }) => !hasFailed).map(({ name }) => name)
}

interface Chosen extends Loaded {
  readonly names: readonly string[]
  readonly startedAt: number
}

async function run(
  { backend, paths }: LibrarySession,
  options: UploadOptions,
  { names, startedAt, server, Uploads, Queue }: Chosen,
): Promise<UploadSummary> {
  const { settings, signal, kill, logger } = options
  await callLibrary(backend, 'tasks.clear', null)
  const uploads = new Uploads({
    backend,
    root: paths.root,
    settings,
    server,
    signal,
    logger,
    startedAt,
    isBusyElsewhere: () => false,
  })
  const { lanes, handlers } = uploads
  const queue = new Queue({ backend, sole: true, retryDelayMs: RETRY_DELAY_MS, lanes, handlers })
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
