import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { isGone, once, setupEngine, started, temporaryFolder } from '../../test/support/queue-engine.ts'

describe('workers started ahead', () => {
  test('wait for the start of the queue, and run its first tasks', async (t) => {
    const { queue, add, exits, run } = setupEngine(t)
    const begun = once(queue, 'worker.started')
    queue.prestart('w')
    const { pid } = await begun
    const first = once(queue, 'task.started')
    await add({})
    await run()
    assert.equal((await first).workerPid, pid)
    assert.deepEqual(exits, [])
  })

  test('are ended with a queue that never started', async (t) => {
    const { queue, exits } = setupEngine(t, { concurrency: 2 })
    queue.prestart('w')
    await queue.stop()
    assert.equal(exits.length, 2)
  })
})

describe('running tasks in worker processes', () => {
  test('every task runs once, its result is committed, and nothing is alive after the stop', async (t) => {
    const { queue, backend, add, run, exits } = setupEngine(t, { concurrency: 2 })
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
    const { backend, add, run } = setupEngine(t)
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
    const { queue, backend, add, run, exits } = setupEngine(t)
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
    const { backend, add, run } = setupEngine(t)
    const [id = 0] = await add({ kind: 'dies', maxRetries: 1 })
    await run()
    const task = await backend.get(id)
    assert.deepEqual([task?.status, task?.failures, task?.error?.code], ['failed', 2, 'queue/worker-crashed'])
    assert.match(task?.error?.message ?? '', /signal SIGKILL: Error: out of paper/u)
  })

  test('a worker module that cannot be loaded fails its tasks instead of looping', async (t) => {
    const { backend, add, run } = setupEngine(t, { workerModule: new URL('file:///nowhere/module.ts') })
    const [id = 0] = await add({ maxRetries: 1 })
    await run()
    assert.match((await backend.get(id))?.error?.message ?? '', /did not start.*Cannot find module/u)
  })

  test('a thousand tasks of a module that cannot be loaded take a few processes to fail', async (t) => {
    const { backend, add, run, exits } = setupEngine(t, {
      workerModule: new URL('file:///nowhere/module.ts'),
    })
    await add(...Array.from({ length: 1_000 }, () => ({ maxRetries: 0 })))
    await run()
    assert.equal((await backend.counts()).failed, 1_000)
    assert.ok(exits.length <= 20, `${exits.length} processes`)
  })

  for (const kind of ['answers-a-big-int', 'answers-a-ring', 'reports-a-big-int']) {
    test(`a handler that ${kind} fails its task, and its process lives on`, async (t) => {
      const { get, add, run, exits } = setupEngine(t)
      const [id = 0, next = 0] = await add({ kind, maxRetries: 0 }, {})
      await run()
      const [task, after] = await get(id, next)
      assert.deepEqual(
        [task?.status, task?.error?.code, after?.status],
        ['failed', 'bug/TypeError', 'completed'],
      )
      assert.deepEqual(exits, [])
    })
  }

  for (const kind of ['waits-for-ever', 'blocks-for-ever']) {
    test(`an attempt that ${kind} is killed at its timeout`, async (t) => {
      const { backend, add, run, exits } = setupEngine(t)
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
    const { add, run } = setupEngine(t)
    await add({ kind: 'hangs-with-child', payload: file, timeoutMs: 1_000, maxRetries: 0 })
    await run()
    const [worker = 0, child = 0] = (await readFile(file, 'utf8')).split(' ').map(Number)
    assert.ok(worker > 0 && child > 0)
    assert.deepEqual([await isGone(worker), await isGone(child)], [true, true])
  })

  test('a task that blocks its process is charged for it, not the one that ended before', async (t) => {
    const { backend, add, run } = setupEngine(t)
    // Quick ones first, so that the blocking one comes in one batch with others.
    await add(...Array.from({ length: 30 }, () => ({ kind: 'noop' })))
    await run()
    const ids = await add(
      { kind: 'noop' },
      { kind: 'noop' },
      { kind: 'blocks-for-ever', timeoutMs: 300, maxRetries: 0 },
      { kind: 'noop' },
    )
    await run()
    const tasks = await Promise.all(ids.map((id) => backend.get(id)))
    assert.deepEqual(
      tasks.map((task) => [task?.status, task?.failures, task?.error?.code]),
      [
        ['completed', 0, undefined],
        ['completed', 0, undefined],
        ['failed', 1, 'queue/timeout'],
        ['completed', 0, undefined],
      ],
    )
  })

  test('a task that yields its turn lets the next one run, and is reported before it', async (t) => {
    const { queue, backend, add, run } = setupEngine(t)
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
    const { queue, backend, add, run } = setupEngine(t, {
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
    const { backend, add, run } = setupEngine(t, {
      onEmit: async () => {
        throw Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write' })
      },
    })
    const [id = 0] = await add({ kind: 'emits', payload: 1, maxRetries: 0 })
    await run()
    assert.equal((await backend.get(id))?.error?.code, 'system/ENOSPC')
  })

  test('an idle worker is ended, and the next task starts another', async (t) => {
    const { queue, add, run } = setupEngine(t, { workerIdleMs: 20 })
    await add({})
    const idle = once(queue, 'worker.exited', ({ reason }) => reason === 'idle')
    await run()
    await idle
    const [id] = await add({ kind: 'echo', payload: 1 })
    assert.ok(id)
    await queue.drain()
  })
})

describe('timeouts', () => {
  for (const kind of ['blocks-for-ever', 'waits-on-a-lock']) {
    test(`a task that ${kind} is charged, its neighbours are not, and the pool is whole again`, async (t) => {
      const { queue, add, get, run, exits } = setupEngine(t)
      await add(...Array.from({ length: 50 }, () => ({})))
      await run()
      const [culprit = 0, ...others] = await add({ kind, timeoutMs: 200, maxRetries: 0 }, {}, {}, {})
      await queue.drain()
      const [ended, ...neighbours] = await get(culprit, ...others)
      assert.deepEqual([ended?.status, ended?.failures, ended?.error?.code], ['failed', 1, 'queue/timeout'])
      assert.deepEqual(
        neighbours.map((task) => [task?.status, task?.failures]),
        others.map(() => ['completed', 0]),
      )
      assert.deepEqual(
        exits.map(({ reason }) => reason),
        ['timeout'],
      )
      assert.equal(queue.workers().length, 1)
    })
  }

  test('a handler that listens to its signal keeps its process, and is charged all the same', async (t) => {
    const { queue, add, get, run, exits } = setupEngine(t)
    const [id = 0, next = 0] = await add({ kind: 'listens', timeoutMs: 100, maxRetries: 0 }, {})
    await run()
    const [late, after] = await get(id, next)
    assert.deepEqual(
      [late?.status, late?.error?.code, after?.status],
      ['failed', 'queue/timeout', 'completed'],
    )
    assert.deepEqual(exits, [])
    assert.equal(queue.workers().length, 1)
  })
})

describe('a worker that is killed from outside', () => {
  test('its task runs again within 2 s, however long retries wait otherwise', async (t) => {
    const { queue, add, get } = setupEngine(t, { retryDelayMs: 3_600_000, random: () => 1 })
    const [id = 0] = await add({ kind: 'waits-at-first' })
    const first = started(queue, id)
    await queue.start()
    const { workerPid = 0 } = await first
    const again = started(queue, id)
    const killedAt = performance.now()
    process.kill(workerPid, 'SIGKILL')
    assert.equal((await again).attempt, 2)
    assert.ok(performance.now() - killedAt < 2_000)
    await queue.drain()
    const [task] = await get(id)
    assert.deepEqual([task?.status, task?.failures], ['completed', 1])
  })

  test('a task that kills its worker again backs off', async (t) => {
    const { queue, add, get } = setupEngine(t, { retryDelayMs: 3_600_000, random: () => 0.5 })
    const [id = 0] = await add({ kind: 'dies' })
    const twice = once(queue, 'task.settled', ({ attempt }) => attempt === 2)
    await queue.start()
    const { retryAt = 0, status, failures, maxRetries } = await twice
    assert.deepEqual([status, failures, maxRetries], ['retry', 2, 3])
    assert.ok(retryAt > Date.now() + 100_000)
    assert.equal((await get(id))[0]?.status, 'retry')
  })
})

describe('what the memory governor does', () => {
  test('workers are told with what they do', async (t) => {
    const { queue, add } = setupEngine(t, { w: { memoryBudgetBytes: 100 } })
    const [id = 0] = await add({ kind: 'waits-for-ever', memoryBytes: 70 })
    const begun = started(queue, id)
    await queue.start()
    const { workerPid = 0 } = await begun
    const [worker] = queue.workers()
    assert.ok(Math.abs(Date.now() - (worker?.busySince ?? 0)) < 5_000)
    assert.deepEqual(
      { ...worker, busySince: 0 },
      { pid: workerPid, lane: 'w', taskId: id, busySince: 0, memoryBytes: 70 },
    )
    assert.deepEqual(
      queue.lanes().map(({ name, concurrency, runsIn, running }) => [name, concurrency, runsIn, running]),
      [
        ['w', 1, 'worker', 1],
        ['c', 2, 'coordinator', 0],
      ],
    )
  })

  test('a retired worker finishes its task; the next task runs in another', async (t) => {
    const { queue, add, get, exits } = setupEngine(t)
    const [first = 0, second = 0] = await add({ kind: 'waits', payload: 150 }, { kind: 'waits', payload: 0 })
    const begun = started(queue, first)
    await queue.start()
    const { workerPid = 0 } = await begun
    queue.retireWorker(workerPid, 'memory')
    await queue.drain()
    const [one, two] = await get(first, second)
    assert.equal(one?.result, workerPid)
    assert.notEqual(two?.result, workerPid)
    assert.deepEqual([one?.attempt, two?.failures], [1, 0])
    assert.deepEqual(
      exits.map(({ pid, reason, how }) => [pid, reason, how]),
      [[workerPid, 'memory', 'exit code 0']],
    )
  })

  test('a killed worker’s task is charged with the reason', async (t) => {
    const { queue, add, get, exits } = setupEngine(t)
    const [id = 0] = await add({ kind: 'waits-for-ever', maxRetries: 0 })
    const begun = started(queue, id)
    await queue.start()
    const { workerPid = 0 } = await begun
    queue.killWorker(workerPid, 'memory', '900 MB resident, 512 MB allowed')
    await queue.drain()
    const [task] = await get(id)
    assert.deepEqual([task?.status, task?.failures, task?.error?.code], ['failed', 1, 'queue/memory-limit'])
    assert.match(task?.error?.message ?? '', /limit: 900 MB resident/u)
    assert.equal(exits[0]?.reason, 'memory')
  })

  test('tasks run only as far as the lane’s memory budget goes, a bigger one alone', async (t) => {
    const { queue, add, run } = setupEngine(t, { concurrency: 3, w: { memoryBudgetBytes: 100 } })
    const sums: number[] = []
    queue.on('task.started', () =>
      sums.push(queue.workers().reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)),
    )
    const wanted = [60, 60, 40, 250, 10, 30, 100]
    await add(...wanted.map((memoryBytes) => ({ kind: 'waits', payload: 20, memoryBytes })))
    await run()
    assert.equal(sums.length, wanted.length)
    assert.deepEqual(
      sums.filter((sum) => sum > 100),
      [250],
    )
    assert.ok(sums.includes(100), 'two that fit together run together')
  })
})
