import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type EngineOptions, once, setupEngine } from '../../test/support/queue-engine.ts'
import { FakeClock } from '../clock.ts'
import type { Handler } from './handler.ts'
import { QueueEngine } from './queue-engine.ts'
import { openSqliteBackend, openSqliteBackendInProcess } from './sqlite/index.ts'
import { MemoryBackend } from './testing/memory-backend.ts'

describe('stopping', () => {
  test('a graceful stop finishes what runs and releases what has not begun', async (t) => {
    const { queue, backend, add } = setupEngine(t)
    const ids = await add(...Array.from({ length: 4 }, () => ({ kind: 'waits', payload: 150 })))
    const begun = once(queue, 'task.started')
    await queue.start()
    await begun
    await queue.stop()
    const tasks = await Promise.all(ids.map((id) => backend.get(id)))
    assert.deepEqual(
      tasks.map((task) => task?.status),
      ['completed', 'pending', 'pending', 'pending'],
    )
    assert.ok(tasks.every((task) => task?.failures === 0))
  })

  test('an immediate stop kills, and releases uncharged; the tasks run after the next start', async (t) => {
    const { queue, backend, add, run, exits } = setupEngine(t)
    const [long = 0] = await add({ kind: 'waits', payload: 300 }, {})
    const begun = once(queue, 'task.started')
    await queue.start()
    await begun
    await queue.stop({ graceful: false })
    assert.deepEqual(
      exits.map(({ reason }) => reason),
      ['killed'],
    )
    assert.equal((await backend.get(long))?.status, 'pending')
    assert.equal((await backend.counts()).processing, 0)
    await run()
    assert.deepEqual(
      [(await backend.get(long))?.status, (await backend.get(long))?.failures],
      ['completed', 0],
    )
  })

  test('a second, impatient stop ends a graceful one at once', async (t) => {
    const { queue, backend, add } = setupEngine(t)
    const [id = 0] = await add({ kind: 'waits-for-ever' })
    const begun = once(queue, 'task.started')
    await queue.start()
    await begun
    await Promise.all([queue.stop(), queue.stop({ graceful: false })])
    assert.equal((await backend.get(id))?.status, 'pending')
  })

  describe('while an emitted chunk is dealt with that never will be', () => {
    /** `emits` runs in a worker, `sends` in the coordinator; both wait for the answer. */
    async function stuck(t: TestContext, more: EngineOptions = {}) {
      let sent = 0
      const { promise: bothSent, resolve } = Promise.withResolvers<void>()
      const onEmit = (): Promise<never> => {
        sent += 1
        if (sent === 2) resolve()
        return new Promise(() => undefined)
      }
      const sends: Handler = (_payload, context) => context.emit('chunk')
      const handlers = { sends, noop: async () => 'done' }
      const made = setupEngine(t, { ...more, onEmit, handlers })
      const ids = await made.add({ kind: 'emits', payload: 1 }, { kind: 'sends', lane: 'c' })
      await made.queue.start()
      await bothSent
      return { ...made, ids }
    }

    test('a stop that is not graceful kills and releases', { timeout: 10_000 }, async (t) => {
      const { queue, backend, ids } = await stuck(t)
      await queue.stop({ graceful: false })
      const tasks = await Promise.all(ids.map((id) => backend.get(id)))
      assert.deepEqual(
        tasks.map((task) => [task?.status, task?.failures]),
        [
          ['pending', 0],
          ['pending', 0],
        ],
      )
    })

    test('an impatient second stop ends the graceful one', { timeout: 10_000 }, async (t) => {
      const { queue } = await stuck(t)
      await Promise.all([queue.stop(), queue.stop({ graceful: false })])
    })

    test('a queue that fails can be stopped', { timeout: 10_000 }, async (t) => {
      const program = { commits: { noop: () => 'output' } }
      const { queue, add } = await stuck(t, {
        backend: openSqliteBackendInProcess({ file: ':memory:', program }),
        afterCommit: async () => {
          throw new Error('disk is full')
        },
      })
      const drained = assert.rejects(queue.drain(), /disk is full/u)
      await add({ lane: 'c' })
      await drained
      await queue.stop()
    })
  })

  test('a stop before the start and a second one do nothing', async (t) => {
    const { queue } = setupEngine(t)
    await queue.stop()
    await queue.start()
    await Promise.all([queue.stop(), queue.stop()])
    await queue.stop()
  })

  test('a drain that a stop cuts short rejects', async (t) => {
    const { queue, add } = setupEngine(t)
    await add({ kind: 'waits-for-ever' })
    await queue.start()
    const drained = assert.rejects(queue.drain(), { code: 'queue/store-closed' })
    await queue.stop({ graceful: false })
    await drained
  })
})

