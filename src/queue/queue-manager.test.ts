import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { FakeClock } from '../clock.ts'
import { createLogger } from '../logger.ts'
import { QueueFullError } from './admission.ts'
import type { TaskContext } from './handler.ts'
import type { QueueManagerOptions } from './manager-options.ts'
import { QueueManager } from './queue-manager.ts'
import { openSqliteBackendInProcess } from './sqlite/index.ts'
import type { QueueStatistics } from './statistics.ts'

/** Handlers that a test can look at and hold back. */
function handlersOf() {
  const gate = Promise.withResolvers<void>()
  const runs: unknown[] = []
  return {
    gate,
    runs,
    handlers: {
      echo: async (payload?: unknown) => {
        runs.push(payload)
        return payload
      },
      /** Waits for the gate, or for its cancellation. */
      hold: async (_payload: unknown, { signal }: TaskContext) => {
        const aborted = new Promise<never>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        })
        await Promise.race([gate.promise, aborted])
      },
      fail: async (message?: string) => {
        runs.push(message)
        throw new Error(message ?? 'did not work')
      },
    },
  }
}

type Parts = ReturnType<typeof handlersOf>

/** A manager of handlers that run here, on a database in memory; closed after the test. */
function setup(t: TestContext, options: Partial<QueueManagerOptions<Parts['handlers']>> = {}) {
  const parts = handlersOf()
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  const queue = new QueueManager({ backend, handlers: parts.handlers, retryDelay: 0.001, ...options })
  t.after(async () => {
    await queue.stopProcessing({ graceful: false })
    await queue.close()
    await backend.close()
  })
  return { queue, backend, ...parts }
}

interface Line {
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

function recorder() {
  const lines: Line[] = []
  const logger = createLogger({
    level: 'debug',
    now: () => 0,
    write: (line) => lines.push(JSON.parse(line) as Line),
  })
  const find = (message: string): Line | undefined => lines.find((line) => line.message === message)
  return { logger, lines, find }
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    if (await isTrue()) return
    await wait(10)
  }
  throw new Error('did not become true within 10 s')
}

async function temporaryFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'queue-manager-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'queue.db')
}

