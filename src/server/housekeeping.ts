/**
 * Lets finished tasks go now and then, so that the database of a server that runs for months does not grow for ever.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import { toErrorRecord } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Backend } from '../queue/backend.ts'
import { applyRetention } from '../queue/retention.ts'

const EVERY_MS = 60 * 60_000

export interface HousekeepingOptions {
  readonly backend: Pick<Backend, 'prune' | 'counts'>
  readonly clock: Clock
  readonly logger: Logger
}

export class HousekeepingTimer {
  readonly #options: HousekeepingOptions
  #cancel: () => void = () => undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: HousekeepingOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#isStopped) return
    this.#cancel = this.#options.clock.after(EVERY_MS, () => {
      this.#running = this.runOnce().then(() => this.start())
    })
  }

  /** Never rejects: what cannot be forgotten now is forgotten later. */
  async runOnce(): Promise<void> {
    const { backend, clock, logger } = this.#options
    try {
      const pruned = await applyRetention(backend, {}, clock.now())
      if (pruned > 0) logger.info('finished tasks forgotten', { tasks: pruned })
    } catch (error) {
      logger.warn('finished tasks cannot be forgotten', { ...toErrorRecord(error) })
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    await this.#running
  }
}
