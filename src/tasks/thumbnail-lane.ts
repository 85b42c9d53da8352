/**
 * The lane `thumbnail` of a coordinator: decides which pictures need a task, and follows these to their end.
 *
 * What is there already is found in the database and in the store, so that a run with nothing to do starts no
 * worker. Tasks are added as there is room for them: a hundred thousand pictures take the memory of a page.
 *
 * @module
 */

import { type ErrorRecord, toErrorRecord } from '../errors.ts'
import type { ThumbnailSet } from '../library/thumbnails.ts'
import type { Logger } from '../logger.ts'
import { thumbnailStyle } from '../media/thumbnail/thumbnail.ts'
import type { Backend } from '../queue/backend.ts'
import type { CommittedOutput } from '../queue/commit-outputs.ts'
import type { LaneOptions } from '../queue/lane.ts'
import type { QueueEngine } from '../queue/queue-engine.ts'
import { FINAL_STATUSES, type Task, type TaskStatus } from '../queue/task.ts'
import type { ObjectStore, ObjectStoreConfig } from '../storage/object-store.ts'
import type { ThumbnailCommit } from './commit-thumbnail.ts'
import { placeLane } from './open-remote.ts'
import type { Problem } from './problem.ts'
import type { RemoteSettings } from './remote-api.ts'
import { callLibrary } from './store-calls.ts'
import type { ThumbnailSettings } from './thumbnail-api.ts'
import { areThere } from './thumbnail-presence.ts'
import { ThumbnailTally } from './thumbnail-tally.ts'
import {
  BATCH_PRIORITY,
  causeOf,
  type HashedAnswer,
  type HashedChunk,
  readingMs,
  THUMBNAIL_LANE,
  type ThumbnailPayload,
  thumbnailTask,
} from './thumbnail-task.ts'

/** A picture that shall have thumbnails. */
export interface Picture {
  /** Absolute path of a file. */
  readonly path: string
  /** Hex, of its content, where it is known. */
  readonly sha1?: string
  /** What there is of that content. */
  readonly set?: ThumbnailSet
  /** As people know it: relative to what they named. */
  readonly label: string
  /** Where it is known: a large file that has to be read for its hash gets more time. */
  readonly sizeBytes?: number
}

export interface ThumbnailLaneOptions {
  readonly backend: Backend
  /** Where the thumbnails are put. */
  readonly store: ObjectStoreConfig
  /** The same store, opened. */
  readonly objects: ObjectStore
  readonly settings: ThumbnailSettings
  /** Where the tasks are carried to; to worker processes of this coordinator when undefined. */
  readonly remote?: RemoteSettings
  readonly tempFolder: string
  /** Aborted: nothing is added any more. */
  readonly signal: AbortSignal
  readonly logger: Logger
  /** Called for each picture whose thumbnails are in the store, once they are. */
  readonly onThere?: (picture: Picture, sha1: string) => Promise<void>
}

/**
 * Tasks that may wait at a time: more than workers use up in a minute, and little memory. Of a remote lane: beside those
 * that are under way.
 */
const MAX_OPEN = 1_000

/** Small pictures are handed out together; what waits behind a slow one could have been done by another worker. */
const MAX_BATCH = 4

export function thumbnailLaneOptions(
  { workers, timeoutMs }: ThumbnailSettings,
  remote: RemoteSettings | undefined,
): LaneOptions {
  return placeLane({ concurrency: workers, runsIn: 'worker', batchSize: MAX_BATCH, timeoutMs }, remote)
}

export class ThumbnailLane {
  readonly tally: ThumbnailTally = new ThumbnailTally()
  readonly #options: ThumbnailLaneOptions
  /** Pictures by their task; equal contents that wait at the same time share one. */
  readonly #open = new Map<number, Picture[]>()
  #queue: QueueEngine | undefined
  #wake: () => void = () => undefined
  #failure: unknown
  #hasBegun = false
  #hasEnded = false
  readonly #maxOpen: number
  /** As it is told: of a remote lane, the tasks that are under way at a time. */
  readonly #workers: number

