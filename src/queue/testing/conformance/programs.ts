/**
 * What every backend promises of the functions of a program.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { Settlement } from '../../backend.ts'
import { DISCARD, type Driver, LEASE_MS, RETRY } from './driver.ts'
import { test } from './promise.ts'

export function describePrograms(on: Driver): void {
  describeCommits(on)
  describeFailures(on)
  describeCalls(on)
}

function describeCommits(on: Driver): void {
  test('a commit function runs with the completion, and its output is answered', async () => {
    const id = await on.add({ kind: 'effect' })
    const { lease } = await on.claimOne()
    const settle: Settlement[] = [{ lease, outcome: 'completed', result: 'spawn' }]
    const claim = [{ lane: 'made', limit: 5, workerId: 'w', leaseMs: LEASE_MS }]
    const { settled, claimed } = await on.backend.exchange({ settle, claim })
    assert.deepEqual(settled, [{ taskId: id, status: 'completed', output: `output of ${id}` }])
    assert.equal(claimed[0]?.[0]?.task.payload, id)
    assert.deepEqual(await on.backend.call('effects', null), [`done ${id}`])
  })

  test('a commit function that throws leaves nothing, fails its attempt, and spares its neighbours', async () => {
    const [first, bad, last] = [
      await on.add({ kind: 'effect' }),
      await on.add({ kind: 'effect' }),
      await on.add({ kind: 'effect' }),
    ]
    const claimed = await on.claim()
    const settle = claimed.map(({ lease, task }): Settlement => {
      return { lease, outcome: 'completed', result: task.id === bad ? 'throw' : null }
    })
    const { settled } = await on.backend.exchange({ settle, claim: [] })
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['completed', 'retry', 'completed'],
    )
    assert.deepEqual(await on.backend.call('effects', null), [`done ${first}`, `done ${last}`])
    assert.equal((await on.backend.get(bad))?.error?.message, 'commit refused')
    assert.equal((await on.backend.counts('made')).pending, 0)
  })

  test('an async commit function is refused, because its transaction is over before it ends', async () => {
    const id = await on.add({ kind: 'effect', maxRetries: 0 })
    assert.equal(await on.complete(await on.claimOne(), 'async'), 'failed')
    assert.deepEqual(await on.effects(), [`failed ${id} bug/TypeError`])
  })
}

function describeFailures(on: Driver): void {
  test('what a failure function returned is answered with the settlement that failed or cancelled its task', async () => {
    const settle = async (settlement: Settlement) =>
      (await on.backend.exchange({ settle: [settlement], claim: [] })).settled
    const id = await on.add({ kind: 'effect', maxRetries: 1 })
    const child = await on.add({ kind: 'effect', lane: 'b', dependsOn: [{ taskId: id }] })
    const error = { outcome: 'error', error: RETRY, retryAt: on.clock.now() } as const
    const first = await on.claimOne()
    assert.deepEqual(await settle({ lease: first.lease, ...error }), [{ taskId: id, status: 'retry' }])
    const second = await on.claimOne()
    const failed = { taskId: id, status: 'failed', output: `end of ${id}` }
    assert.deepEqual(await settle({ lease: second.lease, ...error }), [failed])
    assert.deepEqual(await settle({ lease: second.lease, ...error }), [{ taskId: id, status: 'stale' }])
    assert.equal(await on.status(child), 'failed')

    const refused = await on.add({ kind: 'effect', maxRetries: 0 })
    const { lease } = await on.claimOne()
    const [answer] = await settle({ lease, outcome: 'completed', result: 'throw' })
    assert.deepEqual([answer?.status, answer?.output], ['failed', `end of ${refused}`])

    for (const outcome of ['cancelled', 'released'] as const) {
      const ended = await on.add({ kind: 'effect' })
      const claimed = await on.claimOne()
      await on.backend.cancel([ended])
      const cancelled = { taskId: ended, status: 'cancelled', output: `end of ${ended}` }
      assert.deepEqual(await settle({ lease: claimed.lease, outcome }), [cancelled])
    }

    const broken = await on.add({ kind: 'effect', payload: 'throw' })
    const last = await on.claimOne()
    assert.deepEqual(await settle({ lease: last.lease, ...error, error: DISCARD }), [
      { taskId: broken, status: 'failed' },
    ])
  })

  test('a failure function that throws leaves nothing, and the task is failed and says so', async () => {
    const id = await on.add({ kind: 'effect', payload: 'throw' })
    assert.equal(await on.fail(await on.claimOne()), 'failed')
    assert.deepEqual(await on.backend.call('effects', null), [])
    assert.match((await on.backend.get(id))?.error?.message ?? '', /give up.*ledger is full/u)
  })
}

function describeCalls(on: Driver): void {
  test('a call that throws leaves nothing, and an unknown one names the known', async () => {
    await assert.rejects(on.backend.call('addThenThrow', null), { message: 'changed my mind' })
    assert.deepEqual(await on.backend.call('effects', null), [])
    assert.equal((await on.backend.counts('made')).pending, 0)
    await assert.rejects(on.backend.call('nothing', null), { code: 'queue/unknown-call' })
  })
}
