/**
 * A task every second by a cron expression, and one at a given time.
 *
 *     npx node examples/queue/schedule.ts
 */

import { log } from 'node:console'
import { QueueManager } from '../../src/queue/index.ts' // yours: 'heirloom/queue'

const handlers = {
  tidy: async () => 'tidied',
  remind: async (text: string) => text,
}

const queue = new QueueManager({ file: ':memory:', handlers })
// Six fields: the first is seconds. The fire time is unique in the store, so that two processes fire it once.
await queue.schedule({ name: 'tidy', cron: '* * * * * *', timeZone: 'Europe/Berlin', task: { kind: 'tidy' } })
await queue.addTask({ kind: 'remind', payload: 'half a second later', runAt: Date.now() + 500 })

const enough = Promise.withResolvers<void>()
let fired = 0
queue.on('task.settled', ({ task, status }) => {
  log(task.kind, status)
  fired += task.kind === 'tidy' ? 1 : 0
  if (fired === 2) enough.resolve()
})
await queue.startProcessing()
await enough.promise
log('removed:', await queue.unschedule('tidy'))
await queue.close()