describe('lanes', () => {
  test('never more tasks run than the concurrency, also after it is changed', async (t) => {
    let running = 0
    let most = 0
    const wait = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running -= 1
    }
    const { queue, add, run } = setupEngine(t, { handlers: { wait } })
    const tasks = Array.from({ length: 12 }, () => ({ kind: 'wait', lane: 'c' }))
    await add(...tasks)
    await run()
    assert.equal(most, 2)
    queue.setConcurrency('c', 5)
    most = 0
    await add(...tasks)
    await queue.drain()
    assert.equal(most, 5)
  })

  test('a paused lane keeps its tasks and lets drain resolve; resuming runs them', async (t) => {
    const { queue, backend, add, run } = setupEngine(t)
    await queue.pause('c')
    const [id = 0] = await add({ lane: 'c' })
    await run()
    assert.equal((await backend.get(id))?.status, 'pending')
    await queue.resume('c')
    await queue.drain()
    assert.equal((await backend.get(id))?.status, 'completed')
  })

  test('a handler in the coordinator that ignores its timeout is settled all the same', async (t) => {
    let aborted = false
    const deaf = (_payload: never, { signal }: { signal: AbortSignal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted = true
          setTimeout(resolve, 20)
        })
      })
    const { backend, add, run } = setupEngine(t, { handlers: { deaf } })
    const [id = 0] = await add({ kind: 'deaf', lane: 'c', timeoutMs: 30, maxRetries: 0 })
    await run()
    assert.equal(aborted, true)
    assert.equal((await backend.get(id))?.error?.code, 'queue/timeout')
  })

  test('what is added is told by lane, without what was there already', async (t) => {
    const { queue, add } = setupEngine(t)
    const told: unknown[] = []
    queue.on('task.added', (added) => told.push(added))
    await add({ lane: 'c', dedupeKey: 'one' })
    await add({ lane: 'c', dedupeKey: 'one' }, { lane: 'c' }, {}, {})
    assert.deepEqual(told, [
      { lane: 'c', count: 1 },
      { lane: 'c', count: 1 },
      { lane: 'w', count: 2 },
    ])
  })

  test('how long handlers took is kept for the statistics', async (t) => {
    const wait = () => new Promise((resolve) => setTimeout(resolve, 30))
    const { backend, add, run } = setupEngine(t, { handlers: { wait } })
    await add({ kind: 'wait', lane: 'c' }, { kind: 'wait', lane: 'c' })
    await run()
    const [statistics] = await backend.statistics()
    assert.equal(statistics?.durations.count, 2)
    assert.ok((statistics?.durations.p50Ms ?? 0) >= 25)
  })

  test('contradicting options are refused, all at once', () => {
    const backend = new MemoryBackend()
    assert.throws(
      () =>
        new QueueEngine({
          backend,
          lanes: { a: { concurrency: -1, runsIn: 'worker' }, b: { concurrency: 1, runsIn: 'coordinator' } },
        }),
      /concurrency of lane a.*lane a needs workerModule.*lane b needs handlers/u,
    )
  })
})

