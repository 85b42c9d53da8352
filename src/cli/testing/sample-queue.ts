/**
 * Made-up queues for the tests of the views: every number is said, nothing comes from a clock.
 *
 * @module
 */

import type { Coordinator, LaneStatistics, StatusCounts, StoredSchedule } from '../../queue/backend.ts'
import type { Task } from '../../queue/task.ts'
import { type QueueSnapshot, toSnapshot } from '../../tasks/queue-snapshot.ts'

/** 2026-01-01T00:00:00Z, as `FakeClock` has it. */
export const NOW: number = Date.UTC(2026, 0, 1)

export function statusCounts(changes: Partial<StatusCounts> = {}): StatusCounts {
  return {
    waiting: 0,
    pending: 0,
    processing: 0,
    retry: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
    ...changes,
  }
}

export function laneStatistics(
  lane: string,
  counts: Partial<StatusCounts> = {},
  changes: Partial<Omit<LaneStatistics, 'lane' | 'counts'>> = {},
): LaneStatistics {
  return {
    lane,
    paused: false,
    counts: statusCounts(counts),
    retries: 0,
    durations: { count: 0, averageMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 },
    throughput: { m1: 0, m5: 0, m15: 0 },
    ...changes,
  }
}

export function coordinator(changes: Partial<Coordinator> = {}): Coordinator {
  return {
    id: 'anna-4711-abc',
    host: 'anna',
    pid: 4711,
    identity: { space: 'boot', pid: 4711 },
    startedAt: NOW - 185_000,
    seenAt: NOW - 1_200,
    lanes: { export: { concurrency: 1, workers: 1 }, item: { concurrency: 4, workers: 3 } },
    ...changes,
  }
}

export function sampleTask(id: number, changes: Partial<Task> = {}): Task {
  return {
    id,
    kind: 'item',
    lane: 'item',
    payload: { path: `IMG_${id}.jpg` },
    status: 'pending',
    priority: 0,
    runAt: NOW - 60_000,
    attempt: 0,
    failures: 0,
    maxRetries: 3,
    createdAt: NOW - 60_000,
    ...changes,
  }
}

/** A library in the middle of an ingest. */
export function busySnapshot(
  changes: {
    readonly statistics?: readonly LaneStatistics[]
    readonly coordinators?: readonly Coordinator[]
    readonly schedules?: readonly StoredSchedule[]
  } = {},
): QueueSnapshot {
  const durations = { count: 1_160, averageMs: 60, p50Ms: 55, p95Ms: 140, p99Ms: 900, maxMs: 4_200 }
  const throughput = { m1: 45.2, m5: 40.1, m15: 30 }
  const read = {
    statistics: [
      laneStatistics(
        'item',
        { pending: 837, processing: 3, completed: 1_158, failed: 2 },
        { retries: 4, durations, throughput },
      ),
      laneStatistics('export-finish', { waiting: 1 }),
      laneStatistics('export', { completed: 1 }),
    ],
    coordinators: [coordinator()],
    schedules: [],
    ...changes,
  }
  return toSnapshot(read, { database: '/photos/.heirloom/library.db', library: '/photos' }, NOW)
}
