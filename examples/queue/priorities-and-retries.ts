/**
 * Who comes first, what is tried again, and what is not.
 *
 *     npx node examples/queue/priorities-and-retries.ts
 */

import { log } from 'node:console'
import { HeirloomError, QueueManager, type TaskContext } from '../../src/queue/index.ts' // yours: 'heirloom/queue'

/** An error that says of itself that no retry can help. */
class WrongPasswordError extends HeirloomError {
  readonly code = 'mail/wrong-password'
  readonly recovery = 'discard'
}

// These wait for a server and need no process of their own, so they run here.
const handlers = {
  send: async ({ to }: { to: string }, { attempt }: TaskContext) => {
    if (to === 'flaky' && attempt < 3) throw new Error('connection reset')
    if (to === 'locked') throw new WrongPasswordError('password of locked is wrong')
    return `sent to ${to}`
  },
}

const queue = new QueueManager({ file: ':memory:', handlers, maxWorkers: 1, retryDelay: 0.01 })
queue.on('task.settled', ({ task, status, failures, maxRetries, error }) => {
  const reason = error === undefined ? '' : ` (${error.message})`
  log(`task ${task.id} ${status}${status === 'retry' ? ` ${failures}/${maxRetries}` : ''}${reason}`)
})

await queue.addTask({ kind: 'send', payload: { to: 'a friend' }, priority: 1 })
await queue.addTask({ kind: 'send', payload: { to: 'the boss' }, priority: 10 })
await queue.addTask({ kind: 'send', payload: { to: 'flaky' } })
const locked = await queue.addTask({ kind: 'send', payload: { to: 'locked' } })
await queue.startProcessing()
await queue.drain()

log('dead letters:', (await queue.listTasks({ status: 'failed', limit: 10 })).length)
// Somebody has put the password right: by the code of the error, all at once.
log('again:', (await queue.retryFailed({ errorCode: 'mail/wrong-password' })).includes(locked))
await queue.drain()
await queue.close()
