import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide, NO_FACTS } from './decide.ts'
import { makePlan } from './make-plan.ts'
import { BIG_RULES, bigLibrary } from './testing/big-library.ts'
import { rulesOf } from './testing/library.ts'

/** Twice is noise; with anything quadratic, eight times as many assets take 64 times as long. */
const MAX_GROWTH = 24
const TIMES = 8

/** CPU time of deciding and planning, the least of two. */
function costMs(assets: number): number {
  const snapshot = bigLibrary({ assets, albums: Math.ceil(assets / 8), tags: 40 })
  const rules = rulesOf(BIG_RULES)
  const costs = [1, 2].map(() => {
    const before = process.cpuUsage()
    const decision = decide(snapshot, rules)
    makePlan({ snapshot, rules, decision, facts: NO_FACTS, madeAt: 'now' })
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  return Math.min(...costs)
}

test('eight times as many assets do not take many times eight times as long', () => {
  const small = costMs(300)
  const large = costMs(300 * TIMES)
  assert.ok(large < small * MAX_GROWTH, `${small} ms for 300, ${large} ms for ${300 * TIMES}`)
})
