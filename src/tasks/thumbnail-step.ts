/**
 * Thumbnails as a step of an ingest: made of what is in the library, with what is left of the cores.
 *
 * The catalog is gone through in the order in which it grows, and as far as files have their final names: what an
 * earlier run has left out is found that way, too. Nothing that goes wrong here makes the ingest fail.
 *
 * @module
 */

import { toErrorRecord } from '../errors.ts'
import type { LibraryPaths } from '../library/library-folder.ts'
import type { Logger } from '../logger.ts'
import { thumbnailStyle } from '../media/thumbnail/thumbnail.ts'
import type { Backend } from '../queue/backend.ts'
import type { CommittedOutput } from '../queue/commit-outputs.ts'
import type { LaneOptions } from '../queue/lane.ts'
import type { QueueEngine } from '../queue/queue-engine.ts'
import type { ObjectStore, ObjectStoreConfig } from '../storage/object-store.ts'
import { openObjectStore } from '../storage/open-object-store.ts'
import type { RemoteSettings } from './remote-api.ts'
import type { ThumbnailSettings, ThumbnailStepProgress, ThumbnailStepSummary } from './thumbnail-api.ts'
import { ThumbnailLane, thumbnailLaneOptions } from './thumbnail-lane.ts'
import { LibrarySource } from './thumbnail-sources.ts'
import { THUMBNAIL_LANE } from './thumbnail-task.ts'

export interface ThumbnailStepOptions {
  readonly backend: Backend
  readonly paths: LibraryPaths
  readonly settings: ThumbnailSettings
  /** Where the tasks are carried to; to worker processes of this coordinator when undefined. */
  readonly remote?: RemoteSettings
  readonly signal: AbortSignal
  readonly logger: Logger
  /** Lanes that come first: while one of them works, there is one worker for thumbnails. */
  readonly before: readonly string[]
}

export class ThumbnailStep {
  readonly #options: ThumbnailStepOptions
  readonly #store: ObjectStoreConfig
  #queue: QueueEngine | undefined
  #objects: ObjectStore | undefined
  #lane: ThumbnailLane | undefined
  #concurrency = 1
  /** The last asset that was looked at. */
  #lastId = 0
  #looking: Promise<void> | undefined
  #isNews = false

  constructor(options: ThumbnailStepOptions) {
    this.#options = options
    this.#store = { kind: 'local', root: options.paths.thumbsFolder, durable: false }
  }

  get lanes(): Readonly<Record<string, LaneOptions>> {
    const { settings, remote } = this.#options
    const lane = thumbnailLaneOptions(settings, remote)
    return { [THUMBNAIL_LANE]: remote === undefined ? { ...lane, concurrency: 1 } : lane }
  }

  /** Where thumbnails are put; undefined before {@link start}. */
  get objects(): ObjectStore | undefined {
    return this.#objects
  }

  /** Begins with what the library lacks already. */
  async start(queue: QueueEngine): Promise<void> {
    const { backend, paths, settings, signal, logger, remote } = this.#options
    this.#queue = queue
    this.#objects = await openObjectStore(this.#store)
    this.#lane = new ThumbnailLane({
      backend,
      store: this.#store,
      objects: this.#objects,
      settings,
      tempFolder: paths.tempFolder,
      signal,
      logger,
      ...(remote === undefined ? {} : { remote }),
    })
    this.#lane.watch(queue)
    void this.look()
  }

  /** For the queue's `afterCommit`, once files have their final names. */
  async follow(outputs: readonly CommittedOutput[]): Promise<void> {
    await this.#lane?.follow(outputs)
    this.#balance()
    void this.look()
  }

  /** Adds tasks for what has come into the library; resolves when all that had come by now was looked at. */
  async look(): Promise<void> {
    this.#isNews = true
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined
    })
    await this.#looking
  }

  progress(): ThumbnailStepProgress | undefined {
    return this.#lane && { ...this.#lane.tally.counts, waiting: this.#lane.openCount }
  }

  summarize(): ThumbnailStepSummary | undefined {
    if (this.#lane === undefined) return undefined
    const { problems, problemCount, reasons, counts } = this.#lane.tally
    return { ...counts, problems, problemCount, unsupportedReasons: reasons }
  }

  /** Ends what is under way here. Safe twice, and before `start`. */
  async close(): Promise<void> {
    this.#lane?.end()
    await this.#looking
    await this.#objects?.close()
  }

  async #lookAll(): Promise<void> {
    while (this.#isNews && !this.#options.signal.aborted) {
      this.#isNews = false
      this.#balance()
      try {
        await this.#lookOnce()
      } catch (error) {
        // A queue that fails says so itself.
        const { code, message } = toErrorRecord(error)
        this.#options.logger.warn('thumbnails cannot be planned', { code, error: message })
        return
      }
    }
  }

  async #lookOnce(): Promise<void> {
    const { backend, paths, settings, signal } = this.#options
    const source = new LibrarySource({ backend, root: paths.root, store: this.#store })
    for await (const { pictures, lastId } of source.pages(thumbnailStyle(settings.options), this.#lastId)) {
      await this.#lane?.add(pictures)
      if (signal.aborted) return
      this.#lastId = lastId
    }
  }

  /** All cores as soon as nothing else wants them. Those of remote workers are shared out by their hosts. */
  #balance(): void {
    const { before, settings, remote } = this.#options
    if (remote !== undefined) return
    const lanes = this.#queue?.lanes() ?? []
    const isBusy = lanes.some(
      ({ name, running, buffered }) => before.includes(name) && running + buffered > 0,
    )
    const concurrency = isBusy ? 1 : settings.workers
    if (concurrency === this.#concurrency) return
    this.#concurrency = concurrency
    this.#queue?.setConcurrency(THUMBNAIL_LANE, concurrency)
  }
}
