/**
 * What every backend promises of tasks that wait for others.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { Driver } from './driver.ts'
import { test } from './promise.ts'

export function describeWaiting(on: Driver): void {
  test('a task waits for all that it depends on', async () => {
    const [first, second] = [await on.add(), await on.add()]
    const id = await on.add({ dependsOn: [{ taskId: first }, { taskId: second }] })
    assert.equal(await on.status(id), 'waiting')
    for (const claimed of await on.claim(2)) {
      assert.equal(await on.status(id), 'waiting')
      await on.complete(claimed)
    }
    assert.deepEqual(await on.ids(), [id])
  })

  test('each edge says what becomes of the dependant of a failed task', async () => {
    const parent = await on.add()
    const add = (onFailure: 'fail' | 'skip' | 'run') =>
      on.add({ dependsOn: [{ taskId: parent, onFailure }], kind: 'effect' })
    const [fail, skip, run] = [await add('fail'), await add('skip'), await add('run')]
    const behindFail = await on.add({ dependsOn: [{ taskId: fail }] })
    await on.fail(await on.claimOne())
    const states = await Promise.all([fail, skip, run, behindFail].map((id) => on.status(id)))
    assert.deepEqual(states, ['failed', 'cancelled', 'pending', 'failed'])
    assert.equal((await on.backend.get(behindFail))?.error?.code, 'queue/dependency-failed')
    assert.deepEqual(await on.backend.call('effects', null), [
      `failed ${fail} queue/dependency-failed`,
      `cancelled ${skip} queue/dependency-failed`,
    ])
  })

  test('a dependency that is already final decides at once', async () => {
    const parent = await on.add()
    await on.fail(await on.claimOne())
    const after = (onFailure: 'fail' | 'skip' | 'run') =>
      on.add({ dependsOn: [{ taskId: parent, onFailure }] })
    const ids = [await after('fail'), await after('skip'), await after('run')]
    const states = await Promise.all(ids.map((id) => on.status(id)))
    assert.deepEqual(states, ['failed', 'cancelled', 'pending'])
  })

  test('two failing parents end their dependant once', async () => {
    const root = await on.add()
    const left = await on.add({ dependsOn: [{ taskId: root }] })
    const right = await on.add({ dependsOn: [{ taskId: root }] })
    await on.add({ dependsOn: [{ taskId: left }, { taskId: right }], kind: 'effect', group: 'g' })
    await on.fail(await on.claimOne())
    assert.equal((await on.backend.counts()).failed, 4)
    assert.equal(((await on.backend.call('effects', null)) as string[]).length, 1)
    assert.equal(await on.backend.openInGroup('g'), 0)
  })
}

export function describeGroups(on: Driver): void {
  test('a task waits for a whole group, members added later included', async () => {
    await on.add({ group: 'g' })
    const id = await on.add({ afterGroup: 'g', priority: 9 })
    await on.add({ group: 'g' })
    assert.equal(await on.backend.openInGroup('g'), 2)
    const [first, second, none] = await on.claim(3)
    assert.ok(first && second && none === undefined)
    await on.complete(first)
    assert.equal(await on.status(id), 'waiting')
    await on.fail(second)
    assert.deepEqual(await on.ids(), [id])
    assert.equal(await on.backend.openInGroup('g'), 0)
  })

  test('a group without open tasks holds nobody back', async () => {
    assert.equal(await on.status(await on.add({ afterGroup: 'nobody' })), 'pending')
  })

  test('a task that would wait for itself is refused', async () => {
    await on.add({ group: 'g' })
    const waiting = await on.add({ afterGroup: 'g', group: 'h' })
    const cycle = { code: 'queue/wait-cycle' }
    await assert.rejects(on.add({ group: 'g', afterGroup: 'g' }), cycle)
    await assert.rejects(on.add({ group: 'g', dependsOn: [{ taskId: waiting }] }), cycle)
    await assert.rejects(on.add({ group: 'g', afterGroup: 'h' }), cycle)
    const behind = await on.add({ dependsOn: [{ taskId: waiting }] })
    await assert.rejects(on.add({ group: 'g', dependsOn: [{ taskId: behind }] }), cycle)
  })

  test('cancel ends what does not run, and its dependants by their rule', async () => {
    const running = await on.add()
    await on.claimOne()
    const id = await on.add({ kind: 'effect' })
    const child = await on.add({ dependsOn: [{ taskId: id, onFailure: 'skip' }] })
    assert.deepEqual(await on.backend.cancel([running, id, 999]), { cancelled: [id], requested: [running] })
    assert.equal(await on.status(child), 'cancelled')
    assert.deepEqual(await on.backend.call('effects', null), [`cancelled ${id} queue/cancelled`])
    assert.deepEqual(await on.backend.cancel([id]), { cancelled: [], requested: [] })
  })
}
