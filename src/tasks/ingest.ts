/**
 * The main job: turns exports into a library.
 *
 * Exports are planned in one lane, files are placed in another by worker processes; this coordinator commits.
 * It may be killed at any moment: the next run completes what was decided and plans what is missing.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import type { Recovery } from '../library/recover.ts'
import type { OpenRemoteLanes } from '../queue/bullmq/remote-lanes.ts'
import type { CommittedOutput } from '../queue/commit-outputs.ts'
import { QueueEngine } from '../queue/queue-engine.ts'
import type { RemoteLanes } from '../queue/remote.ts'
import { FINAL_STATUSES, type TaskStatus } from '../queue/task.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { checkedLanes } from './checked-lanes.ts'
import type { ExportFinishCommit, ExportFinishPayload } from './commit-export.ts'
import type { ItemCommit } from './commit-item.ts'
import { ExportIntake, type RunningExport } from './export-intake.ts'
import type { ExportPayload } from './export-plan.ts'
import { tasksOf, toRunningExport } from './export-tasks.ts'
import type { IngestOptions, IngestSummary } from './ingest-api.ts'
import { IngestMeter } from './ingest-meter.ts'
import { type LibrarySession, openLibrarySession, type StartedSession } from './library-session.ts'
import { libraryOwner, openRemoteRun, placeLane, requireRemote } from './open-remote.ts'
import type { PlanChunk } from './plan-chunk.ts'
import { Publisher } from './publisher.ts'
import { resultCheck } from './remote-result.ts'
import { collectLibraryReport, summarizeExports, writeLibraryReport } from './report.ts'
import { callLibrary } from './store-calls.ts'
import type { ThumbnailStep } from './thumbnail-step.ts'
import { THUMBNAIL_LANE } from './thumbnail-task.ts'
import type { UploadSummary } from './upload-api.ts'
import type { UploadLanes } from './upload-lanes.ts'
import { WORKER_MODULE } from './worker-processes.ts'

/**
 * Workers hold one file at a time: with a small young generation one takes 50 to 60 MB (PSS, tiny files, 2026-11).
 * The warning about SQLite being experimental (Node 22) is for developers.
 */
const WORKER_EXEC_ARGV: readonly string[] = [
  '--max-semi-space-size=4',
  '--disable-warning=ExperimentalWarning',
]

/** Longest time for one item. A 30 GB video on a slow disk takes that long; a photo takes milliseconds. */
const ITEM_TIMEOUT_MS = 60 * 60_000

/** What a retry can cure (a full disk, a share that hiccups) is tried again soon: a person is waiting. */
const RETRY_DELAY_MS = 1_000

/**
 * Runs the whole job.
 *
 * @throws LibraryInUseError and its kin when the library cannot be opened; what goes wrong with an export or a
 *   file is in the summary instead.
 */
export async function ingest(options: IngestOptions): Promise<IngestSummary> {
  // Loaded only when asked for: it brings all of the reading with it, which is the workers' business otherwise.
  if (options.dryRun) return (await import('./dry-run.ts')).dryRun(options)
  const startedAt = systemClock.now()
  const { library, state } = options
  // Brings the HTTP client with it, which most runs have no use for.
  const uploading = options.upload === undefined ? undefined : await import('./upload-lanes.ts')
  const thumbnails = options.thumbnails === undefined ? undefined : await import('./thumbnail-step.ts')
  let run: IngestRun | undefined
  const prepare = (started: StartedSession, remote?: OpenRemoteLanes): IngestRun => {
    const { UploadLanes: Uploads } = uploading ?? {}
    const { ThumbnailStep: Thumbnails } = thumbnails ?? {}
    run ??= new IngestRun(started, options, { startedAt, Uploads, Thumbnails, remote })
    return run
  }
  await requireRemote(options.remote)
  // Whose tasks go to remote workers is known once the library is open: then nothing is started ahead.
  const ahead = options.remote === undefined ? { whileOpening: prepare } : {}
  try {
    const session = await openLibrarySession({ library, state, command: 'ingest', now: startedAt, ...ahead })
    let remote: OpenRemoteLanes | undefined
    try {
      remote = await openRemoteRun(options.remote, () => libraryOwner(session.backend), options.logger)
      return await prepare(session, remote).run(session)
    } finally {
      await remote?.close()
      await session.close()
    }
  } finally {
    // Ends the planner that was started ahead, where the library could not be opened.
    await run?.end()
  }
}

