/**
 * The uploads of a run: one export after the other, its files side by side, while other exports are still processed.
 *
 * An `upload` task is one export: it asks the server what it has, adds an `upload-file` task for each unit, waits for
 * them, and then sees to albums, stacks and what was not said with the files. Everything that is known is in the
 * catalog: tasks may be thrown away at any time and are planned anew from there.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import { type ErrorRecord, toErrorRecord } from '../errors.ts'
import type { UploadSettlement } from '../immich/upload-asset.ts'
import type { UnitFile, UploadUnit } from '../immich/upload-plan.ts'
import { concernsAllFiles } from '../immich/upload-refusals.ts'
import type { Logger } from '../logger.ts'
import type { Backend } from '../queue/backend.ts'
import type { Handler, TaskContext } from '../queue/handler.ts'
import type { LaneOptions } from '../queue/lane.ts'
import type { QueueEngine } from '../queue/queue-engine.ts'
import type { NewTask } from '../queue/task.ts'
import { formatDuration } from '../units.ts'
import type { UploadFilePayload, UploadFileResult } from './commit-upload.ts'
import { callLibrary } from './library-calls.ts'
import type { Problem } from './problem.ts'
import type { ExportUploadSummary, UploadProgress, UploadSettings, UploadSummary } from './upload-api.ts'
import { ENDED_CODES, UploadsEndedError, UploadsGivenUpError } from './upload-ends.ts'
import { libraryJournal } from './upload-journal.ts'
import { EXPORTS_AT_ONCE, UploadLine } from './upload-line.ts'
import { UploadMeter } from './upload-meter.ts'
import { countLeft, NO_SERVER, type PlannedPage, planOptionsOf, planPages } from './upload-planning.ts'
import { type Opened, UploadServer } from './upload-server.ts'

/** What another attempt can cure passes in seconds: a longer absence of the server is waited for by the client. */
const FILE_RETRIES = 5
const EXPORT_RETRIES = 3

/** How often the silence of the line is measured. */
const LOOK_MS = 1_000

/** Silence of the line after which one is told of it. */
const QUIET_MS = 10_000

export interface UploadExportPayload {
  readonly name: string
}

export interface UploadLanesOptions {
  readonly backend: Backend
  /** Absolute: the library's folder. */
  readonly root: string
  readonly settings: UploadSettings
  /** One that is being asked already; from here on it is closed by the lanes. Default: one of these settings. */
  readonly server?: UploadServer
  /** Aborted: nothing new is begun. */
  readonly signal: AbortSignal
  readonly logger: Logger
  readonly startedAt: number
  /** Whether there is other work than uploads: then nothing is lost by waiting. */
  readonly isBusyElsewhere: () => boolean
}

export class UploadLanes {
  readonly lanes: Readonly<Record<string, LaneOptions>>
  readonly handlers: Readonly<Record<string, Handler>>
  readonly #options: UploadLanesOptions
  readonly #server: UploadServer
  readonly #meter: UploadMeter
  readonly #ended = new AbortController()
  readonly #signal: AbortSignal
  /** Units at work, by task: for the counts, when a task fails for good. */
  readonly #units = new Map<number, UploadFilePayload>()
  readonly #line = new UploadLine()
  readonly #problems: Problem[] = []
  readonly #problemsByExport = new Map<string, Problem[]>()
  #queue: QueueEngine | undefined
  /** Loaded by the first file: a run that finds nothing to send is over before. */
  #sending: Promise<typeof import('../immich/upload-unit.ts')> | undefined
  #refusal: unknown
  /** Attempts in a row that the server had no space for. */
  #fullInRow = 0
  #watch: NodeJS.Timeout | undefined
  #idleSince: number

  constructor(options: UploadLanesOptions) {
    this.#options = options
    this.#idleSince = options.startedAt
    this.#signal = AbortSignal.any([options.signal, this.#ended.signal])
    this.#server = options.server ?? new UploadServer(options.settings)
    this.#meter = new UploadMeter(options.startedAt)
    const { concurrency } = options.settings
    this.lanes = {
      upload: { concurrency: EXPORTS_AT_ONCE, runsIn: 'coordinator', timeoutMs: 0 },
      'upload-file': { concurrency, runsIn: 'coordinator', timeoutMs: 0 },
    }
    this.handlers = {
      upload: (payload: UploadExportPayload, context) => this.#uploadExport(payload, context),
      'upload-file': (payload: UploadFilePayload, context) => this.#uploadFile(payload, context),
    }
  }

