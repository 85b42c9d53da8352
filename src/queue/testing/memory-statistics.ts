/**
 * Statistics of the reference backend: every event is kept, every answer is found by looking at all of them.
 *
 * Its quantiles are exact, so that the histograms of others can be measured by them.
 *
 * @module
 */

import type { LaneStatistics, StatusCounts } from '../backend.ts'
import type { Task, TaskStatus } from '../task.ts'

interface Event {
  readonly lane: string
  readonly at: number
  /** The state that a task of the lane came to. */
  readonly to?: TaskStatus
  readonly tookMs?: number
}

const MINUTE_MS = 60_000

export class MemoryStatistics {
  #events: Event[] = []

  /** A task is about to be stored. */
  note(before: Task | undefined, after: Task, at: number): void {
    const arrives = before?.status !== after.status || before.lane !== after.lane
    if (arrives) this.#events.push({ lane: after.lane, at, to: after.status })
  }

  took(lane: string, tookMs: number | undefined, at: number): void {
    if (tookMs !== undefined && tookMs >= 0 && tookMs < Number.POSITIVE_INFINITY)
      this.#events.push({ lane, at, tookMs })
  }

  /** How much is known, for {@link MemoryStatistics.restore}. */
  snapshot(): number {
    return this.#events.length
  }

  restore(snapshot: number): void {
    this.#events.length = snapshot
  }

  /** Of each lane that ever had a task, or is paused. */
  all(paused: readonly string[], countsOf: (lane: string) => StatusCounts, now: number): LaneStatistics[] {
    const lanes = new Set([...this.#events.map(({ lane }) => lane), ...paused])
    return [...lanes].sort().map((lane) => {
      const events = this.#events.filter((event) => event.lane === lane)
      return {
        lane,
        paused: paused.includes(lane),
        counts: countsOf(lane),
        retries: events.filter(({ to }) => to === 'retry').length,
        durations: durationsOf(events),
        throughput: throughputOf(events, now),
      }
    })
  }
}

function durationsOf(events: readonly Event[]): LaneStatistics['durations'] {
  const sorted = events.flatMap(({ tookMs }) => tookMs ?? []).sort((a, b) => a - b)
  const at = (q: number): number => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0
  return {
    count: sorted.length,
    averageMs: sorted.reduce((sum, ms) => sum + ms, 0) / Math.max(1, sorted.length),
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs: sorted.at(-1) ?? 0,
  }
}

function throughputOf(events: readonly Event[], now: number): LaneStatistics['throughput'] {
  const ended = events.filter(({ to }) => to === 'completed' || to === 'failed')
  const over = (minutes: number): number => {
    const since = now - minutes * MINUTE_MS
    return ended.filter(({ at }) => at >= since && at <= now).length / (minutes * 60)
  }
  return { m1: over(1), m5: over(5), m15: over(15) }
}