describe('a queue manager', () => {
  test('runs what was added before and after the start, by priority, then in order', async (t) => {
    const { queue, runs } = setup(t, { maxWorkers: 1 })
    await queue.addTasks(['first', 'second'].map((payload) => ({ kind: 'echo' as const, payload })))
    const important = await queue.addTask({ kind: 'echo', payload: 'important', priority: 1 })
    await queue.startProcessing()
    await queue.drain()
    assert.deepEqual(runs, ['important', 'first', 'second'])
    const late = await queue.addTask({ kind: 'echo', payload: { late: true } })
    await queue.drain()
    const task = await queue.getTaskStatus(late)
    assert.deepEqual([task?.status, task?.result], ['completed', { late: true }])
    assert.equal((await queue.getTaskStatus(important))?.status, 'completed')
    assert.equal(await queue.getTaskStatus(9_999), undefined)
  })

  test('counts each task once', async (t) => {
    const { queue } = setup(t, { maxRetries: 1 })
    await queue.addTasks([
      ...Array.from({ length: 4 }, () => ({ kind: 'echo' as const })),
      { kind: 'fail', payload: 'bad' },
    ])
    await queue.startProcessing()
    await queue.drain()
    const statistics = await queue.getStatistics()
    const { totalTasks, completedTasks, failedTasks, retries, successRate, progress, queueSize } = statistics
    assert.deepEqual([totalTasks, completedTasks, failedTasks, retries, queueSize], [5, 4, 1, 1, 0])
    assert.deepEqual([successRate, progress], [0.8, { done: 5, total: 5, percent: 100 }])
    assert.ok(statistics.throughput > 0 && (statistics.p50 ?? 0) > 0 && (statistics.memoryPercent ?? 0) > 0)
    assert.equal(statistics.lanes['default']?.completedTasks, 4)
  })

  test('a missing file fails at once, other errors after all their retries', async (t) => {
    const missing = async () => {
      throw Object.assign(new Error('ENOENT: no such file, open gone.mp3'), {
        code: 'ENOENT',
        syscall: 'open',
      })
    }
    const { handlers } = handlersOf()
    const backend = openSqliteBackendInProcess({ file: ':memory:' })
    const queue = new QueueManager({
      backend,
      handlers: { ...handlers, missing },
      retryDelay: 0.001,
      maxRetries: 2,
    })
    t.after(() => backend.close())
    const ids = await queue.addTasks([{ kind: 'missing' }, { kind: 'fail', payload: 'x' }])
    await queue.startProcessing()
    await queue.drain()
    const tasks = await Promise.all(ids.map((id) => queue.getTaskStatus(id)))
    assert.deepEqual(
      tasks.map((task) => [task?.status, task?.failures, task?.error?.message]),
      [
        ['failed', 1, 'ENOENT: no such file, open gone.mp3'],
        ['failed', 3, 'x'],
      ],
    )
    await queue.close()
  })

  test('stops when told, keeps what is left, and goes on at the next start', async (t) => {
    const { queue, gate, runs } = setup(t, { maxWorkers: 1 })
    await queue.addTasks([{ kind: 'hold' }, { kind: 'echo', payload: 1 }])
    const started = new Promise<void>((resolve) => {
      queue.on('task.started', () => resolve())
    })
    await queue.startProcessing()
    await started
    const stopped = queue.stopProcessing()
    gate.resolve()
    await stopped
    assert.equal((await queue.getTaskStatus(1))?.status, 'completed')
    assert.equal((await queue.getTaskStatus(2))?.status, 'pending')
    await queue.startProcessing()
    await queue.drain()
    assert.deepEqual(runs, [1])
  })

  test('a second stop is impatient: what runs goes back uncharged', async (t) => {
    const { queue } = setup(t)
    const id = await queue.addTask({ kind: 'hold' })
    const started = new Promise<void>((resolve) => {
      queue.on('task.started', () => resolve())
    })
    await queue.startProcessing()
    await started
    const patient = queue.stopProcessing()
    await queue.stopProcessing()
    await patient
    const task = await queue.getTaskStatus(id)
    assert.deepEqual([task?.status, task?.failures], ['pending', 0])
  })

  test('may be closed twice, stopped before the start, and started twice', async (t) => {
    const { queue } = setup(t)
    await queue.stopProcessing()
    await Promise.all([queue.startProcessing(), queue.startProcessing()])
    await Promise.all([queue.close(), queue.close()])
    await assert.rejects(queue.startProcessing(), { code: 'queue/store-closed' })
  })

  test('says so when nobody would ever run the tasks that are waited for', async (t) => {
    const { queue } = setup(t)
    await queue.drain()
    await queue.addTask({ kind: 'echo' })
    await assert.rejects(queue.drain(), { code: 'queue/not-running', hint: 'Call startProcessing first.' })
  })

  test('refuses to start without handlers, and a lane that nobody here knows', async (t) => {
    const { queue, backend } = setup(t)
    const producer = new QueueManager({ backend })
    await assert.rejects(producer.startProcessing(), { code: 'queue/invalid-options' })
    assert.ok((await producer.addTask({ kind: 'any', lane: 'elsewhere' })) > 0)
    await assert.rejects(queue.addTask({ kind: 'echo', lane: 'elsewhere' }), {
      code: 'queue/invalid-task',
      message: 'lane "elsewhere" is none of: default',
    })
  })
})

