import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { FakeClock } from '../clock.ts'
import { Progress, type ProgressCallback } from './progress.ts'
import { statisticsOf } from './statistics.ts'

function setup(read = async () => statisticsOf({ lanes: [], run: {}, workers: {}, now: 0 })) {
  const clock = new FakeClock()
  const errors: unknown[] = []
  let readings = 0
  const progress = new Progress({
    clock,
    intervalMs: 10_000,
    read,
    onReading: () => {
      readings += 1
    },
    onError: (error) => errors.push(error),
  })
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await turn()
  }
  return { progress, errors, pass, readings: () => readings }
}

describe('Progress', () => {
  test('is told every interval and once more at the end', async () => {
    const { progress, pass } = setup()
    let calls = 0
    progress.start(() => {
      calls += 1
    })
    await pass(9_999)
    assert.equal(calls, 0)
    await pass(1)
    await pass(10_000)
    assert.equal(calls, 2)
    await progress.stop()
    assert.equal(calls, 3)
    await pass(50_000)
    assert.equal(calls, 3)
  })

  const callbacks: { rule: string; callback: ProgressCallback }[] = [
    {
      rule: 'throws',
      callback: () => {
        throw new Error('no paper')
      },
    },
    { rule: 'rejects', callback: () => Promise.reject(new Error('no paper')) },
  ]
  for (const { rule, callback } of callbacks) {
    test(`a callback that ${rule} is reported, and told again`, async () => {
      const { progress, errors, pass } = setup()
      progress.start(callback)
      await pass(10_000)
      await pass(10_000)
      await progress.stop()
      await turn()
      assert.deepEqual(errors.map(String), Array(3).fill('Error: no paper'))
    })
  }

  test('a callback that never answers is not called again, and holds nothing up', async () => {
    const { progress, pass, readings } = setup()
    let calls = 0
    progress.start(() => {
      calls += 1
      return new Promise(() => undefined)
    })
    await pass(10_000)
    await pass(10_000)
    await progress.stop()
    assert.deepEqual([calls, readings()], [1, 3])
  })

  test('a store that does not answer is reported', async () => {
    const { progress, errors, pass } = setup(() => Promise.reject(new Error('database is closed')))
    progress.start()
    await pass(10_000)
    assert.deepEqual(errors.map(String), ['Error: database is closed'])
    await progress.stop()
  })
})
