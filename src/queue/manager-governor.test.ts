import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createGovernor, JoinedEvents, poolOf } from './manager-governor.ts'
import { engineOptionsOf, type QueueManagerOptions, resolveManagerOptions } from './manager-options.ts'
import { QueueEngine } from './queue-engine.ts'
import { openSqliteBackendInProcess } from './sqlite/index.ts'

const handlers = { ping: async () => 'pong' }

function governorOf(given: QueueManagerOptions) {
  const options = resolveManagerOptions(given)
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  const engine = new QueueEngine(engineOptionsOf(options, backend))
  const governor = createGovernor(engine, options, { emit: () => undefined, onError: () => undefined })
  return { engine, governor, close: () => backend.close() }
}

describe('the governor of a manager', () => {
  const cases: { rule: string; options: QueueManagerOptions; isThere: boolean }[] = [
    { rule: 'watches worker processes', options: { file: 'a', module: 'file:///a.ts' }, isThere: true },
    { rule: 'has nothing to do where none are started', options: { file: 'a', handlers }, isThere: false },
    {
      rule: 'is switched off by an interval of 0',
      options: { file: 'a', module: 'file:///a.ts', memoryCheckInterval: 0 },
      isThere: false,
    },
  ]
  for (const { rule, options, isThere } of cases) {
    test(rule, async () => {
      const { governor, close } = governorOf(options)
      assert.equal(governor !== undefined, isThere)
      await close()
    })
  }

  test('what it does to a worker reaches the engine with its reason', () => {
    const told: unknown[] = []
    const killWorker = (...given: unknown[]): unknown => told.push(given)
    poolOf({ killWorker } as unknown as QueueEngine).killWorker(7, 'memory', '600 MB, 256 MB allowed')
    assert.deepEqual(told, [[7, 'memory', '600 MB, 256 MB allowed']])
  })

  test('events of both come from one place', async () => {
    const { engine, close } = governorOf({ file: 'a', module: 'file:///a.ts' })
    const events = new JoinedEvents(engine)
    const heard: string[] = []
    events.on('memory.pressure', ({ percent }) => heard.push(`memory ${percent}`))
    events.on('worker.started', ({ pid }) => heard.push(`worker ${pid}`))
    const news = { percent: 90, usedBytes: 9, limitBytes: 10, source: 'host', reason: 'r' } as const
    events.governor.emit('memory.pressure', news)
    engine.announce('worker.started', { lane: 'default', pid: 7 })
    assert.deepEqual(heard, ['memory 90', 'worker 7'])
    await close()
  })
})
