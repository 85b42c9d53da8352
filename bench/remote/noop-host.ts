/**
 * A process that takes tasks that do nothing out of Redis, as a worker of BullMQ's or as a worker host of ours, and tells
 * its parent how many it has done.
 *
 * @module
 */

import { Worker } from 'bullmq'
import { openBullmqBackend } from '../../src/queue/bullmq/index.ts'
import { QueueEngine } from '../../src/queue/index.ts'

interface Settings {
  readonly kind: 'bullmq' | 'heirloom'
  readonly port: number
  readonly prefix: string
  readonly lane: string
  readonly concurrency: number
}

const settings = JSON.parse(process.argv[2] ?? '{}') as Settings
let done = 0
const stop = settings.kind === 'bullmq' ? await runBullmq(settings) : await runHeirloom(settings)
const timer = setInterval(() => {
  // The parent may have gone since.
  if (process.connected) process.send?.({ done }, undefined, undefined, () => undefined)
}, 5)
process.send?.({ ready: true })
process.once('disconnect', () => {
  clearInterval(timer)
  void stop()
})

async function runBullmq({ port, prefix, lane, concurrency }: Settings): Promise<() => Promise<void>> {
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null }
  const worker = new Worker(lane, async () => count(), { connection, prefix, concurrency })
  await worker.waitUntilReady()
  return () => worker.close()
}

async function runHeirloom({ port, prefix, lane, concurrency }: Settings): Promise<() => Promise<void>> {
  const backend = await openBullmqBackend({ url: `redis://127.0.0.1:${port}`, prefix })
  const queue = new QueueEngine({
    backend,
    handlers: { noop: async () => count() },
    lanes: { [lane]: { concurrency, runsIn: 'coordinator', batchSize: 2 } },
  })
  await queue.start()
  return async () => {
    await queue.stop()
    await backend.close()
  }
}

function count(): null {
  done += 1
  return null
}
