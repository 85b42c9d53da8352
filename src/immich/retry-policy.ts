/**
 * Whether a failed call is made again, and after how long: exponential backoff with full jitter, or the server's wish.
 *
 * What may be repeated: a call that changes nothing the second time may be after anything that can pass by itself. A
 * call that would do its work twice may be only if the first certainly did nothing: nothing left this machine, or a
 * 429, which proxies answer in place of the server.
 *
 * @module
 */

import type { CallFailure } from './immich-errors.ts'

export interface RetryOptions {
  /** Attempts in all. Default 5. */
  readonly attempts?: number
  /** Longest delay before the second attempt; doubles with each. Default 500 ms. */
  readonly baseMs?: number
  /** No delay of ours is longer. Default 30 s. */
  readonly maxMs?: number
  /** A server that asks for a longer wait fails the call, for the queue to repeat. Default 2 min. */
  readonly maxRetryAfterMs?: number
}

export const DEFAULT_RETRY: Required<RetryOptions> = Object.freeze({
  attempts: 5,
  baseMs: 500,
  maxMs: 30_000,
  maxRetryAfterMs: 120_000,
})

/** Whether a second time would do harm: `never` is for calls that make something anew. */
export type Repeat = 'safe' | 'never'

/** Statuses that pass by themselves. 507 does not: someone has to free space. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504])

/** Milliseconds until the next attempt, or undefined when there is none. `attempt` is the one that failed, from 1. */
export function retryDelayMs(
  failure: CallFailure,
  context: {
    readonly attempt: number
    readonly repeat: Repeat
    readonly options: Required<RetryOptions>
    readonly random: () => number
  },
): number | undefined {
  const { attempt, repeat, options, random } = context
  if (attempt >= options.attempts || !mayRepeat(failure, repeat)) return undefined
  const wishMs = failure.kind === 'status' ? (failure.retryAfterMs ?? 0) : 0
  if (wishMs > options.maxRetryAfterMs) return undefined
  const longestMs = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(attempt - 1, 40))
  // The wish is a minimum: with jitter on top, callers that were sent away together do not come back together.
  return wishMs + Math.round(random() * longestMs)
}

function mayRepeat(failure: CallFailure, repeat: Repeat): boolean {
  if (failure.kind === 'final') return false
  if (failure.kind === 'status')
    return repeat === 'safe' ? PASSING.has(failure.status) : failure.status === 429
  return repeat === 'safe' || (failure.kind === 'connection' && !failure.wasSent)
}

/**
 * Milliseconds of a `Retry-After` header: seconds or an HTTP date; undefined for anything else. A date that has passed
 * is 0. Source: RFC 9110, 10.2.3.
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  if (/^\d{1,9}$/u.test(text)) return Number(text) * 1000
  // Date.parse takes far more than HTTP dates, such as "-5"; they all name a month.
  const atMs = /[a-z]{3}/iu.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}
