import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PackedValues } from './packed-values.ts'

describe('PackedValues', () => {
  test('gives back every value, in any order', () => {
    const value = fc.record({
      title: fc.string({ unit: 'binary' }),
      at: fc.integer(),
      people: fc.array(fc.string()),
    })
    fc.assert(
      fc.property(fc.array(value, { maxLength: 200 }), fc.infiniteStream(fc.nat()), (values, order) => {
        const packed = new PackedValues<unknown>()
        assert.deepEqual(
          values.map((each) => packed.add(each)),
          [...values.keys()],
        )
        assert.equal(packed.length, values.length)
        const places = values.map(() => (order.next().value ?? 0) % values.length)
        for (const place of [...places, ...values.keys()]) assert.deepEqual(packed.at(place), values[place])
      }),
      { numRuns: 50 },
    )
  })

  test('gives back values that were added before others and read in turn with them', () => {
    const packed = new PackedValues<{ readonly n: number }>()
    for (let n = 0; n < 5000; n += 1) packed.add({ n })
    for (let n = 0; n < 2500; n += 1) {
      assert.deepEqual([packed.at(n).n, packed.at(4999 - n).n], [n, 4999 - n])
    }
  })

  test('a half of a surrogate pair stays what it is', () => {
    const packed = new PackedValues<string>()
    for (let n = 0; n < 100; n += 1) packed.add('\ud83d')
    assert.equal(packed.at(0), '\ud83d')
  })

  test('has no value behind the last one', () => {
    const packed = new PackedValues<number>()
    for (let n = 0; n < 64; n += 1) packed.add(n)
    for (const index of [-1, 64, 128]) assert.throws(() => packed.at(index), RangeError)
  })
})
