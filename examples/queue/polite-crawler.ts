/**
 * One request at a time to each host, and no more than twenty in half a second to all of them.
 *
 *     npx node examples/queue/polite-crawler.ts
 */

import { log } from 'node:console'
import { setTimeout as wait } from 'node:timers/promises'
import { QueueManager } from '../../src/queue/index.ts' // yours: 'heirloom/queue'

let together = 0
const openByHost = new Map<string, number>()

const handlers = {
  /** Stands for a request. */
  visit: async (url: string) => {
    const { host } = new URL(url)
    const open = (openByHost.get(host) ?? 0) + 1
    openByHost.set(host, open)
    together = Math.max(together, open)
    await wait(5)
    openByHost.set(host, open - 1)
    return url
  },
}

const queue = new QueueManager({
  file: ':memory:',
  handlers,
  // Of all processes on this database together, and kept over restarts.
  lanes: { web: { concurrency: 8, rate: { limit: 20, perMs: 500 } } },
  laneOf: () => 'web',
})

await queue.addTasks(
  ['a.example', 'b.example', 'c.example'].flatMap((host) =>
    Array.from({ length: 10 }, (_, page) => {
      const url = `https://${host}/${page}`
      // A page that waits already is not added a second time.
      return { kind: 'visit' as const, payload: url, concurrencyKey: host, dedupeKey: url }
    }),
  ),
)
await queue.startProcessing()
await queue.drain()
const { completedTasks, elapsedTime } = await queue.getStatistics()
log(`${completedTasks} pages in ${elapsedTime.toFixed(1)} s, ${together} at a time from one host`)
await queue.close()
