/**
 * How many tasks end a second, from their number in each minute.
 *
 * @module
 */

const MINUTE_MS = 60_000

/** Minutes that are asked for: fifteen, and the one in which the fifteenth began. */
export const MINUTES_KEPT = 16

/** Whole minutes since the epoch. */
export function minuteOf(now: number): number {
  return Math.floor(now / MINUTE_MS)
}

export interface Throughput {
  readonly m1: number
  readonly m5: number
  readonly m15: number
}

/**
 * Tasks a second over the last 1, 5 and 15 minutes, by sliding windows: of the minute in which a window begins,
 * the share counts that is in the window, as if its tasks had been spread evenly.
 */
export function throughputOf(endedInMinute: ReadonlyMap<number, number>, now: number): Throughput {
  const current = minuteOf(now)
  const share = 1 - (now / MINUTE_MS - current)
  const over = (minutes: number): number => {
    let ended = (endedInMinute.get(current - minutes) ?? 0) * share
    for (let back = 0; back < minutes; back += 1) ended += endedInMinute.get(current - back) ?? 0
    return ended / (minutes * 60)
  }
  return { m1: over(1), m5: over(5), m15: over(15) }
}
