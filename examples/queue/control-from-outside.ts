/**
 * Two processes on one database: this one runs tasks, the other looks in, and ends one that hangs.
 *
 *     npx node examples/queue/control-from-outside.ts
 */

import { fork } from 'node:child_process'
import { log } from 'node:console'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QueueManager } from '../../src/queue/index.ts' // yours: 'heirloom/queue'
import type { handlers } from './work.ts'

const [, , file] = process.argv
if (file === undefined) await runTasks()
else await control(file)

/** The process that works. */
async function runTasks(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'heirloom-example-'))
  const database = join(folder, 'queue.db')
  const queue = new QueueManager<typeof handlers>({
    file: database,
    module: new URL('work.ts', import.meta.url),
  })
  const hanging = await queue.addTask({ kind: 'hang' })
  const started = Promise.withResolvers<void>()
  queue.on('task.started', () => started.resolve())
  await queue.startProcessing()
  await started.promise
  const exited = once(fork(import.meta.filename, [database]), 'exit')
  await queue.drain()
  await exited
  log('task', hanging, (await queue.getTaskStatus(hanging))?.status)
  await queue.close()
  await rm(folder, { recursive: true })
}

/** The other one: it has no handlers, so it can do everything but run tasks. `heirloom queue` does the same. */
async function control(database: string): Promise<void> {
  const queue = new QueueManager<typeof handlers>({ file: database })
  const { processingTasks } = await queue.getStatistics()
  log('running:', processingTasks)
  for (const { id } of await queue.listTasks({ status: 'processing', limit: 10 })) {
    log('cancelled:', await queue.cancelTask(id))
  }
  await queue.close()
}
