/**
 * The uploads of a run: one export at a time, its files side by side, while other exports are still processed.
 *
 * An `upload` task is one export: it asks the server what it has, adds an `upload-file` task for each unit, waits for
 * them, and then sees to albums, stacks and what was not said with the files. Everything that is known is in the
 * catalog: tasks may be thrown away at any time and are planned anew from there.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import { type ErrorRecord, HeirloomError, toErrorRecord } from '../errors.ts'
import { applyChanges, fillAlbums, makeStacks, uploadUnit, verifyAlbums } from '../immich/upload.ts'
import type { UploadSettlement } from '../immich/upload-asset.ts'
import type { Logger } from '../logger.ts'
import type { Backend } from '../queue/backend.ts'
import type { Handler, TaskContext } from '../queue/handler.ts'
import type { LaneOptions } from '../queue/lane.ts'
import type { QueueEngine } from '../queue/queue-engine.ts'
import type { NewTask } from '../queue/task.ts'
import { formatDuration } from '../units.ts'
import { ENDED_CODES, type UploadFilePayload, type UploadFileResult } from './commit-upload.ts'
import type { Problem } from './problem.ts'
import { callLibrary } from './store-calls.ts'
import type { ExportUploadSummary, UploadProgress, UploadSettings, UploadSummary } from './upload-api.ts'
import { libraryJournal } from './upload-journal.ts'
import { UploadMeter } from './upload-meter.ts'
import { countLeft, NO_SERVER, type PlannedPage, planOptionsOf, planPages } from './upload-planning.ts'
import { type Opened, UploadServer } from './upload-server.ts'

/** What another attempt can cure passes in seconds: a longer absence of the server is waited for by the client. */
const FILE_RETRIES = 5
const EXPORT_RETRIES = 3

/** How often the waiting looks by itself: tasks can also be ended from outside. */
const LOOK_MS = 1_000

/** Silence of the line after which one is told of it. */
const QUIET_MS = 10_000

/** What the user wants to stop is neither a failure of the file nor of the export. */
class UploadsEndedError extends HeirloomError {
  readonly code = 'upload/ended'
  readonly recovery = 'retry'
}

/** Uploads stood still for too long. What is left is planned again by `heirloom upload`. */
class UploadsGivenUpError extends HeirloomError {
  readonly code = 'upload/given-up'
  readonly recovery = 'discard'

  constructor(waitMs: number) {
    super(`nothing could be sent for ${formatDuration(waitMs)}`, {
      hint: 'See that the server runs, then: heirloom upload LIBRARY',
    })
  }
}

export interface UploadExportPayload {
  readonly name: string
}

export interface UploadLanesOptions {
  readonly backend: Backend
  /** Absolute: the library's folder. */
  readonly root: string
  readonly settings: UploadSettings
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
  readonly #problems: Problem[] = []
  readonly #problemsByExport = new Map<string, Problem[]>()
  #queue: QueueEngine | undefined
  #refusal: unknown
  #onFileSettled: () => void = () => undefined
  #watch: NodeJS.Timeout | undefined
  #idleSince: number

  constructor(options: UploadLanesOptions) {
    this.#options = options
    this.#idleSince = options.startedAt
    this.#signal = AbortSignal.any([options.signal, this.#ended.signal])
    this.#server = new UploadServer(options.settings)
    this.#meter = new UploadMeter(options.startedAt)
    const { concurrency } = options.settings
    this.lanes = {
      upload: { concurrency: 1, runsIn: 'coordinator', timeoutMs: 0 },
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
      this.#onFileSettled()
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

  async #uploadExport({ name }: UploadExportPayload, context: TaskContext): Promise<unknown> {
    try {
      this.#meter.setPhase(name, 'checking')
      const opened = await this.#open()
      await this.#planFiles(name, opened)
      this.#meter.setPhase(name, 'sending')
      await this.#filesDone(name, context)
      this.#meter.setPhase(name, 'arranging')
      await this.#arrange(name, opened)
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
    const { units, settled, members, stacks } = plan
    await callLibrary(this.#options.backend, 'upload.plan', { serverId, settled, members, stacks })
    const files = units.flatMap((unit) => unit.files)
    const bytes = files.reduce((sum, { upload }) => sum + upload.sizeBytes, presentBytes)
    this.#meter.addFound(exportName, files.length + present, bytes)
    this.#meter.addPresent(exportName, present, presentBytes)
    const tasks = units.map(
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

  async #filesDone(exportName: string, context: TaskContext): Promise<void> {
    const { backend } = this.#options
    const signal = AbortSignal.any([context.signal, this.#signal])
    while ((await backend.openInGroup(groupOf(exportName))) > 0) {
      this.#requireGoing(signal)
      await new Promise<void>((resolve) => {
        let cancel = (): void => undefined
        const wake = (): void => {
          cancel()
          signal.removeEventListener('abort', wake)
          resolve()
        }
        cancel = systemClock.after(LOOK_MS, wake)
        this.#onFileSettled = wake
        signal.addEventListener('abort', wake)
      })
    }
    this.#requireGoing(signal)
  }

  async #arrange(name: string, { api, serverId }: Opened): Promise<void> {
    const journal = libraryJournal(this.#options.backend, serverId)
    const filled = await fillAlbums(api, journal, this.#signal)
    await makeStacks(api, journal, this.#signal)
    await applyChanges(api, journal, this.#signal)
    // Counting costs calls, and nothing else can have changed.
    if (filled.added + filled.refused === 0) return
    for (const album of await verifyAlbums(api, journal, this.#signal)) {
      const message = `the album ${album.name} has ${album.found} of ${album.planned} pictures on the server`
      const hint = album.refused > 0 ? 'See whether the others were deleted there.' : 'Upload again.'
      this.#addProblem(name, { code: 'upload/album-differs', message, hint })
    }
  }

  async #uploadFile(payload: UploadFilePayload, context: TaskContext): Promise<UploadFileResult> {
    const { exportName, unit, serverId } = payload
    const signal = AbortSignal.any([context.signal, this.#ended.signal])
    this.#requireGoing(this.#signal)
    const { api } = await this.#open()
    this.#units.set(context.taskId, payload)
    this.#meter.begin(exportName, context.taskId)
    const { settled, failure } = await uploadUnit(unit, api, this.#options.root, {
      signal,
      onBytes: (bytes) => this.#meter.addSent(exportName, context.taskId, bytes, systemClock.now()),
    })
    if (failure !== undefined) {
      this.#meter.abandon(exportName, context.taskId)
      if (settled.length > 0) await callLibrary(this.#options.backend, 'upload.record', { serverId, settled })
      throw failure.error
    }
    this.#units.delete(context.taskId)
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
    const error = new UploadsGivenUpError(this.#options.settings.waitMs)
    this.#problems.push(toProblem(toErrorRecord(error)))
    this.#ended.abort(error)
  }
}

function toProblem({ code, message, hint }: ErrorRecord): Problem {
  return { code, message, ...(hint === undefined ? {} : { hint }) }
}

/** How many problems of an export the command line is given. */
const SHOWN_PROBLEMS = 20

const RESTING: ReadonlySet<string> = new Set(['finished', 'failed'])

function groupOf(exportName: string): string {
  return `upload:${exportName}`
}
