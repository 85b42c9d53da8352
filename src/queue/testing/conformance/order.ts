/**
 * What every backend promises of the order of claims, and of additions.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { NewTask } from '../../task.ts'
import type { Driver } from './driver.ts'
import { test } from './promise.ts'

export function describeOrder(on: Driver): void {
  test('a claim takes higher priority first, then creation order', async () => {
    const [low, first, second, high] = [
      await on.add({ priority: -1 }),
      await on.add(),
      await on.add(),
      await on.add({ priority: 5 }),
    ]
    assert.deepEqual(await on.ids(3), [high, first, second])
    assert.deepEqual(await on.ids(3), [low])
  })

  test('a claim sees its own lane only, and no task twice', async () => {
    const id = await on.add()
    await on.add({ lane: 'b' })
    assert.deepEqual(await on.ids(), [id])
    assert.deepEqual(await on.ids(), [])
  })

  test('a task is not claimed before its runAt', async () => {
    const id = await on.add({ runAt: on.clock.now() + 500 })
    assert.deepEqual(await on.ids(), [])
    assert.equal(await on.backend.nextDueAt('a'), on.clock.now() + 500)
    on.clock.advance(500)
    assert.equal(await on.backend.nextDueAt('a'), on.clock.now())
    assert.deepEqual(await on.ids(), [id])
    assert.equal(await on.backend.nextDueAt('a'), undefined)
  })

  test('adding is all or none', async () => {
    const bad = { kind: 'plain', lane: 'a', payload: null, dependsOn: [{ taskId: 999 }] }
    await assert.rejects(on.backend.add([{ kind: 'plain', lane: 'a', payload: 1 }, bad]), {
      code: 'queue/unknown-dependency',
    })
    assert.deepEqual(await on.ids(), [])
    assert.equal((await on.backend.counts()).pending, 0)
  })

  test('a task that cannot be stored is refused', async () => {
    const bad: Partial<NewTask>[] = [
      { priority: 0.5 },
      { maxRetries: -1 },
      { runAt: Number.NaN },
      { kind: '' },
      { payload: 1n },
      { memoryBytes: -1 },
      { timeoutMs: Number.NaN },
    ]
    for (const field of bad) await assert.rejects(on.add(field), { code: 'queue/invalid-task' })
  })

  test('an open task answers for its dedupe key, a final one does not', async () => {
    const id = await on.add({ dedupeKey: 'k' })
    const twin = { kind: 'plain', lane: 'a', payload: null, dedupeKey: 'k' }
    assert.deepEqual(await on.backend.add([twin]), [{ id, added: false }])
    await on.complete(await on.claimOne())
    const [second] = await on.backend.add([twin])
    assert.equal(second?.added, true)
    assert.notEqual(second?.id, id)
  })
}
