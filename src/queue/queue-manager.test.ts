import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { FakeClock } from '../clock.ts'
import type { QueueEvents } from './events.ts'
import type { Handler } from './handler.ts'
import { QueueManager } from './queue-manager.ts'
import type { QueueManagerOptions } from './queue-options.ts'
import { openSqliteBackendInProcess } from './sqlite/index.ts'
import type { NewTask } from './task.ts'
import { MemoryBackend } from './testing/memory-backend.ts'

const WORKER_MODULE = new URL('../../test/fixtures/queue/worker-module.ts', import.meta.url)

type Options = Partial<Omit<QueueManagerOptions, 'lanes'>> & { concurrency?: number; timeoutMs?: number }

/** A manager with a lane `w` in workers and a lane `c` in the coordinator; stopped after the test. */
function setup(t: TestContext, { concurrency = 1, timeoutMs = 20_000, ...options }: Options = {}) {
  const backend = options.backend ?? openSqliteBackendInProcess({ file: ':memory:' })
  const queue = new QueueManager({
    lanes: {
      w: { concurrency, runsIn: 'worker', timeoutMs },
      c: { concurrency: 2, runsIn: 'coordinator', timeoutMs },
    },
    workerModule: WORKER_MODULE,
    handlers: { noop: async () => undefined },
    retryDelayMs: 1,
    ...options,
    backend,
  })
  const exits: QueueEvents['worker.exited'][] = []
  queue.on('worker.exited', (exit) => exits.push(exit))
  t.after(async () => {
    await queue.stop({ graceful: false })
    await backend.close()
  })
  const add = async (...tasks: Partial<NewTask>[]) => {
    const added = await queue.add(tasks.map((task) => ({ kind: 'noop', lane: 'w', payload: null, ...task })))
    return added.map(({ id }) => id)
  }
  return { queue, backend, add, exits, run: () => queue.start().then(() => queue.drain()) }
}

function once<Name extends keyof QueueEvents>(
  queue: QueueManager,
  name: Name,
  matches: (value: QueueEvents[Name]) => boolean = () => true,
): Promise<QueueEvents[Name]> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`no ${name} within 10 s`)), 10_000)
    const end = queue.on(name, (value) => {
      if (!matches(value)) return
      clearTimeout(limit)
      end()
      resolve(value)
    })
  })
}

async function isGone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (state === '' || / Z /u.test(state)) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'queue-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('workers started ahead', () => {
  test('wait for the start of the queue, and run its first tasks', async (t) => {
    const { queue, add, exits, run } = setup(t)
    const started = once(queue, 'worker.started')
    queue.prestart('w')
    const { pid } = await started
    const settled = once(queue, 'task.started', ({ workerPid }) => workerPid !== undefined)
    await add({})
    await run()
    assert.equal((await settled).workerPid, pid)
    assert.deepEqual(exits, [])
  })

  test('are ended with a queue that never started', async (t) => {
    const { queue, exits } = setup(t, { concurrency: 2 })
    queue.prestart('w')
    await queue.stop()
    assert.equal(exits.length, 2)
  })
})

