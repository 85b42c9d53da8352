/**
 * When a failed task may try again: exponential backoff with full jitter.
 *
 * Full jitter (a uniform share of the whole delay, not a few per cent around it) spreads tasks that failed
 * together, say because a disk was full for a moment, over the whole interval.
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @module
 */

/** Delay before the first retry, before jitter. */
export const DEFAULT_RETRY_DELAY_MS = 5_000

/** No delay is longer: someone waits for the end of the run. */
export const DEFAULT_MAX_DELAY_MS = 300_000

/** A hundred years: whoever sets no cap still gets an instant that can be stored. */
const LONGEST_DELAY_MS = 100 * 365 * 86_400_000

export interface RetryOptions {
  /** Failed attempts so far, from 1. */
  readonly attempt: number
  /** Default 5 s. */
  readonly retryDelayMs?: number
  /** Default 5 min. */
  readonly maxDelayMs?: number
  /** Epoch milliseconds. */
  readonly now: number
  /** From [0, 1), such as Math.random. */
  readonly random: () => number
}

/** Epoch milliseconds of the next attempt: `now` plus a random share of `retryDelayMs × 2^(attempt − 1)`. */
export function nextAttemptAt(options: RetryOptions): number {
  const { attempt, retryDelayMs = DEFAULT_RETRY_DELAY_MS, maxDelayMs = DEFAULT_MAX_DELAY_MS } = options
  // 2^n is Infinity from n = 1024 on, and 0 × Infinity is NaN: the exponent is capped, far beyond any cap in ms.
  const factor = 2 ** Math.min(Math.max(attempt, 1) - 1, 60)
  const delayMs = Math.min(maxDelayMs, retryDelayMs * factor, LONGEST_DELAY_MS)
  return options.now + Math.round(options.random() * delayMs)
}
