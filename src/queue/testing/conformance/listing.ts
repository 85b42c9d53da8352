/**
 * What every backend promises of lists.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { Backend } from '../../backend.ts'
import { DISCARD, type Driver, RETRY } from './driver.ts'
import { test } from './promise.ts'

export function describeListing(on: Driver): void {
  const list = async (filter: Omit<Parameters<Backend['list']>[0], 'limit'>, limit = 10) =>
    (await on.backend.list({ ...filter, limit })).map(({ id }) => id)

  test('list pages from both ends', async () => {
    const ids = await on.addAll({}, {}, {}, {})
    const [a = 0, b = 0, c = 0, d = 0] = ids
    assert.deepEqual(await list({ newestFirst: true }, 2), [d, c])
    assert.deepEqual(await list({ newestFirst: true, beforeId: c }), [b, a])
    assert.deepEqual(await list({ beforeId: d, afterId: a }), [b, c])
    assert.deepEqual(await list({ ids: [d, a, 999] }), [a, d])
    assert.deepEqual(await list({ ids: [] }), [])
    assert.deepEqual(await list({}, 0), [])
    assert.deepEqual(await list({}, Number.POSITIVE_INFINITY), ids)
    assert.deepEqual(await list({}, 1.5), [a])
    assert.deepEqual(await list({}, Number.NaN), [])
  })

  test('list finds every state, and errors by their code', async () => {
    const pending = await on.add({ lane: 'b' })
    const [running, failed, retry] = [await on.add(), await on.add(), await on.add()]
    const [, second, third] = await on.claim(3)
    assert.ok(second && third)
    await on.fail(second, DISCARD)
    const { lease } = third
    await on.settle({ lease, outcome: 'error', error: RETRY, retryAt: on.clock.now() + 9 })
    const waiting = await on.add({ dependsOn: [{ taskId: pending }] })
    const gone = await on.add({ lane: 'c' })
    await on.backend.cancel([gone])
    const done = await on.add({ lane: 'd' })
    await on.complete(await on.claimOne('d'))
    const found = { pending, processing: running, failed, retry, waiting, cancelled: gone, completed: done }
    for (const [status, id] of Object.entries(found)) {
      assert.deepEqual(await list({ status: status as keyof typeof found }), [id], status)
    }
    assert.deepEqual(await list({ errorCode: 'test/flaky' }), [retry])
    assert.deepEqual(await list({ errorCode: 'test/hopeless', status: 'failed' }), [failed])
    assert.deepEqual(await list({ errorCode: 'test/hopeless', status: 'retry' }), [])
    assert.deepEqual(await list({ errorCode: 'queue/cancelled', newestFirst: true }), [gone])
  })
}
