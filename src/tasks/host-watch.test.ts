import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FakeClock } from '../clock.ts'
import { createLogger } from '../logger.ts'
import type { Coordinator } from '../queue/backend.ts'
import type { QueueDepth } from '../queue/bullmq/remote-lanes.ts'
import { HostWatch } from './host-watch.ts'

function host(lane: string): Coordinator {
  return { lanes: { [lane]: { concurrency: 2, workers: 0 } } } as unknown as Coordinator
}

function depth(lane: string, waiting: number): QueueDepth {
  return { lane, waiting, active: 0, delayed: 0, failed: 0 }
}

describe('a watch for worker hosts', () => {
  let hosts: Coordinator[]
  let depths: QueueDepth[]
  let told: string[]
  let clock: FakeClock
  let watch: HostWatch

  beforeEach(() => {
    hosts = []
    depths = []
    told = []
    clock = new FakeClock()
    const lanes = { workerHosts: async () => hosts, queueDepths: async () => depths }
    const write = (line: string): void => {
      const { level, message, lane } = JSON.parse(line) as Record<string, unknown>
      told.push(`${level}: ${message} (${lane})`)
    }
    watch = new HostWatch({ lanes, clock, logger: createLogger({ level: 'info', write, now: () => 0 }) })
  })

  test('tells once that tasks wait for nobody, and once that somebody has come', async () => {
    depths = [depth('item', 5), depth('thumbnail', 1)]
    hosts = [host('thumbnail')]
    await watch.runOnce()
    await watch.runOnce()
    assert.deepEqual(told, ['warn: tasks wait, no worker host takes them (item)'])
    hosts = [host('thumbnail'), host('item')]
    await watch.runOnce()
    await watch.runOnce()
    assert.deepEqual(told.slice(1), ['info: worker host takes tasks (item)'])
    hosts = []
    await watch.runOnce()
    assert.equal(told.length, 4)
  })

  test('has nothing to tell while no task waits', async () => {
    depths = [depth('item', 0)]
    await watch.runOnce()
    assert.deepEqual(told, [])
  })

  test('looks after some seconds, goes on after a refusal, and tells nothing once it is stopped', async () => {
    depths = [depth('item', 1)]
    let asked = 0
    const lanes = {
      workerHosts: async () => hosts,
      queueDepths: () => {
        asked += 1
        return asked === 1 ? Promise.reject(new Error('away')) : Promise.resolve(depths)
      },
    }
    const write = (line: string): void => void told.push(line)
    const logger = createLogger({ level: 'info', write, now: () => 0 })
    const timed = new HostWatch({ lanes, clock, logger })
    timed.start()
    clock.advance(3_000)
    await nextTurn()
    assert.deepEqual([asked, told.length], [1, 0])
    clock.advance(10_000)
    await nextTurn()
    assert.deepEqual([asked, told.length], [2, 1])
    timed.stop()
    clock.advance(60_000)
    await nextTurn()
    assert.equal(asked, 2)
  })
})
