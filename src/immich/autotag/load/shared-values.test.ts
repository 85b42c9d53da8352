import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSharedValues } from './shared-values.ts'

test('what is the same is one value', () => {
  const shared = createSharedValues()
  assert.equal(shared.list(['a', 'b']), shared.list(['a', 'b']))
  assert.notEqual(shared.list(['a', 'b']), shared.list(['b', 'a']))
  assert.notEqual(shared.list(['a,b']), shared.list(['a', 'b']))
  assert.equal(shared.list([]), createSharedValues().list([]))
  const camera = { make: 'Canon', model: undefined }
  assert.deepEqual(shared.record(camera), camera)
  assert.equal(shared.record(camera), shared.record({ ...camera }))
  assert.equal(shared.maybe(undefined), undefined)
})
