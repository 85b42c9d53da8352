import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { plainValue } from './plain-value.ts'

test('a value comes out as it would of a worker: through JSON', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      // The two zeros are told apart by nobody who reads them from JSON.
      fc.pre(!Object.is(value, -0))
      let text: string | undefined
      try {
        text = JSON.stringify({ value })
      } catch {
        assert.throws(() => plainValue(value))
        return
      }
      assert.deepEqual(plainValue(value), (JSON.parse(text) as { value?: unknown }).value)
    }),
  )
})
