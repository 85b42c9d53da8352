/**
 * Tells a caller how a queue is doing, every so often and at the end.
 *
 * The caller's function is a guest: when it throws, rejects or never answers, that is logged or ignored, and the
 * queue goes on. It is not called again before its last promise has settled.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import type { QueueStatistics } from './statistics.ts'

export type ProgressCallback = (statistics: QueueStatistics) => unknown

export interface ProgressOptions {
  readonly clock: Clock
  readonly intervalMs: number
  readonly read: () => Promise<QueueStatistics>
  /** Called with each reading, before the caller's function. */
  readonly onReading: (statistics: QueueStatistics) => void
  /** Called with what the caller's function threw, and with what a reading threw. */
  readonly onError: (error: unknown) => void
}

export class Progress {
  readonly #options: ProgressOptions
  #callback: ProgressCallback | undefined
  #isAnswering = false
  #cancel: () => void = () => undefined
  #reading: Promise<void> = Promise.resolve()
  #isRunning = false

  constructor(options: ProgressOptions) {
    this.#options = options
  }

  start(callback?: ProgressCallback): void {
    this.#callback = callback ?? this.#callback
    if (this.#isRunning) return
    this.#isRunning = true
    this.#schedule()
  }

  /** Reads a last time, tells it, and resolves with it when no reading is under way; undefined when none could be had. */
  async stop(): Promise<QueueStatistics | undefined> {
    if (!this.#isRunning) return undefined
    this.#isRunning = false
    this.#cancel()
    await this.#reading
    const last = await this.runOnce()
    this.#callback = undefined
    return last
  }

  /** One reading, told to everybody. Never rejects. */
  async runOnce(): Promise<QueueStatistics | undefined> {
    let statistics: QueueStatistics | undefined
    try {
      statistics = await this.#options.read()
      this.#options.onReading(statistics)
      this.#tell(statistics)
    } catch (error) {
      this.#options.onError(error)
    }
    return statistics
  }

  #schedule(): void {
    this.#cancel = this.#options.clock.after(this.#options.intervalMs, () => {
      this.#reading = this.runOnce().then(() => {
        if (this.#isRunning) this.#schedule()
      })
    })
  }

  #tell(statistics: QueueStatistics): void {
    if (this.#callback === undefined || this.#isAnswering) return
    const answer = this.#callback(statistics)
    if (!(answer instanceof Promise)) return
    this.#isAnswering = true
    answer.catch(this.#options.onError).finally(() => {
      this.#isAnswering = false
    })
  }
}
