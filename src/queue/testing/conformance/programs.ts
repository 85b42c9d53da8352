/**
 * What every backend promises of the functions of a program.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Settlement } from '../../backend.ts'
import { type Driver, LEASE_MS } from './driver.ts'

export function describePrograms(on: Driver): void {
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

  test('a failure function that throws leaves nothing, and the task is failed and says so', async () => {
    const id = await on.add({ kind: 'effect', payload: 'throw' })
    assert.equal(await on.fail(await on.claimOne()), 'failed')
    assert.deepEqual(await on.backend.call('effects', null), [])
    assert.match((await on.backend.get(id))?.error?.message ?? '', /give up.*ledger is full/u)
  })

  test('a call that throws leaves nothing, and an unknown one names the known', async () => {
    await assert.rejects(on.backend.call('addThenThrow', null), { message: 'changed my mind' })
    assert.deepEqual(await on.backend.call('effects', null), [])
    assert.equal((await on.backend.counts('made')).pending, 0)
    await assert.rejects(on.backend.call('nothing', null), { code: 'queue/unknown-call' })
  })
}
