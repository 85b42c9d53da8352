/**
 * What has to be done again and again while a queue runs.
 *
 * @module
 */

import type { Clock } from '../clock.ts'

/** Repeats duties by the clock. The pause is counted from the end of a duty, so that none overlaps itself. */
export class Duties {
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  readonly #cancels = new Set<() => void>()
  readonly #running = new Set<Promise<void>>()

  /** `onError` gets what a duty rejects with; that duty is not repeated. */
  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock
    this.#onError = onError
  }

  every(intervalMs: number, duty: () => Promise<void>): void {
    const cancel = this.#clock.after(intervalMs, () => {
      this.#cancels.delete(cancel)
      const run = duty()
        .then(() => {
          if (this.#running.has(run)) this.every(intervalMs, duty)
        }, this.#onError)
        .finally(() => this.#running.delete(run))
      this.#running.add(run)
    })
    this.#cancels.add(cancel)
  }

  /** Resolves when none runs, and none will. */
  async stop(): Promise<void> {
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
    const running = [...this.#running]
    this.#running.clear()
    await Promise.all(running)
  }
}
