import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, test } from 'node:test'
import { FakeClock } from '../../clock.ts'
import { type GovernorEvents, MemoryGovernor, type MemoryGovernorOptions } from './governor.ts'
import { InsufficientMemoryError } from './limits.ts'
import type { Pool, PoolLane, PoolWorker } from './pool.ts'
import type { MemorySample } from './sample.ts'

const GB = 1e9

function memory(percent: number, limitBytes = 10 * GB): MemorySample {
  const usedBytes = (limitBytes * percent) / 100
  return { limitBytes, usedBytes, freeBytes: limitBytes - usedBytes, source: 'cgroup-v2' }
}

/** A pool of numbers, whose surplus workers go at once. */
class PaperPool implements Pool {
  readonly calls: string[] = []
  lane: PoolLane = { name: 'item', concurrency: 4, buffered: 0, running: 4 }
  staff: PoolWorker[] = [11, 12, 13, 14].map((pid) => ({ pid, lane: 'item', busySince: 1 }))

  workers(): readonly PoolWorker[] {
    return this.staff
  }

  lanes(): readonly PoolLane[] {
    return [this.lane]
  }

  setConcurrency(name: string, concurrency: number): void {
    this.calls.push(`${name} ${concurrency}`)
    this.lane = { ...this.lane, concurrency }
    this.staff = this.staff.slice(0, concurrency)
  }

  retireWorker(pid: number): void {
    this.calls.push(`retire ${pid}`)
  }

  killWorker(pid: number): void {
    this.calls.push(`kill ${pid}`)
  }
}

function setUp(options: Partial<MemoryGovernorOptions> = {}) {
  const clock = new FakeClock()
  const pool = new PaperPool()
  const events: { name: keyof GovernorEvents; event: unknown }[] = []
  const errors: unknown[] = []
  const state = { percent: 50, reads: 0, residents: new Map<number, number>() }
  const governor = new MemoryGovernor({
    pool,
    clock,
    emit: (name, event) => events.push({ name, event }),
    onError: (error) => errors.push(error),
    readMemory: () => {
      state.reads += 1
      return memory(state.percent)
    },
    readResident: async () => state.residents,
    readCpu: () => ({ idleMs: 0, totalMs: 0 }),
    ...options,
  })
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500)
      // A check has a few awaits and no I/O here.
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
    }
  }
  return { clock, pool, events, errors, state, governor, pass }
}

describe('by the clock', () => {
  test('memory is checked soon after the start, then every 30 s, every second while it is short', async () => {
    const { state, governor, pass, pool, events } = setUp()
    governor.start()
    const readsIn = async (ms: number): Promise<number> => {
      const before = state.reads
      await pass(ms)
      return state.reads - before
    }
    assert.equal(await readsIn(1_000), 1)
    assert.equal(await readsIn(29_500), 0)
    state.percent = 90
    assert.equal(await readsIn(500), 1)
    assert.equal(await readsIn(5_000), 5)
    assert.deepEqual(pool.calls, ['item 2', 'item 1'])
    state.percent = 50
    await pass(45_000)
    assert.deepEqual(pool.calls.slice(2), ['item 2', 'item 3', 'item 4'])
    assert.equal(await readsIn(60_000), 2)
    assert.deepEqual(
      events.map(({ name }) => name),
      [
        'memory.pressure',
        ...Array(2).fill('pool.resized'),
        'memory.relieved',
        ...Array(3).fill('pool.resized'),
      ],
    )
    await governor.stop()
  })

  test('near the threshold it is checked every 5 s', async () => {
    const { state, governor, pass } = setUp()
    state.percent = 80
    governor.start()
    await pass(1_000)
    const before = state.reads
    await pass(20_000)
    assert.equal(state.reads - before, 4)
    await governor.stop()
  })

  test('nothing is checked after stop, which is safe twice and before the start', async () => {
    const { state, governor, pass } = setUp()
    await governor.stop()
    governor.start()
    await governor.stop()
    await governor.stop()
    const before = state.reads
    await pass(60_000)
    assert.equal(state.reads, before)
  })

  test('a lane that was cut grows to what it was after a restart too', async () => {
    const { state, governor, pass, pool } = setUp()
    state.percent = 90
    governor.start()
    await pass(1_000)
    await governor.stop()
    assert.equal(pool.lane.concurrency, 2)
    state.percent = 50
    governor.start()
    await pass(60_000)
    assert.equal(pool.lane.concurrency, 4)
    await governor.stop()
  })

  test('what was measured when it is stopped is not acted upon', async () => {
    const measured = Promise.withResolvers<ReadonlyMap<number, number>>()
    const { governor, clock, pool } = setUp({ readResident: () => measured.promise })
    governor.start()
    clock.advance(1_000)
    const stopped = governor.stop()
    measured.resolve(new Map([[11, 600e6]]))
    await stopped
    assert.deepEqual(pool.calls, [])
  })

  test('a bug in a check is reported once and ends the watch', async () => {
    const { errors, governor, pass } = setUp({ readResident: () => Promise.reject(new Error('planted')) })
    governor.start()
    await pass(120_000)
    assert.deepEqual(errors.map(String), ['Error: planted'])
    await governor.stop()
  })
})

test('less than the free minimum refuses the start', () => {
  const { governor, state } = setUp()
  state.percent = 98
  assert.throws(() => governor.start(), InsufficientMemoryError)
})

test('what is decided is carried out and told with its numbers', async () => {
  const { governor, state, pool, events } = setUp()
  state.residents = new Map([
    [11, 300e6],
    [12, 600e6],
    [13, 100e6],
  ])
  await governor.runOnce()
  assert.deepEqual(pool.calls, ['retire 11', 'kill 12'])
  assert.deepEqual(events, [
    {
      name: 'worker.replaced',
      event: {
        pid: 11,
        lane: 'item',
        bytes: 300e6,
        limitBytes: 256e6,
        killed: false,
        reason: 'worker 11 keeps 300 MB, its limit is 256 MB',
      },
    },
    {
      name: 'worker.replaced',
      event: {
        pid: 12,
        lane: 'item',
        bytes: 600e6,
        limitBytes: 256e6,
        killed: true,
        reason: 'worker 12 keeps 600 MB, its limit is 256 MB',
      },
    },
  ])
})

describe('with scaling', () => {
  test('a lane follows its depth: down after 30 s of quiet, up at once', async () => {
    const { governor, pass, pool, events } = setUp({ scaling: { minWorkers: 1 } })
    governor.start()
    pool.lane = { ...pool.lane, running: 0 }
    await pass(30_000)
    assert.deepEqual(pool.calls, [])
    await pass(1_000)
    assert.deepEqual(pool.calls, ['item 1'])
    pool.lane = { ...pool.lane, buffered: 3, running: 1 }
    await pass(1_000)
    assert.equal(pool.lane.concurrency, Math.min(4, 1 + availableParallelism()))
    assert.equal(events.at(-1)?.name, 'pool.resized')
    await governor.stop()
  })

  test('a lane that memory has cut does not grow by its depth', async () => {
    const { governor, state, pass, pool } = setUp({ scaling: { minWorkers: 1 } })
    state.percent = 90
    pool.lane = { ...pool.lane, buffered: 50 }
    governor.start()
    await pass(3_000)
    assert.equal(pool.lane.concurrency, 2)
    await governor.stop()
  })
})
