import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { jsonLine } from './queue-json.ts'

describe('jsonLine', () => {
  test('is one line, and escapes what a terminal would act on', () => {
    assert.equal(
      jsonLine({ name: 'a\u001B[2J\u009B2J\n\u202Eb' }),
      '{"name":"a\\u001b[2J\\u009b2J\\n\\u202eb"}\n',
    )
  })

  test('says the same as JSON.stringify', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(JSON.parse(jsonLine({ text })).text, text)
      }),
    )
  })
})
