import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { isGone, once, setupEngine, started, temporaryFolder } from '../../test/support/queue-engine.ts'
import { openSqliteBackendInProcess } from './sqlite/index.ts'

describe('cancelling in a worker lane', () => {
  test('a running task that listens ends by itself, and its process lives on', async (t) => {
    const { queue, add, get, exits } = setupEngine(t)
    const [id = 0, next = 0] = await add({ kind: 'listens' }, {})
    const begun = started(queue, id)
    await queue.start()
    await begun
    const cancelling = once(queue, 'tasks.cancelling')
    assert.deepEqual(await queue.cancel([id]), { cancelled: [], requested: [id] })
    assert.deepEqual(await cancelling, { taskIds: [id] })
    await queue.drain()
    const [task, after] = await get(id, next)
    assert.deepEqual(
      [task?.status, task?.error?.code, after?.status],
      ['cancelled', 'queue/cancelled', 'completed'],
    )
    assert.deepEqual(exits, [])
  })

  for (const kind of ['blocks-for-ever', 'waits-on-a-lock', 'waits-for-ever']) {
    test(`a task that ${kind} is killed after the grace; its neighbours pay nothing`, async (t) => {
      const { queue, add, get, run, exits } = setupEngine(t, { cancelGraceMs: 100 })
      await add(...Array.from({ length: 50 }, () => ({})))
      await run()
      const begun = started(queue, kind)
      const [id = 0, ...others] = await add({ kind }, {}, {}, {})
      const { workerPid = 0 } = await begun
      const settled = once(queue, 'task.settled', ({ task }) => task.id === id)
      await queue.cancel([id])
      await queue.drain()
      assert.ok((await settled).durationMs >= 95, 'at least as long as the grace')
      const [task, ...neighbours] = await get(id, ...others)
      assert.deepEqual([task?.status, task?.failures], ['cancelled', 0])
      assert.deepEqual(
        neighbours.map((one) => [one?.status, one?.failures]),
        others.map(() => ['completed', 0]),
      )
      assert.deepEqual(
        exits.map(({ pid, reason }) => [pid, reason]),
        [[workerPid, 'cancelled']],
      )
      assert.equal(await isGone(workerPid), true)
      assert.equal(queue.workers().length, 1)
    })
  }

  test('a task that was handed to a worker and has not begun is withdrawn', async (t) => {
    const { queue, add, get, run, exits } = setupEngine(t)
    await add(...Array.from({ length: 50 }, () => ({})))
    await run()
    const begun = started(queue, 'finishes')
    const [running = 0, next = 0, last = 0] = await add({ kind: 'finishes' }, {}, {})
    await begun
    const cancelled = once(queue, 'task.settled', ({ task }) => task.id === next)
    await queue.cancel([next])
    assert.equal((await cancelled).status, 'cancelled')
    await queue.cancel([running])
    await queue.drain()
    const [first, second, third] = await get(running, next, last)
    assert.deepEqual([first?.status, first?.result], ['completed', 'finished'])
    assert.deepEqual([second?.status, third?.status], ['cancelled', 'completed'])
    assert.deepEqual(exits, [])
  })
})

describe('cancelling in a coordinator lane', () => {
  const handlers = {
    noop: async () => undefined,
    /** Goes on after its end was asked for, and completes. */
    deaf: (_payload: never, { signal }: { signal: AbortSignal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => setTimeout(resolve, 50))
      }),
    listens: (_payload: never, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  }

  test('the signal is aborted and the task settled, whether it listens or not', async (t) => {
    const { queue, add, get } = setupEngine(t, { handlers })
    const ids = await add({ kind: 'deaf', lane: 'c' }, { kind: 'listens', lane: 'c' })
    const begun = Promise.all(ids.map((id) => started(queue, id)))
    await queue.start()
    await begun
    await queue.cancel(ids)
    await queue.drain()
    assert.deepEqual(
      (await get(...ids)).map((task) => [task?.status, task?.failures]),
      [
        ['cancelled', 0],
        ['cancelled', 0],
      ],
    )
  })

  test('one that is claimed and waits for a slot is cancelled without having run', async (t) => {
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const { queue, add, get, run } = setupEngine(t, {
      c: { concurrency: 1 },
      handlers: { ...handlers, holds: () => released },
    })
    await add(...Array.from({ length: 50 }, () => ({ lane: 'c' })))
    await run()
    t.after(release)
    const begun = started(queue, 'holds')
    const [holding = 0, waiting = 0] = await add({ kind: 'holds', lane: 'c' }, { lane: 'c' })
    await begun
    const ran: number[] = []
    queue.on('task.started', ({ task }) => ran.push(task.id))
    const settled = once(queue, 'task.settled', ({ task }) => task.id === waiting)
    await queue.cancel([waiting])
    assert.equal((await settled).status, 'cancelled')
    release()
    await queue.drain()
    assert.deepEqual(ran, [])
    assert.deepEqual(
      (await get(holding, waiting)).map((task) => task?.status),
      ['completed', 'cancelled'],
    )
  })
})

test('another process’s cancellation ends a running task within a second', async (t) => {
  const file = join(await temporaryFolder(t), 'queue.db')
  const { queue, add, get } = setupEngine(t, { backend: openSqliteBackendInProcess({ file }) })
  const [id = 0] = await add({ kind: 'listens' })
  const begun = started(queue, id)
  await queue.start()
  await begun
  const other = openSqliteBackendInProcess({ file })
  t.after(() => other.close())
  const askedAt = performance.now()
  const settled = once(queue, 'task.settled')
  assert.deepEqual((await other.cancel([id])).requested, [id])
  assert.equal((await settled).status, 'cancelled')
  assert.ok(performance.now() - askedAt < 1_500)
  assert.equal((await get(id))[0]?.failures, 0)
})
