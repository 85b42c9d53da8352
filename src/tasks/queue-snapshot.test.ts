import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { busySnapshot, coordinator, laneStatistics, NOW } from '../cli/testing/sample-queue.ts'
import type { LaneStatistics } from '../queue/backend.ts'
import { toSnapshot, workersOf } from './queue-snapshot.ts'

function snapshotOf(...statistics: LaneStatistics[]): ReturnType<typeof toSnapshot> {
  return toSnapshot({ statistics, coordinators: [], schedules: [] }, { database: '/q.db' }, NOW)
}

const rate = (m1: number, m5 = 0, m15 = 0): { throughput: LaneStatistics['throughput'] } => ({
  throughput: { m1, m5, m15 },
})

describe('a snapshot', () => {
  test('sums up all lanes, sorted by name', () => {
    const { lanes, counts, throughput, library } = busySnapshot()
    assert.deepEqual(
      lanes.map(({ lane }) => lane),
      ['export', 'export-finish', 'item'],
    )
    assert.deepEqual(counts, {
      waiting: 1,
      pending: 837,
      processing: 3,
      retry: 0,
      completed: 1_159,
      failed: 2,
      cancelled: 0,
    })
    assert.deepEqual([throughput.m1, library], [45.2, '/photos'])
  })

  test('counts the workers of all coordinators', () => {
    assert.equal(workersOf([coordinator(), coordinator({ lanes: { a: { concurrency: 9, workers: 2 } } })]), 6)
  })

  test('has the next schedule first, and one that never fires again last', () => {
    const schedule = { cron: '* * * * *', task: { kind: 'k', lane: 'l', payload: null } }
    const schedules = [
      { ...schedule, name: 'never' },
      { ...schedule, name: 'late', nextAt: 9 },
      { ...schedule, name: 'soon', nextAt: 3 },
    ]
    assert.deepEqual(
      busySnapshot({ schedules }).schedules.map(({ name }) => name),
      ['soon', 'late', 'never'],
    )
  })

  const etas: { fact: string; lanes: readonly LaneStatistics[]; etaMs: number | undefined }[] = [
    { fact: 'nothing open is done now', lanes: [laneStatistics('a', { completed: 3 })], etaMs: 0 },
    {
      fact: 'every open task counts',
      lanes: [laneStatistics('a', { pending: 5, processing: 2, retry: 2, waiting: 1 }, rate(2))],
      etaMs: 5_000,
    },
    {
      fact: 'a minute without an end is not for ever',
      lanes: [laneStatistics('a', { pending: 5 }, rate(0, 0.5))],
      etaMs: 10_000,
    },
    { fact: 'without a rate nobody knows', lanes: [laneStatistics('a', { pending: 5 })], etaMs: undefined },
    {
      fact: 'a paused lane has no end',
      lanes: [laneStatistics('a', { pending: 5 }, { ...rate(1), paused: true })],
      etaMs: undefined,
    },
    {
      fact: 'the last lane decides',
      lanes: [laneStatistics('a', { pending: 5 }, rate(1)), laneStatistics('b', { pending: 9 }, rate(1))],
      etaMs: 9_000,
    },
    {
      fact: 'tasks that only wait do not hide the others',
      lanes: [laneStatistics('a', { pending: 5 }, rate(1)), laneStatistics('b', { waiting: 1 })],
      etaMs: 5_000,
    },
    {
      fact: 'one lane that nobody can tell of hides the end',
      lanes: [laneStatistics('a', { pending: 5 }, rate(1)), laneStatistics('b', { processing: 1 })],
      etaMs: undefined,
    },
    { fact: 'no lane, no end', lanes: [], etaMs: undefined },
  ]
  for (const { fact, lanes, etaMs } of etas) {
    test(fact, () => assert.equal(snapshotOf(...lanes).etaMs, etaMs))
  }
})
