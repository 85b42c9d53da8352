/**
 * Tasks that wait for others: an album is made when its thumbnails are, also when one of them failed.
 *
 *     npx node examples/queue/album.ts
 */

import { log } from 'node:console'
import { QueueManager } from '../../src/queue/index.ts' // yours: 'heirloom/queue'
import type { handlers } from './work.ts'

const queue = new QueueManager<typeof handlers>({
  file: ':memory:',
  module: new URL('work.ts', import.meta.url),
  maxRetries: 0,
})

const pictures = ['beach.jpg', 'sunset.jpg', 'blurred.broken']
// Tasks of one array name each other by `ref`. They are added together or not at all; a ring would be refused.
const ids = await queue.addTasks([
  ...pictures.map((picture) => ({ kind: 'thumbnail' as const, payload: { picture }, ref: picture })),
  {
    kind: 'album',
    payload: { title: 'Holiday', pictures },
    dependsOn: pictures.map((ref) => ({ ref, onFailure: 'run' as const })),
  },
  {
    kind: 'album',
    payload: { title: 'Only if all is well', pictures },
    dependsOn: pictures.map((ref) => ({ ref, onFailure: 'skip' as const })),
  },
])
queue.on('task.progress', ({ task, value }) => log(`task ${task.id}: ${Number(value) * 100} %`))
await queue.startProcessing()
await queue.drain()

for (const id of ids) {
  const task = await queue.getTaskStatus(id)
  log(task?.status, task?.result ?? task?.error?.message)
}
await queue.close()
