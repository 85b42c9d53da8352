import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '../clock.ts'
import { Deadline } from './deadline.ts'

/** The system's clock, which counts its timers. */
function countingClock(): Clock & { timers: number } {
  const clock = {
    timers: 0,
    now: () => systemClock.now(),
    after: (delayMs: number, callback: () => void) => {
      clock.timers += 1
      return systemClock.after(delayMs, callback)
    },
  }
  return clock
}

test('a limit that is moved on costs no timer, and is reached when nobody moves it any more', async () => {
  const clock = countingClock()
  const { promise, resolve } = Promise.withResolvers<void>()
  const deadline = new Deadline(clock, resolve)
  // Its timers do not hold the process open.
  const open = setInterval(() => undefined, 1_000)
  const startedAt = performance.now()
  for (let index = 0; index < 1_000; index += 1) {
    deadline.clear()
    deadline.set(50)
  }
  await promise
  clearInterval(open)
  assert.ok(performance.now() - startedAt >= 48)
  assert.ok(clock.timers <= 3, `${clock.timers} timers`)
})

test('a nearer limit replaces a farther one', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const deadline = new Deadline(systemClock, resolve)
  const open = setInterval(() => undefined, 1_000)
  deadline.set(3_600_000)
  deadline.set(20)
  await promise
  clearInterval(open)
})

test('0, Infinity and what no timer can hold are no limit', () => {
  const clock = countingClock()
  const deadline = new Deadline(clock, () => assert.fail('reached'))
  for (const none of [0, Number.POSITIVE_INFINITY, 2 ** 31, Number.NaN]) deadline.set(none)
  assert.equal(clock.timers, 0)
})

test('none is reached after the stop', async () => {
  const deadline = new Deadline(systemClock, () => assert.fail('reached'))
  deadline.set(5)
  deadline.stop()
  await new Promise((resolve) => setTimeout(resolve, 15))
})
