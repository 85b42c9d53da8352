import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { freeTokens, nextTokenAt, type TakenTokens, tokenBackAt } from './rate-window.ts'

const rates = fc.record({ limit: fc.integer({ min: 1, max: 20 }), perMs: fc.integer({ min: 1, max: 5_000 }) })

test('whoever takes all that there is never sees more than the limit in a window, nor waits a hundredth longer', () => {
  const steps = fc.array(fc.nat({ max: 3_000 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(rates, steps, (rate, pauses) => {
      let taken: TakenTokens = []
      let now = 1_767_225_600_000
      const claims: { at: number; tokens: number }[] = []
      for (const pause of pauses) {
        now += pause
        const out = taken.filter(({ backAt }) => backAt > now)
        const tokens = freeTokens(rate, out)
        assert.equal(tokens > 0, nextTokenAt(rate, out, now) === now)
        taken = tokens > 0 ? [...out, { backAt: tokenBackAt(rate, now), tokens }] : out
        claims.push({ at: now, tokens })
        const recent = claims.filter(({ at }) => at > now - rate.perMs)
        assert.ok(recent.reduce((sum, claim) => sum + claim.tokens, 0) <= rate.limit)
        assert.ok(tokenBackAt(rate, now) <= now + rate.perMs * 1.01 + 1)
      }
    }),
  )
})

test('the next token is the one that brings those that are out below the limit', () => {
  const taken = [
    { backAt: 10, tokens: 2 },
    { backAt: 20, tokens: 2 },
    { backAt: 30, tokens: 1 },
  ]
  const at = (limit: number) => nextTokenAt({ limit, perMs: 100 }, taken, 5)
  assert.deepEqual([at(6), at(5), at(4), at(3), at(2), at(1), at(0)], [5, 10, 10, 20, 20, 30, undefined])
})