describe('running tasks in worker processes', () => {
  test('every task runs once, its result is committed, and nothing is alive after the stop', async (t) => {
    const { queue, backend, add, run, exits } = setup(t, { concurrency: 2 })
    const pids: number[] = []
    queue.on('worker.started', ({ pid }) => pids.push(pid))
    await add(...Array.from({ length: 700 }, (_, payload) => ({ kind: 'echo', payload })))
    await run()
    const tasks = await backend.list({ limit: 1_000, status: 'completed' })
    assert.deepEqual(
      tasks.map(({ result }) => result),
      Array.from({ length: 700 }, (_, index) => index),
    )
    assert.ok(tasks.every(({ attempt }) => attempt === 1))
    await queue.stop()
    assert.equal(pids.length, 2)
    assert.deepEqual(
      exits.map(({ reason, how }) => [reason, how]),
      [
        ['stopped', 'exit code 0'],
        ['stopped', 'exit code 0'],
      ],
    )
    assert.deepEqual(await Promise.all(pids.map(isGone)), [true, true])
  })

  test('errors are kept: bugs are retried, a missing file and an unknown kind are not', async (t) => {
    const { backend, add, run } = setup(t)
    const ids = await add({ kind: 'throws', maxRetries: 2 }, { kind: 'missing' }, { kind: 'nobody' })
    await run()
    const tasks = await Promise.all(ids.map((id) => backend.get(id)))
    assert.deepEqual(
      tasks.map((task) => [task?.status, task?.failures, task?.error?.code]),
      [
        ['failed', 3, 'bug/Error'],
        ['failed', 1, 'system/ENOENT'],
        ['failed', 1, 'queue/unknown-kind'],
      ],
    )
  })

  test('a worker that dies is replaced, its task charged and alone next, its neighbours uncharged', async (t) => {
    const { queue, backend, add, run, exits } = setup(t)
    await add(...Array.from({ length: 50 }, () => ({})))
    await run()
    const [victim = 0, ...others] = await add(
      { kind: 'dies-once' },
      ...Array.from({ length: 20 }, () => ({})),
    )
    await queue.drain()
    const after = await backend.get(victim)
    assert.deepEqual([after?.status, after?.result, after?.failures], ['completed', 2, 1])
    const neighbours = await Promise.all(others.map((id) => backend.get(id)))
    assert.ok(neighbours.every((task) => task?.status === 'completed' && task.failures === 0))
    assert.deepEqual(
      exits.map(({ reason, how }) => [reason, how]),
      [['crashed', 'exit code 7']],
    )
  })

  test('a task that always kills its worker fails, with what the worker said', async (t) => {
    const { backend, add, run } = setup(t)
    const [id = 0] = await add({ kind: 'dies', maxRetries: 1 })
    await run()
    const task = await backend.get(id)
    assert.deepEqual([task?.status, task?.failures, task?.error?.code], ['failed', 2, 'queue/worker-crashed'])
    assert.match(task?.error?.message ?? '', /signal SIGKILL: Error: out of paper/u)
  })

  test('a worker module that cannot be loaded fails its tasks instead of looping', async (t) => {
    const { backend, add, run } = setup(t, { workerModule: new URL('file:///nowhere/module.ts') })
    const [id = 0] = await add({ maxRetries: 1 })
    await run()
    assert.match((await backend.get(id))?.error?.message ?? '', /did not start.*Cannot find module/u)
  })

  for (const kind of ['waits-for-ever', 'blocks-for-ever']) {
    test(`an attempt that ${kind} is killed at its timeout`, async (t) => {
      const { backend, add, run, exits } = setup(t)
      const [id = 0] = await add({ kind, timeoutMs: 200, maxRetries: 0 })
      await run()
      assert.equal((await backend.get(id))?.error?.code, 'queue/timeout')
      assert.deepEqual(
        exits.map(({ reason }) => reason),
        ['timeout'],
      )
    })
  }

  test('a kill at the timeout takes the worker’s own children along', async (t) => {
    const file = join(await temporaryFolder(t), 'pids')
    const { add, run } = setup(t)
    await add({ kind: 'hangs-with-child', payload: file, timeoutMs: 1_000, maxRetries: 0 })
    await run()
    const [worker = 0, child = 0] = (await readFile(file, 'utf8')).split(' ').map(Number)
    assert.ok(worker > 0 && child > 0)
    assert.deepEqual([await isGone(worker), await isGone(child)], [true, true])
  })

  test('a task that yields its turn lets the next one run, and is reported before it', async (t) => {
    const { queue, backend, add, run } = setup(t)
    // Tasks are handed over one at a time until it is known that they are quick.
    await add({}, {}, {})
    await run()
    const settled: number[] = []
    queue.on('task.settled', ({ task }) => settled.push(task.id))
    const ids = await add({ kind: 'yields' }, { kind: 'frees' })
    await queue.drain()
    assert.deepEqual(settled, ids)
    const results = await Promise.all(ids.map((id) => backend.get(id)))
    assert.deepEqual(
      results.map((task) => task?.result),
      ['yielded', 'freed'],
    )
  })

  test('emit waits for the coordinator and answers what it made of the chunk', async (t) => {
    const chunks: unknown[] = []
    const progress: unknown[] = []
    const { queue, backend, add, run } = setup(t, {
      onEmit: async (_task, chunk) => chunks.push(chunk),
    })
    queue.on('task.progress', ({ value }) => progress.push(value))
    const [id = 0] = await add({ kind: 'emits', payload: 3 })
    await run()
    assert.deepEqual(chunks, [{ index: 0 }, { index: 1 }, { index: 2 }])
    assert.deepEqual((await backend.get(id))?.result, [1, 2, 3])
    assert.deepEqual(progress, [3])
  })

  test('an emit that the coordinator refuses fails the attempt with the same error', async (t) => {
    const { backend, add, run } = setup(t, {
      onEmit: async () => {
        throw Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write' })
      },
    })
    const [id = 0] = await add({ kind: 'emits', payload: 1, maxRetries: 0 })
    await run()
    assert.equal((await backend.get(id))?.error?.code, 'system/ENOSPC')
  })

  test('an idle worker is ended, and the next task starts another', async (t) => {
    const { queue, add, run } = setup(t, { workerIdleMs: 20 })
    await add({})
    const idle = once(queue, 'worker.exited', ({ reason }) => reason === 'idle')
    await run()
    await idle
    const [id] = await add({ kind: 'echo', payload: 1 })
    assert.ok(id)
    await queue.drain()
  })
})

