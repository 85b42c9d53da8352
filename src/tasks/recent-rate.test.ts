import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { busySnapshot, laneStatistics, NOW } from '../cli/testing/sample-queue.ts'
import type { QueueSnapshot } from './queue-snapshot.ts'
import { RecentRate } from './recent-rate.ts'

/** A lane after a while, with so many ended and open tasks; the minute's rate is 1 a second. */
function at(afterMs: number, completed: number, pending: number, m1 = 1): QueueSnapshot {
  const statistics = [laneStatistics('a', { completed, pending }, { throughput: { m1, m5: 0, m15: 0 } })]
  return { ...busySnapshot({ statistics }), now: NOW + afterMs }
}

const seen = (rate: RecentRate, snapshot: QueueSnapshot): unknown => {
  const { throughput, etaMs, lanes } = rate.see(snapshot)
  return [throughput.m1, etaMs, lanes[0]?.etaMs]
}

describe('the recent rate', () => {
  test('is the minute’s at the first look, and that of the looks from then on', () => {
    const rate = new RecentRate()
    assert.deepEqual(seen(rate, at(0, 10, 100)), [1, 100_000, 100_000])
    assert.deepEqual(seen(rate, at(500, 20, 90)), [1, 90_000, 90_000])
    assert.deepEqual(seen(rate, at(1_000, 30, 80)), [20, 4_000, 4_000])
  })

  test('forgets what is longer ago than ten seconds', () => {
    const rate = new RecentRate()
    seen(rate, at(0, 0, 100))
    seen(rate, at(5_000, 50, 50))
    assert.deepEqual(seen(rate, at(15_000, 70, 30)), [2, 15_000, 15_000])
  })

  test('is never below the minute’s: tasks are pruned, and slow ones end seldom', () => {
    const rate = new RecentRate()
    seen(rate, at(0, 1_000, 10))
    assert.deepEqual(seen(rate, at(2_000, 0, 10)), [1, 10_000, 10_000])
  })

  test('makes no estimate where there is none', () => {
    const rate = new RecentRate()
    const paused = (afterMs: number): QueueSnapshot => ({
      ...busySnapshot({ statistics: [laneStatistics('a', { pending: 1 }, { paused: true })] }),
      now: NOW + afterMs,
    })
    rate.see(paused(0))
    assert.deepEqual(rate.see(paused(2_000)), paused(2_000))
  })
})
