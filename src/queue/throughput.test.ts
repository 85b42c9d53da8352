import assert from 'node:assert/strict'
import { test } from 'node:test'
import { throughputOf } from './throughput.ts'

const MINUTE_MS = 60_000

test('a steady rate is found at every moment of a minute', () => {
  for (const share of [0, 0.25, 0.9]) {
    const minutes = new Map(Array.from({ length: 20 }, (_, minute) => [minute, 120]))
    minutes.set(19, 120 * share)
    const { m1, m5, m15 } = throughputOf(minutes, (19 + share) * MINUTE_MS)
    for (const rate of [m1, m5, m15]) assert.ok(Math.abs(rate - 2) < 1e-9, `${rate} at ${share}`)
  }
})

test('minutes that are over or not there yet do not count', () => {
  const minutes = new Map([
    [3, 900],
    [25, 900],
  ])
  assert.deepEqual(throughputOf(minutes, 20 * MINUTE_MS), { m1: 0, m5: 0, m15: 0 })
})

test('a burst leaves the shorter windows first', () => {
  const minutes = new Map([[10, 900]])
  assert.deepEqual(throughputOf(minutes, 10.999 * MINUTE_MS), { m1: 15, m5: 3, m15: 1 })
  assert.deepEqual(throughputOf(minutes, 12 * MINUTE_MS), { m1: 0, m5: 3, m15: 1 })
})