describe('commits', () => {
  const program = {
    commits: {
      noop: (_transaction: unknown, task: { id: number }) => `out ${task.id}`,
    },
  }

  test('afterCommit gets every output once, one call at a time, before drain resolves', async (t) => {
    const outputs: unknown[] = []
    let calls = 0
    const { add, run } = setupEngine(t, {
      backend: new MemoryBackend({ program }),
      afterCommit: async (batch) => {
        calls += 1
        assert.equal(calls, 1)
        await new Promise((resolve) => setTimeout(resolve, 5))
        outputs.push(...batch.map(({ output }) => output))
        calls -= 1
      },
    })
    const ids = await add(...Array.from({ length: 30 }, () => ({ lane: 'c' })))
    await run()
    assert.deepEqual(outputs.toSorted(), ids.map((id) => `out ${id}`).toSorted())
  })

  test('an afterCommit that rejects fails the queue: drain rejects, workers end', async (t) => {
    const { queue, add } = setupEngine(t, {
      backend: new MemoryBackend({ program }),
      afterCommit: async () => {
        throw new Error('cannot link')
      },
    })
    await add({ kind: 'waits-for-ever' }, { lane: 'c' })
    const begun = once(queue, 'worker.started')
    const exited = once(queue, 'worker.exited')
    const failed = once(queue, 'queue.failed')
    await queue.start()
    await begun
    await assert.rejects(queue.drain(), { message: 'cannot link' })
    await failed
    assert.equal((await exited).reason, 'killed')
    await queue.stop()
  })
})

describe('time', () => {
  test('a retry runs when it is due, not before', async (t) => {
    const clock = new FakeClock()
    const backend = openSqliteBackendInProcess({ file: ':memory:', clock })
    let attempts = 0
    const handlers = {
      flaky: async () => {
        attempts += 1
        if (attempts === 1) throw new Error('not yet')
      },
    }
    const { queue, add } = setupEngine(t, {
      backend,
      clock,
      handlers,
      retryDelayMs: 8_000,
      random: () => 0.5,
    })
    await add({ kind: 'flaky', lane: 'c' })
    const retry = once(queue, 'task.settled', ({ status }) => status === 'retry')
    await queue.start()
    await retry
    clock.advance(3_999)
    await queue.runOnce()
    assert.equal(attempts, 1)
    clock.advance(1)
    await queue.drain()
    assert.equal(attempts, 2)
  })

  test('work whose lease is lost is stopped, and settled by nobody but the new holder', async (t) => {
    const { queue, backend, add } = setupEngine(t, { leaseMs: 120 })
    const [id = 0] = await add({ kind: 'waits-for-ever' })
    const begun = once(queue, 'task.started')
    await queue.start()
    await begun
    const exited = once(queue, 'worker.exited')
    const lost = once(queue, 'lease.lost')
    await backend.sweep({ takeOver: true })
    await queue.pause('w')
    assert.deepEqual(await lost, { taskIds: [id] })
    assert.equal((await exited).reason, 'lease-lost')
    await queue.stop()
    assert.equal((await backend.get(id))?.failures, 0)
  })

  test('a task whose key is taken costs hardly a look until it is free, and then runs at once', async (t) => {
    const store = openSqliteBackendInProcess({ file: ':memory:' })
    let rounds = 0
    const backend = {
      ...store,
      exchange: (request: Parameters<typeof store.exchange>[0]) => {
        rounds += 1
        return store.exchange(request)
      },
    }
    const ends: number[] = []
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
    const { queue, add, run } = setupEngine(t, { backend, handlers: { wait } })
    queue.on('task.started', () => ends.push(performance.now()))
    await add(
      { kind: 'wait', lane: 'c', payload: 600, concurrencyKey: 'k' },
      { kind: 'wait', lane: 'c', payload: 0, concurrencyKey: 'k' },
    )
    await run()
    assert.ok(rounds <= 15, `${rounds} rounds`)
    assert.ok((ends[1] ?? 0) - (ends[0] ?? 0) < 900)
  })

  test('a sole coordinator takes over at once what a dead one held', async (t) => {
    const { queue, backend, add, run } = setupEngine(t, { sole: true })
    const [id = 0] = await add({ lane: 'c' })
    await backend.exchange({
      settle: [],
      claim: [{ lane: 'c', limit: 1, workerId: 'dead', leaseMs: 3_600_000 }],
    })
    const recovered = once(queue, 'tasks.recovered')
    await run()
    assert.deepEqual(await recovered, { expired: [], released: [id] })
    assert.deepEqual((await backend.get(id))?.attempt, 2)
  })
})

