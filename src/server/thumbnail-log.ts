/**
 * What the log tells of the lane `thumbnail`: the same six facts as `heirloom thumbs`.
 *
 * @module
 */

import type { Logger } from '../logger.ts'
import type { QueueEngine } from '../queue/queue-engine.ts'
import { THUMBNAIL_LANE } from '../tasks/thumbnail-task.ts'

export class ThumbnailLog {
  readonly #logger: Logger
  #isBusy = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  watch(queue: QueueEngine, { workers, cpus }: { readonly workers: number; readonly cpus: number }): void {
    this.#logger.info('thumbnail queue initialized', { workers, cpus })
    queue.on('task.added', ({ lane, count }) => {
      if (lane === THUMBNAIL_LANE) this.#logger.info('thumbnail jobs queued', { jobs: count })
    })
    queue.on('task.started', ({ task }) => {
      if (task.lane !== THUMBNAIL_LANE) return
      if (!this.#isBusy) this.#logger.info('starting parallel thumbnail processing', { workers })
      this.#isBusy = true
      this.#logger.info('processing thumbnail', { task: task.id })
    })
    queue.on('task.settled', ({ task, status, error }) => {
      if (task.lane !== THUMBNAIL_LANE) return
      if (status === 'completed') this.#logger.info('thumbnail completed', { task: task.id })
      if (status === 'failed') {
        this.#logger.warn('thumbnail failed', { task: task.id, code: error?.code, error: error?.message })
      }
      this.#lookForEnd(queue)
    })
  }

  #lookForEnd(queue: QueueEngine): void {
    const lane = queue.lanes().find(({ name }) => name === THUMBNAIL_LANE)
    if (!this.#isBusy || lane === undefined || lane.running + lane.buffered > 0 || !lane.isDry) return
    this.#isBusy = false
    this.#logger.info('parallel thumbnail processing complete', {})
  }
}
