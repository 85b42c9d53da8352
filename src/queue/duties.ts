/**
 * What has to be done again and again while a queue runs.
 *
 * @module
 */

import type { Clock } from '../clock.ts'

/** Repeats duties by the clock, or does them when asked. None overlaps itself; after `stop` none is done any more. */
export class Duties {
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  readonly #cancels = new Set<() => void>()
  readonly #running = new Set<Promise<void>>()
  #isStopped = false

  /** `onError` gets what a duty rejects with; that duty is not repeated. */
  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock
    this.#onError = onError
  }

  /** The pause is counted from the end of a duty. */
  every(intervalMs: number, duty: () => Promise<void>): void {
    this.after(intervalMs, () => this.#do(duty, () => this.every(intervalMs, duty)))
  }

  /**
   * A duty that is done as soon as it is asked for, and then not for `gapMs`: what is asked for meanwhile is done
   * once, after that.
   */
  onDemand(gapMs: number, duty: () => Promise<void>): () => void {
    let isResting = false
    let isAsked = false
    const ask = (): void => {
      isAsked = isResting
      if (isResting || this.#isStopped) return
      isResting = true
      this.#do(duty, () =>
        this.after(gapMs, () => {
          isResting = false
          if (isAsked) ask()
        }),
      )
    }
    return ask
  }

  /** Calls back once, unless it is stopped before; the returned function takes it back. */
  after(delayMs: number, callback: () => void): () => void {
    if (this.#isStopped) return () => undefined
    const cancelTimer = this.#clock.after(delayMs, () => {
      this.#cancels.delete(cancel)
      callback()
    })
    const cancel = (): void => {
      cancelTimer()
      this.#cancels.delete(cancel)
    }
    this.#cancels.add(cancel)
    return cancel
  }

  /** Resolves when none is under way, and none will be. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const cancel of [...this.#cancels]) cancel()
    await Promise.all(this.#running)
  }

  #do(duty: () => Promise<void>, then: () => void): void {
    const run = duty()
      .then(then, this.#onError)
      .finally(() => this.#running.delete(run))
    this.#running.add(run)
  }
}
