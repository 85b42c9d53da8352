/**
 * What every backend promises to answer.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { Backend } from '../../backend.ts'
import { type Driver, RETRY } from './driver.ts'
import { test } from './promise.ts'

export function describeQuestions(on: Driver): void {
  test('counts follow every change of state', async () => {
    await on.add()
    const second = await on.add()
    await on.add({ dependsOn: [{ taskId: second }] })
    await on.add({ lane: 'b' })
    await on.complete(await on.claimOne())
    await on.fail(await on.claimOne(), RETRY)
    const { waiting, retry, completed, pending } = await on.backend.counts('a')
    assert.deepEqual(
      { waiting, retry, completed, pending },
      { waiting: 1, retry: 1, completed: 1, pending: 0 },
    )
    assert.equal((await on.backend.counts()).pending, 1)
    assert.equal((await on.backend.counts('nobody')).pending, 0)
  })

  test('list filters, pages, and has the newest last', async () => {
    const ids = [await on.add({ group: 'g' }), await on.add({ group: 'g' }), await on.add({ lane: 'b' })]
    const list = async (filter: Parameters<Backend['list']>[0]) =>
      (await on.backend.list(filter)).map(({ id }) => id)
    assert.deepEqual(await list({ limit: 10 }), ids)
    assert.deepEqual(await list({ limit: 1, group: 'g' }), [ids[0]])
    assert.deepEqual(await list({ limit: 10, group: 'g', afterId: ids[0] ?? 0 }), [ids[1]])
    assert.deepEqual(await list({ limit: 10, lane: 'b', status: 'pending', kind: 'plain' }), [ids[2]])
    assert.deepEqual(await list({ limit: 10, status: 'failed' }), [])
    assert.equal(await on.backend.get(999), undefined)
  })
}