describe('the limit of open tasks', () => {
  test('one more is refused; there is room again when tasks have ended', async (t) => {
    const { logger, find } = recorder()
    const { queue } = setup(t, { queueSize: 2, logger })
    await queue.addTasks([{ kind: 'echo' }, { kind: 'echo' }])
    await assert.rejects(queue.addTask({ kind: 'echo' }), QueueFullError)
    assert.deepEqual([find('queue full')?.level, find('queue full')?.['queueSize']], ['warn', 2])
    await queue.startProcessing()
    await queue.drain()
    assert.equal(await queue.addTask({ kind: 'echo' }), 3)
  })

  test('a long source is added at the pace of the queue, and never read far ahead', async (t) => {
    const { queue, runs } = setup(t, { queueSize: 20, maxWorkers: 4 })
    let pulled = 0
    let ahead = 0
    async function* source() {
      for (let payload = 0; payload < 500; payload += 1) {
        pulled += 1
        ahead = Math.max(ahead, pulled - runs.length)
        yield { kind: 'echo' as const, payload }
      }
    }
    await queue.startProcessing()
    const ids = await queue.addTasks(source())
    await queue.drain()
    assert.deepEqual([ids.length, runs.length], [500, 500])
    assert.ok(ahead <= 2 * 20, `${ahead} tasks were read ahead`)
  })

  test('who waits for room when the queue stops is told what was added', async (t) => {
    const { queue, gate } = setup(t, { queueSize: 2 })
    await queue.startProcessing()
    const adding = queue.addTasks(Array.from({ length: 5 }, () => ({ kind: 'hold' as const })))
    const refused = assert.rejects(adding, { code: 'queue/full', added: [1, 2] })
    await until(async () => (await queue.listTasks({ limit: 10 })).length === 2)
    const stopped = queue.stopProcessing()
    gate.resolve()
    await Promise.all([stopped, refused])
  })
})

describe('control', () => {
  test('a waiting task is cancelled, a running one is ended, an ended one is not', async (t) => {
    const { queue } = setup(t, { maxWorkers: 1 })
    const [running = 0, waiting = 0] = await queue.addTasks([{ kind: 'hold' }, { kind: 'echo' }])
    const started = new Promise<void>((resolve) => {
      queue.on('task.started', () => resolve())
    })
    await queue.startProcessing()
    await started
    assert.deepEqual(await queue.cancelTasks([running, waiting, 99]), {
      cancelled: [waiting],
      requested: [running],
    })
    await queue.drain()
    assert.deepEqual(
      [await queue.getTaskStatus(running), await queue.getTaskStatus(waiting)].map((task) => task?.status),
      ['cancelled', 'cancelled'],
    )
    assert.equal(await queue.cancelTask(running), false)
  })

  test('all failed tasks are tried again, or those with an error', async (t) => {
    const { queue, runs } = setup(t, { maxRetries: 0 })
    const [first = 0, second = 0] = await queue.addTasks([
      { kind: 'fail', payload: 'a' },
      { kind: 'fail', payload: 'b' },
    ])
    await queue.startProcessing()
    await queue.drain()
    assert.deepEqual(await queue.retryFailed({ errorCode: 'other/error' }), [])
    assert.deepEqual(await queue.retryFailed({ ids: [second] }), [second])
    await queue.drain()
    assert.deepEqual(await queue.retryFailed(), [first, second])
    await queue.drain()
    assert.deepEqual([...runs].sort(), ['a', 'a', 'b', 'b', 'b'])
  })

  test('a paused lane hands out nothing until it is resumed', async (t) => {
    const { queue, runs } = setup(t)
    await queue.pause('default')
    await queue.addTask({ kind: 'echo' })
    await queue.startProcessing()
    await queue.drain()
    const { lanes, eta } = await queue.getStatistics()
    assert.deepEqual([runs.length, lanes['default']?.paused, eta], [0, true, undefined])
    await queue.resume('default')
    await queue.drain()
    assert.equal(runs.length, 1)
  })

  test('clearing cancels what does not run, also what waits for something', async (t) => {
    const { queue } = setup(t)
    const [first = 0] = await queue.addTasks([{ kind: 'echo' }, { kind: 'echo', runAt: Date.now() + 60_000 }])
    await queue.addTask({ kind: 'echo', dependsOn: [{ taskId: first }] })
    assert.equal(await queue.clearQueue(), 3)
    const { cancelledTasks, failedTasks, queueSize } = await queue.getStatistics()
    assert.deepEqual([cancelledTasks, failedTasks, queueSize], [3, 0, 0])
  })

  test('schedules fire, are listed and removed', async (t) => {
    const { queue, runs } = setup(t)
    const schedule = await queue.schedule({
      name: 'each second',
      cron: '* * * * * *',
      task: { kind: 'echo', payload: 'tick' },
    })
    assert.equal(schedule.name, 'each second')
    await queue.startProcessing()
    await until(() => runs.length > 0)
    assert.equal(runs[0], 'tick')
    assert.deepEqual(
      (await queue.schedules()).map(({ name }) => name),
      ['each second'],
    )
    assert.deepEqual(
      [await queue.unschedule('each second'), await queue.unschedule('each second')],
      [true, false],
    )
  })

  test('what has ended is forgotten when asked, and by the retention at the start', async (t) => {
    const { queue } = setup(t, { retention: { maxCompleted: 2 } })
    await queue.addTasks(Array.from({ length: 5 }, () => ({ kind: 'echo' as const })))
    await queue.startProcessing()
    await queue.drain()
    await queue.stopProcessing()
    await wait(2)
    await queue.startProcessing()
    await queue.stopProcessing()
    assert.equal((await queue.getStatistics()).completedTasks, 2)
    assert.equal(await queue.prune({ status: 'completed', endedBefore: Date.now() + 1 }), 2)
  })
})

