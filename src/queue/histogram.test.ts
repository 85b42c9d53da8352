import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bucketOf, countOf, quantile } from './histogram.ts'

const durationMs = fc.oneof(
  fc.double({ min: 0.02, max: 1_000, noNaN: true }),
  fc.integer({ min: 1, max: 86_400_000 }),
)

function histogramOf(durations: readonly number[]): Map<number, number> {
  const histogram = new Map<number, number>()
  for (const one of durations) histogram.set(bucketOf(one), (histogram.get(bucketOf(one)) ?? 0) + 1)
  return histogram
}

test('a quantile is within a tenth of the exact one', () => {
  fc.assert(
    fc.property(
      fc.array(durationMs, { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (durations, q) => {
        const sorted = durations.toSorted((a, b) => a - b)
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? 0
        const maxMs = sorted.at(-1) ?? 0
        const found = quantile(histogramOf(durations), q, maxMs)
        assert.ok(Math.abs(found - exact) <= exact / 10, `${found} is not near ${exact}`)
        assert.ok(found <= maxMs)
      },
    ),
  )
})

test('longer durations never lie in lower buckets, and a tenth more lies at most one higher', () => {
  fc.assert(
    fc.property(durationMs, durationMs, (a, b) => {
      const [shorter, longer] = [Math.min(a, b), Math.max(a, b)]
      assert.ok(bucketOf(shorter) <= bucketOf(longer))
      assert.ok(bucketOf(shorter * 1.1) - bucketOf(shorter) <= 2)
    }),
  )
})

test('two histograms add up to that of all durations', () => {
  const [some, others] = [
    [3, 7, 7.2],
    [1_000, 0.5],
  ]
  const sum = histogramOf(some)
  for (const [bucket, count] of histogramOf(others)) sum.set(bucket, (sum.get(bucket) ?? 0) + count)
  assert.deepEqual(
    [...sum].sort(([a], [b]) => a - b),
    [...histogramOf([...some, ...others])].sort(([a], [b]) => a - b),
  )
  assert.equal(countOf(sum), 5)
})

test('durations that the clock cannot tell apart, and none at all, are answered', () => {
  assert.deepEqual([bucketOf(0), bucketOf(0.01), bucketOf(Number.NaN)], [0, 0, 0])
  assert.equal(quantile(new Map([[0, 4]]), 0.5), 0.01)
  assert.equal(quantile(new Map(), 0.99), 0)
})
