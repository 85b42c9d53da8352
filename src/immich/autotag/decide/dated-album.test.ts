import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { daysInName, distanceMs } from './dated-album.ts'

/** `2019-06-01..2019-06-30`, or undefined. */
function daysOf(name: string): string | undefined {
  const days = daysInName(name)
  if (days === undefined) return undefined
  return [days.firstMs, days.lastMs].map((ms) => new Date(ms).toISOString().slice(0, 10)).join('..')
}

describe('the days that the name of an album begins with', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['2019', '2019-01-01..2019-12-31'],
    ['2019 Lake', '2019-01-01..2019-12-31'],
    ['2020-02', '2020-02-01..2020-02-29'],
    ['2019-06-02 Lake', '2019-06-02..2019-06-02'],
    ['2019-20 season', '2019-01-01..2019-12-31'],
    ['2019-02-30 no such day', '2019-02-01..2019-02-28'],
    ['2019-12', '2019-12-01..2019-12-31'],
    ['20190602 Lake', undefined],
    ['9999 pictures', undefined],
    ['0000', undefined],
    ['Lake 2019', undefined],
    ['', undefined],
  ]
  for (const [name, days] of cases) {
    test(`"${name}" is ${days ?? 'no date'}`, () => assert.equal(daysOf(name), days))
  }
})

test('a distance is in whole days, from either end, and none inside', () => {
  const days = daysInName('2019-06')
  assert.ok(days)
  const day = 86_400_000
  assert.equal(distanceMs(days, Date.UTC(2019, 5, 30, 23, 59)), 0)
  assert.equal(distanceMs(days, Date.UTC(2019, 6, 1, 0, 0)), day)
  assert.equal(distanceMs(days, Date.UTC(2019, 4, 30, 23, 59)), 2 * day)
})
