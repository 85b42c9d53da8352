/**
 * Made-up snapshots for the tests of the page.
 *
 * @module
 */

import type { StatusCounts } from '../../../queue/backend.ts'
import type { SnapshotView } from '../../dashboard-events.ts'

export const NO_TASKS: StatusCounts = {
  waiting: 0,
  pending: 0,
  processing: 0,
  retry: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
}

export function sampleLane(
  lane: string,
  counts: Partial<StatusCounts> = {},
  changes: Partial<SnapshotView['lanes'][number]> = {},
): SnapshotView['lanes'][number] {
  return {
    lane,
    paused: false,
    counts: { ...NO_TASKS, ...counts },
    retries: 0,
    durations: { count: 0, averageMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 },
    throughput: { m1: 0, m5: 0, m15: 0 },
    ...changes,
  }
}

/** The counts of all lanes together are those of `lanes`, unless they are said. */
export function sampleSnapshot(changes: Partial<SnapshotView> = {}): SnapshotView {
  const { lanes = [] } = changes
  const counts = { ...NO_TASKS } as Record<keyof StatusCounts, number>
  for (const lane of lanes) {
    for (const [status, count] of Object.entries(lane.counts)) counts[status as keyof StatusCounts] += count
  }
  return {
    now: 0,
    library: '/photos',
    role: { kind: 'working' },
    counts,
    run: { done: 0 },
    lanes,
    throughput: { m1: 0, m5: 0, m15: 0 },
    coordinators: [],
    workers: [],
    memory: { limitBytes: 8e9, freeBytes: 4e9, serverBytes: 1e8 },
    ...changes,
  }
}

/** A process that works on these lanes. */
export function sampleCoordinator(...lanes: readonly string[]): SnapshotView['coordinators'][number] {
  return {
    pid: 1,
    host: 'anna',
    startedAt: 0,
    seenAt: 0,
    lanes: Object.fromEntries(lanes.map((lane) => [lane, { concurrency: 2, workers: 2 }])),
  }
}
