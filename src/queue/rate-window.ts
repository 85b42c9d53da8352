/**
 * Tokens of a rate limit: each claimed task takes one, and it comes back `perMs` later.
 *
 * So no window of `perMs`, wherever it begins, sees more than `limit` claims; a bucket that drips would let twice
 * as many through a window that begins with a full one. Tokens that come back within a hundredth of `perMs` of
 * each other come back together, at the last one's time: a lane keeps about a hundred numbers, whatever the limit.
 *
 * @module
 */

import type { RateLimit } from './backend.ts'

/** Tokens that are out, and when they come back; in order of time, none in the past. */
export type TakenTokens = readonly { readonly backAt: number; readonly tokens: number }[]

export function freeTokens({ limit }: RateLimit, taken: TakenTokens): number {
  return Math.max(0, Math.floor(limit) - taken.reduce((sum, { tokens }) => sum + tokens, 0))
}

/** When a token that is taken `now` comes back. Epoch milliseconds. */
export function tokenBackAt({ perMs }: RateLimit, now: number): number {
  const grainMs = Math.max(1, Math.floor(perMs / 100))
  return Math.ceil((now + perMs) / grainMs) * grainMs
}

/**
 * The tokens as the clock of now can believe them: none can come back later than one that is taken now. Those that do
 * were taken when the clock was ahead, or `perMs` was longer; left alone they would hold up the lane until then.
 */
export function believable(rate: RateLimit, taken: TakenTokens, now: number): TakenTokens {
  const latest = tokenBackAt(rate, now)
  return taken.map(({ backAt, tokens }) => ({ backAt: Math.min(backAt, latest), tokens }))
}

/** From when on there is a token: `now` when there is one, undefined when the limit lets nothing through. */
export function nextTokenAt(rate: RateLimit, taken: TakenTokens, now: number): number | undefined {
  if (rate.limit < 1) return undefined
  if (freeTokens(rate, taken) > 0) return now
  let out = taken.reduce((sum, { tokens }) => sum + tokens, 0)
  // After the limit was lowered, more tokens than one have to come back before the next is free.
  for (const { backAt, tokens } of taken) {
    out -= tokens
    if (out < Math.floor(rate.limit)) return backAt
  }
  return undefined
}
