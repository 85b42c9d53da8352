/**
 * An effect that is there if and only if its task is completed, and once, whatever crashes.
 *
 *     npx node examples/queue/transactional-effects.ts
 */

import { log } from 'node:console'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QueueManager } from '../../src/queue/index.ts' // yours: 'heirloom/queue'
import type { handlers } from './work.ts'

const folder = await mkdtemp(join(tmpdir(), 'heirloom-example-'))
const queue = new QueueManager<typeof handlers>({
  file: join(folder, 'queue.db'),
  program: new URL('store.ts', import.meta.url),
  module: new URL('work.ts', import.meta.url),
})

const names = await readdir(import.meta.dirname)
await queue.addTasks(
  names.map((name) => ({ kind: 'checksum', payload: { path: join(import.meta.dirname, name) } })),
)
await queue.startProcessing()
await queue.drain()
log(await queue.call('count'), 'of', names.length)
await queue.close()
await rm(folder, { recursive: true })
