import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getQueueManager } from './default-manager.ts'

const handlers = { ping: async () => 'pong' }
const options = () => ({ file: ':memory:', handlers, maxWorkers: 2, lanes: { mail: { concurrency: 1 } } })

test('the process has one manager, made by the first who asks, until it is closed', async () => {
  assert.throws(() => getQueueManager(), { code: 'queue/manager-mismatch', hint: /with options first/u })
  const first = getQueueManager(options())
  assert.equal(getQueueManager(), first)
  assert.equal(getQueueManager(options()), first)
  assert.throws(() => getQueueManager({ ...options(), maxWorkers: 3, queueSize: 5 }), {
    code: 'queue/manager-mismatch',
    message: 'queue manager of this process was made with other options: maxWorkers, queueSize',
  })
  await first.close()
  const second = getQueueManager({ ...options(), maxWorkers: 3 })
  assert.notEqual(second, first)
  await second.close()
})

test('the same module may be named by a URL or by its text', async () => {
  const url = new URL('file:///work.ts')
  const first = getQueueManager({ file: ':memory:', module: url })
  assert.equal(getQueueManager({ file: ':memory:', module: url.href }), first)
  await first.close()
})
