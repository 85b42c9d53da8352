import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bar, fitParts, formatRate, percentOf } from './gauge.ts'
import { createPaint } from './paint.ts'

const plain = createPaint(false)

test('a percentage is rounded down, and not by the last bit of a product', () => {
  assert.deepEqual([0, 0.58, 0.29, 0.999, 1].map(percentOf), [0, 58, 29, 99, 100])
})

test('a rate has a decimal below ten only', () => {
  assert.deepEqual([0, 0.04, 9.94, 9.95, 1_160.4].map(formatRate), ['0.0', '0.0', '9.9', '10', '1,160'])
})

test('a bar fills the cells that it is given, and none where there are none', () => {
  assert.equal(bar(0.58, 10, plain), '██████░░░░')
  assert.equal(bar(1, 0, plain), '')
  assert.equal(bar(1, -3, plain), '')
})

test('of the parts, the first that fit are kept', () => {
  assert.equal(fitParts(['ab', 'cd', 'e'], 6), 'ab  cd')
  assert.equal(fitParts(['漢字', 'cd'], 7), '漢字')
  assert.equal(fitParts(['too long', 'b'], 4), '')
})
