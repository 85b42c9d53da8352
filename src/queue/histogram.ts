/**
 * Durations as counts in buckets that are each 10 % wider than the one before.
 *
 * A quantile read from the buckets is within 10 % of the exact one, however many durations there are and
 * wherever they lie, and the buckets of two processes are added up by adding their counts.
 *
 * @module
 */

/** How much wider each bucket is. */
const GROWTH = 1.1

/** Durations below this many ms are all the same to us: what the clock of a handler can tell apart. */
const SMALLEST_MS = 0.01

/** Counts by bucket. */
export type Histogram = ReadonlyMap<number, number>

/** The bucket of a duration: 0 for those up to 0.01 ms, then one for each further 10 %. */
export function bucketOf(durationMs: number): number {
  if (!(durationMs > SMALLEST_MS)) return 0
  return Math.ceil(Math.log(durationMs / SMALLEST_MS) / Math.log(GROWTH))
}

/**
 * The duration that the share `q` (0 to 1) of all durations does not exceed, in ms: 0 when there are none,
 * within 10 % of the exact one otherwise, and never above `maxMs`.
 */
export function quantile(histogram: Histogram, q: number, maxMs: number = Number.POSITIVE_INFINITY): number {
  const rank = Math.max(1, Math.ceil(q * countOf(histogram)))
  let seen = 0
  for (const [bucket, count] of [...histogram].sort(([a], [b]) => a - b)) {
    seen += count
    if (seen >= rank) return Math.min(middleOf(bucket), maxMs)
  }
  return 0
}

/** How many durations there are. */
export function countOf(histogram: Histogram): number {
  let count = 0
  for (const one of histogram.values()) count += one
  return count
}

/** The geometric middle, so that the error is the same towards both ends: 4.9 %. */
function middleOf(bucket: number): number {
  return bucket === 0 ? SMALLEST_MS : SMALLEST_MS * GROWTH ** (bucket - 0.5)
}
