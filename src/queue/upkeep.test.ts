import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { once, setupEngine, started, temporaryFolder } from '../../test/support/queue-engine.ts'
import { FakeClock } from '../clock.ts'
import type { QueueEvents } from './events.ts'
import { openSqliteBackendInProcess } from './sqlite/index.ts'

describe('what another process changes', () => {
  async function setup(t: Parameters<typeof setupEngine>[0]) {
    const file = join(await temporaryFolder(t), 'queue.db')
    const made = setupEngine(t, { backend: openSqliteBackendInProcess({ file }) })
    const other = openSqliteBackendInProcess({ file })
    t.after(() => other.close())
    return { ...made, other }
  }

  test('tasks that it adds are run', async (t) => {
    const { queue, other } = await setup(t)
    await queue.start()
    const settled = once(queue, 'task.settled')
    const addedAt = performance.now()
    await other.add([{ kind: 'noop', lane: 'c', payload: null }])
    assert.equal((await settled).status, 'completed')
    assert.ok(performance.now() - addedAt < 500)
  })

  test('a lane that it pauses is paused, what waits is given back; resumed, it runs', async (t) => {
    const { queue, add, get, other } = await setup(t)
    await queue.start()
    const paused = once(queue, 'lane.paused')
    await other.setPaused('c', true)
    assert.deepEqual(await paused, { lane: 'c' })
    const [id = 0] = await add({ lane: 'c' })
    await queue.drain()
    assert.equal((await get(id))[0]?.status, 'pending')
    assert.equal(queue.lanes()[1]?.paused, true)
    await other.setPaused('c', false)
    await once(queue, 'lane.resumed')
    await queue.drain()
    assert.equal((await get(id))[0]?.status, 'completed')
  })

  test('a schedule that it puts is fired', async (t) => {
    const { queue, other } = await setup(t)
    await queue.start()
    const fired = once(queue, 'schedule.fired')
    await other.putSchedule({
      name: 'tick',
      cron: '* * * * * *',
      task: { kind: 'noop', lane: 'c', payload: null },
    })
    const { schedule, taskId } = await fired
    assert.equal(schedule, 'tick')
    await once(queue, 'task.settled', ({ task, status }) => task.id === taskId && status === 'completed')
    await queue.removeSchedule('tick')
  })
})

describe('pausing', () => {
  test('is kept by the backend: another engine on it hands out nothing either', async (t) => {
    const file = join(await temporaryFolder(t), 'queue.db')
    const first = setupEngine(t, { backend: openSqliteBackendInProcess({ file }) })
    await first.queue.pause('c')
    const second = setupEngine(t, { backend: openSqliteBackendInProcess({ file }) })
    const [id = 0] = await second.add({ lane: 'c' })
    await second.run()
    assert.equal((await second.get(id))[0]?.status, 'pending')
    await second.queue.resume('c')
    await second.queue.drain()
    assert.equal((await second.get(id))[0]?.status, 'completed')
  })
})

describe('schedules', () => {
  test('fire at the start what was missed, and later when they are due', async (t) => {
    const clock = new FakeClock(Date.UTC(2026, 0, 1, 11, 59, 30))
    const backend = openSqliteBackendInProcess({ file: ':memory:', clock })
    const { queue } = setupEngine(t, { backend, clock })
    await queue.putSchedule({
      name: 'hourly',
      cron: '0 * * * *',
      task: { kind: 'noop', lane: 'c', payload: null },
    })
    clock.advance(60_000)
    const fires: QueueEvents['schedule.fired'][] = []
    queue.on('schedule.fired', (fire) => fires.push(fire))
    await queue.start()
    assert.deepEqual(
      fires.map(({ at }) => at),
      [Date.UTC(2026, 0, 1, 12)],
    )
    const next = once(queue, 'schedule.fired')
    clock.advance(3_600_000)
    assert.equal((await next).at, Date.UTC(2026, 0, 1, 13))
  })
})

describe('rates', () => {
  test('no more tasks begin in a window than the lane’s rate allows, and all begin in time', async (t) => {
    const { queue, add } = setupEngine(t, { c: { concurrency: 10, rate: { limit: 4, perMs: 200 } } })
    const begun: number[] = []
    queue.on('task.started', () => begun.push(performance.now()))
    await add(...Array.from({ length: 12 }, () => ({ lane: 'c' })))
    const startedAt = performance.now()
    await queue.start()
    await queue.drain()
    const elapsedMs = performance.now() - startedAt
    assert.equal(begun.length, 12)
    assert.ok(elapsedMs >= 395, `${elapsedMs} ms: too fast`)
    assert.ok(elapsedMs < 2_000, `${elapsedMs} ms: it does not wake when it may go on`)
  })
})

describe('a lane that waits for its rate', () => {
  test('asks the backend when it may go on, not again and again', async (t) => {
    const backend = openSqliteBackendInProcess({ file: ':memory:' })
    let asked = 0
    const counting = new Proxy(backend, {
      get: (target, name, receiver) => {
        if (name === 'exchange') asked += 1
        return Reflect.get(target, name, receiver) as unknown
      },
    })
    const { queue, add } = setupEngine(t, {
      backend: counting,
      c: { rate: { limit: 1, perMs: 600 } },
    })
    await add({ lane: 'c' }, { lane: 'c' })
    await queue.start()
    await queue.drain()
    assert.ok(asked <= 5, `${asked} rounds for two tasks`)
  })
})

describe('progress', () => {
  test('the newest is stored while the task runs, told seldom however often it changes', async (t) => {
    const { queue, add, get } = setupEngine(t)
    const [id = 0] = await add({ kind: 'reports-and-waits' })
    let told = 0
    queue.on('task.progress', () => {
      told += 1
    })
    const last = once(queue, 'task.progress', ({ value }) => (value as { step: number }).step === 1_000)
    await queue.start()
    await last
    const stored = async (): Promise<unknown> => (await get(id))[0]?.progress
    const isNewest = (value: unknown): boolean => (value as { step?: number })?.step === 1_000
    for (let look = 0; look < 500 && !isNewest(await stored()); look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.deepEqual(await stored(), { step: 1_000 })
    assert.ok(told <= 5, `told ${told} times`)
  })
})

describe('the list of coordinators', () => {
  test('has this one with its lanes while it runs, and not after it', async (t) => {
    const { queue, backend, add } = setupEngine(t, { concurrency: 2 })
    const [id = 0] = await add({ kind: 'waits', payload: 50 })
    const begun = started(queue, id)
    await queue.start()
    await begun
    const [one] = await backend.coordinators()
    assert.deepEqual([one?.id, one?.pid, one?.lanes['w']?.concurrency], [queue.id, process.pid, 2])
    await queue.stop()
    assert.deepEqual(await backend.coordinators(), [])
  })
})
