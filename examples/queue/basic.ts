/**
 * Checksums of files, by worker processes, with progress.
 *
 *     npx node examples/queue/basic.ts
 */

import { log } from 'node:console'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { QueueManager } from '../../src/queue/index.ts' // yours: 'heirloom/queue'
import type { handlers } from './work.ts'

const queue = new QueueManager<typeof handlers>({
  file: ':memory:', // a path, to survive the end of the program
  module: new URL('work.ts', import.meta.url),
  progressUpdateInterval: 1,
})

const folder = import.meta.dirname
const paths = (await readdir(folder)).map((name) => join(folder, name))
const ids = await queue.addTasks(
  [...paths, 'missing.txt'].map((path) => ({ kind: 'checksum', payload: { path } })),
)

await queue.startProcessing(({ progress }) => log(`${progress.percent.toFixed(0)} % of ${progress.total}`))
await queue.drain()

for (const id of ids) {
  const task = await queue.getTaskStatus(id)
  if (task?.kind === 'checksum') log(task.status, task.result ?? task.error?.message)
}
const { completedTasks, failedTasks, averageProcessingTime = 0 } = await queue.getStatistics()
log(
  `${completedTasks} completed, ${failedTasks} failed, ${(averageProcessingTime * 1000).toFixed(1)} ms each`,
)
await queue.close()
