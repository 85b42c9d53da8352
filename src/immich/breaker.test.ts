import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../clock.ts'
import { afterOutcome, type BreakerState, createBreaker, INITIAL_BREAKER, permit } from './breaker.ts'

const OPTIONS = { threshold: 3, probeEveryMs: 1_000, patienceMs: 60_000 }
const closed = (failures: number): BreakerState => ({ kind: 'closed', failures, hasAnswered: true })
const open = (sinceMs: number, probeAtMs: number): BreakerState => ({
  kind: 'open',
  sinceMs,
  probeAtMs,
  hasAnswered: true,
})
const probing = (sinceMs: number): BreakerState => ({ kind: 'probing', sinceMs, hasAnswered: true })

describe('afterOutcome', () => {
  const cases: readonly {
    fact: string
    from: BreakerState
    outcome: 'reached' | 'unreachable'
    isProbe?: boolean
    to: BreakerState
  }[] = [
    { fact: 'one failure is counted', from: closed(0), outcome: 'unreachable', to: closed(1) },
    { fact: 'a success forgets failures', from: closed(2), outcome: 'reached', to: closed(0) },
    {
      fact: 'the third opens, to probe at once',
      from: closed(2),
      outcome: 'unreachable',
      to: open(500, 500),
    },
    {
      fact: 'late failures change nothing',
      from: open(100, 1100),
      outcome: 'unreachable',
      to: open(100, 1100),
    },
    {
      fact: 'a late failure does not end a probe',
      from: probing(100),
      outcome: 'unreachable',
      to: probing(100),
    },
    {
      fact: 'a failed probe opens again, since when it first was',
      from: probing(100),
      outcome: 'unreachable',
      isProbe: true,
      to: open(100, 1500),
    },
    {
      fact: 'a probe that works closes',
      from: probing(100),
      outcome: 'reached',
      isProbe: true,
      to: closed(0),
    },
    { fact: 'a late success closes', from: open(100, 1100), outcome: 'reached', to: closed(0) },
  ]
  for (const { fact, from, outcome, isProbe = false, to } of cases) {
    test(fact, () => {
      assert.deepEqual(afterOutcome(from, outcome, { nowMs: 500, isProbe, options: OPTIONS }), to)
    })
  }
})

describe('permit', () => {
  test('a closed one lets all through', () => {
    assert.deepEqual(permit(closed(2), 0, OPTIONS), { verdict: 'go' })
  })
  test('an open one makes wait until the next probe', () => {
    assert.deepEqual(permit(open(0, 1_000), 999, OPTIONS), { verdict: 'wait', untilMs: 1_000 })
  })
  test('the first who comes after that probes', () => {
    assert.deepEqual(permit(open(0, 1_000), 1_000, OPTIONS), { verdict: 'probe', next: probing(0) })
  })
  test('the others wait meanwhile', () => {
    assert.deepEqual(permit(probing(0), 1_000, OPTIONS), { verdict: 'wait', untilMs: 60_000 })
  })
  test('after the patience callers are refused between the probes', () => {
    assert.deepEqual(permit(open(0, 60_500), 60_000, OPTIONS), { verdict: 'refuse', sinceMs: 0 })
    assert.deepEqual(permit(open(0, 60_500), 60_500, OPTIONS), { verdict: 'probe', next: probing(0) })
  })
  test('nobody waits for a server that never answered', () => {
    const state: BreakerState = { kind: 'open', sinceMs: 0, probeAtMs: 1_000, hasAnswered: false }
    assert.deepEqual(permit(state, 1, OPTIONS), { verdict: 'refuse', sinceMs: 0 })
  })
})

test('whatever happened, one answer lets all through', () => {
  const outcome = fc.record({
    isReached: fc.boolean(),
    isProbe: fc.boolean(),
    passMs: fc.integer({ min: 0, max: 5_000 }),
  })
  fc.assert(
    fc.property(fc.array(outcome), (history) => {
      let state = INITIAL_BREAKER
      let nowMs = 0
      for (const { isReached, isProbe, passMs } of history) {
        nowMs += passMs
        const now = permit(state, nowMs, OPTIONS)
        if (now.verdict === 'probe') state = now.next
        state = afterOutcome(state, isReached ? 'reached' : 'unreachable', {
          nowMs,
          isProbe,
          options: OPTIONS,
        })
      }
      const after = afterOutcome(state, 'reached', { nowMs, isProbe: false, options: OPTIONS })
      assert.equal(permit(after, nowMs, OPTIONS).verdict, 'go')
    }),
  )
})

const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))

test('of many waiting callers one asks for a sign of life, and its success frees all', async () => {
  const clock = new FakeClock(0)
  let probes = 0
  let isThere = false
  const breaker = createBreaker({
    clock,
    options: OPTIONS,
    probe: async () => {
      probes += 1
      return await Promise.resolve(isThere)
    },
    refusal: () => new Error('refused'),
  })
  breaker.report('reached')
  for (let count = 0; count < 3; count += 1) breaker.report('unreachable')
  let freed = 0
  const callers = Array.from({ length: 10 }, async () => {
    await breaker.enter()
    freed += 1
  })
  await turn()
  assert.deepEqual([probes, freed], [1, 0])
  clock.advance(1_000)
  await turn()
  assert.deepEqual([probes, freed], [2, 0])
  isThere = true
  clock.advance(1_000)
  await Promise.all(callers)
  assert.deepEqual([probes, freed], [3, 10])
})

test('a waiting caller can be called off', async () => {
  const breaker = createBreaker({
    clock: new FakeClock(0),
    options: OPTIONS,
    probe: () => Promise.resolve(false),
    refusal: () => new Error('refused'),
  })
  breaker.report('reached')
  for (let count = 0; count < 3; count += 1) breaker.report('unreachable')
  const controller = new AbortController()
  const entering = breaker.enter(controller.signal)
  controller.abort(new Error('called off'))
  await assert.rejects(entering, /called off/u)
})
