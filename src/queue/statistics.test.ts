import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { LaneStatistics } from './backend.ts'
import { type QueueStatistics, type StatisticsInput, statisticsOf } from './statistics.ts'

const NONE = { waiting: 0, pending: 0, processing: 0, retry: 0, completed: 0, failed: 0, cancelled: 0 }
const NO_DURATIONS = { count: 0, averageMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 }
const STARTED = 1_000_000

interface LaneGiven {
  readonly lane?: string
  readonly paused?: boolean
  readonly counts?: Partial<LaneStatistics['counts']>
  readonly retries?: number
  readonly durations?: LaneStatistics['durations']
  readonly throughput?: Partial<LaneStatistics['throughput']>
}

function lane({ counts, throughput, ...given }: LaneGiven): LaneStatistics {
  return {
    lane: 'default',
    paused: false,
    retries: 0,
    durations: NO_DURATIONS,
    ...given,
    counts: { ...NONE, ...counts },
    throughput: { m1: 0, m5: 0, m15: 0, ...throughput },
  }
}

function figures(lanes: readonly LaneStatistics[], rest: Partial<StatisticsInput> = {}): QueueStatistics {
  return statisticsOf({ lanes, run: {}, workers: {}, now: STARTED, ...rest })
}

describe('statisticsOf', () => {
  test('counts each task once, in the state that it is in', () => {
    const counts = { waiting: 1, pending: 2, processing: 3, retry: 4, completed: 5, failed: 6, cancelled: 7 }
    const all = figures([lane({ counts, retries: 9 })])
    assert.deepEqual(
      [all.totalTasks, all.waitingTasks, all.pendingTasks, all.processingTasks, all.retryTasks],
      [28, 1, 2, 3, 4],
    )
    assert.deepEqual(
      [all.completedTasks, all.failedTasks, all.cancelledTasks, all.queueSize, all.retries],
      [5, 6, 7, 10, 9],
    )
  })

  test('the sum over the lanes is the whole', () => {
    const arbitraryLane = fc.record({
      counts: fc.record(Object.fromEntries(Object.keys(NONE).map((name) => [name, fc.nat(1e6)]))),
      retries: fc.nat(1e6),
    })
    fc.assert(
      fc.property(fc.array(arbitraryLane, { maxLength: 5 }), (given) => {
        const all = figures(given.map((one, index) => lane({ ...one, lane: `lane ${index}` })))
        const lanes = Object.values(all.lanes)
        for (const name of ['totalTasks', 'completedTasks', 'failedTasks', 'queueSize', 'retries'] as const) {
          assert.equal(
            lanes.reduce((sum, one) => sum + one[name], 0),
            all[name],
          )
        }
        const { waitingTasks, pendingTasks, processingTasks, retryTasks } = all
        const open = waitingTasks + pendingTasks + processingTasks + retryTasks
        assert.equal(all.totalTasks, open + all.completedTasks + all.failedTasks + all.cancelledTasks)
      }),
    )
  })

  const open = { counts: { pending: 120 } }
  const minute = { m1: 2, m5: 1, m15: 0.5 }
  const run = { default: { completed: 25, failed: 5, cancelled: 100 } }
  const cases: {
    rule: string
    lanes: readonly LaneStatistics[]
    elapsedSeconds?: number
    eta: number | undefined
  }[] = [
    { rule: 'nothing open takes no time', lanes: [lane({ throughput: minute })], eta: 0 },
    { rule: 'an unknown rate gives no time', lanes: [lane(open)], eta: undefined },
    {
      rule: 'without a run, the last minute is the rate',
      lanes: [lane({ ...open, throughput: minute })],
      eta: 60,
    },
    {
      rule: 'a run of less than a minute goes by its own rate',
      lanes: [lane({ ...open, throughput: minute })],
      elapsedSeconds: 10,
      eta: 40,
    },
    {
      rule: 'a run of minutes goes by the last one',
      lanes: [lane({ ...open, throughput: minute })],
      elapsedSeconds: 200,
      eta: 60,
    },
    {
      rule: 'a longer run goes by the last five',
      lanes: [lane({ ...open, throughput: minute })],
      elapsedSeconds: 300,
      eta: 120,
    },
    {
      rule: 'a lane that is paused has no end',
      lanes: [lane({ ...open, throughput: minute, paused: true })],
      eta: undefined,
    },
    {
      rule: 'what is paused does not hold up the rest',
      lanes: [
        lane({ ...open, throughput: minute }),
        lane({ lane: 'other', counts: { pending: 9 }, paused: true }),
      ],
      eta: 60,
    },
  ]
  for (const { rule, lanes, elapsedSeconds, eta } of cases) {
    test(rule, () => {
      const elapsed =
        elapsedSeconds === undefined ? {} : { startedAt: STARTED, now: STARTED + elapsedSeconds * 1_000, run }
      assert.equal(figures(lanes, elapsed).eta, eta)
    })
  }

  test('throughput is what ended here since the start, cancelled ones not counted', () => {
    const all = figures([lane({})], { startedAt: STARTED, now: STARTED + 10_000, run })
    assert.deepEqual([all.throughput, all.elapsedTime, all.startTime], [3, 10, STARTED])
    assert.equal(all.lanes['default']?.throughput, 3)
  })

  test('a run that has stopped keeps its time', () => {
    const stopped = { startedAt: STARTED, stoppedAt: STARTED + 10_000, now: STARTED + 99_000, run }
    assert.deepEqual([figures([], stopped).elapsedTime, figures([], stopped).throughput], [10, 3])
  })

  test('progress is of this run, however much the store remembers', () => {
    const lanes = [lane({ counts: { completed: 50_000, pending: 70 } })]
    assert.deepEqual(figures(lanes, { run }).progress, { done: 130, total: 200, percent: 65 })
    assert.deepEqual(figures([]).progress, { done: 0, total: 0, percent: 100 })
  })

  test('times are seconds, and the success rate leaves out what was cancelled', () => {
    const durations = { count: 10, averageMs: 1_500, p50Ms: 1_000, p95Ms: 3_000, p99Ms: 4_000, maxMs: 5_000 }
    const all = figures([lane({ durations, counts: { completed: 9, failed: 3, cancelled: 4 } })])
    assert.deepEqual([all.averageProcessingTime, all.p50, all.p95, all.p99], [1.5, 1, 3, 4])
    assert.equal(all.successRate, 0.75)
  })

  test('nothing is said of times and success before a task has ended', () => {
    const { averageProcessingTime, p50, p95, p99, successRate } = figures([lane(open)])
    assert.deepEqual(
      [averageProcessingTime, p50, p95, p99, successRate],
      [undefined, undefined, undefined, undefined, undefined],
    )
  })

  test('percentiles of several lanes are weighted by their tasks, and never too low', () => {
    const quick = { count: 990, averageMs: 10, p50Ms: 8, p95Ms: 20, p99Ms: 25, maxMs: 30 }
    const slow = { count: 10, averageMs: 1_000, p50Ms: 900, p95Ms: 2_000, p99Ms: 2_500, maxMs: 3_000 }
    const all = figures([lane({ durations: quick }), lane({ lane: 'slow', durations: slow })])
    assert.deepEqual([all.p50, all.p95, all.p99], [0.02, 0.025, 0.03])
    assert.ok(Math.abs((all.averageProcessingTime ?? 0) - 0.0199) < 1e-9)
    assert.deepEqual([all.lanes['default']?.p50, all.lanes['slow']?.p99], [0.008, 2.5])
  })

  test('workers are counted by lane and in all', () => {
    const workers = { default: { current: 4, active: 3 }, other: { current: 1, active: 0 } }
    const all = figures([lane({}), lane({ lane: 'other' })], { workers })
    assert.deepEqual([all.currentWorkers, all.activeWorkers], [5, 3])
    assert.deepEqual([all.lanes['default']?.currentWorkers, all.lanes['other']?.activeWorkers], [4, 0])
  })
})
