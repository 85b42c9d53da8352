import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  type Decision,
  decide,
  type GovernorSample,
  type GovernorState,
  INITIAL_STATE,
  type MeasuredWorker,
} from './decide.ts'
import { DEFAULT_MEMORY_LIMITS, InsufficientMemoryError, toMemoryLimits, verifyFreeMemory } from './limits.ts'
import type { PoolLane } from './pool.ts'
import type { MemorySample } from './sample.ts'

const LIMITS = DEFAULT_MEMORY_LIMITS
const GB = 1e9
const NOW = Date.UTC(2026, 0, 1)

function memory(percent: number, extra: { limitBytes?: number; stalledPercent?: number } = {}): MemorySample {
  const { limitBytes = 10 * GB } = extra
  const usedBytes = (limitBytes * percent) / 100
  return { limitBytes, usedBytes, freeBytes: limitBytes - usedBytes, source: 'host', ...extra }
}

function lane(name: string, concurrency: number, running = concurrency): PoolLane {
  return { name, concurrency, buffered: 0, running }
}

/** `count` busy workers of a lane, each of a usual size. */
function workers(name: string, count: number, firstPid = 1): MeasuredWorker[] {
  return Array.from({ length: count }, (_, index) => ({
    pid: firstPid + index,
    lane: name,
    busySince: NOW,
    residentBytes: 100e6,
  }))
}

const POOL = {
  lanes: [lane('item', 8), lane('thumbnail', 3), lane('audio', 1)],
  workers: [...workers('item', 8), ...workers('thumbnail', 3, 20), ...workers('audio', 1, 30)],
}

/** `item 8→4`, `retire 3`, `pressure`. */
function brief(decision: Decision): string {
  if (decision.type === 'resize') return `${decision.lane} ${decision.from}→${decision.to}`
  return 'pid' in decision ? `${decision.type} ${decision.pid}` : decision.type
}

function check(sample: Partial<GovernorSample>, state: GovernorState = INITIAL_STATE, limits = LIMITS) {
  const verdict = decide({ now: NOW, memory: memory(50), ...POOL, ...sample }, limits, state)
  return { ...verdict, brief: verdict.decisions.map(brief) }
}

const RETIRED_1: GovernorState = { ...INITIAL_STATE, leaving: new Map([[1, 'retire']]) }
const fat = (mb: number, extra: Partial<MeasuredWorker> = {}): Pick<GovernorSample, 'workers' | 'lanes'> => ({
  workers: [
    { pid: 1, lane: 'item', busySince: NOW, residentBytes: mb * 1e6, ...extra },
    ...workers('item', 1, 2),
  ],
  lanes: [lane('item', 2)],
})

