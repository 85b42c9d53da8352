import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeLimit, countTouched, exceeds } from './change-limit.ts'
import { snapshotOf } from './testing/library.ts'
import { planOf } from './testing/plan-of.ts'

const library = { assets: Array.from({ length: 10 }, (_, at) => ({ id: `${at}`, isFavourite: at < 3 })) }
const plan = planOf(
  library,
  'checks: [ { id: one, when: { favorite: true }, ensure: { tag: [a, b], album: Best } } ]',
)
const snapshot = snapshotOf(library)

test('an asset counts once, however many steps touch it', () => {
  assert.ok(plan.steps.length > 1)
  assert.equal(countTouched(plan), 3)
})

test('a share is of all assets, rounded down; a count is of assets', () => {
  assert.equal(exceeds(plan, snapshot, { kind: 'share', ofAssets: 0.3 }), false)
  assert.deepEqual(changeLimit(plan, snapshot, { kind: 'share', ofAssets: 0.29 }), { assets: 3, allowed: 2 })
  assert.equal(exceeds(plan, snapshot, { kind: 'count', assets: 3 }), false)
  assert.deepEqual(changeLimit(plan, snapshot, { kind: 'count', assets: 2 }), { assets: 3, allowed: 2 })
})

test('of a few assets one may always be changed by a share, but not by a count of none', () => {
  const one = planOf(
    { assets: [{ id: 'a', isFavourite: true }] },
    'checks: [ { id: one, when: { favorite: true }, ensure: { tag: a } } ]',
  )
  const small = snapshotOf({ assets: [{ id: 'a' }] })
  assert.equal(exceeds(one, small, { kind: 'share', ofAssets: 0.01 }), false)
  assert.equal(exceeds(one, small, { kind: 'count', assets: 0 }), true)
})