describe('what a handler in the coordinator hands over', () => {
  const results: Readonly<Record<string, { result: () => unknown; stored: unknown }>> = {
    'a function': { result: () => () => 1, stored: null },
    'a response': { result: () => new Response('x'), stored: {} },
    'a date': { result: () => ({ at: new Date(0) }), stored: { at: '1970-01-01T00:00:00.000Z' } },
  }
  for (const [what, { result, stored }] of Object.entries(results)) {
    test(`${what} is stored as JSON has it`, async (t) => {
      const backend = await openSqliteBackend({ file: ':memory:' })
      const { add, get, run } = setupEngine(t, { backend, handlers: { made: async () => result() } })
      const [id = 0] = await add({ kind: 'made', lane: 'c' })
      await run()
      const [task] = await get(id)
      assert.deepEqual([task?.status, task?.result], ['completed', stored])
    })
  }

  const ring: { self?: unknown } = {}
  ring.self = ring
  const hopeless: Readonly<Record<string, Handler>> = {
    'a BigInt': async () => 10n,
    'a ring': async () => ring,
    'progress that is a BigInt': async (_payload, { progress }) => progress(10n),
  }
  for (const [what, handler] of Object.entries(hopeless)) {
    test(`${what} fails the task, not the queue`, async (t) => {
      const { add, get, run } = setupEngine(t, { handlers: { made: handler } })
      const [id = 0] = await add({ kind: 'made', lane: 'c', maxRetries: 0 })
      await run()
      const [task] = await get(id)
      assert.deepEqual([task?.status, task?.error?.code], ['failed', 'bug/TypeError'])
    })
  }
})

describe('a handler in the coordinator that never comes back', () => {
  const hangs: Handler = () => new Promise(() => undefined)

  test('does not hold up a stop that is not graceful', { timeout: 5_000 }, async (t) => {
    const { queue, add, get } = setupEngine(t, { handlers: { hangs }, cancelGraceMs: 50 })
    const [id = 0] = await add({ kind: 'hangs', lane: 'c' })
    const begun = once(queue, 'task.started')
    await queue.start()
    await begun
    await queue.stop({ graceful: false })
    const [task] = await get(id)
    assert.deepEqual([task?.status, task?.failures], ['pending', 0])
  })

  test('does not hold up a graceful stop once its time is over', { timeout: 5_000 }, async (t) => {
    const { queue, add, get } = setupEngine(t, { handlers: { hangs }, cancelGraceMs: 50 })
    const [id = 0] = await add({ kind: 'hangs', lane: 'c', timeoutMs: 100, maxRetries: 0 })
    const begun = once(queue, 'task.started')
    await queue.start()
    await begun
    await queue.stop()
    assert.equal((await get(id))[0]?.error?.code, 'queue/timeout')
  })
})

test('a handler in the coordinator whose attempt was given up cannot emit any more', async (t) => {
  const refused = Promise.withResolvers<unknown>()
  const late: Handler = async (_payload, { emit, signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    emit('chunk').catch(refused.resolve)
  }
  const chunks: unknown[] = []
  const onEmit = async (_task: unknown, chunk: unknown): Promise<unknown> => chunks.push(chunk)
  const { add, run } = setupEngine(t, { handlers: { late }, onEmit })
  await add({ kind: 'late', lane: 'c', timeoutMs: 50, maxRetries: 0 })
  await run()
  assert.equal(((await refused.promise) as { code?: string }).code, 'queue/given-up')
  assert.deepEqual(chunks, [])
})

test('a queue that has failed begins anew when it is started again', async (t) => {
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  let isBroken = true
  const exchange: typeof backend.exchange = async (request) => {
    if (isBroken) throw new Error('disk is away')
    return backend.exchange(request)
  }
  const { queue, add, get } = setupEngine(t, { backend: { ...backend, exchange } })
  const [id = 0] = await add({ lane: 'c' })
  await queue.start()
  await assert.rejects(queue.drain(), /disk is away/u)
  isBroken = false
  await queue.start()
  await queue.drain()
  assert.equal((await get(id))[0]?.status, 'completed')
})
