import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createLogger } from '../logger.ts'
import type { QueueEvents } from './events.ts'
import type { QueueManagerOptions } from './manager-options.ts'
import { QueueManager } from './queue-manager.ts'
import { openSqliteBackendInProcess } from './sqlite/index.ts'

const MODULE = new URL('../../test/fixtures/queue/worker-module.ts', import.meta.url)

function setup(t: TestContext, options: Partial<QueueManagerOptions> = {}) {
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  const queue = new QueueManager({ backend, module: MODULE, retryDelay: 0.001, ...options })
  t.after(async () => {
    await queue.stopProcessing({ graceful: false })
    await queue.close()
    await backend.close()
  })
  return queue
}

function exitsOf(queue: QueueManager): QueueEvents['worker.exited'][] {
  const exits: QueueEvents['worker.exited'][] = []
  queue.on('worker.exited', (exit) => exits.push(exit))
  return exits
}

describe('a queue manager with worker processes', () => {
  test('runs tasks in them, counts them, and leaves none behind', async (t) => {
    const queue = setup(t, { maxWorkers: 2, handlers: { here: async () => process.pid } })
    const exits = exitsOf(queue)
    const seen = Promise.withResolvers<void>()
    queue.on('task.started', ({ task }) => {
      if (task.kind === 'waits-for-ever') seen.resolve()
    })
    await queue.addTasks(Array.from({ length: 50 }, (_, payload) => ({ kind: 'echo', payload })))
    const here = await queue.addTask({ kind: 'here' })
    const waits = await queue.addTask({ kind: 'waits-for-ever', priority: -1 })
    await queue.startProcessing()
    await seen.promise
    const { activeWorkers, currentWorkers, lanes } = await queue.getStatistics()
    assert.ok(activeWorkers >= 1 && currentWorkers >= activeWorkers && currentWorkers <= 2)
    assert.deepEqual(Object.keys(lanes).sort(), ['coordinator', 'default'])
    assert.equal(await queue.cancelTask(waits), true)
    await queue.drain()
    assert.equal((await queue.getTaskStatus(here))?.result, process.pid)
    await queue.stopProcessing()
    const after = await queue.getStatistics()
    assert.deepEqual([after.completedTasks, after.cancelledTasks, after.currentWorkers], [51, 1, 0])
    assert.ok(exits.some(({ reason }) => reason === 'cancelled'))
  })

  test('a handler in an endless loop is ended at the timeout, charged, and the pool is whole again', async (t) => {
    const lines: { level: string; message: string }[] = []
    const logger = createLogger({
      level: 'debug',
      now: () => 0,
      write: (line) => lines.push(JSON.parse(line)),
    })
    const queue = setup(t, { maxWorkers: 1, workerTimeout: 0.2, maxRetries: 0, logger })
    const exits = exitsOf(queue)
    const [loop = 0, next = 0] = await queue.addTasks([
      { kind: 'blocks-for-ever', priority: 1 },
      { kind: 'echo', payload: 'after', timeoutMs: 20_000 },
    ])
    await queue.startProcessing()
    await queue.drain()
    const task = await queue.getTaskStatus(loop)
    assert.deepEqual([task?.status, task?.failures, task?.error?.code], ['failed', 1, 'queue/timeout'])
    assert.equal((await queue.getTaskStatus(next))?.result, 'after')
    assert.deepEqual(
      exits.map(({ reason }) => reason),
      ['timeout'],
    )
    assert.equal(lines.find(({ message }) => message === 'worker died')?.level, 'warn')
  })

  test('runs without looking at the memory when it is told so', async (t) => {
    const queue = setup(t, { memoryCheckInterval: 0, maxWorkers: 1 })
    await queue.addTask({ kind: 'noop' })
    await queue.startProcessing()
    await queue.drain()
    assert.equal((await queue.getStatistics()).completedTasks, 1)
  })
})