describe('stopping', () => {
  test('a graceful stop finishes what runs and releases what has not begun', async (t) => {
    const { queue, backend, add } = setup(t)
    const ids = await add(...Array.from({ length: 4 }, () => ({ kind: 'waits', payload: 150 })))
    const started = once(queue, 'task.started')
    await queue.start()
    await started
    await queue.stop()
    const tasks = await Promise.all(ids.map((id) => backend.get(id)))
    assert.deepEqual(
      tasks.map((task) => task?.status),
      ['completed', 'pending', 'pending', 'pending'],
    )
    assert.ok(tasks.every((task) => task?.failures === 0))
  })

  test('an immediate stop kills, and releases uncharged; the tasks run after the next start', async (t) => {
    const { queue, backend, add, run, exits } = setup(t)
    const [long = 0] = await add({ kind: 'waits', payload: 300 }, {})
    const started = once(queue, 'task.started')
    await queue.start()
    await started
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
    const { queue, backend, add } = setup(t)
    const [id = 0] = await add({ kind: 'waits-for-ever' })
    const started = once(queue, 'task.started')
    await queue.start()
    await started
    await Promise.all([queue.stop(), queue.stop({ graceful: false })])
    assert.equal((await backend.get(id))?.status, 'pending')
  })

  describe('while an emitted chunk is dealt with that never will be', () => {
    /** `emits` runs in a worker, `sends` in the coordinator; both wait for the answer. */
    async function stuck(t: TestContext, more: Options = {}) {
      let sent = 0
      const { promise: bothSent, resolve } = Promise.withResolvers<void>()
      const onEmit = (): Promise<never> => {
        sent += 1
        if (sent === 2) resolve()
        return new Promise(() => undefined)
      }
      const sends: Handler = (_payload, context) => context.emit('chunk')
      const handlers = { sends, noop: async () => 'done' }
      const made = setup(t, { ...more, onEmit, handlers })
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
    const { queue } = setup(t)
    await queue.stop()
    await queue.start()
    await Promise.all([queue.stop(), queue.stop()])
    await queue.stop()
  })

  test('a drain that a stop cuts short rejects', async (t) => {
    const { queue, add } = setup(t)
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
    const { queue, add, run } = setup(t, { handlers: { wait } })
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
    const { queue, backend, add, run } = setup(t)
    queue.pause('c')
    const [id = 0] = await add({ lane: 'c' })
    await run()
    assert.equal((await backend.get(id))?.status, 'pending')
    queue.resume('c')
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
    const { backend, add, run } = setup(t, { handlers: { deaf } })
    const [id = 0] = await add({ kind: 'deaf', lane: 'c', timeoutMs: 30, maxRetries: 0 })
    await run()
    assert.equal(aborted, true)
    assert.equal((await backend.get(id))?.error?.code, 'queue/timeout')
  })

  test('contradicting options are refused, all at once', () => {
    const backend = new MemoryBackend()
    assert.throws(
      () =>
        new QueueManager({
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
    const { add, run } = setup(t, {
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
    const { queue, add } = setup(t, {
      backend: new MemoryBackend({ program }),
      afterCommit: async () => {
        throw new Error('cannot link')
      },
    })
    await add({ kind: 'waits-for-ever' }, { lane: 'c' })
    const started = once(queue, 'worker.started')
    const exited = once(queue, 'worker.exited')
    const failed = once(queue, 'queue.failed')
    await queue.start()
    await started
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
    const { queue, add } = setup(t, { backend, clock, handlers, retryDelayMs: 8_000, random: () => 0.5 })
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
    const { queue, backend, add } = setup(t, { leaseMs: 120 })
    const [id = 0] = await add({ kind: 'waits-for-ever' })
    const started = once(queue, 'task.started')
    await queue.start()
    await started
    const exited = once(queue, 'worker.exited')
    const lost = once(queue, 'lease.lost')
    await backend.sweep({ takeOver: true })
    queue.pause('w')
    assert.deepEqual(await lost, { taskIds: [id] })
    assert.equal((await exited).reason, 'lease-lost')
    await queue.stop()
    assert.equal((await backend.get(id))?.failures, 0)
  })

  test('a sole coordinator takes over at once what a dead one held', async (t) => {
    const { queue, backend, add, run } = setup(t, { sole: true })
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