  /** Whether the server refused the uploads for good, so that the run was stopped. */
  get isRefused(): boolean {
    return this.#refusal !== undefined
  }

  /** Begins to watch, and asks the server whether uploads can work at all; if not, the queue is stopped. */
  start(queue: QueueEngine): void {
    this.#queue = queue
    queue.on('task.settled', ({ task, status, error }) => {
      if (task.kind !== 'upload-file') return
      if (status === 'failed') this.#noteFailed(task.id, error)
      this.#line.wake()
    })
    this.#watch = setInterval(() => this.#look(systemClock.now()), LOOK_MS)
    void this.#greet(queue)
  }

  /** Uploads an export, after those that are waiting already. */
  async enqueue(name: string): Promise<void> {
    this.#meter.setPhase(name, 'waiting')
    const task: NewTask<UploadExportPayload> = {
      kind: 'upload',
      lane: 'upload',
      payload: { name },
      dedupeKey: `upload:${name}`,
      maxRetries: EXPORT_RETRIES,
    }
    await this.#queue?.add([task])
  }

  progress(now: number): UploadProgress {
    return this.#meter.read(now)
  }

  /** @throws What the server refused the uploads with. */
  throwRefusal(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  /** Of these exports, in this order; after {@link close}. */
  async summarize(run: {
    readonly status: UploadSummary['status']
    readonly exports: readonly string[]
  }): Promise<UploadSummary> {
    const opened = this.#server.opened
    const exports: ExportUploadSummary[] = []
    for (const name of run.exports) exports.push(await this.#summarizeExport(name, opened))
    return {
      status: run.status,
      library: this.#options.root,
      address: this.#options.settings.connection.address,
      ...(opened === undefined ? {} : { serverVersion: opened.version }),
      exports,
      problems: this.#problems,
      durationMs: systemClock.now() - this.#options.startedAt,
    }
  }

  async #summarizeExport(name: string, opened: Opened | undefined): Promise<ExportUploadSummary> {
    const { backend, settings } = this.#options
    const serverId = opened?.serverId ?? NO_SERVER
    const row = this.#meter.exportOf(name)
    const isDone = row.phase === 'finished' && row.failed === 0
    const options = planOptionsOf(settings, opened?.supported ?? new Set())
    const counts = await callLibrary(backend, 'upload.counts', { serverId, exportName: name })
    const problems = this.#problemsByExport.get(name) ?? []
    return {
      ...row,
      left: isDone ? 0 : await countLeft({ backend, serverId, options, exportName: name }),
      trashed: counts.trashed,
      unsupported: counts.unsupported,
      problems: problems.slice(0, SHOWN_PROBLEMS),
      problemCount: problems.length,
    }
  }

  /** Ends what is under way here. Safe twice, and before `start`. */
  async close(): Promise<void> {
    clearInterval(this.#watch)
    this.#ended.abort()
    await this.#server.close()
  }

  /** What is refused today is refused after hours of processing, too: it is better said at once. */
  async #greet(queue: QueueEngine): Promise<void> {
    try {
      await this.#open()
    } catch (error) {
      if (this.#signal.aborted) return
      if (toErrorRecord(error).recovery === 'retry') {
        this.#meter.setTrouble(toErrorRecord(error).message)
        return
      }
      this.#refusal = error
      void queue.stop()
    }
  }

  #open(): Promise<Opened> {
    return this.#server.open(this.#options.backend, this.#signal)
  }

  /**
   * One export after the other: what is planned ahead is sent when the one before it has nothing more to send, so that
   * the line does not idle while that one is arranged.
   */
  async #uploadExport({ name }: UploadExportPayload, context: TaskContext): Promise<unknown> {
    using place = this.#line.join()
    try {
      this.#meter.setPhase(name, 'checking')
      const opened = await this.#open()
      // Loaded while the catalog is read.
      const [{ arrangeExport }] = await Promise.all([
        import('./upload-arranging.ts'),
        this.#planFiles(name, opened),
      ])
      this.#meter.setPhase(name, 'sending')
      await this.#filesDone(name, context)
      // Albums may need pictures that the export ahead is still sending.
      await place.ahead
      this.#meter.setPhase(name, 'arranging')
      const journal = libraryJournal(this.#options.backend, opened.serverId, name)
      const problems = await arrangeExport(opened.api, journal, place.isFollowed, this.#signal)
      for (const problem of problems) this.#addProblem(name, problem)
      this.#meter.setPhase(name, 'finished')
      return null
    } catch (error) {
      this.#meter.setPhase(name, 'failed', toErrorRecord(error).message)
      throw error
    }
  }

  /** Page by page: what is to be sent becomes tasks, everything else is settled. */
  async #planFiles(exportName: string, { api, serverId, supported }: Opened): Promise<void> {
    const { backend, settings } = this.#options
    const request = { backend, serverId, options: planOptionsOf(settings, supported), exportName }
    this.#meter.forget(exportName)
    for await (const page of planPages(request, api, this.#signal)) {
      await this.#addPage(exportName, serverId, page)
    }
  }

  async #addPage(exportName: string, serverId: number, page: PlannedPage): Promise<void> {
    const { present, presentBytes, plan } = page
    const { units, settled, members, stacks, gone } = plan
    await callLibrary(this.#options.backend, 'upload.plan', { serverId, settled, members, stacks, gone })
    const files = units.flatMap((unit) => unit.files)
    this.#meter.addFound(exportName, files.length + present, presentBytes + bytesOf(files))
    this.#meter.addPresent(exportName, present, presentBytes)
    const tasks = this.#ownUnits(exportName, units).map(
      (unit): NewTask<UploadFilePayload> => ({
        kind: 'upload-file',
        lane: 'upload-file',
        payload: { serverId, exportName, unit },
        group: groupOf(exportName),
        // Planned again by a later attempt of the export: those that wait for theirs are not doubled.
        dedupeKey: `upload-file:${unit.assetId}`,
        maxRetries: FILE_RETRIES,
      }),
    )
    if (tasks.length > 0) await this.#queue?.add(tasks)
  }

  /** Those that the export ahead does not send already: for this one they are as good as found there. */
  #ownUnits(exportName: string, units: readonly UploadUnit[]): readonly UploadUnit[] {
    const { own = [], others = [] } = Object.groupBy(units, (unit) =>
      this.#line.take(unit, exportName) ? 'own' : 'others',
    )
    const files = others.flatMap((unit) => unit.files)
    this.#meter.addPresent(exportName, files.length, bytesOf(files))
    return own
  }

