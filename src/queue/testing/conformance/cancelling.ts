/**
 * What every backend promises of the end of a task that runs, and of its progress.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { Settlement } from '../../backend.ts'
import type { ClaimedTask } from '../../task.ts'
import { DISCARD, type Driver, LEASE_MS, RETRY } from './driver.ts'
import { test } from './promise.ts'

export function describeCancelling(on: Driver): void {
  describeRequests(on)
  describeProgress(on)
}

function describeRequests(on: Driver): void {
  test('a task that runs is asked to end, and its holder hears of it', async () => {
    const id = await on.add()
    const { lease } = await on.claimOne()
    assert.deepEqual(await on.backend.renew([lease], LEASE_MS), { lost: [], cancelRequested: [] })
    assert.deepEqual(await on.backend.cancel([id, id]), { cancelled: [], requested: [id] })
    assert.equal((await on.backend.get(id))?.cancelRequested, true)
    assert.deepEqual(await on.backend.cancel([id]), { cancelled: [], requested: [id] })
    assert.deepEqual(await on.backend.renew([lease], LEASE_MS), { lost: [], cancelRequested: [lease] })
    assert.equal(await on.settle({ lease, outcome: 'cancelled' }), 'cancelled')
    const task = await on.backend.get(id)
    assert.deepEqual([task?.cancelRequested, task?.error?.code], [undefined, 'queue/cancelled'])
    assert.deepEqual((await on.backend.renew([lease], LEASE_MS)).lost, [lease])
  })

  test('a task that completes although its end was asked for is completed', async () => {
    const [plain, effect] = [await on.add(), await on.add({ kind: 'effect' })]
    const claimed = await on.claim()
    await on.backend.cancel([plain, effect])
    for (const one of claimed) assert.equal(await on.complete(one), 'completed')
    const task = await on.backend.get(plain)
    assert.deepEqual([task?.cancelRequested, task?.error], [undefined, undefined])
    assert.deepEqual(await on.effects(), [`done ${effect}`])
  })

  const ends: Record<string, (claimed: ClaimedTask) => Settlement> = {
    error: ({ lease }) => ({ lease, outcome: 'error', error: RETRY, retryAt: 0 }),
    'hopeless error': ({ lease }) => ({ lease, outcome: 'error', error: DISCARD, retryAt: 0 }),
    release: ({ lease }) => ({ lease, outcome: 'released' }),
    snooze: ({ lease }) => ({ lease, outcome: 'snoozed', runAt: 0 }),
    'refused commit': ({ lease }) => ({ lease, outcome: 'completed', result: 'throw' }),
  }
  for (const [name, settlement] of Object.entries(ends)) {
    test(`a task whose end was asked for never runs again after: ${name}`, async () => {
      const id = await on.add({ kind: 'effect', group: 'g' })
      const child = await on.add({ dependsOn: [{ taskId: id, onFailure: 'skip' }] })
      const claimed = await on.claimOne()
      await on.backend.cancel([id])
      assert.equal(await on.settle(settlement(claimed)), 'cancelled')
      assert.deepEqual(await on.statuses(id, child), ['cancelled', 'cancelled'])
      assert.deepEqual(await on.effects(), [`cancelled ${id} queue/cancelled`])
      assert.equal(await on.backend.openInGroup('g'), 0)
      assert.deepEqual(await on.ids(), [])
    })
  }

  test('a task whose end was asked for is cancelled when its holder vanishes', async () => {
    const [late, taken] = [await on.add(), await on.add()]
    await on.claim(1)
    await on.backend.cancel([late])
    on.clock.advance(LEASE_MS)
    await on.claimOne()
    assert.deepEqual(await on.backend.sweep(), { expired: [late], released: [] })
    await on.backend.cancel([taken])
    assert.deepEqual(await on.backend.sweep({ takeOver: true }), { expired: [], released: [taken] })
    assert.deepEqual(await on.statuses(late, taken), ['cancelled', 'cancelled'])
  })
}

function describeProgress(on: Driver): void {
  test('progress is kept with the lease, survives the end, and is forgotten by the next attempt', async () => {
    const [id, other] = [await on.add(), await on.add()]
    const first = await on.claimOne()
    const progress = [
      { taskId: id, value: { done: 3, of: 7 } },
      { taskId: other, value: 'not held' },
    ]
    await on.backend.renew([first.lease], LEASE_MS, progress)
    await on.backend.renew([first.lease], LEASE_MS)
    assert.deepEqual((await on.backend.get(id))?.progress, { done: 3, of: 7 })
    assert.equal((await on.backend.get(other))?.progress, undefined)
    await on.fail(first, RETRY)
    const [listed] = await on.backend.list({ status: 'retry', limit: 5 })
    assert.deepEqual(listed?.progress, { done: 3, of: 7 })
    const second = (await on.claim()).find(({ task }) => task.id === id)
    assert.ok(second)
    assert.deepEqual([second.task.progress, (await on.backend.get(id))?.progress], [undefined, undefined])
    const late = [{ taskId: id, value: 'of the first attempt' }]
    assert.deepEqual((await on.backend.renew([first.lease], LEASE_MS, late)).lost, [first.lease])
    assert.equal((await on.backend.get(id))?.progress, undefined)
  })
}
