import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { once } from '../../test/support/queue-engine.ts'
import { QueueEngine } from './queue-engine.ts'
import type { RemoteLanes, RemoteRunnerOptions } from './remote.ts'
import type { AttemptEnd, LaneRunner, WorkerStatus } from './runner.ts'
import { openSqliteBackendInProcess } from './sqlite/index.ts'
import type { ClaimedTask, NewTask } from './task.ts'

/** Holds what it is given until the test says how it ends. */
class HeldRunner implements LaneRunner {
  readonly options: RemoteRunnerOptions
  readonly held = new Map<number, ClaimedTask>()
  readonly cancelled: number[] = []
  concurrency: number
  mostHeld = 0
  readonly kept = 0

  constructor(options: RemoteRunnerOptions) {
    this.options = options
    this.concurrency = options.concurrency
  }

  get tasks(): readonly ClaimedTask[] {
    return [...this.held.values()]
  }

  get running(): number {
    return this.held.size
  }

  get hasIdleSlot(): boolean {
    return this.held.size < this.concurrency
  }

  feed(buffer: ClaimedTask[]): void {
    for (const claimed of buffer.splice(0, this.concurrency - this.held.size)) {
      this.held.set(claimed.task.id, claimed)
      this.options.host.started(claimed)
    }
    this.mostHeld = Math.max(this.mostHeld, this.held.size)
  }

  end(taskId: number, end: AttemptEnd): void {
    const claimed = this.held.get(taskId)
    if (claimed === undefined) return
    this.held.delete(taskId)
    this.options.host.ended(claimed, end)
    this.options.onRoom()
  }

  resize(concurrency: number): void {
    this.concurrency = concurrency
    this.options.onRoom()
  }

  abandon(taskIds: ReadonlySet<number>): void {
    for (const id of taskIds) this.end(id, { outcome: 'lost' })
  }

  cancel(taskIds: ReadonlySet<number>): void {
    this.cancelled.push(...taskIds)
    for (const id of taskIds) this.end(id, { outcome: 'released' })
  }

  workers(): readonly WorkerStatus[] {
    return []
  }

  retireWorker(): boolean {
    return false
  }

  killWorker(): boolean {
    return false
  }

  async stop({ graceful }: { readonly graceful: boolean }): Promise<void> {
    assert.equal(typeof graceful, 'boolean')
    for (const id of [...this.held.keys()]) this.end(id, { outcome: 'released' })
  }
}

function setup(t: TestContext, concurrency = 3) {
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  const runners: HeldRunner[] = []
  const remote: RemoteLanes = {
    runner: (options) => {
      const runner = new HeldRunner(options)
      runners.push(runner)
      return runner
    },
  }
  const emitted: unknown[] = []
  const queue = new QueueEngine({
    backend,
    remote,
    lanes: { r: { concurrency, runsIn: 'remote', batchSize: 1, timeoutMs: 1_234 } },
    retryDelayMs: 1,
    onEmit: async ({ id }, chunk) => emitted.push([id, chunk]),
  })
  t.after(async () => {
    await queue.stop({ graceful: false })
    await backend.close()
  })
  const [runner] = runners
  if (runner === undefined) return assert.fail('engine asked for no runner')
  const add = async (...tasks: Partial<NewTask>[]): Promise<number[]> =>
    (await queue.add(tasks.map((task) => ({ kind: 'k', lane: 'r', payload: null, ...task })))).map(
      ({ id }) => id,
    )
  return { backend, queue, runner, add, emitted }
}

const done = (result: unknown): AttemptEnd => ({ outcome: 'completed', result, durationMs: 1 })

describe('a lane that runs remotely', () => {
  test('is run by the runner that the engine was given, with the options of the lane', async (t) => {
    const { queue, runner, add, backend } = setup(t)
    const { lane, concurrency, timeoutMs, cancelGraceMs } = runner.options
    assert.deepEqual([lane, concurrency, timeoutMs, cancelGraceMs], ['r', 3, 1_234, 1_000])
    const [id = 0] = await add({})
    const started = once(queue, 'task.started')
    await queue.start()
    assert.equal((await started).task.id, id)
    runner.end(id, done({ a: 1 }))
    await queue.drain()
    assert.deepEqual((await backend.get(id))?.result, { a: 1 })
    assert.deepEqual(queue.workers(), [])
    assert.equal(queue.lanes()[0]?.runsIn, 'remote')
  })

  test('has no more under way than its concurrency, and little claimed ahead', async (t) => {
    const { queue, runner, add, backend } = setup(t, 3)
    await add(...Array.from({ length: 40 }, () => ({})))
    let mostClaimed = 0
    const count = async (): Promise<void> => {
      const { processing } = await backend.counts('r')
      mostClaimed = Math.max(mostClaimed, processing)
    }
    queue.on('task.settled', () => void count())
    queue.on('task.started', ({ task }) => queueMicrotask(() => runner.end(task.id, done(null))))
    await queue.start()
    await queue.drain()
    assert.equal(runner.mostHeld, 3)
    assert.ok(mostClaimed <= 6, `${mostClaimed} were claimed at a time`)
  })

  test('an error is retried, and the next attempt is another one', async (t) => {
    const { queue, runner, add, backend } = setup(t)
    const [id = 0] = await add({})
    const attempts: number[] = []
    const error = { code: 'a/b', message: 'm', recovery: 'retry' } as const
    queue.on('task.started', ({ attempt }) => {
      attempts.push(attempt)
      const end: AttemptEnd = attempt === 1 ? { outcome: 'error', error, durationMs: 1 } : done(null)
      queueMicrotask(() => runner.end(id, end))
    })
    await queue.start()
    await queue.drain()
    assert.deepEqual(attempts, [1, 2])
    assert.equal((await backend.get(id))?.failures, 1)
  })

  test('a task that is cancelled while it is under way is cancelled for good', async (t) => {
    const { queue, runner, add, backend } = setup(t)
    const [id = 0] = await add({})
    const started = once(queue, 'task.started')
    await queue.start()
    await started
    await queue.cancel([id])
    await queue.drain()
    assert.deepEqual(runner.cancelled, [id])
    assert.equal((await backend.get(id))?.status, 'cancelled')
  })

  test('emissions and progress of its tasks come to the engine', async (t) => {
    const { queue, runner, add, emitted } = setup(t)
    const [id = 0] = await add({})
    const started = once(queue, 'task.started')
    await queue.start()
    await started
    const claimed = runner.held.get(id)
    if (claimed === undefined) return assert.fail('it is not held')
    const progress = once(queue, 'task.progress')
    runner.options.host.progress(claimed, 7)
    await runner.options.host.emit(claimed, 'chunk')
    assert.equal((await progress).value, 7)
    assert.deepEqual(emitted, [[id, 'chunk']])
  })

  test('what it is stopped with is released', async (t) => {
    const { queue, add, backend } = setup(t)
    await add({}, {})
    const started = once(queue, 'task.started')
    await queue.start()
    await started
    await queue.stop()
    assert.equal((await backend.counts('r')).pending, 2)
  })
})
