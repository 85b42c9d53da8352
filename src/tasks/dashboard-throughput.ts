/**
 * How many tasks have ended when, for a chart of the last quarter of an hour.
 *
 * The store counts the ends of each minute. Whoever looks each second sees when in the minute they came; for the time in
 * which nobody looked, the ends of a minute are spread evenly over it. Either way the sums are the store's own, so that
 * the chart begins with the past, and neither a restart nor a pruned task shows in it. Pure, but for {@link readMinutes}.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { prepared } from '../library/statements.ts'

/** Ends of one lane in one minute. */
export interface MinuteCount {
  readonly lane: string
  /** Whole minutes since the epoch. */
  readonly minute: number
  readonly ended: number
}

/** Rates of the past, lane by lane; all lists are equally long. */
export interface ThroughputHistory {
  readonly bucketMs: number
  /** Epoch milliseconds: when the first bucket begins. */
  readonly from: number
  /** Tasks a second in each bucket. */
  readonly lanes: Readonly<Record<string, readonly number[]>>
}

export const BUCKET_MS = 5_000
const MINUTE_MS = 60_000
const BUCKETS_SHOWN = (15 * MINUTE_MS) / BUCKET_MS

/** The store keeps sixteen minutes; a few lanes make a handful of rows. */
export function readMinutes(db: DatabaseSync, now: number): MinuteCount[] {
  return prepared(db, 'SELECT lane, minute, ended FROM queue_minutes WHERE minute >= ?')
    .all(Math.floor(now / MINUTE_MS) - 16)
    .map((row) => ({
      lane: String(row['lane']),
      minute: Number(row['minute']),
      ended: Number(row['ended']),
    }))
}

export class ThroughputRecord {
  /** Ends by lane and bucket (whole buckets since the epoch). */
  readonly #lanes = new Map<string, Map<number, number>>()
  /** Ends that are in the buckets already, by lane and minute. */
  readonly #known = new Map<string, number>()
  #seenAt = Number.NEGATIVE_INFINITY

  /** Answers how many have ended since the last look. */
  see(counts: readonly MinuteCount[], now: number): number {
    let endedSince = 0
    for (const { lane, minute, ended } of counts) {
      const key = `${minute} ${lane}`
      const fresh = ended - (this.#known.get(key) ?? 0)
      if (fresh <= 0) continue
      this.#known.set(key, ended)
      endedSince += fresh
      const from = Math.max(minute * MINUTE_MS, Math.min(this.#seenAt, now - 1))
      const to = Math.min((minute + 1) * MINUTE_MS, now)
      this.#spread(lane, fresh, { from: Math.min(from, to - 1), to })
    }
    this.#seenAt = now
    this.#forget(now)
    return endedSince
  }

  /** The last quarter of an hour, up to the last bucket that is over. */
  history(now: number): ThroughputHistory {
    const end = Math.floor(now / BUCKET_MS)
    const first = end - BUCKETS_SHOWN
    const lanes = [...this.#lanes].map(([lane, buckets]) => [
      lane,
      Array.from({ length: BUCKETS_SHOWN }, (_, index) =>
        round(((buckets.get(first + index) ?? 0) * 1_000) / BUCKET_MS),
      ),
    ])
    return { bucketMs: BUCKET_MS, from: first * BUCKET_MS, lanes: Object.fromEntries(lanes) }
  }

  /** Evenly over the span, and so by its share to each bucket that it touches. */
  #spread(lane: string, ended: number, { from, to }: { readonly from: number; readonly to: number }): void {
    const buckets = this.#lanes.get(lane) ?? new Map<number, number>()
    this.#lanes.set(lane, buckets)
    for (let at = from; at < to; ) {
      const bucket = Math.floor(at / BUCKET_MS)
      const until = Math.min(to, (bucket + 1) * BUCKET_MS)
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + (ended * (until - at)) / (to - from))
      at = until
    }
  }

  #forget(now: number): void {
    const oldest = Math.floor(now / BUCKET_MS) - BUCKETS_SHOWN - 1
    for (const [lane, buckets] of this.#lanes) {
      for (const bucket of buckets.keys()) if (bucket < oldest) buckets.delete(bucket)
      if (buckets.size === 0) this.#lanes.delete(lane)
    }
    const oldestMinute = Math.floor(now / MINUTE_MS) - 20
    for (const key of this.#known.keys()) {
      if (Number.parseInt(key, 10) < oldestMinute) this.#known.delete(key)
    }
  }
}

/** Three digits are more than a chart shows. */
function round(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
