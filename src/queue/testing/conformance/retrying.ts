/**
 * What every backend promises of failed tasks that are given another chance.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { DISCARD, type Driver, RETRY } from './driver.ts'
import { test } from './promise.ts'

export function describeRetrying(on: Driver): void {
  describeChances(on)
  describeFamilies(on)
  describeSpecialFamilies(on)
}

function describeChances(on: Driver): void {
  test('a retried task has all its attempts again, and counters and groups know', async () => {
    const id = await on.add({ maxRetries: 1, priority: 4, group: 'g' })
    await on.fail(await on.claimOne(), RETRY)
    await on.fail(await on.claimOne(), RETRY, true)
    assert.deepEqual(await on.backend.retryFailed({ status: 'failed' }, 10), [id])
    const task = await on.backend.get(id)
    assert.deepEqual(
      [task?.status, task?.failures, task?.priority, task?.attempt, task?.finishedAt, task?.error],
      ['pending', 0, 3, 2, undefined, RETRY],
    )
    const { failed, pending } = await on.backend.counts('a')
    assert.deepEqual([failed, pending, await on.backend.openInGroup('g')], [0, 1, 1])
    const again = await on.claimOne()
    assert.deepEqual([again.task.attempt, again.alone], [3, true])
    assert.equal(await on.fail(again, RETRY), 'retry')
    assert.equal(await on.complete(await on.claimOne()), 'completed')
    assert.deepEqual(await on.backend.retryFailed({ ids: [id] }, 10), [])
  })

  test('a filter and a limit choose whom, oldest first', async () => {
    const add = async (lane: string, kind: string, code: string) => {
      const id = await on.add({ lane, kind, group: lane })
      await on.fail(await on.claimOne(lane), { ...DISCARD, code })
      return id
    }
    const [one, two, three] = [
      await add('a', 'plain', 'test/x'),
      await add('b', 'plain', 'test/y'),
      await add('a', 'other', 'test/y'),
    ]
    const retry = async (filter: Parameters<typeof on.backend.retryFailed>[0], limit = 9) => {
      const ids = await on.backend.retryFailed(filter, limit)
      for (const id of ids) {
        const { task } = (await on.backend.get(id))?.lane === 'b' ? { task: 'b' } : { task: 'a' }
        await on.fail(await on.claimOne(task), (await on.backend.get(id))?.error ?? DISCARD)
      }
      return ids
    }
    assert.deepEqual(await retry({ errorCode: 'test/y' }), [two, three])
    assert.deepEqual(await retry({ errorCode: 'test/y', lane: 'a' }), [three])
    assert.deepEqual(await retry({ kind: 'plain' }), [one, two])
    assert.deepEqual(await retry({ group: 'b' }), [two])
    assert.deepEqual(await retry({ ids: [three, one, 999] }, 1), [one])
    assert.deepEqual(await retry({ status: 'completed' }), [])
    assert.deepEqual(await retry({ status: 'failed' }, 0), [])
    await assert.rejects(on.backend.retryFailed({}, 9), { code: 'queue/empty-filter' })
  })

  test('a failed task stays failed when an open one has its dedupe key', async () => {
    const first = await on.add({ dedupeKey: 'k' })
    await on.fail(await on.claimOne())
    const second = await on.add({ dedupeKey: 'k' })
    await on.fail(await on.claimOne())
    assert.deepEqual(await on.backend.retryFailed({ status: 'failed' }, 9), [first])
    assert.deepEqual(await on.statuses(first, second), ['pending', 'failed'])
    assert.deepEqual(await on.backend.add([{ kind: 'plain', lane: 'a', payload: null, dedupeKey: 'k' }]), [
      { id: first, added: false },
    ])
  })

  test('a failure function is told again when the retried task fails again', async () => {
    const id = await on.add({ kind: 'effect' })
    await on.fail(await on.claimOne())
    await on.backend.retryFailed({ ids: [id] }, 1)
    await on.complete(await on.claimOne())
    assert.deepEqual(await on.effects(), [`failed ${id} test/hopeless`, `done ${id}`])
  })
}

function describeFamilies(on: Driver): void {
  test('dependants wait again for what failed them, when both are retried', async () => {
    const [last, first, middle] = await on.addAll(
      { ref: 'c', dependsOn: [{ ref: 'b' }] },
      { ref: 'a' },
      { ref: 'b', dependsOn: [{ ref: 'a' }] },
    )
    assert.ok(last && first && middle)
    await on.fail(await on.claimOne())
    assert.deepEqual(await on.statuses(first, middle, last), ['failed', 'failed', 'failed'])
    assert.deepEqual(await on.backend.retryFailed({ lane: 'a' }, 9), [last, first, middle])
    assert.deepEqual(await on.statuses(first, middle, last), ['pending', 'waiting', 'waiting'])
    for (const id of [first, middle, last]) {
      const claimed = await on.claimOne()
      assert.equal(claimed.task.id, id)
      await on.complete(claimed)
    }
    assert.equal((await on.backend.counts()).completed, 3)
  })

  test('a dependant stays failed while what failed it does', async () => {
    const parent = await on.add()
    const child = await on.add({ dependsOn: [{ taskId: parent }] })
    await on.fail(await on.claimOne())
    const late = await on.add({ dependsOn: [{ taskId: parent }] })
    assert.deepEqual(await on.backend.retryFailed({ ids: [child, late] }, 9), [])
    assert.deepEqual(await on.backend.retryFailed({ ids: [parent] }, 9), [parent])
    assert.deepEqual(await on.backend.retryFailed({ ids: [child] }, 9), [child])
    await on.complete(await on.claimOne())
    assert.deepEqual(await on.backend.retryFailed({ ids: [late] }, 9), [late])
    assert.deepEqual(await on.ids(), [child, late])
  })

  test('a retried dependant fails again with what it waits for, and can be retried again', async () => {
    const parent = await on.add()
    const child = await on.add({ dependsOn: [{ taskId: parent }] })
    for (let n = 0; n < 2; n += 1) {
      await on.fail(await on.claimOne())
      assert.deepEqual(await on.statuses(parent, child), ['failed', 'failed'])
      assert.deepEqual(await on.backend.retryFailed({ status: 'failed' }, 9), [parent, child])
    }
    await on.complete(await on.claimOne())
    assert.deepEqual(await on.ids(), [child])
  })
}

function describeSpecialFamilies(on: Driver): void {
  test('a retried dependant waits for its other dependencies and its group as well', async () => {
    const [bad, slow] = [await on.add({ priority: 1 }), await on.add({ group: 'g' })]
    const child = await on.add({ dependsOn: [{ taskId: bad }, { taskId: slow }], afterGroup: 'g' })
    await on.fail(await on.claimOne())
    await on.backend.retryFailed({ status: 'failed' }, 9)
    await on.complete(await on.claimOne())
    assert.deepEqual(await on.statuses(bad, child), ['completed', 'waiting'])
    const more = await on.add({ group: 'g', priority: 5 })
    await on.complete(await on.claimOne())
    assert.deepEqual(await on.statuses(more, child), ['completed', 'waiting'])
    await on.complete(await on.claimOne())
    assert.deepEqual(await on.ids(), [child])
  })

  test('a dependant whose dependency was forgotten stays failed', async () => {
    const parent = await on.add()
    await on.fail(await on.claimOne())
    on.clock.advance(1)
    const child = await on.add({ dependsOn: [{ taskId: parent }] })
    assert.equal(await on.backend.prune({ ids: [parent], endedBefore: on.clock.now() }, 9), 1)
    assert.deepEqual(await on.backend.retryFailed({ status: 'failed' }, 9), [])
    assert.equal(await on.status(child), 'failed')
  })

  test('a retried task does not wait for its own group', async () => {
    const root = await on.add()
    const parent = await on.add({ dependsOn: [{ taskId: root }], afterGroup: 'none' })
    await on.add({ group: 'g', priority: -9 })
    const awaits = await on.add({ dependsOn: [{ taskId: root }], afterGroup: 'g' })
    await on.fail(await on.claimOne())
    const member = await on.add({ dependsOn: [{ taskId: awaits }], group: 'g' })
    assert.deepEqual(await on.statuses(parent, awaits, member), ['failed', 'failed', 'failed'])
    assert.deepEqual(await on.backend.retryFailed({ status: 'failed' }, 9), [root, parent, awaits])
    assert.equal(await on.status(member), 'failed')
  })
}
