/**
 * One timer for many limits, of which nearly all are met.
 *
 * Moving the limit forward costs a comparison, no timer: the one that runs is let run, and set again when it
 * rings too early.
 *
 * @module
 */

import type { Clock } from '../clock.ts'

/** Longer limits are none: a timer holds 2^31 ms. */
const MAX_LIMIT_MS = 2 ** 31 - 1

/** Timers ring up to a millisecond early. */
const SLACK_MS = 1

export class Deadline {
  readonly #clock: Clock
  readonly #onReached: () => void
  /** By `performance.now()`, which does not jump when somebody sets the machine's clock. */
  #at = Number.POSITIVE_INFINITY
  #rings = Number.POSITIVE_INFINITY
  #cancel: () => void = () => undefined

  constructor(clock: Clock, onReached: () => void) {
    this.#clock = clock
    this.#onReached = onReached
  }

  /** Replaces the limit that was set. 0, Infinity and more than 24 days set none. */
  set(limitMs: number): void {
    if (!(limitMs > 0) || limitMs > MAX_LIMIT_MS) {
      this.#at = Number.POSITIVE_INFINITY
      return
    }
    this.#at = performance.now() + limitMs
    if (this.#at < this.#rings - SLACK_MS) this.#arm(limitMs)
  }

  clear(): void {
    this.#at = Number.POSITIVE_INFINITY
  }

  /** Leaves no timer behind. */
  stop(): void {
    this.clear()
    this.#cancel()
    this.#rings = Number.POSITIVE_INFINITY
  }

  #arm(delayMs: number): void {
    this.#cancel()
    this.#rings = performance.now() + delayMs
    this.#cancel = this.#clock.after(delayMs, () => this.#ring())
  }

  #ring(): void {
    this.#rings = Number.POSITIVE_INFINITY
    if (this.#at === Number.POSITIVE_INFINITY) return
    const leftMs = this.#at - performance.now()
    if (leftMs > SLACK_MS) {
      this.#arm(leftMs)
      return
    }
    this.clear()
    this.#onReached()
  }
}
