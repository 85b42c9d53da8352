/**
 * What every backend promises of leases.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { type Driver, LEASE_MS } from './driver.ts'
import { test } from './promise.ts'

export function describeLeases(on: Driver): void {
  test('progress that is not JSON is not stored, and costs no lease', async () => {
    const id = await on.add()
    const { lease } = await on.claimOne()
    for (const value of [7, 5n]) {
      const { lost } = await on.backend.renew([lease], LEASE_MS, [{ taskId: id, value }])
      assert.deepEqual(lost, [])
    }
    assert.equal((await on.backend.get(id))?.progress, 7)
  })

  test('only the holder of the current lease settles, and only once', async () => {
    const id = await on.add()
    const claimed = await on.claimOne()
    const { lease } = claimed
    assert.equal(await on.settle({ lease: { ...lease, token: 'x' }, outcome: 'released' }), 'stale')
    assert.equal(await on.settle({ lease: { ...lease, attempt: 9 }, outcome: 'released' }), 'stale')
    assert.equal(await on.settle({ lease: { ...lease, taskId: 99 }, outcome: 'released' }), 'stale')
    assert.equal(await on.status(id), 'processing')
    assert.equal(await on.complete(claimed), 'completed')
    assert.equal(await on.complete(claimed), 'stale')
  })

  test('a lease that ran out is swept, charged, and its late settlement is stale', async () => {
    const id = await on.add()
    const claimed = await on.claimOne()
    on.clock.advance(LEASE_MS - 1)
    assert.deepEqual((await on.backend.sweep()).expired, [])
    on.clock.advance(1)
    assert.deepEqual(await on.backend.sweep(), { expired: [id], released: [] })
    assert.equal(await on.complete(claimed), 'stale')
    const again = await on.claimOne()
    assert.deepEqual([again.task.attempt, again.task.failures], [2, 1])
    assert.equal(await on.complete(claimed), 'stale')
  })

  test('a renewed lease lives on; a lost one is answered', async () => {
    await on.add()
    const { lease } = await on.claimOne()
    on.clock.advance(LEASE_MS - 1)
    assert.deepEqual((await on.backend.renew([lease], LEASE_MS)).lost, [])
    on.clock.advance(LEASE_MS - 1)
    assert.deepEqual((await on.backend.sweep()).expired, [])
    on.clock.advance(1)
    await on.backend.sweep()
    assert.deepEqual((await on.backend.renew([lease], LEASE_MS)).lost, [lease])
  })

  test('a take-over releases everything at once and uncharged', async () => {
    const id = await on.add({ maxRetries: 0 })
    await on.claimOne()
    assert.deepEqual(await on.backend.sweep({ takeOver: true }), { expired: [], released: [id] })
    assert.equal((await on.claimOne()).task.failures, 0)
  })
}
