/**
 * How fast a queue is while somebody watches it: by what ended between the looks of the last seconds.
 *
 * The queue itself counts by the minute, so that a run of five seconds has done a twelfth of its real speed by that
 * count, and its end would be told twelve times too late. Whoever looks again and again can do better.
 *
 * @module
 */

import { type QueueSnapshot, toSnapshot } from './queue-snapshot.ts'

/** Long enough for a figure that stands still, short enough to follow a change. */
const WINDOW_MS = 10_000
/** Between two looks that are nearer than that, one commit more or less would be half of it. */
const MIN_SPAN_MS = 900

interface Look {
  readonly at: number
  /** Tasks that have ended `completed` or `failed`, by lane. */
  readonly ended: ReadonlyMap<string, number>
}

/** Remembers the looks of the last ten seconds. */
export class RecentRate {
  readonly #looks: Look[] = []

  /**
   * The snapshot, with each lane's rate over the last minute raised to that of the last seconds where that is
   * higher, and the estimates that follow. Never lowered: a lane of slow tasks is not idle because none has just
   * ended, and pruning takes tasks out of the counts.
   */
  see(snapshot: QueueSnapshot): QueueSnapshot {
    const { now, lanes, database, library } = snapshot
    this.#looks.push({
      at: now,
      ended: new Map(lanes.map(({ lane, counts }) => [lane, counts.completed + counts.failed])),
    })
    // The last one that is older than the window stays: its span is the whole window.
    while ((this.#looks[1]?.at ?? now) <= now - WINDOW_MS) this.#looks.shift()
    const first = this.#looks[0]
    const spanMs = now - (first?.at ?? now)
    if (first === undefined || spanMs < MIN_SPAN_MS) return snapshot
    const statistics = lanes.map(({ etaMs: _etaMs, ...lane }) => {
      const { completed, failed } = lane.counts
      const before = first.ended.get(lane.lane) ?? 0
      const perSecond = ((completed + failed - before) * 1_000) / spanMs
      return { ...lane, throughput: { ...lane.throughput, m1: Math.max(lane.throughput.m1, perSecond) } }
    })
    const { coordinators, schedules } = snapshot
    const place = library === undefined ? { database } : { database, library }
    return toSnapshot({ statistics, coordinators, schedules }, place, now)
  }
}