describe('one check', () => {
  const halved = ['pressure', 'item 8→4', 'thumbnail 3→1']
  const table: {
    rule: string
    sample: Partial<GovernorSample>
    state?: GovernorState
    expect: readonly string[]
  }[] = [
    { rule: 'leaves a pool with enough memory alone', sample: { memory: memory(84.9) }, expect: [] },
    {
      rule: 'halves every lane at the threshold, none below one',
      sample: { memory: memory(85) },
      expect: halved,
    },
    {
      rule: 'halves when work stands still, however little is used',
      sample: { memory: memory(40, { stalledPercent: 10 }) },
      expect: halved,
    },
    {
      rule: 'does not mind a short stall',
      sample: { memory: memory(40, { stalledPercent: 9 }) },
      expect: [],
    },
    {
      rule: 'halves the workers that there are, not those that there might be',
      sample: { memory: memory(90), lanes: [lane('item', 16)], workers: workers('item', 4) },
      expect: ['pressure', 'item 16→2'],
    },
    {
      rule: 'leaves one to a lane that has no worker yet',
      sample: { memory: memory(90), lanes: [lane('item', 16, 0)], workers: [] },
      expect: ['pressure', 'item 16→1'],
    },
    {
      rule: 'leaves a closed lane closed',
      sample: { memory: memory(90), lanes: [lane('item', 0)], workers: [] },
      expect: ['pressure'],
    },
    {
      rule: 'tells of pressure once',
      sample: { memory: memory(90), lanes: [lane('item', 1)], workers: workers('item', 1) },
      state: { ...INITIAL_STATE, pressed: true },
      expect: [],
    },
    {
      rule: 'waits for a halving to show before the next',
      sample: { memory: memory(90) },
      state: { ...INITIAL_STATE, pressed: true, shrunkAt: NOW - 4_999 },
      expect: [],
    },
    {
      rule: 'halves again when it has not helped',
      sample: { memory: memory(90) },
      state: { ...INITIAL_STATE, pressed: true, shrunkAt: NOW - 5_000 },
      expect: halved.slice(1),
    },
    {
      rule: 'does not wait when memory is nearly gone',
      sample: { memory: memory(95) },
      state: { ...INITIAL_STATE, pressed: true, shrunkAt: NOW - 1 },
      expect: halved.slice(1),
    },
    {
      rule: 'lets no lane start a worker when less is free than that needs',
      sample: {
        memory: memory(72, { limitBytes: GB }),
        lanes: [lane('item', 8, 2), lane('thumbnail', 3, 0)],
        workers: workers('item', 2),
      },
      expect: ['item 8→2', 'thumbnail 3→1'],
    },
    { rule: 'keeps a worker at its limit', sample: fat(256), expect: [] },
    { rule: 'replaces a worker beyond its limit after its task', sample: fat(257), expect: ['retire 1'] },
    { rule: 'tells a worker to go once', sample: fat(257), state: RETIRED_1, expect: [] },
    {
      rule: 'allows what was admitted for the task',
      sample: fat(456, { memoryBytes: 200e6 }),
      expect: [],
    },
    {
      rule: 'replaces a worker beyond what was admitted',
      sample: fat(457, { memoryBytes: 200e6 }),
      expect: ['retire 1'],
    },
    { rule: 'kills a worker at more than twice its limit', sample: fat(513), expect: ['kill 1'] },
    { rule: 'does not kill at twice', sample: fat(512), expect: ['retire 1'] },
    {
      rule: 'kills one that was told to go and grows',
      sample: fat(513),
      state: RETIRED_1,
      expect: ['kill 1'],
    },
    {
      rule: 'an idle worker is never killed: nobody is to be charged',
      sample: {
        workers: [{ pid: 1, lane: 'item', residentBytes: 900e6 }],
        lanes: [lane('item', 2, 0)],
      },
      expect: ['retire 1'],
    },
    {
      rule: 'kills the largest of those beyond their limit when memory is nearly gone',
      sample: {
        memory: memory(96),
        lanes: [lane('item', 3)],
        workers: [
          { pid: 1, lane: 'item', busySince: NOW, residentBytes: 300e6 },
          { pid: 2, lane: 'item', busySince: NOW, residentBytes: 400e6 },
          { pid: 3, lane: 'item', busySince: NOW, residentBytes: 250e6 },
        ],
      },
      expect: ['retire 1', 'kill 2', 'pressure', 'item 3→1'],
    },
    {
      rule: 'judges no worker that could not be measured',
      sample: { workers: [{ pid: 1, lane: 'item', busySince: NOW }], lanes: [lane('item', 1)] },
      expect: [],
    },
  ]
  for (const { rule, sample, state, expect } of table) {
    test(rule, () => assert.deepEqual(check(sample, state).brief, expect))
  }

  test('gives its reasons in words and numbers', () => {
    const { decisions } = check({
      ...fat(613, { memoryBytes: 50e6 }),
      memory: memory(90, { stalledPercent: 12 }),
    })
    const use = '90 % of 10.0 GB (host) used, 1.0 GB free; all work stood still for 12 % of the last 10 s'
    assert.deepEqual(
      decisions.map(({ reason }) => reason),
      ['worker 1 keeps 613 MB, its limit is 306 MB, 50.0 MB of it for its task', use, use],
    )
  })
})

/** Carries out what is decided on a pool of busy workers, check by check. */
function run(steps: readonly { percent: number; afterMs: number; set?: number }[]) {
  let state = INITIAL_STATE
  let now = NOW
  let concurrency = 8
  const seen: string[][] = []
  for (const { percent, afterMs, set } of steps) {
    now += afterMs
    concurrency = set ?? concurrency
    const verdict = check(
      {
        now,
        memory: memory(percent),
        lanes: [lane('item', concurrency)],
        workers: workers('item', concurrency),
      },
      state,
    )
    state = verdict.state
    for (const decision of verdict.decisions) if (decision.type === 'resize') concurrency = decision.to
    seen.push(verdict.brief)
  }
  return { seen, concurrency, state }
}