  async #filesDone(exportName: string, context: TaskContext): Promise<void> {
    const { backend } = this.#options
    const signal = AbortSignal.any([context.signal, this.#signal])
    await this.#line.waitUntil(async () => (await backend.openInGroup(groupOf(exportName))) === 0, signal)
    this.#requireGoing(signal)
  }

  async #uploadFile(payload: UploadFilePayload, context: TaskContext): Promise<UploadFileResult> {
    const { exportName, unit, serverId } = payload
    const signal = AbortSignal.any([context.signal, this.#ended.signal])
    this.#requireGoing(this.#signal)
    const { api } = await this.#open()
    this.#units.set(context.taskId, payload)
    this.#meter.begin(exportName, context.taskId)
    this.#sending ??= import('../immich/upload-unit.ts')
    const { uploadUnit } = await this.#sending
    const { settled, failure } = await uploadUnit(unit, api, this.#options.root, {
      signal,
      onBytes: (bytes) => this.#meter.addSent(exportName, context.taskId, bytes, systemClock.now()),
    })
    if (failure !== undefined) {
      this.#meter.abandon(exportName, context.taskId)
      this.#endIfHopeless(failure.error)
      if (settled.length > 0) await callLibrary(this.#options.backend, 'upload.record', { serverId, settled })
      if (this.#ended.signal.aborted) this.#requireGoing(this.#ended.signal)
      throw failure.error
    }
    this.#fullInRow = 0
    this.#units.delete(context.taskId)
    this.#line.settle(unit)
    this.#countSettled(payload, settled, context.taskId)
    return { settled }
  }

  #countSettled(
    { exportName, unit }: UploadFilePayload,
    settled: readonly UploadSettlement[],
    taskId: number,
  ): void {
    const files = new Map(unit.files.map((file) => [file.assetId, file]))
    const now = systemClock.now()
    this.#meter.abandon(exportName, taskId)
    for (const { assetId, state, error } of settled) {
      const file = files.get(assetId)
      const outcome = state === 'uploaded' ? 'created' : state === 'present' ? 'present' : 'failed'
      this.#meter.settle(exportName, outcome, file?.upload.sizeBytes ?? 0, now)
      if (error === undefined || file === undefined) continue
      this.#addProblem(exportName, { path: file.path, ...toProblem(error) })
    }
  }

  #noteFailed(taskId: number, error: ErrorRecord | undefined): void {
    const payload = this.#units.get(taskId)
    this.#units.delete(taskId)
    if (payload !== undefined) this.#line.settle(payload.unit)
    if (payload === undefined || error === undefined || ENDED_CODES.has(error.code)) return
    const now = systemClock.now()
    for (const { path, upload } of payload.unit.files) {
      this.#meter.settle(payload.exportName, 'failed', upload.sizeBytes, now)
      this.#addProblem(payload.exportName, { path, ...toProblem(error) })
    }
  }

  #addProblem(exportName: string, problem: Problem): void {
    const problems = this.#problemsByExport.get(exportName) ?? []
    problems.push(problem)
    this.#problemsByExport.set(exportName, problems)
  }

