/**
 * How long handlers take, how many tasks end a minute, how often attempts are repeated: by lane.
 *
 * Gathered while a transaction runs and written once at its end, as the counts are: a batch of a hundred ends
 * is a handful of statements. What is written are sums, so that every process adds its own.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LaneStatistics } from '../backend.ts'
import { bucketOf, countOf, quantile } from '../histogram.ts'
import type { TaskStatus } from '../task.ts'
import { MINUTES_KEPT, minuteOf, throughputOf } from '../throughput.ts'

/** What happened to one attempt: how long its handler took, or the state that its task went to. */
interface Event {
  readonly lane: string
  readonly took?: number
  readonly to?: TaskStatus
}

/** What a transaction adds to the statistics of a lane. */
interface LaneChanges {
  retries: number
  ended: number
  sumMs: number
  maxMs: number
  readonly buckets: Map<number, number>
}

interface SumsRow {
  readonly retries: number
  readonly sum_ms: number
  readonly max_ms: number
}

export class StatisticsTable {
  readonly #addSums: StatementSync
  readonly #addBucket: StatementSync
  readonly #addMinute: StatementSync
  readonly #dropMinutes: StatementSync
  readonly #sums: StatementSync
  readonly #buckets: StatementSync
  readonly #minutes: StatementSync
  /** Of the running transaction. */
  #events: Event[] = []
  /** The minute in which this process last removed old ones. */
  #tidiedIn = Number.NaN

  constructor(db: DatabaseSync) {
    this.#addSums = db.prepare(
      `INSERT INTO queue_statistics (lane, retries, sum_ms, max_ms) VALUES (:lane, :retries, :sumMs, :maxMs)
       ON CONFLICT (lane) DO UPDATE SET retries = retries + excluded.retries,
         sum_ms = sum_ms + excluded.sum_ms, max_ms = max(max_ms, excluded.max_ms)`,
    )
    this.#addBucket = db.prepare(
      `INSERT INTO queue_durations (lane, bucket, attempts) VALUES (?, ?, ?)
       ON CONFLICT (lane, bucket) DO UPDATE SET attempts = attempts + excluded.attempts`,
    )
    this.#addMinute = db.prepare(
      `INSERT INTO queue_minutes (lane, minute, ended) VALUES (?, ?, ?)
       ON CONFLICT (lane, minute) DO UPDATE SET ended = ended + excluded.ended`,
    )
    this.#dropMinutes = db.prepare('DELETE FROM queue_minutes WHERE minute NOT BETWEEN ? AND ?')
    this.#sums = db.prepare('SELECT * FROM queue_statistics WHERE lane = ?')
    this.#buckets = db.prepare('SELECT bucket, attempts FROM queue_durations WHERE lane = ?')
    this.#minutes = db.prepare('SELECT minute, ended FROM queue_minutes WHERE lane = ?')
  }

  took(lane: string, durationMs: number | undefined): void {
    if (durationMs !== undefined && durationMs >= 0 && durationMs < Number.POSITIVE_INFINITY)
      this.#events.push({ lane, took: durationMs })
  }

  /** A task of `lane` has come to this state. */
  arrived(lane: string, to: TaskStatus): void {
    if (to === 'retry' || to === 'completed' || to === 'failed') this.#events.push({ lane, to })
  }

  /** How much there is so far, for {@link StatisticsTable.restore} when a part of the transaction is undone. */
  snapshot(): number {
    return this.#events.length
  }

  restore(snapshot: number): void {
    this.#events.length = snapshot
  }

  /** Writes the sums inside the transaction that is about to commit. */
  flush(now: number): void {
    if (this.#events.length === 0) return
    const minute = minuteOf(now)
    for (const [lane, changes] of sumUp(this.#events)) this.#write(lane, changes, minute)
    this.#events = []
    if (minute === this.#tidiedIn) return
    // The next minute may be there already: the clocks of two processes need not agree to the millisecond.
    this.#dropMinutes.run(minute - MINUTES_KEPT + 1, minute + 1)
    this.#tidiedIn = minute
  }

  /** Of lanes whose counts are known. */
  of(lane: string, now: number): Pick<LaneStatistics, 'retries' | 'durations' | 'throughput'> {
    const sums = this.#sums.get(lane) as unknown as SumsRow | undefined
    const maxMs = sums?.max_ms ?? 0
    const buckets = numbersOf(this.#buckets.all(lane), 'bucket', 'attempts')
    const count = countOf(buckets)
    const at = (q: number): number => quantile(buckets, q, maxMs)
    return {
      retries: sums?.retries ?? 0,
      durations: {
        count,
        averageMs: count === 0 ? 0 : (sums?.sum_ms ?? 0) / count,
        p50Ms: at(0.5),
        p95Ms: at(0.95),
        p99Ms: at(0.99),
        maxMs,
      },
      throughput: throughputOf(numbersOf(this.#minutes.all(lane), 'minute', 'ended'), now),
    }
  }

  #write(lane: string, { retries, ended, sumMs, maxMs, buckets }: LaneChanges, minute: number): void {
    if (retries > 0 || buckets.size > 0) this.#addSums.run({ lane, retries, sumMs, maxMs })
    for (const [bucket, attempts] of buckets) this.#addBucket.run(lane, bucket, attempts)
    if (ended > 0) this.#addMinute.run(lane, minute, ended)
  }
}

function sumUp(events: readonly Event[]): ReadonlyMap<string, LaneChanges> {
  const lanes = new Map<string, LaneChanges>()
  for (const { lane, took, to } of events) {
    const changes = lanes.get(lane) ?? { retries: 0, ended: 0, sumMs: 0, maxMs: 0, buckets: new Map() }
    lanes.set(lane, changes)
    if (took !== undefined) addDuration(changes, took)
    else if (to === 'retry') changes.retries += 1
    else changes.ended += 1
  }
  return lanes
}

function addDuration(changes: LaneChanges, durationMs: number): void {
  const bucket = bucketOf(durationMs)
  changes.buckets.set(bucket, (changes.buckets.get(bucket) ?? 0) + 1)
  changes.sumMs += durationMs
  changes.maxMs = Math.max(changes.maxMs, durationMs)
}

function numbersOf(
  rows: readonly Record<string, unknown>[],
  key: string,
  value: string,
): ReadonlyMap<number, number> {
  return new Map(rows.map((row) => [Number(row[key]), Number(row[value])]))
}