describe('check by check', () => {
  test('the pool grows back one by one, after two checks well below the threshold, with pauses', () => {
    const { seen } = run([
      { percent: 90, afterMs: 0 },
      { percent: 80, afterMs: 60_000 },
      { percent: 74, afterMs: 1_000 },
      { percent: 80, afterMs: 1_000 },
      { percent: 74, afterMs: 1_000 },
      { percent: 74, afterMs: 1_000 },
      { percent: 74, afterMs: 5_000 },
      { percent: 74, afterMs: 5_000 },
      { percent: 74, afterMs: 10_000 },
      { percent: 74, afterMs: 10_000 },
      { percent: 74, afterMs: 10_000 },
    ])
    const relief = ['relief', 'item 4→5']
    assert.deepEqual(seen, [
      ['pressure', 'item 8→4'],
      [],
      [],
      [],
      [],
      relief,
      [],
      ['item 5→6'],
      ['item 6→7'],
      ['item 7→8'],
      [],
    ])
  })

  test('use between the bands neither shrinks nor grows the pool', () => {
    const { seen } = run([
      { percent: 90, afterMs: 0 },
      ...Array.from({ length: 20 }, () => ({ percent: 80, afterMs: 30_000 })),
    ])
    assert.deepEqual(seen.slice(1).flat(), [])
  })

  test('a concurrency that somebody raises under pressure is brought back under the cap, and grown to later', () => {
    const { seen, concurrency } = run([
      { percent: 90, afterMs: 0 },
      { percent: 80, afterMs: 1_000, set: 6 },
      ...Array.from({ length: 5 }, () => ({ percent: 50, afterMs: 30_000 })),
    ])
    assert.deepEqual(seen.slice(0, 2), [['pressure', 'item 8→4'], ['item 6→4']])
    assert.equal(concurrency, 6)
  })

  test('a closed lane that is opened under pressure gets one worker', () => {
    const closed = { memory: memory(90), workers: [] }
    const { state } = check({ ...closed, lanes: [lane('item', 0)] })
    const opened = check({ ...closed, now: NOW + 1_000, lanes: [lane('item', 4, 0)] }, state)
    assert.deepEqual(opened.brief, ['item 4→1'])
  })

  const cutTo = (applied: number): GovernorState => ({
    ...INITIAL_STATE,
    relaxedChecks: 1,
    lanes: new Map([['item', { ceiling: 8, applied, cap: 2 }]]),
  })

  test('a lane that is below its cap for want of tasks is only allowed more', () => {
    const small = check({ lanes: [lane('item', 1, 0)], workers: workers('item', 1) }, cutTo(1))
    assert.deepEqual(small.brief, [])
    assert.deepEqual(small.state.lanes.get('item'), { ceiling: 8, applied: 1, cap: 3 })
  })

  test('nothing grows while less is free than a worker needs to start', () => {
    const pool = { lanes: [lane('item', 2)], workers: workers('item', 2) }
    const limitBytes = 0.5 * GB
    assert.deepEqual(check({ ...pool, memory: memory(41, { limitBytes }) }, cutTo(2)).brief, [])
    assert.deepEqual(check({ ...pool, memory: memory(40, { limitBytes }) }, cutTo(2)).brief, ['item 2→3'])
  })

  test('of two lanes the one with work grows first', () => {
    const busy = [lane('idle', 4, 0), lane('busy', 4)]
    const staff = [...workers('idle', 4), ...workers('busy', 4, 10)]
    const pressed = check({ memory: memory(90), lanes: busy, workers: staff })
    const cut = { lanes: [lane('idle', 2, 0), lane('busy', 2)], workers: staff.slice(0, 2) }
    const calm = check({ ...cut, now: NOW + 60_000 }, pressed.state)
    const grown = check({ ...cut, now: NOW + 90_000 }, calm.state)
    assert.deepEqual(grown.brief, ['relief', 'busy 2→3'])
  })

  test('a lane is never below one nor above its ceiling, and has its ceiling again when memory is free', () => {
    const step = fc.record({
      percent: fc.integer({ min: 0, max: 100 }),
      afterMs: fc.integer({ min: 1, max: 60_000 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const sizes = run(steps)
          .seen.flat()
          .filter((text) => text.includes('→'))
        for (const text of sizes) {
          const [from, to] = text.replace('item ', '').split('→').map(Number)
          assert.ok(to !== undefined && from !== to && to >= 1 && to <= 8)
        }
        const relief = Array.from({ length: 12 }, () => ({ percent: 20, afterMs: 30_000 }))
        const end = run([...steps, ...relief])
        assert.equal(end.concurrency, 8)
        assert.equal(end.state.pressed, false)
      }),
    )
  })
})

describe('limits', () => {
  test('less than the free minimum refuses the start, and says what to do', () => {
    const sample = memory(80, { limitBytes: GB })
    assert.throws(
      () => verifyFreeMemory(sample, LIMITS),
      (error: unknown) => {
        assert.ok(error instanceof InsufficientMemoryError)
        assert.equal(
          error.message,
          'machine has 200 MB of 1.0 GB memory free, a worker needs 300 MB to start',
        )
        assert.match(error.hint ?? '', /Close other programs/u)
        return true
      },
    )
    verifyFreeMemory(sample, { minFreeBytes: 200e6 })
  })

  test('all contradictions are told at once', () => {
    assert.throws(
      () => toMemoryLimits({ memoryThresholdPercent: 5, minFreeBytes: Number.NaN, workerMemoryBytes: 0 }),
      /minFreeBytes.*memoryThresholdPercent.*workerMemoryBytes/u,
    )
  })

  test('a threshold above the critical share raises that', () => {
    assert.equal(toMemoryLimits({ memoryThresholdPercent: 98 }).criticalPercent, 98)
  })
})