/** What only some runs need. */
interface RunParts {
  readonly startedAt: number
  readonly Uploads: typeof UploadLanes | undefined
  readonly Thumbnails: typeof ThumbnailStep | undefined
  readonly remote: OpenRemoteLanes | undefined
}

class IngestRun {
  readonly #session: StartedSession
  readonly #options: IngestOptions
  readonly #startedAt: number
  readonly #running: ReadonlyMap<string, RunningExport>
  readonly #intake: ExportIntake
  readonly #publisher: Publisher
  readonly #meter: IngestMeter
  readonly #uploads: UploadLanes | undefined
  readonly #thumbnails: ThumbnailStep | undefined
  readonly #remote: OpenRemoteLanes | undefined
  readonly #queue: QueueEngine
  /** Exports whose planning has not ended. */
  #unplanned: number
  /** Exports that are still planned or placed. */
  #unfinished: number

  constructor(session: StartedSession, options: IngestOptions, parts: RunParts) {
    const { startedAt, Uploads, Thumbnails, remote } = parts
    this.#session = session
    this.#options = options
    this.#startedAt = startedAt
    this.#running = new Map(
      options.exports.map((input, index) => [input.name, toRunningExport(input, index)]),
    )
    const { metadata, zone, signal } = options
    const place = { tempFolder: session.paths.tempFolder, metadata, ...(zone === undefined ? {} : { zone }) }
    this.#intake = new ExportIntake(session.backend, session.storage, place, signal)
    this.#publisher = new Publisher(session.storage, session.backend)
    this.#unplanned = this.#running.size
    this.#unfinished = this.#running.size
    this.#uploads = Uploads && this.#openUploads(Uploads)
    this.#thumbnails = Thumbnails && this.#openThumbnails(Thumbnails)
    this.#meter = new IngestMeter(session.backend, [...this.#running.values()], startedAt, (progress) => {
      const upload = this.#uploads?.progress(progress.now)
      const thumbnails = this.#thumbnails?.progress()
      options.onProgress({ ...progress, ...(upload && { upload }), ...(thumbnails && { thumbnails }) })
    })
    this.#remote = remote
    this.#queue = this.#makeQueue()
    if (!signal.aborted) this.#queue.prestart('export')
  }

  /** Ends what was started ahead; after {@link run} there is nothing left of it. */
  end(): Promise<void> {
    return this.#queue.stop({ graceful: false })
  }

  async run({ recovery }: LibrarySession): Promise<IngestSummary> {
    const { signal, kill } = this.#options
    await callLibrary(this.#session.backend, 'tasks.clear', null)
    const queue = this.#queue
    const stop = (): void => void queue.stop({ graceful: !kill.aborted })
    signal.addEventListener('abort', stop)
    kill.addEventListener('abort', stop)
    try {
      if (!signal.aborted) await this.#work(queue)
    } finally {
      signal.removeEventListener('abort', stop)
      kill.removeEventListener('abort', stop)
      this.#intake.close()
      await queue.stop({ graceful: !kill.aborted })
      await this.#meter.stop()
      await this.#uploads?.close()
      await this.#thumbnails?.close()
    }
    this.#uploads?.throwRefusal()
    await this.#publisher.flush()
    if (!kill.aborted) await this.#sweep()
    return this.#summarize(recovery)
  }

  /**
   * A worker that was killed leaves the temporary file of its attempt behind; all workers of this coordinator are gone by
   * now. What a remote one writes yet, whose task another one has done, is swept by the next run.
   */
  async #sweep(): Promise<void> {
    const decided = await callLibrary(this.#session.backend, 'outbox.list', null)
    await this.#session.storage.sweepTemps(new Set(decided.map(({ temp }) => temp)))
  }

  async #work(queue: QueueEngine): Promise<void> {
    await queue.start()
    this.#meter.start()
    this.#uploads?.start(queue)
    try {
      await this.#thumbnails?.start(queue)
      for (const exports of this.#turns()) {
        for (const running of exports) {
          await queue.add(tasksOf(running, this.#session.paths.tempFolder, this.#options.processor))
        }
        // A lane may be paused from outside: its tasks wait until it is resumed, and so does this run.
        await queue.drain({ waitForPaused: true })
      }
      await this.#drainThumbnails(queue)
    } catch (error) {
      // A queue that was told to stop is not drained; everything else is a reason to fail.
      if (!this.#options.signal.aborted && !this.#uploads?.isRefused) throw error
    }
  }

  /** All exports at once; but with `--parallel-exports 1` each is uploaded before the next one is begun. */
  #turns(): readonly (readonly RunningExport[])[] {
    const all = [...this.#running.values()]
    const oneByOne = this.#uploads !== undefined && this.#options.parallelExports === 1
    return oneByOne ? all.map((running) => [running]) : [all]
  }

  /** Everything has its name by now: what was not made by the way is made at last. */
  async #drainThumbnails(queue: QueueEngine): Promise<void> {
    if (this.#thumbnails === undefined) return
    await this.#publisher.flush()
    await this.#thumbnails.look()
    await queue.drain({ waitForPaused: true })
  }

  #openThumbnails(Thumbnails: typeof ThumbnailStep): ThumbnailStep | undefined {
    const { thumbnails: settings, signal, logger, remote } = this.#options
    if (settings === undefined) return undefined
    const { paths, backend } = this.#session
    return new Thumbnails({
      backend,
      paths,
      settings,
      signal,
      logger,
      before: ['export', 'item'],
      ...(remote === undefined ? {} : { remote }),
    })
  }

  #openUploads(Uploads: typeof UploadLanes): UploadLanes | undefined {
    const { upload, signal, logger } = this.#options
    if (upload === undefined) return undefined
    const { paths, backend } = this.#session
    return new Uploads({
      backend,
      root: paths.root,
      settings: upload,
      signal,
      logger,
      startedAt: this.#startedAt,
      isBusyElsewhere: () => this.#unfinished > 0,
    })
  }

  #makeQueue(): QueueEngine {
    const { parallelExports, workers, remote } = this.#options
    const queue = new QueueEngine({
      backend: this.#session.backend,
      sole: true,
      workerModule: WORKER_MODULE,
      workerExecArgv: WORKER_EXEC_ARGV,
      retryDelayMs: RETRY_DELAY_MS,
      lanes: {
        export: {
          concurrency: Math.min(parallelExports, this.#unplanned),
          runsIn: 'worker',
          batchSize: 1,
          timeoutMs: 0,
        },
        item: placeLane({ concurrency: workers, runsIn: 'worker', timeoutMs: ITEM_TIMEOUT_MS }, remote),
        'export-finish': { concurrency: 1, runsIn: 'coordinator' },
        ...this.#thumbnails?.lanes,
        ...this.#uploads?.lanes,
      },
      ...this.#carrier(),
      handlers: {
        'export-finish': async ({ name }: ExportFinishPayload) => this.#finish(name),
        ...this.#uploads?.handlers,
      },
      onEmit: (task, chunk) => {
        const planned = chunk as PlanChunk
        // Something is to be done, and will be known in a moment: about the time that workers take to start.
        if (planned.type === 'phase' && planned.phase === 'reading') queue.prestart('item')
        return this.#take(task.payload as ExportPayload, planned)
      },
      afterCommit: (outputs) => this.#follow(outputs),
    })
    this.#watch(queue)
    return queue
  }

  /** What carries the tasks of remote lanes, where there are any. */
  #carrier(): { readonly remote?: RemoteLanes } {
    if (this.#remote === undefined) return {}
    const { tempFolder } = this.#session.paths
    const thumbnails = (): ObjectStore | undefined => this.#thumbnails?.objects
    return { remote: checkedLanes(this.#remote, resultCheck({ tempFolder, thumbnails })) }
  }

  #watch(queue: QueueEngine): void {
    const { logger } = this.#options
    queue.on('task.settled', ({ task, status, durationMs, error }) => {
      if (task.kind === 'export' && isFinal(status)) this.#endPlanner(queue)
      const fields = { taskId: task.id, kind: task.kind, status, durationMs }
      // Of a thumbnail, its lane tells whether that is worth a warning.
      if (error === undefined || task.lane === THUMBNAIL_LANE) logger.debug('task settled', fields)
      else logger.warn('attempt failed', { ...fields, error })
    })
    queue.on('lane.paused', ({ lane }) => logger.warn('lane is paused, its tasks wait', { lane }))
    queue.on('lane.resumed', ({ lane }) => logger.warn('lane is resumed', { lane }))
    queue.on('worker.exited', ({ lane, pid, reason, how }) => {
      if (reason === 'crashed' || reason === 'timeout')
        logger.warn('worker ended', { lane, pid, reason, how })
    })
  }

  /** A planner holds what it has read of an export of 100,000 files: 150 MB, which the items can use. */
  #endPlanner(queue: QueueEngine): void {
    this.#unplanned -= 1
    queue.setConcurrency('export', Math.min(this.#options.parallelExports, this.#unplanned))
  }

  #take({ name }: ExportPayload, chunk: PlanChunk): Promise<unknown> {
    const running = this.#running.get(name)
    if (running === undefined) throw new TypeError(`export ${name} is not of this run`)
    return this.#intake.take(running, chunk)
  }

  async #follow(outputs: readonly CommittedOutput[]): Promise<void> {
    const commits = outputs
      .filter(({ task }) => task.kind === 'item')
      .map(({ output }) => output as ItemCommit)
    await this.#publisher.publish(commits)
    this.#intake.release(commits.reduce((sum, { spooledBytes }) => sum + spooledBytes, 0))
    // Only now do all files of a finished export have their names.
    for (const { task, output } of outputs) {
      if (task.kind === 'export-finish') await this.#uploadFinished(output as ExportFinishCommit)
    }
    await this.#thumbnails?.follow(outputs)
  }

  async #uploadFinished({ name, isWhole }: ExportFinishCommit): Promise<void> {
    this.#unfinished -= 1
    if (isWhole) await this.#uploads?.enqueue(name)
  }

  #finish(name: string): null {
    const running = this.#running.get(name)
    if (running !== undefined && running.phase !== 'failed') running.phase = 'finished'
    return null
  }

  async #summarizeUploads(): Promise<UploadSummary | undefined> {
    return this.#uploads?.summarize({
      status: this.#options.signal.aborted ? 'interrupted' : 'complete',
      exports: [...this.#running.values()].filter(({ phase }) => phase !== 'failed').map(({ name }) => name),
    })
  }

  async #summarize(recovery: Recovery): Promise<IngestSummary> {
    const { session, options } = { session: this.#session, options: this.#options }
    const upload = await this.#summarizeUploads()
    const thumbnails = this.#thumbnails?.summarize()
    const report = await collectLibraryReport(session)
    const status = options.signal.aborted ? 'interrupted' : 'complete'
    const unchanged = new Set(
      [...this.#running.values()].filter((run) => run.unchanged).map(({ name }) => name),
    )
    const names = options.exports.map(({ name }) => name)
    const { completed, lost, blocked } = recovery
    const isAsBefore = unchanged.size === names.length && completed + lost + blocked === 0
    // The report tells of uploads, too.
    const files =
      isAsBefore && upload === undefined ? undefined : await writeLibraryReport(session.paths.root, report)
    return {
      status,
      exports: summarizeExports(report, names, { unchanged, interrupted: status === 'interrupted' }),
      library: session.paths.root,
      durationMs: systemClock.now() - this.#startedAt,
      ...files,
      ...(upload && { upload }),
      ...(thumbnails && { thumbnails }),
    }
  }
}

function isFinal(status: TaskStatus | 'stale'): boolean {
  return status !== 'stale' && FINAL_STATUSES.includes(status)
}
