/**
 * One size of `queue-backlog`: `backlog-run.ts FILE COUNT` fills the database, starts, drains 8,000 tasks,
 * and prints what that took as JSON.
 *
 * @module
 */

import { QueueEngine } from '../../src/queue/index.ts'
import { openSqliteBackend } from '../../src/queue/sqlite/index.ts'
import type { BacklogRun } from './backlog.ts'

const DRAINED = 8_000
const BULK = 5_000

const [file = '', size = '10000'] = process.argv.slice(2)
const count = Number(size)

const fillMs = await fill()
const { startMs, drainMs } = await run()
const result: BacklogRun = {
  fillMs,
  startMs,
  drained: DRAINED,
  drainMs,
  rssBytes: process.memoryUsage.rss(),
}
console.log(JSON.stringify(result))

async function fill(): Promise<number> {
  const backend = await openSqliteBackend({ file, durability: 'process' })
  const startedAt = performance.now()
  for (let start = 0; start < count; start += BULK) {
    const length = Math.min(BULK, count - start)
    await backend.add(
      Array.from({ length }, (_, index) => ({
        kind: 'noop',
        lane: 'noop',
        payload: { index: start + index },
      })),
    )
  }
  const elapsedMs = performance.now() - startedAt
  await backend.close()
  return elapsedMs
}

async function run(): Promise<{ startMs: number; drainMs: number }> {
  const openedAt = performance.now()
  const backend = await openSqliteBackend({ file, durability: 'process' })
  const first = Promise.withResolvers<number>()
  const last = Promise.withResolvers<number>()
  let done = 0
  const noop = async (): Promise<null> => {
    done += 1
    if (done === 1) first.resolve(performance.now())
    if (done === DRAINED) last.resolve(performance.now())
    return null
  }
  const queue = new QueueEngine({
    backend,
    lanes: { noop: { concurrency: 100, runsIn: 'coordinator' } },
    handlers: { noop },
  })
  await queue.start()
  const began = await first.promise
  const ended = await last.promise
  await queue.stop()
  await backend.close()
  return { startMs: began - openedAt, drainMs: ended - began }
}
