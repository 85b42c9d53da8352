/**
 * Tells a person that tasks wait for worker hosts that are not there: nothing fails because of that, and nothing happens.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { OpenRemoteLanes } from '../queue/bullmq/remote-lanes.ts'

/** Hosts are often started together with their coordinator. */
const FIRST_LOOK_MS = 3_000

const LOOK_MS = 10_000

export interface HostWatchOptions {
  readonly lanes: Pick<OpenRemoteLanes, 'workerHosts' | 'queueDepths'>
  readonly clock: Clock
  readonly logger: Logger
}

export class HostWatch {
  readonly #options: HostWatchOptions
  /** Lanes of which it was told that nobody works on them. */
  readonly #told = new Set<string>()
  #cancel: () => void = () => undefined
  #isStopped = false

  constructor(options: HostWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#lookAfter(FIRST_LOOK_MS)
  }

  /** Waits for nothing: a Redis that is away may not answer for hours. */
  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  /** One look: tells what has changed since the last one. */
  async runOnce(): Promise<void> {
    const { lanes, logger } = this.#options
    const depths = await lanes.queueDepths()
    const hosts = await lanes.workerHosts()
    if (this.#isStopped) return
    for (const { lane, waiting } of depths) {
      const isServed = hosts.some((host) => (host.lanes[lane]?.concurrency ?? 0) > 0)
      if (isServed && this.#told.delete(lane)) logger.info('worker host takes tasks', { lane })
      if (isServed || waiting === 0 || this.#told.has(lane)) continue
      this.#told.add(lane)
      const hint = `start one: heirloom worker --lanes ${lane}`
      logger.warn('tasks wait, no worker host takes them', { lane, waiting, hint })
    }
  }

  #lookAfter(ms: number): void {
    this.#cancel = this.#options.clock.after(ms, () => {
      // Whoever carries the tasks has told why it does not answer.
      void this.runOnce()
        .catch(() => undefined)
        .finally(() => {
          if (!this.#isStopped) this.#lookAfter(LOOK_MS)
        })
    })
  }
}
