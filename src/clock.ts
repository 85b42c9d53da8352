/**
 * Time as a dependency, so that tests decide what time it is.
 *
 * @module
 */

/** Where the time comes from, and how to wait for it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Calls back once after `delayMs`; the returned function cancels it, safely also when it has run. */
  after(delayMs: number, callback: () => void): () => void
}

/** The machine's own clock. A pending wait does not keep the process alive. */
export const systemClock: Clock = Object.freeze({
  now: (): number => Date.now(),
  after: (delayMs: number, callback: () => void): (() => void) => {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
})

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now: number
  #waiting: { at: number; callback: () => void }[] = []

  constructor(nowMs: number = Date.UTC(2026, 0, 1)) {
    this.#now = nowMs
  }

  now(): number {
    return this.#now
  }

  after(delayMs: number, callback: () => void): () => void {
    const entry = { at: this.#now + delayMs, callback }
    this.#waiting.push(entry)
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== entry)
    }
  }

  /** Moves the time on and calls what became due, in order of its time. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const next = this.#waiting.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#waiting = this.#waiting.filter((other) => other !== next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
    }
    this.#now = until
  }
}
