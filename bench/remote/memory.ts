/**
 * What a queued task takes of Redis' memory, in our backend and in bare BullMQ.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { openBullmqBackend } from '../../src/queue/bullmq/index.ts'
import type { NewTask } from '../../src/queue/index.ts'

const BULK = 1_000

/** With the names around it, 120 bytes of JSON. */
const TEXT = 'x'.repeat(96)

export interface TaskMemory {
  readonly ownBytes: number
  readonly bullmqBytes: number
}

/** Bytes a task, of so many. */
export async function taskMemory(port: number, tasks: number): Promise<TaskMemory> {
  const redis = new Redis({ port, host: '127.0.0.1' })
  const grown = async (fill: () => Promise<void>): Promise<number> => {
    await redis.flushall()
    const before = await usedBytes(redis)
    await fill()
    const bytes = ((await usedBytes(redis)) - before) / tasks
    await redis.flushall()
    return bytes
  }
  try {
    const bullmqBytes = await grown(() => fillBullmq(port, tasks))
    const ownBytes = await grown(() => fillOwn(port, tasks))
    return { ownBytes, bullmqBytes }
  } finally {
    await redis.quit()
  }
}

async function fillBullmq(port: number, tasks: number): Promise<void> {
  const queue = new Queue('noop', {
    connection: { host: '127.0.0.1', port },
    prefix: `bench-${randomUUID()}`,
  })
  for (const bulk of bulks(tasks)) await queue.addBulk(bulk.map((data) => ({ name: 'noop', data })))
  await queue.close()
}

async function fillOwn(port: number, tasks: number): Promise<void> {
  const backend = await openBullmqBackend({
    url: `redis://127.0.0.1:${port}`,
    prefix: `bench-${randomUUID()}`,
  })
  for (const bulk of bulks(tasks)) {
    await backend.add(bulk.map((payload): NewTask => ({ kind: 'noop', lane: 'noop', payload })))
  }
  const { pending } = await backend.counts('noop')
  if (pending !== tasks) throw new Error(`${pending} of ${tasks} tasks are queued`)
  await backend.close()
}

async function usedBytes(redis: Redis): Promise<number> {
  const info = await redis.info('memory')
  return Number(/^used_memory:(\d+)/mu.exec(info)?.[1])
}

function* bulks(count: number): Generator<{ index: number; text: string }[]> {
  for (let start = 0; start < count; start += BULK) {
    const length = Math.min(BULK, count - start)
    yield Array.from({ length }, (_, index) => ({ index: start + index, text: TEXT }))
  }
}
