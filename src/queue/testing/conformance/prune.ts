/**
 * What every backend promises of forgetting.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { ErrorRecord } from '../../../errors.ts'
import type { Backend } from '../../backend.ts'
import type { NewTask } from '../../task.ts'
import type { Bundle } from './driver.ts'
import { test } from './promise.ts'

type Fields = Partial<NewTask> & { readonly error?: string }

async function add({ backend }: Bundle, fields: Partial<NewTask> = {}): Promise<number> {
  const [added] = await backend.add([{ kind: 'plain', lane: 'a', payload: null, ...fields }])
  return added?.id ?? 0
}

/** Adds a task and ends it, failed when there is an error code; a moment later it is older than now. */
async function end(on: Bundle, { error: code, ...fields }: Fields = {}): Promise<number> {
  const id = await add(on, { priority: 9, ...fields })
  const claim = [{ lane: fields.lane ?? 'a', limit: 1, workerId: 'w', leaseMs: 1_000 }]
  const { claimed } = await on.backend.exchange({ settle: [], claim })
  const [{ lease } = { lease: { taskId: 0, token: '', attempt: 0 } }] = claimed[0] ?? []
  const error: ErrorRecord = { code: code ?? '', message: 'no', recovery: 'discard' }
  const settle =
    code === undefined
      ? ({ lease, outcome: 'completed', result: null } as const)
      : ({ lease, outcome: 'error', error, retryAt: 0 } as const)
  await on.backend.exchange({ settle: [settle], claim: [] })
  on.clock.advance(10)
  return id
}

export function describePrune(on: Bundle): void {
  const left = async () => (await on.backend.list({ limit: 1_000 })).map(({ id }) => id)

  test('what has ended before is forgotten, the oldest first, and no more than the limit', async () => {
    const open = await add(on, { lane: 'b' })
    const ids = [await end(on), await end(on), await end(on, { error: 'test/no' })]
    const recent = await end(on)
    const endedBefore = on.clock.now() - 10
    assert.equal(await on.backend.prune({ endedBefore }, 2), 2)
    assert.deepEqual(await left(), [open, ids[2], recent])
    assert.equal(await on.backend.prune({ endedBefore }, 10), 1)
    assert.equal(await on.backend.prune({ endedBefore }, 10), 0)
    assert.deepEqual(await left(), [open, recent])
    const { completed, failed, pending } = await on.backend.counts()
    assert.deepEqual([completed, failed, pending], [1, 0, 1])
  })

  test('every condition of the filter holds', async () => {
    const ids = [
      await end(on, { kind: 'x', group: 'g' }),
      await end(on, { kind: 'x', lane: 'b' }),
      await end(on, { kind: 'x', error: 'test/one' }),
      await end(on, { error: 'test/two' }),
    ]
    const [first, second, third, fourth] = ids
    const prune = async (filter: Omit<Parameters<Backend['prune']>[0], 'endedBefore'>) => {
      await on.backend.prune({ ...filter, endedBefore: on.clock.now() }, 10)
      return left()
    }
    assert.deepEqual(await prune({ kind: 'x', errorCode: 'test/two' }), ids)
    assert.deepEqual(await prune({ ids: [first ?? 0, 99], status: 'failed' }), ids)
    assert.deepEqual(await prune({ ids: [] }), ids)
    assert.deepEqual(await prune({ errorCode: 'test/two' }), [first, second, third])
    assert.deepEqual(await prune({ kind: 'x', status: 'failed' }), [first, second])
    assert.deepEqual(await prune({ group: 'g' }), [second])
    assert.deepEqual(await prune({ ids: [second ?? 0, fourth ?? 0], lane: 'b' }), [])
  })

  test('what an open task still waits for is kept', async () => {
    const parent = await add(on)
    const child = await add(on, { dependsOn: [{ taskId: parent }] })
    assert.equal(await on.backend.prune({ endedBefore: Number.POSITIVE_INFINITY }, 10), 0)
    assert.deepEqual(await left(), [parent, child])
  })

  test('the id of a forgotten task is not used again, and nobody can depend on it', async () => {
    const id = await end(on)
    assert.equal(await on.backend.prune({ endedBefore: on.clock.now() }, 10), 1)
    await assert.rejects(add(on, { dependsOn: [{ taskId: id }] }), { code: 'queue/unknown-dependency' })
    assert.ok((await add(on)) > id)
    assert.equal(await on.backend.get(id), undefined)
  })
}