  /** A key that is not taken any more, or a disk that is full, is the same for every other file. */
  #endIfHopeless(error: unknown): void {
    const record = toErrorRecord(error)
    this.#fullInRow = record.code === 'immich/server-full' ? this.#fullInRow + 1 : 0
    const isHopeless = concernsAllFiles(record) || this.#fullInRow >= MAX_FULL_IN_ROW
    if (!isHopeless || this.#ended.signal.aborted) return
    this.#problems.push(toProblem(record))
    this.#ended.abort(new UploadsGivenUpError(record.message, record.hint))
  }

  #requireGoing(signal: AbortSignal): void {
    if (this.#ended.signal.reason instanceof UploadsGivenUpError) throw this.#ended.signal.reason
    if (signal.aborted) throw new UploadsEndedError('the upload was ended')
  }

  /** Tells of a line that is quiet, and gives up when it has been for too long while nothing else was to do. */
  #look(now: number): void {
    const { isBusyElsewhere, settings } = this.#options
    const isUploading = this.#meter.exports().some(({ phase }) => !RESTING.has(phase))
    if (isBusyElsewhere() || !isUploading) this.#idleSince = now
    const quietMs = now - Math.max(this.#idleSince, this.#meter.lastProgressAt)
    this.#meter.setTrouble(
      isUploading && quietMs > QUIET_MS
        ? `nothing was sent for ${formatDuration(quietMs)}: waiting for the server`
        : undefined,
    )
    if (quietMs > settings.waitMs && !this.#ended.signal.aborted) this.#giveUp()
  }

  #giveUp(): void {
    const error = new UploadsGivenUpError(
      `nothing could be sent for ${formatDuration(this.#options.settings.waitMs)}`,
    )
    this.#problems.push(toProblem(toErrorRecord(error)))
    this.#ended.abort(error)
  }
}

function toProblem({ code, message, hint }: ErrorRecord): Problem {
  return { code, message, ...(hint === undefined ? {} : { hint }) }
}

/** How many problems of an export the command line is given. */
const SHOWN_PROBLEMS = 20

/** Small files may still fit where a large one does not. */
const MAX_FULL_IN_ROW = 20

const RESTING: ReadonlySet<string> = new Set(['finished', 'failed'])

function bytesOf(files: readonly UnitFile[]): number {
  return files.reduce((sum, { upload }) => sum + upload.sizeBytes, 0)
}

function groupOf(exportName: string): string {
  return `upload:${exportName}`
}
