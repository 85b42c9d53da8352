import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { QueueSnapshot } from '../tasks/queue-snapshot.ts'
import { beginDrain, continueDrain, drainEndLine, drainLine, drainObstacles } from './queue-drain-view.ts'
import { busySnapshot, laneStatistics, NOW, type statusCounts } from './testing/sample-queue.ts'

function at(afterMs: number, counts: Parameters<typeof statusCounts>[0]): QueueSnapshot {
  const throughput = { m1: 2, m5: 0, m15: 0 }
  const snapshot = busySnapshot({ statistics: [laneStatistics('a', counts, { throughput })] })
  return { ...snapshot, now: NOW + afterMs }
}

describe('a drain', () => {
  test('counts what ended since it began, and only that', () => {
    const begin = beginDrain(at(0, { pending: 4, completed: 100, failed: 7 }))
    assert.deepEqual([begin.completed, begin.failed, begin.open, begin.etaMs], [0, 0, 4, 2_000])
    const next = continueDrain(begin, at(1_000, { pending: 1, completed: 101, failed: 8, cancelled: 1 }))
    assert.equal(drainLine(next), '1 open, 2.0/s, ETA 500 ms, 1 failed')
    assert.equal(
      drainEndLine(next),
      'not drained after 1.0 s, 1 task open: 1 completed, 1 failed, 1 cancelled',
    )
    const end = continueDrain(next, at(4_200, { completed: 102, failed: 8, cancelled: 1 }))
    assert.equal(drainEndLine(end), 'drained in 4.2 s: 2 completed, 1 failed, 1 cancelled')
    assert.equal(drainLine(end), '0 open, 2.0/s, 1 failed')
  })

  test('a retried or pruned task does not undo what was seen', () => {
    let progress = beginDrain(at(0, { pending: 2, failed: 1 }))
    for (const counts of [
      { pending: 1, failed: 2 },
      { pending: 3, failed: 0 },
      { completed: 2, failed: 1 },
    ])
      progress = continueDrain(progress, at(1, counts))
    assert.deepEqual([progress.failed, progress.completed], [2, 2])
  })

  const obstacles: { fact: string; snapshot: QueueSnapshot; lines: string[] }[] = [
    { fact: 'nothing is in the way', snapshot: busySnapshot(), lines: [] },
    {
      fact: 'a paused lane with open tasks',
      snapshot: busySnapshot({
        statistics: [
          laneStatistics('a\u001B', { pending: 1 }, { paused: true }),
          laneStatistics('b', {}, { paused: true }),
        ],
      }),
      lines: ['lane a␛ is paused: its tasks wait until it is resumed'],
    },
    {
      fact: 'nobody works',
      snapshot: busySnapshot({ coordinators: [] }),
      lines: ['no coordinator is there: nothing is done until one starts'],
    },
    {
      fact: 'nobody works, and there is nothing to do',
      snapshot: busySnapshot({ coordinators: [], statistics: [] }),
      lines: [],
    },
  ]
  for (const { fact, snapshot, lines } of obstacles)
    test(fact, () => assert.deepEqual(drainObstacles(snapshot), lines))
})
