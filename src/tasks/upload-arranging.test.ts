import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isKnownToLack } from './upload-arranging.ts'

test('pictures that the export behind is sending are missing only when nobody is behind', () => {
  // Two are to come, sent or not.
  const shared = { planned: 5, found: 3, done: 3, refused: 0 }
  assert.equal(isKnownToLack(shared, true), false)
  assert.equal(isKnownToLack(shared, false), true)
})

test('pictures that were added and are not shown, or were refused, are missing in any case', () => {
  for (const isFollowed of [true, false]) {
    assert.equal(isKnownToLack({ planned: 3, found: 2, done: 3, refused: 0 }, isFollowed), true)
    assert.equal(isKnownToLack({ planned: 3, found: 2, done: 2, refused: 1 }, isFollowed), true)
  }
})
