import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { idleCoresBetween } from './idle-cores.ts'
import type { LaneState, LaneStates } from './lane-state.ts'
import { type ScaleLimits, type ScaleSample, type Surplus, scale } from './scale.ts'

const LIMITS: ScaleLimits = {
  minWorkers: 1,
  shrinkIdleMs: 30_000,
  workerMemoryBytes: 256e6,
  minFreeBytes: 300e6,
}
const NOW = Date.UTC(2026, 0, 1)

interface Case {
  readonly rule: string
  readonly lane?: Partial<LaneState>
  readonly buffered?: number
  readonly running?: number
  readonly isDry?: boolean
  readonly sample?: Partial<ScaleSample>
  readonly limits?: Partial<ScaleLimits>
  readonly surplus?: Surplus
  readonly to: number | undefined
}

function resize({ lane, buffered = 0, running = 0, isDry = false, sample, limits, surplus }: Case) {
  const state = { ceiling: 8, applied: 2, cap: Number.POSITIVE_INFINITY, ...lane }
  const known: LaneStates = new Map([['item', state]])
  const lanes = [{ name: 'item', concurrency: state.applied, buffered, running, isDry }]
  return scale(
    { now: NOW, lanes, freeBytes: 8e9, idleCores: 8, pressed: false, ...sample },
    { ...LIMITS, ...limits },
    known,
    new Map(surplus === undefined ? [] : [['item', surplus]]),
  )
}

describe('one look at a lane', () => {
  const table: readonly Case[] = [
    { rule: 'grows at once to as many workers as there are tasks', buffered: 5, running: 2, to: 7 },
    { rule: 'grows to its ceiling at most', buffered: 50, running: 2, to: 8 },
    { rule: 'doubles when every worker has a task and more may wait', running: 2, to: 4 },
    { rule: 'stays when every worker has a task and none waits', running: 2, isDry: true, to: undefined },
    { rule: 'stays under the cap of memory', lane: { cap: 3 }, buffered: 50, to: 3 },
    { rule: 'stays while memory is short', buffered: 50, sample: { pressed: true }, to: undefined },
    { rule: 'grows by half a core that idles', buffered: 50, sample: { idleCores: 0.5 }, to: 3 },
    { rule: 'stays when all cores are busy', buffered: 50, sample: { idleCores: 0.4 }, to: undefined },
    {
      rule: 'grows by the workers that memory has room for',
      buffered: 50,
      sample: { freeBytes: 900e6 },
      to: 4,
    },
    { rule: 'stays below the free minimum', buffered: 50, sample: { freeBytes: 299e6 }, to: undefined },
    {
      rule: 'asks for the free minimum alone when a worker has no limit',
      buffered: 50,
      sample: { freeBytes: 300e6 },
      limits: { workerMemoryBytes: Number.POSITIVE_INFINITY },
      to: 8,
    },
    { rule: 'stays when it begins to have workers to spare', running: 1, to: undefined },
    {
      rule: 'stays until they were spare for the whole time',
      running: 1,
      surplus: { since: NOW - 29_999, needed: 1 },
      to: undefined,
    },
    { rule: 'shrinks then', running: 1, surplus: { since: NOW - 30_000, needed: 1 }, to: 1 },
    {
      rule: 'shrinks to the most that it needed in that time',
      lane: { applied: 6 },
      running: 1,
      surplus: { since: NOW - 30_000, needed: 4 },
      to: 4,
    },
    {
      rule: 'shrinks to the least at most',
      lane: { applied: 6 },
      surplus: { since: NOW - 30_000, needed: 1 },
      limits: { minWorkers: 3 },
      to: 3,
    },
    {
      rule: 'grows to the least without any task',
      limits: { minWorkers: 3 },
      to: 3,
    },
    {
      rule: 'has no more than its ceiling, whatever the least',
      lane: { ceiling: 2 },
      limits: { minWorkers: 3 },
      to: undefined,
    },
    { rule: 'stays closed', lane: { ceiling: 0, applied: 0 }, buffered: 9, to: undefined },
  ]
  for (const entry of table) {
    test(entry.rule, () => {
      const { decisions, lanes } = resize(entry)
      assert.deepEqual(
        decisions.map(({ to }) => to),
        entry.to === undefined ? [] : [entry.to],
      )
      if (entry.to !== undefined) assert.equal(lanes.get('item')?.applied, entry.to)
    })
  }

  test('says why', () => {
    const [grown] = resize({ rule: '', buffered: 5, running: 2, to: 7 }).decisions
    assert.equal(grown?.reason, '7 tasks for 2 workers, 8.0 cores idle, 8.0 GB free')
    const [shrunk] = resize({ rule: '', surplus: { since: NOW - 30_000, needed: 1 }, to: 1 }).decisions
    assert.equal(shrunk?.reason, 'at most 1 worker needed for 30.0 s')
  })
})

test('lanes share the room, in their order', () => {
  const state = { ceiling: 8, applied: 1, cap: Number.POSITIVE_INFINITY }
  const lanes = ['a', 'b'].map((name) => ({ name, concurrency: 1, buffered: 9, running: 1 }))
  const known: LaneStates = new Map(lanes.map(({ name }) => [name, state]))
  const sample = { now: NOW, lanes, freeBytes: 8e9, idleCores: 9, pressed: false }
  const { decisions } = scale(sample, LIMITS, known, new Map())
  assert.deepEqual(
    decisions.map(({ lane, to }) => `${lane} ${to}`),
    ['a 8', 'b 3'],
  )
})

test('what was spare before a lane was made smaller says nothing of what is spare after', () => {
  const shrunk = resize({
    rule: '',
    lane: { applied: 6 },
    surplus: { since: NOW - 30_000, needed: 4 },
    to: 4,
  })
  assert.equal(shrunk.surplus.get('item'), undefined)
})

test('a burst within the quiet time begins it anew', () => {
  const quiet = resize({ rule: '', running: 1, to: undefined })
  assert.deepEqual(quiet.surplus.get('item'), { since: NOW, needed: 1 })
  const burst = resize({
    rule: '',
    running: 2,
    isDry: true,
    surplus: { since: NOW - 20_000, needed: 1 },
    to: undefined,
  })
  assert.equal(burst.surplus.get('item'), undefined)
})

test('idle cores are the idle share of those that may be used', () => {
  const before = { idleMs: 1_000, totalMs: 10_000 }
  assert.equal(idleCoresBetween(before, { idleMs: 1_500, totalMs: 12_000 }, 8), 2)
  assert.equal(idleCoresBetween(before, before, 8), 8)
})
