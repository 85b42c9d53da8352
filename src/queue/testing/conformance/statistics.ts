/**
 * What every backend promises of its statistics.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { FakeClock } from '../../../clock.ts'
import type { ErrorRecord } from '../../../errors.ts'
import type { LaneStatistics, Settlement } from '../../backend.ts'
import type { ClaimedTask } from '../../task.ts'
import type { Bundle } from './driver.ts'
import { test } from './promise.ts'

const FLAKY: ErrorRecord = { code: 'test/flaky', message: 'try again', recovery: 'retry' }
const MINUTE_MS = 60_000

async function claim({ backend }: Bundle, count: number, fields = {}): Promise<readonly ClaimedTask[]> {
  const task = { kind: 'plain', lane: 'a', payload: null, ...fields }
  await backend.add(Array.from({ length: count }, () => task))
  const { claimed } = await backend.exchange({
    settle: [],
    claim: [{ lane: 'a', limit: count, workerId: 'w', leaseMs: 1_000 }],
  })
  assert.equal(claimed[0]?.length, count)
  return claimed[0] ?? []
}

/** Adds and completes a task for each duration, in ms. */
async function complete(on: Bundle, durations: readonly number[]): Promise<void> {
  const claimed = await claim(on, durations.length)
  const settle = claimed.map(({ lease }, index): Settlement => {
    return { lease, outcome: 'completed', result: null, durationMs: durations[index] ?? 0 }
  })
  await on.backend.exchange({ settle, claim: [] })
}

async function statisticsOf({ backend }: Bundle, lane: string): Promise<LaneStatistics> {
  const found = (await backend.statistics()).find((one) => one.lane === lane)
  assert.ok(found, `no statistics of lane ${lane}`)
  return found
}

function isNear(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= expected * 0.1, `${what}: ${actual} is not near ${expected}`)
}

/** A minute begins. */
function toFullMinute(clock: FakeClock): void {
  clock.advance(MINUTE_MS - (clock.now() % MINUTE_MS))
}

export function describeStatistics(on: Bundle): void {
  describeDurations(on)
  describeRates(on)
}

function describeDurations(on: Bundle): void {
  test('every lane that ever had a task has statistics', async () => {
    assert.deepEqual(await on.backend.statistics(), [])
    await on.backend.add([{ kind: 'plain', lane: 'b', payload: null }])
    await complete(on, [5])
    on.clock.advance(1)
    assert.equal(await on.backend.prune({ lane: 'a', endedBefore: on.clock.now() }, 10), 1)
    const lanes = await on.backend.statistics()
    assert.deepEqual(
      lanes.map(({ lane, counts, durations }) => [lane, counts.pending, counts.completed, durations.count]),
      [
        ['a', 0, 0, 1],
        ['b', 1, 0, 0],
      ],
    )
    assert.deepEqual(lanes[1]?.durations, { count: 0, averageMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 })
  })

  test('durations are within a tenth of the exact ones, their maximum and average exact', async () => {
    await complete(
      on,
      Array.from({ length: 50 }, (_, index) => 51 + index),
    )
    await complete(
      on,
      Array.from({ length: 50 }, (_, index) => index + 1),
    )
    const { durations } = await statisticsOf(on, 'a')
    assert.deepEqual([durations.count, durations.averageMs, durations.maxMs], [100, 50.5, 100])
    isNear(durations.p50Ms, 50, 'p50')
    isNear(durations.p95Ms, 95, 'p95')
    isNear(durations.p99Ms, 99, 'p99')
  })

  test('failed attempts count with their duration, stale and released ones do not', async () => {
    const [first, second, third] = await claim(on, 3)
    assert.ok(first && second && third)
    const failed: Settlement = {
      lease: first.lease,
      outcome: 'error',
      error: FLAKY,
      retryAt: on.clock.now() + 100,
      durationMs: 8,
    }
    const stale: Settlement = { ...failed, lease: { ...second.lease, token: 'x' } }
    const released: Settlement = { lease: third.lease, outcome: 'released' }
    await on.backend.exchange({ settle: [failed, stale, released, failed], claim: [] })
    const { durations, retries, throughput } = await statisticsOf(on, 'a')
    assert.deepEqual([durations.count, durations.maxMs, retries, throughput.m1], [1, 8, 1, 0])
  })
}

function describeRates(on: Bundle): void {
  test('what a rolled back addition did is not counted', async () => {
    const [parent] = await claim(on, 1)
    assert.ok(parent)
    const error: ErrorRecord = { code: 'test/hopeless', message: 'no', recovery: 'discard' }
    await on.backend.exchange({
      settle: [{ lease: parent.lease, outcome: 'error', error, retryAt: 0 }],
      claim: [],
    })
    const doomed = { kind: 'plain', lane: 'a', payload: null, dependsOn: [{ taskId: parent.task.id }] }
    await assert.rejects(on.backend.add([doomed, { ...doomed, kind: '' }]))
    const { throughput, counts } = await statisticsOf(on, 'a')
    assert.equal(counts.failed, 1)
    isNear(throughput.m1 * 60, 1, 'ended')
  })

  test('throughput is that of the last 1, 5 and 15 minutes', async () => {
    toFullMinute(on.clock)
    for (let minute = 0; minute < 15; minute += 1) {
      await complete(
        on,
        Array.from({ length: 30 }, () => 1),
      )
      on.clock.advance(MINUTE_MS)
    }
    const steady = (await statisticsOf(on, 'a')).throughput
    for (const [name, rate] of Object.entries(steady)) isNear(rate, 0.5, name)
    on.clock.advance(5 * MINUTE_MS)
    const { m1, m5, m15 } = (await statisticsOf(on, 'a')).throughput
    assert.deepEqual([m1, m5], [0, 0])
    isNear(m15, 1 / 3, 'm15')
    on.clock.advance(12 * MINUTE_MS)
    assert.equal((await statisticsOf(on, 'a')).throughput.m15, 0)
  })

  test('retries are counted for ever, once for each attempt that is repeated', async () => {
    await claim(on, 1, { maxRetries: 2 })
    for (let round = 0; round < 3; round += 1) {
      on.clock.advance(1_000)
      await on.backend.sweep()
      await on.backend.exchange({
        settle: [],
        claim: [{ lane: 'a', limit: 1, workerId: 'w', leaseMs: 1_000 }],
      })
    }
    assert.equal((await statisticsOf(on, 'a')).retries, 2)
    assert.equal((await statisticsOf(on, 'a')).counts.failed, 1)
  })
}
