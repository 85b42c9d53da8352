/**
 * The same work for each queue: add tasks in bulk, drain them with a handler that does nothing. Both are timed.
 *
 * All survive a crash of the process and may lose the last second at a power cut. Each is driven as its own
 * documentation does it for speed.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Worker as BullWorker, Queue } from 'bullmq'
import { better, defineQueue, defineWorker } from 'plainjob'
import { type LaneOptions, type NewTask, QueueEngine } from '../../src/queue/index.ts'
import { openSqliteBackend } from '../../src/queue/sqlite/index.ts'

/** Rows an addition: what BullMQ recommends for `addBulk`, and the same for all. */
const BULK = 1_000

/** About 120 bytes of JSON, as in the peers' own benchmarks. */
const TEXT = 'x'.repeat(96)

const WORKER_MODULE = new URL('../noop-worker.ts', import.meta.url)

export interface Times {
  readonly addMs: number
  readonly drainMs: number
}

/** This project's engine on SQLite. */
export async function runHeirloom(folder: string, count: number, lane: LaneOptions): Promise<Times> {
  const backend = await openSqliteBackend({ file: join(folder, 'heirloom.db'), durability: 'process' })
  let handled = 0
  const queue = new QueueEngine({
    backend,
    lanes: { noop: lane },
    workerModule: WORKER_MODULE,
    handlers: {
      noop: async () => {
        handled += 1
        return null
      },
    },
  })
  const startedAt = performance.now()
  for (const bulk of bulks(count)) {
    await queue.add(bulk.map((payload): NewTask => ({ kind: 'noop', lane: 'noop', payload })))
  }
  const addedAt = performance.now()
  await queue.start()
  await queue.drain()
  const drainedAt = performance.now()
  const { completed } = await backend.counts('noop')
  await queue.stop()
  await backend.close()
  if (lane.runsIn === 'coordinator') requireAll('heirloom (handled)', handled, count)
  return (
    requireAll('heirloom', completed, count) && { addMs: addedAt - startedAt, drainMs: drainedAt - addedAt }
  )
}

export async function runBullmq(port: number, count: number, concurrency: number): Promise<Times> {
  const name = `bench-${randomUUID()}`
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null }
  const queue = new Queue(name, { connection })
  await queue.waitUntilReady()
  const startedAt = performance.now()
  for (const bulk of bulks(count)) await queue.addBulk(bulk.map((data) => ({ name: 'noop', data })))
  const addedAt = performance.now()
  const { promise: drained, resolve } = Promise.withResolvers<void>()
  let completed = 0
  const worker = new BullWorker(name, async () => null, { connection, concurrency })
  worker.on('completed', () => {
    completed += 1
    if (completed === count) resolve()
  })
  await drained
  const drainedAt = performance.now()
  await worker.close()
  const stored = await queue.getCompletedCount()
  await queue.obliterate({ force: true })
  await queue.close()
  return requireAll('bullmq', stored, count) && { addMs: addedAt - startedAt, drainMs: drainedAt - addedAt }
}

export async function runPlainjob(folder: string, count: number, workers: number): Promise<Times> {
  const silent = { error: ignore, warn: ignore, info: ignore, debug: ignore }
  const connection = better(new Database(join(folder, 'plainjob.db')))
  connection.pragma('synchronous = NORMAL')
  const queue = defineQueue({ connection, logger: silent })
  const startedAt = performance.now()
  for (const bulk of bulks(count)) queue.addMany('noop', bulk)
  const addedAt = performance.now()
  const { promise: drained, resolve } = Promise.withResolvers<void>()
  let completed = 0
  const running = Array.from({ length: workers }, () =>
    defineWorker('noop', async () => undefined, {
      queue,
      logger: silent,
      onCompleted: () => {
        completed += 1
        if (completed === count) resolve()
      },
    }),
  )
  const ends = running.map((worker) => worker.start())
  await drained
  const drainedAt = performance.now()
  await Promise.all(running.map((worker) => worker.stop()))
  await Promise.all(ends)
  queue.close()
  return (
    requireAll('plainjob', completed, count) && { addMs: addedAt - startedAt, drainMs: drainedAt - addedAt }
  )
}

function* bulks(count: number): Generator<{ index: number; text: string }[]> {
  for (let start = 0; start < count; start += BULK) {
    const length = Math.min(BULK, count - start)
    yield Array.from({ length }, (_, index) => ({ index: start + index, text: TEXT }))
  }
}

function requireAll(name: string, done: number, count: number): true {
  if (done !== count) throw new Error(`${name}: ${done} of ${count} tasks are completed`)
  return true
}

function ignore(): void {
  // The peers log each task otherwise.
}
