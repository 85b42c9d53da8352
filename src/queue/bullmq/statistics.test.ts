import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeOnRedis } from '../../../test/support/redis-suite.ts'
import { type NotedEnd, noteEnds } from './note-ends.ts'
import { laneStatistics } from './statistics.ts'

await describeOnRedis('statistics on BullMQ', (on) => {
  const note = async (context: typeof on.context, ends: readonly NotedEnd[]) => {
    const pipeline = context.redis.pipeline()
    noteEnds(context, pipeline, ends)
    await pipeline.exec()
  }

  test('what two processes note is added up, and the maximum is the greater', async () => {
    const other = await on.another()
    await on.add({ lane: 'a' }, { lane: 'b' })
    await Promise.all([
      note(on.context, [
        { lane: 'a', to: 'completed', durationMs: 40 },
        { lane: 'a', to: 'retry', durationMs: 10 },
        { lane: 'b', to: 'cancelled', durationMs: Number.NaN },
      ]),
      note(other.context, [{ lane: 'a', to: 'failed', durationMs: 70 }]),
    ])
    const [a, b] = await laneStatistics(on.context)
    const { count, averageMs, maxMs } = a?.durations ?? {}
    assert.deepEqual([a?.lane, a?.retries, count, averageMs, maxMs], ['a', 1, 3, 40, 70])
    assert.ok(Math.abs((a?.throughput.m15 ?? 0) * 900 - 2) < 1e-9)
    assert.deepEqual([b?.lane, b?.retries, b?.durations.count, b?.throughput.m15], ['b', 0, 0, 0])
  })

  test('the counter of a minute is forgotten by Redis, the sums are not', async () => {
    const { context } = on
    await note(context, [{ lane: 'a', to: 'completed', durationMs: 1 }])
    const keys = await context.redis.keys(`${context.prefix}:a:*`)
    const ttls = await Promise.all(keys.map((key) => context.redis.ttl(key)))
    const lasting = keys.filter((_, index) => ttls[index] === -1)
    assert.deepEqual(lasting, [`${context.prefix}:a:statistics`])
    assert.equal(keys.length, 2)
  })
})
