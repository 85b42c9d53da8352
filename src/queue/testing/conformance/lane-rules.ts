/**
 * What every backend promises of concurrency keys, rate limits and paused lanes.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { DISCARD, type Driver, LEASE_MS, RETRY } from './driver.ts'
import { test } from './promise.ts'

export function describeLaneRules(on: Driver): void {
  describeKeys(on)
  describeKeyReleases(on)
  describeRates(on)
  describeClockChanges(on)
  describePauses(on)
}

function describeKeys(on: Driver): void {
  const key = { concurrencyKey: 'k' }

  test('of all tasks with a key one is processing, whatever the lane; the others are passed over', async () => {
    const first = await on.add(key)
    await on.add(key)
    const free = await on.add()
    await on.add({ ...key, lane: 'b' })
    const other = await on.add({ concurrencyKey: 'l', lane: 'b' })
    assert.deepEqual(await on.ids(), [first, free])
    assert.deepEqual(await on.ids(9, 'b'), [other])
    assert.equal((await on.backend.get(first))?.concurrencyKey, 'k')
    for (const lane of ['a', 'b']) assert.equal(await on.backend.nextDueAt(lane), undefined)
  })

  test('a free key is taken by whichever lane asks first, not kept for the oldest task', async () => {
    const inA = await on.add(key)
    const inB = await on.add({ ...key, lane: 'b' })
    assert.equal(await on.backend.nextDueAt('b'), on.clock.now())
    const taken = await on.claimOne('b')
    assert.equal(taken.task.id, inB)
    assert.deepEqual(await on.ids(), [])
    await on.complete(taken)
    assert.deepEqual(await on.ids(), [inA])
  })

  test('two claims of one exchange do not share a key', async () => {
    await on.addAll(key, { ...key, lane: 'b' })
    const request = { limit: 5, workerId: 'w', leaseMs: LEASE_MS }
    const claim = [
      { ...request, lane: 'a' },
      { ...request, lane: 'b' },
    ]
    const { claimed } = await on.backend.exchange({ settle: [], claim })
    assert.deepEqual(
      claimed.map(({ length }) => length),
      [1, 0],
    )
  })

  test('an older task with a key that becomes due goes before a younger one that was due already', async () => {
    const older = await on.add({ ...key, runAt: on.clock.now() + 50 })
    const younger = await on.add(key)
    on.clock.advance(50)
    const claimed = await on.claimOne()
    assert.equal(claimed.task.id, older)
    await on.complete(claimed)
    assert.deepEqual(await on.ids(), [younger])
  })

  test('tasks with a key go by priority, then age, also those that come late or become due', async () => {
    const [low, first] = [await on.add({ ...key, priority: -1 }), await on.add(key)]
    const high = await on.add({ ...key, priority: 3, runAt: on.clock.now() + 50 })
    const second = await on.add(key)
    const order: number[] = []
    for (let n = 0; n < 4; n += 1) {
      const claimed = await on.claim()
      assert.equal(claimed.length, 1)
      for (const one of claimed) {
        order.push(one.task.id)
        if (n === 0) on.clock.advance(50)
        await on.complete(one)
      }
    }
    assert.deepEqual(order, [first, high, second, low])
  })
}

function describeKeyReleases(on: Driver): void {
  const key = { concurrencyKey: 'k' }

  test('a key is given back at every kind of end', async () => {
    const [first, second] = [await on.add({ ...key, maxRetries: 9, priority: 5 }), await on.add(key)]
    const one = await on.claimOne()
    await on.settle({ lease: one.lease, outcome: 'released' })
    const two = await on.claimOne()
    await on.settle({ lease: two.lease, outcome: 'snoozed', runAt: on.clock.now() + 1 })
    const other = await on.claimOne()
    assert.deepEqual([one.task.id, two.task.id, other.task.id], [first, first, second])
    on.clock.advance(1)
    assert.deepEqual(await on.ids(), [])
    await on.fail(other, DISCARD)
    const three = await on.claimOne()
    await on.fail(three, RETRY)
    const four = await on.claimOne()
    assert.deepEqual([three.task.id, four.task.id], [first, first])
    on.clock.advance(LEASE_MS)
    await on.backend.sweep()
    const five = await on.claimOne()
    await on.backend.sweep({ takeOver: true })
    const six = await on.claimOne()
    await on.backend.cancel([first])
    await on.settle({ lease: six.lease, outcome: 'cancelled' })
    assert.deepEqual([five.task.id, six.task.id], [first, first])
    assert.deepEqual(await on.ids(), [])
  })

  test('when the first of a key is cancelled or replaced, the next one goes on', async () => {
    const [first, second, third] = [
      await on.add({ ...key, dedupeKey: 'd' }),
      await on.add(key),
      await on.add(key),
    ]
    await on.backend.add([
      {
        kind: 'plain',
        lane: 'a',
        payload: null,
        dedupeKey: 'd',
        onDuplicate: 'replace',
        concurrencyKey: 'l',
      },
    ])
    await on.backend.cancel([second])
    assert.deepEqual(await on.ids(), [first, third])
  })

  test('a retry keeps its place behind a task with its key that has more priority now', async () => {
    const first = await on.add(key)
    const second = await on.add(key)
    assert.equal((await on.claimOne()).task.id, first)
    const report = await on.backend.sweep({ takeOver: true })
    assert.deepEqual(report.released, [first])
    await on.fail(await on.claimOne(), RETRY)
    assert.deepEqual(await on.ids(), [second])
  })
}

function describeRates(on: Driver): void {
  const rate = { limit: 3, perMs: 1_000 }

  test('no window lets more claims through than the limit, whoever claims', async () => {
    await on.addAll(...Array.from({ length: 10 }, () => ({})))
    assert.equal((await on.claim(2, 'a', rate)).length, 2)
    on.clock.advance(600)
    assert.equal((await on.claim(9, 'a', rate)).length, 1)
    assert.equal((await on.claim(9, 'a', rate)).length, 0)
    on.clock.advance(399)
    assert.equal((await on.claim(9, 'a', rate)).length, 0)
    on.clock.advance(11)
    assert.equal((await on.claim(9, 'a', rate)).length, 2)
    on.clock.advance(600)
    assert.equal((await on.claim(9, 'a', rate)).length, 1)
  })

  test('the next due time is when a token comes back, or the task is due, whichever is later', async () => {
    await on.addAll({}, {}, {}, {})
    await on.claim(3, 'a', rate)
    const dueAt = (await on.backend.nextDueAt('a', rate)) ?? Number.NaN
    assert.ok(dueAt >= on.clock.now() + 1_000 && dueAt <= on.clock.now() + 1_010, String(dueAt))
    assert.equal(await on.backend.nextDueAt('a'), on.clock.now())
    on.clock.advance(dueAt - on.clock.now() - 1)
    assert.equal((await on.claim(1, 'a', rate)).length, 0)
    on.clock.advance(1)
    assert.equal(await on.backend.nextDueAt('a', rate), on.clock.now())
    assert.equal((await on.claim(9, 'a', rate)).length, 1)
    const later = await on.add({ runAt: on.clock.now() + 9_000 })
    assert.equal(await on.backend.nextDueAt('a', rate), (await on.backend.get(later))?.runAt)
  })

  test('a lowered limit waits for as many tokens as it takes, and one of nothing for ever', async () => {
    await on.addAll({}, {}, {}, {})
    await on.claim(2, 'a', rate)
    on.clock.advance(500)
    await on.claim(1, 'a', rate)
    const lowered = { limit: 1, perMs: 1_000 }
    const dueAt = (await on.backend.nextDueAt('a', lowered)) ?? Number.NaN
    assert.ok(dueAt >= on.clock.now() + 1_000, String(dueAt))
    on.clock.advance(dueAt - on.clock.now())
    assert.equal((await on.claim(9, 'a', lowered)).length, 1)
    assert.equal(await on.backend.nextDueAt('a', { limit: 0, perMs: 1_000 }), undefined)
  })
}

function describeClockChanges(on: Driver): void {
  test('tokens that were taken while the clock was an hour ahead do not hold up their lane for an hour', async () => {
    const rate = { limit: 2, perMs: 1_000 }
    await on.addAll({}, {}, {}, {})
    on.clock.advance(3_600_000)
    assert.equal((await on.claim(9, 'a', rate)).length, 2)
    on.clock.advance(-3_600_000)
    const now = on.clock.now()
    assert.equal((await on.claim(9, 'a', rate)).length, 0)
    assert.equal(await on.backend.nextDueAt('a', rate), now + 1_000)
    on.clock.advance(999)
    assert.equal((await on.claim(9, 'a', rate)).length, 0)
    on.clock.advance(1)
    assert.equal((await on.claim(9, 'a', rate)).length, 2)
  })
}

function describePauses(on: Driver): void {
  test('a paused lane gives nothing to anybody, and all after it is resumed', async () => {
    const id = await on.add()
    await on.add({ lane: 'b' })
    await on.backend.setPaused('a', true)
    await on.backend.setPaused('z', true)
    await on.backend.setPaused('z', true)
    assert.deepEqual(await on.backend.pausedLanes(), ['a', 'z'])
    assert.deepEqual(await on.ids(), [])
    assert.equal(await on.backend.nextDueAt('a'), undefined)
    assert.equal((await on.ids(1, 'b')).length, 1)
    await on.backend.setPaused('a', false)
    await on.backend.setPaused('never', false)
    assert.deepEqual(await on.backend.pausedLanes(), ['z'])
    assert.equal(await on.backend.nextDueAt('a'), on.clock.now())
    assert.deepEqual(await on.ids(), [id])
  })

  test('what runs in a paused lane ends as ever', async () => {
    const id = await on.add()
    const claimed = await on.claimOne()
    await on.backend.setPaused('a', true)
    assert.equal(await on.complete(claimed), 'completed')
    assert.equal(await on.status(id), 'completed')
  })
}
