import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nextAttemptAt } from './retry.ts'

describe('nextAttemptAt', () => {
  const almostOne = () => 1 - Number.EPSILON

  test('the longest delay doubles with each attempt up to the cap', () => {
    const delays = [1, 2, 3, 4, 7, 8].map((attempt) => nextAttemptAt({ attempt, now: 0, random: almostOne }))
    assert.deepEqual(delays, [5_000, 10_000, 20_000, 40_000, 300_000, 300_000])
  })

  test('the instant lies between now and the capped delay, for any attempt', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.integer({ min: 0, max: 10_000_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, retryDelayMs, maxDelayMs, share) => {
          const at = nextAttemptAt({ attempt, retryDelayMs, maxDelayMs, now: 1_000, random: () => share })
          assert.ok(Number.isSafeInteger(at))
          assert.ok(at >= 1_000 && at <= 1_000 + maxDelayMs)
          assert.ok(at <= 1_000 + Math.round(retryDelayMs * 2 ** Math.min(attempt - 1, 1_000)))
        },
      ),
    )
  })

  test('without a cap the instant can still be stored', () => {
    const maxDelayMs = Number.POSITIVE_INFINITY
    const at = nextAttemptAt({ attempt: 500, maxDelayMs, now: 1.7e12, random: almostOne })
    assert.ok(Number.isSafeInteger(at))
  })

  test('jitter uses the whole interval', () => {
    assert.equal(nextAttemptAt({ attempt: 3, now: 50, random: () => 0 }), 50)
    assert.equal(nextAttemptAt({ attempt: 3, now: 50, random: () => 0.5 }), 10_050)
  })
})
