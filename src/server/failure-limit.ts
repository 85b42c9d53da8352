/**
 * Slows down those who try tokens: after some failures an address has to wait, whatever it sends.
 *
 * @module
 */

import type { Clock } from '../clock.ts'

/** A person who mistypes is well below; of 2^256 tokens nobody tries a thousandth part at that rate. */
const MAX_FAILURES = 10
const WINDOW_MS = 60_000

/** Addresses that are remembered: more means that somebody has many, and then the oldest go. */
const MAX_ADDRESSES = 10_000

export class FailureLimit {
  readonly #clock: Clock
  readonly #failures = new Map<string, { count: number; readonly until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Seconds that this address has to wait; undefined when it need not. */
  waitOf(address: string): number | undefined {
    const entry = this.#entry(address)
    if (entry === undefined || entry.count < MAX_FAILURES) return undefined
    return Math.max(1, Math.ceil((entry.until - this.#clock.now()) / 1000))
  }

  note(address: string): void {
    const entry = this.#entry(address)
    if (entry !== undefined) {
      entry.count += 1
      return
    }
    if (this.#failures.size >= MAX_ADDRESSES) {
      const oldest = this.#failures.keys().next().value
      if (oldest !== undefined) this.#failures.delete(oldest)
    }
    this.#failures.set(keyOf(address), { count: 1, until: this.#clock.now() + WINDOW_MS })
  }

  #entry(address: string): { count: number; readonly until: number } | undefined {
    const entry = this.#failures.get(keyOf(address))
    if (entry === undefined || entry.until > this.#clock.now()) return entry
    this.#failures.delete(keyOf(address))
    return undefined
  }
}

/** One who has an IPv6 network has 2^64 addresses of it. */
function keyOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/u, '')
  return plain.includes(':') ? expand(plain).slice(0, 4).join(':') : plain
}

/** The eight groups of an IPv6 address. */
function expand(address: string): string[] {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle = tail === undefined ? [] : Array.from({ length: 8 - first.length - last.length }, () => '0')
  return [...first, ...middle, ...last].map((group) => group.replace(/^0+(?=.)/u, ''))
}
