/**
 * A queue at one moment, as all views show it, and what follows from the numbers: sums and the estimate of an end.
 *
 * @module
 */

import type { Backend, Coordinator, LaneStatistics, StatusCounts, StoredSchedule } from '../queue/backend.ts'
import type { TaskStatus } from '../queue/task.ts'

/** Where a queue lies. */
export interface QueuePlace {
  /** Absolute path of the database. */
  readonly database: string
  /** Absolute path of the library that the database is of. */
  readonly library?: string
}

export interface LaneSnapshot extends LaneStatistics {
  /** Until the lane has no open task, at its present rate; absent when nothing can be said. */
  readonly etaMs?: number
}

export interface QueueSnapshot extends QueuePlace {
  /** Epoch milliseconds. */
  readonly now: number
  /** Of all lanes. */
  readonly counts: StatusCounts
  readonly lanes: readonly LaneSnapshot[]
  readonly coordinators: readonly Coordinator[]
  readonly schedules: readonly StoredSchedule[]
  /** Tasks that ended `completed` or `failed` a second, of all lanes. */
  readonly throughput: LaneStatistics['throughput']
  /** Until nothing is open; absent when nothing can be said. */
  readonly etaMs?: number
}

export async function readSnapshot(
  backend: Backend,
  place: QueuePlace,
  now: number,
  onlyLane?: string,
): Promise<QueueSnapshot> {
  const [all, coordinators, schedules] = await Promise.all([
    backend.statistics(),
    backend.coordinators(),
    backend.schedules(),
  ])
  const statistics = onlyLane === undefined ? all : all.filter(({ lane }) => lane === onlyLane)
  return toSnapshot({ statistics, coordinators, schedules }, place, now)
}

export function toSnapshot(
  read: {
    readonly statistics: readonly LaneStatistics[]
    readonly coordinators: readonly Coordinator[]
    readonly schedules: readonly StoredSchedule[]
  },
  place: QueuePlace,
  now: number,
): QueueSnapshot {
  const lanes = [...read.statistics]
    .sort((a, b) => (a.lane < b.lane ? -1 : 1))
    .map((lane): LaneSnapshot => {
      const etaMs = etaOf(lane)
      return etaMs === undefined ? lane : { ...lane, etaMs }
    })
  const etaMs = latestEnd(lanes)
  return {
    now,
    ...place,
    counts: sumCounts(lanes.map(({ counts }) => counts)),
    lanes,
    coordinators: read.coordinators,
    schedules: [...read.schedules].sort((a, b) => (a.nextAt ?? Infinity) - (b.nextAt ?? Infinity)),
    throughput: sumThroughput(lanes),
    ...(etaMs === undefined ? {} : { etaMs }),
  }
}

/** Not final. */
export function openOf({ waiting, pending, processing, retry }: StatusCounts): number {
  return waiting + pending + processing + retry
}

export function finalOf({ completed, failed, cancelled }: StatusCounts): number {
  return completed + failed + cancelled
}

export function workersOf(coordinators: readonly Coordinator[]): number {
  return coordinators.reduce(
    (sum, { lanes }) => sum + Object.values(lanes).reduce((some, { workers }) => some + workers, 0),
    0,
  )
}

/** At the newest rate that there is: a lane that did nothing for a minute may be slow, not idle. */
function etaOf({ paused, counts, throughput }: LaneStatistics): number | undefined {
  const open = openOf(counts)
  if (open === 0) return 0
  const rate = [throughput.m1, throughput.m5, throughput.m15].find((perSecond) => perSecond > 0)
  return paused || rate === undefined ? undefined : Math.round((open / rate) * 1000)
}

/** Lanes work side by side, so the last one counts; one whose tasks all wait for others says nothing. */
function latestEnd(lanes: readonly LaneSnapshot[]): number | undefined {
  const busy = lanes.filter(({ counts, etaMs }) => etaMs !== undefined || openOf(counts) > counts.waiting)
  if (busy.length === 0 || busy.some(({ etaMs }) => etaMs === undefined)) return undefined
  return Math.max(...busy.map(({ etaMs = 0 }) => etaMs))
}

function sumCounts(all: readonly StatusCounts[]): StatusCounts {
  const sum = (status: TaskStatus): number => all.reduce((total, counts) => total + counts[status], 0)
  return {
    waiting: sum('waiting'),
    pending: sum('pending'),
    processing: sum('processing'),
    retry: sum('retry'),
    completed: sum('completed'),
    failed: sum('failed'),
    cancelled: sum('cancelled'),
  }
}

function sumThroughput(lanes: readonly LaneSnapshot[]): LaneStatistics['throughput'] {
  const sum = (window: 'm1' | 'm5' | 'm15'): number =>
    lanes.reduce((total, { throughput }) => total + throughput[window], 0)
  return { m1: sum('m1'), m5: sum('m5'), m15: sum('m15') }
}