describe('what a queue manager tells', () => {
  test('a callback gets the statistics at the end, whatever it does', async (t) => {
    const { logger, find } = recorder()
    const { queue } = setup(t, { logger, progressUpdateInterval: 0.01 })
    const readings: QueueStatistics[] = []
    await queue.addTask({ kind: 'echo' })
    await queue.startProcessing((statistics) => {
      readings.push(statistics)
      throw new Error('no paper')
    })
    await queue.drain()
    await queue.stopProcessing()
    assert.equal(readings.at(-1)?.completedTasks, 1)
    assert.deepEqual(
      [find('progress callback threw')?.level, find('progress callback threw')?.['error']],
      ['error', 'no paper'],
    )
  })

  test('the log has what happened, each fact in a field', async (t) => {
    const { logger, lines, find } = recorder()
    const { queue } = setup(t, { logger, maxWorkers: 3, maxRetries: 1 })
    await queue.addTask({ kind: 'fail', payload: 'broken', priority: 5 })
    await queue.addTasks([{ kind: 'echo' }, { kind: 'echo', runAt: Date.now() + 60_000 }])
    await queue.startProcessing()
    await until(() => find('task failed') !== undefined && find('task completed') !== undefined)
    await queue.cancelTask(3)
    await queue.drain()
    await queue.stopProcessing()
    const facts = (message: string, ...names: string[]) => [
      find(message)?.level,
      ...names.map((name) => find(message)?.[name]),
    ]
    assert.deepEqual(facts('task added', 'taskId', 'kind', 'priority'), ['debug', 1, 'fail', 5])
    assert.deepEqual(facts('tasks added', 'count'), ['info', 2])
    assert.deepEqual(facts('processing started', 'workers', 'queueSize'), ['info', 3, 1_000])
    assert.deepEqual(facts('task retry', 'taskId', 'retry', 'maxRetries', 'error'), [
      'info',
      1,
      1,
      1,
      'broken',
    ])
    assert.deepEqual(facts('task failed', 'taskId', 'retries', 'code'), ['warn', 1, 1, 'bug/Error'])
    assert.deepEqual(facts('task completed', 'taskId', 'kind'), ['debug', 2, 'echo'])
    assert.deepEqual(facts('tasks cancelled', 'count'), ['info', 1])
    assert.deepEqual(facts('progress', 'percent', 'done', 'total'), ['info', 100, 2, 2])
    assert.deepEqual(facts('processing stopped', 'done', 'open'), ['info', 2, 0])
    assert.ok(lines.every(({ level }) => level !== 'error'))
  })

  test('without a logger nobody is told, and nothing is asked of one', async (t) => {
    const { queue, runs } = setup(t)
    await queue.addTask({ kind: 'echo' })
    await queue.startProcessing()
    await queue.drain()
    assert.equal(runs.length, 1)
  })
})

