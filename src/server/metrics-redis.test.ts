import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { FakeClock } from '../clock.ts'
import type { Coordinator } from '../queue/backend.ts'
import { RedisGauges } from './metrics-redis.ts'
import type { RemoteView } from './remote-answers.ts'

function host(lanes: Coordinator['lanes']): Coordinator {
  return {
    id: 'a',
    host: 'a',
    pid: 1,
    identity: { pid: 1 } as Coordinator['identity'],
    startedAt: 0,
    seenAt: 0,
    lanes,
  }
}

const VIEW: RemoteView = {
  workerHosts: async () => [
    host({ item: { concurrency: 4, workers: 0 }, thumbnail: { concurrency: 2, workers: 2 } }),
    host({ item: { concurrency: 8, workers: 8 } }),
  ],
  queueDepths: async () => [{ lane: 'item', waiting: 1988, active: 12, delayed: 0, failed: 1 }],
}

/** Never answers, until it is told to. */
function silent(): { readonly view: RemoteView; readonly calls: () => number; answer(): void } {
  const { promise, resolve } = Promise.withResolvers<[]>()
  let calls = 0
  const view: RemoteView = {
    workerHosts: () => {
      calls += 1
      return promise
    },
    queueDepths: () => promise,
  }
  return { view, calls: () => calls, answer: () => resolve([]) }
}

async function samples(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

describe('RedisGauges', () => {
  test('tell jobs by lane and state, and the hosts of every lane that could have one', async () => {
    const registry = new Registry()
    await new RedisGauges(registry, new FakeClock()).refresh({
      ...VIEW,
      workerHosts: async () => (await VIEW.workerHosts()).slice(1),
    })
    assert.deepEqual(await samples(registry), [
      'heirloom_redis_up 1',
      'heirloom_redis_jobs{lane="item",state="waiting"} 1988',
      'heirloom_redis_jobs{lane="item",state="active"} 12',
      'heirloom_redis_jobs{lane="item",state="delayed"} 0',
      'heirloom_redis_jobs{lane="item",state="failed"} 1',
      'heirloom_worker_hosts{lane="item"} 1',
      'heirloom_worker_hosts{lane="thumbnail"} 0',
      'heirloom_worker_host_concurrency{lane="item"} 8',
      'heirloom_worker_host_concurrency{lane="thumbnail"} 0',
    ])
  })

  test('add up what the hosts of a lane run at a time', async () => {
    const registry = new Registry()
    await new RedisGauges(registry, new FakeClock()).refresh(VIEW)
    const lines = await samples(registry)
    assert.ok(lines.includes('heirloom_worker_hosts{lane="item"} 2'))
    assert.ok(lines.includes('heirloom_worker_host_concurrency{lane="item"} 12'))
  })

  test('tell nothing where no Redis is used, also when one was before', async () => {
    const registry = new Registry()
    const gauges = new RedisGauges(registry, new FakeClock())
    await gauges.refresh(undefined)
    assert.deepEqual(await samples(registry), [])
    await gauges.refresh(VIEW)
    await gauges.refresh(undefined)
    assert.deepEqual(await samples(registry), [])
  })

  test('do not wait for a Redis that is away, and ask it once', async () => {
    const registry = new Registry()
    const clock = new FakeClock()
    const gauges = new RedisGauges(registry, clock)
    await gauges.refresh(VIEW)
    const away = silent()
    for (let scrape = 0; scrape < 3; scrape += 1) {
      const refreshed = gauges.refresh(away.view)
      clock.advance(2_000)
      await refreshed
      assert.deepEqual(await samples(registry), ['heirloom_redis_up 0'])
    }
    assert.equal(away.calls(), 1)
    away.answer()
    await turn()
    await gauges.refresh(away.view)
    assert.equal(away.calls(), 2)
    assert.equal((await samples(registry))[0], 'heirloom_redis_up 1')
  })

  test('say that a Redis which refuses is down', async () => {
    const registry = new Registry()
    const view = { ...VIEW, queueDepths: () => Promise.reject(new Error('NOAUTH')) }
    await new RedisGauges(registry, new FakeClock()).refresh(view)
    assert.deepEqual(await samples(registry), ['heirloom_redis_up 0'])
  })
})
