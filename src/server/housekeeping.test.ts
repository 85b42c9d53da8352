import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FakeClock } from '../clock.ts'
import { createLogger } from '../logger.ts'
import type { TaskFilter } from '../queue/backend.ts'
import { HousekeepingTimer } from './housekeeping.ts'

const HOUR_MS = 60 * 60_000
const DAY_MS = 24 * HOUR_MS

/** A queue of completed tasks that ended at these times. */
function setUp(endedAt: readonly number[], prune?: () => Promise<number>) {
  const clock = new FakeClock()
  const lines: string[] = []
  let left = endedAt.map((at) => clock.now() + at)
  const backend = {
    counts: async () => ({
      waiting: 0,
      pending: 0,
      processing: 0,
      retry: 0,
      completed: left.length,
      failed: 0,
      cancelled: 0,
    }),
    prune:
      prune ??
      (async ({ status, endedBefore }: TaskFilter & { endedBefore: number }) => {
        if (status !== 'completed') return 0
        const before = left.length
        left = left.filter((at) => at >= endedBefore)
        return before - left.length
      }),
  }
  const logger = createLogger({ level: 'debug', write: (line) => lines.push(line), now: () => clock.now() })
  return { clock, lines, left: () => left.length, timer: new HousekeepingTimer({ backend, clock, logger }) }
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  clock.advance(ms)
  for (let turn = 0; turn < 20; turn++) await nextTurn()
}

describe('housekeeping', () => {
  test('forgets what ended a week ago, every hour', async () => {
    const { clock, timer, left, lines } = setUp([-8 * DAY_MS, -7 * DAY_MS + 90 * 60_000, 0])
    timer.start()
    await pass(clock, HOUR_MS - 1)
    assert.equal(left(), 3)
    await pass(clock, 1)
    assert.equal(left(), 2)
    await pass(clock, HOUR_MS)
    assert.equal(left(), 1)
    assert.equal(lines.filter((line) => line.includes('finished tasks forgotten')).length, 2)
    await timer.stop()
  })

  test('goes on after a failure, and tells of it', async () => {
    let tries = 0
    const { clock, timer, lines } = setUp([], async () => {
      tries += 1
      throw new Error('the disk is away')
    })
    timer.start()
    await pass(clock, HOUR_MS)
    await pass(clock, HOUR_MS)
    assert.equal(tries, 2)
    assert.match(lines[0] ?? '', /the disk is away/u)
    await timer.stop()
  })

  test('that was stopped does nothing any more, also when it is at work', async () => {
    let finish: () => void = () => undefined
    let tries = 0
    const { clock, timer } = setUp([], async () => {
      tries += 1
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return 0
    })
    timer.start()
    await pass(clock, HOUR_MS)
    let isStopped = false
    const stopping = timer.stop().then(() => {
      isStopped = true
    })
    await nextTurn()
    assert.equal(isStopped, false, 'it waits for what is under way')
    for (let part = 0; part < 3; part++) {
      finish()
      await nextTurn()
    }
    await stopping
    const before = tries
    await pass(clock, 3 * HOUR_MS)
    assert.equal(tries, before)
    timer.start()
    await pass(clock, 3 * HOUR_MS)
    assert.equal(tries, before)
  })
})
