import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { byteRangeOf, contentRange, matchesTag } from './byte-range.ts'

describe('byteRangeOf', () => {
  const cases: { header: string | undefined; answer: ReturnType<typeof byteRangeOf> }[] = [
    { header: undefined, answer: { kind: 'whole' } },
    { header: 'bytes=0-99', answer: { kind: 'part', offset: 0, length: 100 } },
    { header: 'bytes=900-', answer: { kind: 'part', offset: 900, length: 100 } },
    { header: 'bytes=-10', answer: { kind: 'part', offset: 990, length: 10 } },
    { header: 'bytes=-5000', answer: { kind: 'part', offset: 0, length: 1000 } },
    { header: 'bytes=500-5000', answer: { kind: 'part', offset: 500, length: 500 } },
    { header: 'bytes=1000-', answer: { kind: 'unsatisfiable' } },
    { header: 'bytes=-0', answer: { kind: 'unsatisfiable' } },
    { header: 'bytes=9-3', answer: { kind: 'whole' } },
    { header: 'bytes=0-1,5-6', answer: { kind: 'whole' } },
    { header: 'bytes=-', answer: { kind: 'whole' } },
    { header: 'bytes=a-b', answer: { kind: 'whole' } },
    { header: 'bytes=99999999999999999999-', answer: { kind: 'whole' } },
    { header: 'items=0-9', answer: { kind: 'whole' } },
  ]
  for (const { header, answer } of cases) {
    test(`${header} of 1000 bytes is ${JSON.stringify(answer)}`, () =>
      assert.deepEqual(byteRangeOf(header, 1000), answer))
  }

  test('a part never leaves the file', () => {
    fc.assert(
      fc.property(fc.nat(), fc.option(fc.nat(), { nil: '' }), fc.nat(), (first, last, size) => {
        const answer = byteRangeOf(`bytes=${first}-${last}`, size)
        if (answer.kind !== 'part') return
        assert.ok(answer.length > 0 && answer.offset + answer.length <= size)
      }),
    )
  })

  test('nothing can be asked of an empty file', () => {
    assert.deepEqual(byteRangeOf('bytes=0-', 0), { kind: 'unsatisfiable' })
  })
})

test('contentRange counts from zero, with the last byte in it', () => {
  assert.equal(contentRange(1000, { offset: 0, length: 500 }), 'bytes 0-499/1000')
  assert.equal(contentRange(1000), 'bytes */1000')
})

describe('matchesTag', () => {
  for (const header of ['"a"', 'W/"a"', '"b", "a"', '*']) {
    test(`${header} names "a"`, () => assert.equal(matchesTag(header, '"a"'), true))
  }
  for (const header of [undefined, '', '"b"', 'a']) {
    test(`${header} does not name "a"`, () => assert.equal(matchesTag(header, '"a"'), false))
  }
})