describe('a queue manager on a file', () => {
  test('opens it when it is first needed, and keeps everything over a restart', async (t) => {
    const file = await temporaryFile(t)
    const { handlers, runs } = handlersOf()
    const first = new QueueManager({ file, durability: 'process' })
    await first.addTask({ kind: 'echo', payload: 'kept' })
    await first.close()
    await assert.rejects(first.addTask({ kind: 'echo' }), { code: 'queue/store-closed' })
    const second = new QueueManager({ file, durability: 'process', handlers })
    await second.startProcessing()
    await second.drain()
    assert.deepEqual(runs, ['kept'])
    await second.close()
  })

  test('a file that cannot be opened is told by the first call, which may be tried again', async () => {
    const queue = new QueueManager({ file: '/dev/null/queue.db' })
    await assert.rejects(queue.addTask({ kind: 'any' }))
    await assert.rejects(queue.getStatistics())
    await queue.close()
  })

  test('who only adds waits for the room that another process makes', async (t) => {
    const file = await temporaryFile(t)
    const { handlers, runs } = handlersOf()
    const worker = new QueueManager({ file, durability: 'process', handlers })
    const producer = new QueueManager({ file, durability: 'process', queueSize: 4 })
    const tasks = Array.from({ length: 40 }, (_, payload) => ({ kind: 'echo', payload }))
    await assert.rejects(producer.addTasks(tasks), { code: 'queue/full', added: [1, 2, 3, 4] })
    await worker.startProcessing()
    assert.equal((await producer.addTasks(tasks)).length, 40)
    await worker.drain()
    assert.equal(runs.length, 44)
    await producer.close()
    await worker.close()
  })

  test('another process adds and controls without handlers of its own', async (t) => {
    const file = await temporaryFile(t)
    const { handlers, runs } = handlersOf()
    const worker = new QueueManager({ file, durability: 'process', handlers })
    const other = new QueueManager({ file, durability: 'process' })
    await worker.startProcessing()
    const id = await other.addTask({ kind: 'echo', payload: 'from outside' })
    await until(() => runs.length === 1)
    await worker.drain()
    assert.equal((await other.getTaskStatus(id))?.status, 'completed')
    const paused = new Promise((resolve) => {
      worker.on('lane.paused', resolve)
    })
    await other.pause('default')
    await paused
    await other.addTask({ kind: 'echo' })
    await worker.drain()
    assert.equal(runs.length, 1)
    await other.close()
    await worker.close()
  })
})

test('finished tasks are looked through every ten minutes, also after a second start', async (t) => {
  const clock = new FakeClock()
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  const prune = t.mock.fn(backend.prune)
  const { queue } = setup(t, { clock, backend: { ...backend, prune } })
  await queue.startProcessing()
  await queue.stopProcessing()
  await queue.startProcessing()
  await until(() => prune.mock.callCount() > 0)
  await new Promise((resolve) => setImmediate(resolve))
  const before = prune.mock.callCount()
  clock.advance(600_000)
  await until(() => prune.mock.callCount() > before)
})

test('startProcessing begins anew after the queue has failed', async (t) => {
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  let isBroken = true
  const exchange: typeof backend.exchange = async (request) => {
    if (isBroken) throw new Error('disk is away')
    return backend.exchange(request)
  }
  const { queue } = setup(t, { backend: { ...backend, exchange } })
  const id = await queue.addTask({ kind: 'echo', payload: 1 })
  await queue.startProcessing()
  await assert.rejects(queue.drain(), /disk is away/u)
  isBroken = false
  await queue.startProcessing()
  await queue.drain()
  assert.equal((await queue.getTaskStatus(id))?.status, 'completed')
})
