/**
 * What every backend promises of tasks that name each other or an open one when they are added.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { NewTask, OnDuplicate } from '../../task.ts'
import { DISCARD, type Driver, RETRY } from './driver.ts'
import { test } from './promise.ts'

export function describeAdditions(on: Driver): void {
  describeRefs(on)
  describeDuplicates(on)
  describeReplacements(on)
  describeOddFields(on)
}

function describeRefs(on: Driver): void {
  test('tasks of one addition depend on each other by ref, in any order, and get ids in that of the call', async () => {
    const [last, first, middle] = await on.addAll(
      { ref: 'last', dependsOn: [{ ref: 'middle' }, { ref: 'first', onFailure: 'run' }] },
      { ref: 'first' },
      { ref: 'middle', dependsOn: [{ ref: 'first' }] },
    )
    assert.ok(last && first && middle)
    assert.deepEqual([first - last, middle - last], [1, 2])
    for (const id of [first, middle, last]) {
      assert.deepEqual(await on.statuses(id), ['pending'])
      await on.complete(await on.claimOne())
      assert.deepEqual(await on.statuses(id), ['completed'])
    }
  })

  test('refs are forgotten after the addition, ids are not used again', async () => {
    const [, , last] = await on.addAll({ ref: 'a' }, {}, { dependsOn: [{ ref: 'a' }] })
    await assert.rejects(on.addAll({ dependsOn: [{ ref: 'a' }] }), { code: 'queue/unknown-ref' })
    assert.ok((await on.add()) > (last ?? Number.NaN))
  })

  test('a ring of refs is refused and named, as are refs of nobody and of two', async () => {
    const ring = [
      { ref: 'x', dependsOn: [{ ref: 'b' }] },
      { ref: 'b', dependsOn: [{ ref: 'c' }] },
      { ref: 'c', dependsOn: [{ ref: 'b' }] },
    ]
    await assert.rejects(on.addAll({}, ...ring), {
      code: 'queue/dependency-cycle',
      message: 'tasks depend on each other: b → c → b',
    })
    await assert.rejects(on.addAll({ ref: 'a', dependsOn: [{ ref: 'a' }] }), { message: /a → a/u })
    await assert.rejects(on.addAll({}, { dependsOn: [{ ref: 'nobody' }] }), { code: 'queue/unknown-ref' })
    await assert.rejects(on.addAll({ ref: 'two' }, { ref: 'two' }), { code: 'queue/duplicate-ref' })
    assert.equal((await on.backend.counts()).pending, 0)
  })

  test('a ref may be that of an open task that answered for its dedupe key', async () => {
    const open = await on.add({ dedupeKey: 'k' })
    const [same, child] = await on.addAll({ ref: 'p', dedupeKey: 'k' }, { dependsOn: [{ ref: 'p' }] })
    assert.ok(child)
    assert.equal(same, open)
    await on.complete(await on.claimOne())
    assert.deepEqual(await on.ids(), [child])
  })

  test('a long chain of refs is added and failed as a whole', async () => {
    const chain = Array.from({ length: 500 }, (_, n) => ({
      ref: `${n}`,
      dependsOn: n === 499 ? [] : [{ ref: `${n + 1}` }],
    }))
    await on.addAll(...chain)
    await on.fail(await on.claimOne())
    assert.equal((await on.backend.counts()).failed, 500)
  })
}

function describeDuplicates(on: Driver): void {
  const add = async (fields: Partial<NewTask>) =>
    (await on.backend.add([{ kind: 'plain', lane: 'a', payload: null, dedupeKey: 'k', ...fields }]))[0]

  test('replace takes payload and options, and keeps place and due time', async () => {
    const runAt = on.clock.now() + 100
    const id = await on.add({ dedupeKey: 'k', payload: 1, runAt, group: 'g' })
    const rival = await on.add({ lane: 'b', runAt, priority: 2 })
    const onDuplicate: OnDuplicate = 'replace'
    const given = { payload: 2, runAt: runAt + 900, lane: 'b', priority: 2, maxRetries: 7, group: 'h' }
    assert.deepEqual(await add({ onDuplicate, ...given }), { id, added: false, replaced: true })
    const task = await on.backend.get(id)
    assert.deepEqual([task?.payload, task?.runAt, task?.maxRetries, task?.group], [2, runAt, 7, 'h'])
    assert.deepEqual([await on.backend.openInGroup('g'), await on.backend.openInGroup('h')], [0, 1])
    assert.deepEqual([(await on.backend.counts('a')).pending, (await on.backend.counts('b')).pending], [0, 2])
    on.clock.advance(100)
    assert.deepEqual(await on.ids(9, 'b'), [id, rival])
  })

  test('debounce puts the due time off', async () => {
    const id = await on.add({ dedupeKey: 'k', runAt: on.clock.now() + 100 })
    await add({ onDuplicate: 'debounce', runAt: on.clock.now() + 300 })
    on.clock.advance(299)
    assert.deepEqual(await on.ids(), [])
    on.clock.advance(1)
    assert.deepEqual(await on.ids(), [id])
  })

  test('a task that waits for a retry is replaced with all its attempts, at the same time', async () => {
    const id = await on.add({ dedupeKey: 'k', maxRetries: 1 })
    const { lease } = await on.claimOne()
    await on.settle({ lease, outcome: 'error', error: RETRY, retryAt: on.clock.now() + 50 })
    await add({ onDuplicate: 'replace', maxRetries: 1 })
    const task = await on.backend.get(id)
    assert.deepEqual(
      [task?.status, task?.failures, task?.error, task?.runAt],
      ['pending', 0, undefined, on.clock.now() + 50],
    )
  })
}

function describeReplacements(on: Driver): void {
  const add = async (fields: Partial<NewTask>) =>
    (await on.backend.add([{ kind: 'plain', lane: 'a', payload: null, dedupeKey: 'k', ...fields }]))[0]

  test('a task that runs gives its key to the one that would replace it', async () => {
    for (const onDuplicate of ['replace', 'debounce'] as const) {
      const first = await on.add({ dedupeKey: 'k' })
      const running = await on.claimOne()
      const next = await add({ onDuplicate })
      assert.ok(next?.added && next.id !== first)
      assert.equal((await on.backend.get(first))?.dedupeKey, undefined)
      assert.deepEqual(await add({}), { id: next.id, added: false })
      assert.equal(await on.fail(running, DISCARD), 'failed')
      await on.complete(await on.claimOne())
    }
  })

  test('a replaced task keeps waiting for what it waited for, and frees the group that it leaves', async () => {
    const parent = await on.add()
    const id = await on.add({ dedupeKey: 'k', dependsOn: [{ taskId: parent }], group: 'g' })
    const after = await on.add({ afterGroup: 'g', priority: -1 })
    await add({ onDuplicate: 'replace' })
    assert.deepEqual(await on.statuses(id, after), ['waiting', 'pending'])
    await on.complete(await on.claimOne())
    assert.deepEqual(await on.ids(), [id, after])
  })

  test('a replacement cannot wait, nor join a group that its task waits for', async () => {
    const invalid = { code: 'queue/invalid-task' }
    const onDuplicate: OnDuplicate = 'replace'
    const parent = await on.add({ group: 'g' })
    await assert.rejects(add({ onDuplicate, dependsOn: [{ taskId: parent }] }), invalid)
    await assert.rejects(add({ onDuplicate, afterGroup: 'g' }), invalid)
    await assert.rejects(on.add({ onDuplicate }), invalid)
    await on.add({ dedupeKey: 'k', afterGroup: 'g' })
    await assert.rejects(add({ onDuplicate, group: 'g' }), { code: 'queue/wait-cycle' })
  })
}

function describeOddFields(on: Driver): void {
  test('numbers that could be stored but not read again are refused or stand for none', async () => {
    const invalid = { code: 'queue/invalid-task' }
    for (const runAt of [2 ** 60, -(2 ** 60), Number.MAX_VALUE, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(on.add({ runAt }), invalid)
    }
    await assert.rejects(on.add({ priority: Number.MIN_SAFE_INTEGER }), invalid)
    const ids = await on.addAll(
      { timeoutMs: 1e17 },
      { timeoutMs: Number.MAX_VALUE },
      { priority: -(2 ** 52) },
    )
    const claimed = await on.claim()
    assert.deepEqual(
      claimed.map(({ task }) => [task.id, task.timeoutMs]),
      ids.map((id, index) => [id, index < 2 ? 0 : undefined]),
    )
    for (const one of claimed) await on.fail(one, RETRY)
    assert.equal((await on.claim()).length, 3)
  })

  test('names that would not be told apart when stored are refused, hostile ones are names', async () => {
    for (const field of ['kind', 'lane', 'group', 'afterGroup', 'dedupeKey', 'concurrencyKey']) {
      await assert.rejects(on.add({ [field]: 'half \ud800' }), { code: 'queue/invalid-task' }, field)
    }
    for (const name of ['__proto__', 'constructor', 'a\0b', 'a\0c', "'; --", '😀', 'x'.repeat(1_000_000)]) {
      const names = { kind: name, lane: name, group: name, dedupeKey: name, concurrencyKey: name }
      const id = await on.add({ ...names, payload: '\ud800\0' })
      assert.deepEqual(await on.backend.add([{ ...names, payload: 1 }]), [{ id, added: false }])
      const { task, lease } = await on.claimOne(name)
      assert.deepEqual([task.id, task.kind, task.group, task.payload], [id, name, name, '\ud800\0'])
      assert.equal(await on.settle({ lease, outcome: 'error', error: DISCARD, retryAt: 0 }), 'failed')
      assert.deepEqual((await on.backend.list({ kind: name, group: name, limit: 9 })).length, 1)
      assert.equal((await on.backend.counts(name)).failed, 1)
    }
  })

  test('rules that nobody knows are refused', async () => {
    const invalid = { code: 'queue/invalid-task' }
    const taskId = await on.add({ dedupeKey: 'k' })
    const dependsOn = [{ taskId, onFailure: 'ignore' as 'run' }]
    await assert.rejects(on.add({ dependsOn }), invalid)
    await assert.rejects(on.add({ dedupeKey: 'k', onDuplicate: 'merge' as OnDuplicate }), invalid)
  })
}