  constructor(options: ThumbnailLaneOptions) {
    this.#options = options
    const { settings, remote, logger } = options
    this.#maxOpen = MAX_OPEN + (remote?.window ?? 0)
    this.#workers = remote?.window ?? settings.workers
    logger.info('thumbnail queue initialized', { workers: this.#workers, cpus: settings.cpus })
  }

  /** Pictures whose tasks have not ended. */
  get openCount(): number {
    return this.#open.size
  }

  /** Begins to follow the tasks. */
  watch(queue: QueueEngine): void {
    const { logger } = this.#options
    this.#queue = queue
    queue.on('task.started', ({ task }) => {
      if (task.lane === THUMBNAIL_LANE) this.#log('processing thumbnail', task.id)
    })
    queue.on('task.settled', ({ task, status, error }) => {
      if (task.lane === THUMBNAIL_LANE && isFinal(status)) this.#settle(task.id, status, error)
    })
    queue.on('worker.started', ({ lane, pid }) => {
      if (lane === THUMBNAIL_LANE) logger.debug('worker started', { lane, pid })
    })
    queue.on('worker.exited', ({ lane, pid, reason, how }) => {
      if (lane === THUMBNAIL_LANE && (reason === 'crashed' || reason === 'timeout'))
        logger.info('worker ended', { lane, pid, reason, how })
    })
    queue.on('queue.failed', ({ error }) => {
      this.#failure = error
      this.#wake()
    })
    this.#options.signal.addEventListener('abort', () => this.#wake())
  }

  /** Decides on pictures: what is there is counted, the others become tasks, as soon as there is room for them. */
  async add(pictures: readonly Picture[]): Promise<void> {
    const wanted: Picture[] = []
    for (const picture of pictures) if (!(await this.#isSettled(picture))) wanted.push(picture)
    for (let from = 0; from < wanted.length; ) {
      await this.#room()
      if (this.#hasEnded || this.#options.signal.aborted) return
      const chunk = wanted.slice(from, from + this.#maxOpen - this.#open.size)
      from += chunk.length
      await this.#enqueue(chunk)
    }
  }

  /** For the queue's `onEmit`. */
  async take({ payload }: Task, chunk: unknown): Promise<HashedAnswer> {
    const { file, sha1 } = chunk as HashedChunk
    const { options } = payload as ThumbnailPayload
    const request = { style: thumbnailStyle(options), file, sha1 }
    const set = await callLibrary(this.#options.backend, 'thumbnails.hashed', request)
    return { isKnown: set !== null && (await this.#areThere(set)) }
  }

  /** For the queue's `afterCommit`. */
  async follow(outputs: readonly CommittedOutput[]): Promise<void> {
    for (const { task, output } of outputs) {
      if (task.lane === THUMBNAIL_LANE && output !== null)
        await this.#finish(task.id, output as ThumbnailCommit)
    }
  }

  /** True when there is nothing to be made of it. */
  async #isSettled(picture: Picture): Promise<boolean> {
    const { set, sha1, label } = picture
    const { retryFailed } = this.#options.settings
    if (set === undefined || sha1 === undefined) return false
    if (set.state === 'done') {
      if (!(await this.#areThere(set))) return false
      await this.#settleThere(picture, sha1, set.error !== undefined)
      return true
    }
    if (retryFailed || set.error === undefined) return false
    const problem = { path: label, ...set.error }
    if (set.state === 'unsupported') this.tally.addUnsupported(problem)
    else this.tally.addFailed(problem)
    return true
  }

  #areThere(set: ThumbnailSet): Promise<boolean> {
    const { objects, settings } = this.#options
    return areThere(set, settings.options.sizes, objects)
  }

  async #enqueue(pictures: readonly Picture[]): Promise<void> {
    if (this.#queue === undefined || pictures.length === 0) return
    const { settings, store, tempFolder, logger } = this.#options
    const { options, maxPixels, timeoutMs } = settings
    const tasks = pictures.map(({ path, sha1, label, sizeBytes = 0 }) => {
      const source = { kind: 'file', path } as const
      const payload = { source, fileName: label, options, maxPixels, store, tempFolder }
      const known = sha1 === undefined ? payload : { ...payload, sha1 }
      // One that an interrupted run left may have other options.
      return {
        ...thumbnailTask(known, {
          priority: BATCH_PRIORITY,
          timeoutMs: timeoutMs + (sha1 === undefined ? readingMs(sizeBytes) : 0),
        }),
        onDuplicate: 'replace' as const,
      }
    })
    const added = await this.#queue.add(tasks)
    for (const [index, picture] of pictures.entries()) {
      const id = added[index]?.id
      if (id === undefined) continue
      this.#open.set(id, [...(this.#open.get(id) ?? []), picture])
      logger.info('thumbnail job queued', { name: picture.label, queue: this.#open.size })
    }
    if (this.#hasBegun) return
    this.#hasBegun = true
    logger.info('starting parallel thumbnail processing', { jobs: this.#open.size, workers: this.#workers })
  }

  /** Adds nothing any more, and tells the log how it came out. Safe twice. */
  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#wake()
    if (this.#hasBegun)
      this.#options.logger.info('parallel thumbnail processing complete', { ...this.tally.counts })
  }

  /** Waits until there is room for more tasks. */
  async #room(): Promise<void> {
    const { signal } = this.#options
    const isOver = (): boolean => this.#hasEnded || signal.aborted || this.#failure !== undefined
    while (this.#open.size >= this.#maxOpen && !isOver()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  async #finish(taskId: number, { sha1, outcome, damaged }: ThumbnailCommit): Promise<void> {
    const pictures = this.#close(taskId)
    for (const [index, picture] of pictures.entries()) {
      const isFirst = outcome === 'made' && index === 0
      if (!(await this.#settleThere(picture, sha1, damaged, isFirst))) continue
      this.#options.logger.info('thumbnail completed', { name: picture.label })
    }
  }

  /**
   * Counts a picture whose thumbnails are in the store. False when they cannot be put where people find them: then it
   * is counted as failed.
   */
  async #settleThere(picture: Picture, sha1: string, damaged: boolean, made = false): Promise<boolean> {
    try {
      await this.#options.onThere?.(picture, sha1)
    } catch (error) {
      this.#fail(picture.label, toErrorRecord(error))
      return false
    }
    if (made) this.tally.made += 1
    else this.tally.there += 1
    if (damaged) this.tally.damaged += 1
    return true
  }

  /** One that completed is counted by {@link follow}. */
  #settle(taskId: number, status: TaskStatus | 'stale', error: ErrorRecord | undefined): void {
    if (status === 'completed') return
    for (const { label } of this.#close(taskId)) {
      const problem = problemOf(label, error)
      const { logger } = this.#options
      if (causeOf(problem) === 'unsupported') {
        this.tally.addUnsupported(problem)
        logger.info('no thumbnail is made', { name: label, reason: problem.message })
        continue
      }
      this.#fail(label, error)
    }
  }

  #fail(label: string, error: ErrorRecord | undefined): void {
    const problem = problemOf(label, error)
    this.tally.addFailed(problem)
    const { code, message } = problem
    this.#options.logger.warn('thumbnail failed', { name: label, code, error: message })
  }

  #close(taskId: number): readonly Picture[] {
    const pictures = this.#open.get(taskId) ?? []
    this.#open.delete(taskId)
    this.#wake()
    return pictures
  }

  #log(message: string, taskId: number): void {
    for (const { label } of this.#open.get(taskId) ?? []) this.#options.logger.info(message, { name: label })
  }
}

function problemOf(path: string, error: ErrorRecord | undefined): Problem {
  if (error === undefined) return { path, code: 'queue/cancelled', message: 'was cancelled' }
  const { code, message, hint } = error
  return { path, code, message, ...(hint === undefined ? {} : { hint }) }
}

function isFinal(status: TaskStatus | 'stale'): boolean {
  return status !== 'stale' && FINAL_STATUSES.includes(status)
}
