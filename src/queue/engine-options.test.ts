import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type QueueEngineOptions, verifyQueueEngineOptions } from './engine-options.ts'
import type { LaneOptions } from './lane.ts'
import { MemoryBackend } from './testing/memory-backend.ts'

function verify(lane: object, more: Partial<QueueEngineOptions> = {}): void {
  const lanes = { a: { concurrency: 1, runsIn: 'coordinator', ...lane } as LaneOptions }
  verifyQueueEngineOptions({ backend: new MemoryBackend(), handlers: {}, lanes, ...more })
}

describe('options of the engine that are refused', () => {
  const lanes: readonly [object, RegExp][] = [
    [{ concurrency: Number.NaN }, /concurrency of lane a is not a count: NaN/u],
    [{ concurrency: 1.5 }, /concurrency of lane a is not a count: 1\.5/u],
    [{ concurrency: -1 }, /concurrency of lane a is not a count: -1/u],
    [{ batchSize: 0 }, /batchSize of lane a is not a whole number from 1 on: 0/u],
    [{ batchSize: 2.5 }, /batchSize of lane a is not a whole number from 1 on: 2\.5/u],
    [{ timeoutMs: Number.NaN }, /timeoutMs of lane a is not a duration: NaN/u],
    [{ timeoutMs: -1 }, /timeoutMs of lane a is not a duration: -1/u],
    [{ rate: { limit: 0, perMs: 1 } }, /rate of lane a is not/u],
    [{ rate: { limit: 1, perMs: Number.POSITIVE_INFINITY } }, /rate of lane a is not/u],
    [{ memoryBudgetBytes: 0 }, /memoryBudgetBytes of lane a is not a size: 0/u],
    [{ runsIn: 'thread' }, /runsIn of lane a is not worker, coordinator or remote: thread/u],
    [{ concurency: 2 }, /unknown option concurency of lane a/u],
    [{ runsIn: 'worker' }, /lane a needs workerModule/u],
    [{ runsIn: 'remote' }, /lane a needs remote/u],
  ]
  for (const [lane, message] of lanes) {
    test(`lane ${JSON.stringify(lane)} ${message}`, () => {
      assert.throws(() => verify(lane), { code: 'queue/invalid-options', message })
    })
  }

  const durations = ['leaseMs', 'cancelGraceMs', 'workerIdleMs'] as const
  for (const name of durations) {
    for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      test(`${name} ${value}`, () =>
        assert.throws(() => verify({}, { [name]: value }), new RegExp(name, 'u')))
    }
  }

  test('no limit of tasks at a time, and none of time, are none', () => {
    verify({ concurrency: Number.POSITIVE_INFINITY, timeoutMs: Number.POSITIVE_INFINITY })
    verify({ concurrency: 0, timeoutMs: 0 }, { maxRetryDelayMs: Number.POSITIVE_INFINITY })
  })
})
