/**
 * What every backend promises of how attempts end.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { Settlement } from '../../backend.ts'
import { DISCARD, type Driver, RETRY } from './driver.ts'
import { test } from './promise.ts'

export function describeSettling(on: Driver): void {
  describeResults(on)
  describeRetries(on)
}

function describeResults(on: Driver): void {
  test('a completed task keeps its result', async () => {
    const id = await on.add({ payload: { a: [1, 'ü'] } })
    const claimed = await on.claimOne()
    assert.deepEqual(claimed.task.payload, { a: [1, 'ü'] })
    assert.equal(await on.complete(claimed, { size: 3 }), 'completed')
    assert.deepEqual((await on.backend.get(id))?.result, { size: 3 })
  })

  test('a long result is not stored', async () => {
    const id = await on.add()
    await on.complete(await on.claimOne(), 'x'.repeat(70_000))
    assert.equal((await on.backend.get(id))?.result, null)
  })

  test('a result that is not JSON ends its own attempt and no other', async () => {
    const [bad, good] = await on.addAll({ maxRetries: 0 }, {})
    const settle = (await on.claim()).map(({ lease, task }): Settlement => {
      return { lease, outcome: 'completed', result: task.id === bad ? 5n : 5 }
    })
    const { settled } = await on.backend.exchange({ settle, claim: [] })
    assert.deepEqual(
      settled.map(({ taskId, status, error }) => [taskId, status, error?.code]),
      [
        [bad, 'failed', 'bug/TypeError'],
        [good, 'completed', undefined],
      ],
    )
  })

  test('no instant and no duration keeps a task from being read or claimed again', async () => {
    const ids = await on.addAll({}, {}, {}, {})
    const [a, b, c, d] = await on.claim()
    assert.ok(a && b && c && d)
    const error = { outcome: 'error', error: RETRY } as const
    await on.settle({ lease: a.lease, ...error, retryAt: Number.NaN, durationMs: Number.POSITIVE_INFINITY })
    await on.settle({ lease: b.lease, ...error, retryAt: Number.NEGATIVE_INFINITY, durationMs: Number.NaN })
    await on.settle({ lease: c.lease, outcome: 'snoozed', runAt: Number.POSITIVE_INFINITY })
    await on.settle({ lease: d.lease, outcome: 'snoozed', runAt: 2 ** 70 })
    assert.equal((await on.backend.list({ limit: 9 })).length, 4)
    assert.deepEqual(await on.ids(), ids.slice(0, 2))
    assert.equal((await on.backend.statistics())[0]?.durations.count, 0)
  })
}

function describeRetries(on: Driver): void {
  test('an error is retried with one less priority until no retries are left', async () => {
    const id = await on.add({ maxRetries: 1, priority: 4 })
    assert.equal(await on.fail(await on.claimOne(), RETRY), 'retry')
    const retried = await on.backend.get(id)
    assert.deepEqual([retried?.priority, retried?.failures, retried?.error], [3, 1, RETRY])
    assert.equal(await on.fail(await on.claimOne(), RETRY), 'failed')
    assert.equal((await on.backend.get(id))?.failures, 2)
    assert.deepEqual(await on.ids(), [])
  })

  test('the first failure keeps its priority when it was a crash, and no later one', async () => {
    const id = await on.add({ priority: 4, maxRetries: 9 })
    const behind = await on.add({ priority: 4 })
    const priority = async () => (await on.backend.get(id))?.priority
    assert.equal(await on.fail(await on.claimOne(), RETRY, true), 'retry')
    assert.equal(await priority(), 4)
    const again = await on.claimOne()
    assert.equal(again.task.id, id)
    await on.fail(again, RETRY, true)
    assert.equal(await priority(), 3)
    assert.equal((await on.claimOne()).task.id, behind)
    await on.fail(await on.claimOne(), RETRY)
    assert.equal(await priority(), 2)
  })

  test('an error that no retry can cure fails at once', async () => {
    await on.add({ maxRetries: 9 })
    assert.equal(await on.fail(await on.claimOne(), DISCARD), 'failed')
  })

  test('a retry waits for its time', async () => {
    await on.add()
    const { lease } = await on.claimOne()
    await on.settle({ lease, outcome: 'error', error: RETRY, retryAt: on.clock.now() + 100 })
    assert.deepEqual(await on.ids(), [])
    on.clock.advance(100)
    assert.equal((await on.ids()).length, 1)
  })

  test('a crash asks for an attempt alone, and only for the next one', async () => {
    await on.add()
    await on.fail(await on.claimOne(), RETRY, true)
    const second = await on.claimOne()
    assert.equal(second.alone, true)
    await on.fail(second, RETRY)
    assert.equal((await on.claimOne()).alone, false)
  })

  test('release and snooze charge nothing and give a new attempt number', async () => {
    const id = await on.add({ maxRetries: 0 })
    const first = await on.claimOne()
    assert.equal(await on.settle({ lease: first.lease, outcome: 'released' }), 'pending')
    const second = await on.claimOne()
    const runAt = on.clock.now() + 50
    assert.equal(await on.settle({ lease: second.lease, outcome: 'snoozed', runAt }), 'pending')
    assert.deepEqual(await on.ids(), [])
    on.clock.advance(50)
    const third = await on.claimOne()
    assert.deepEqual(
      [first, second, third].map(({ task }) => task.attempt),
      [1, 2, 3],
    )
    assert.equal((await on.backend.get(id))?.failures, 0)
  })
}
