/**
 * The figures of a queue: what the store counts, what this process has done, and what follows from both.
 *
 * Pure: data in, data out. Each task is counted once, in the state that it is in. Counts cover what the store
 * holds (finished tasks leave it by retention); `throughput`, `progress` and `elapsedTime` cover this process since
 * its start. Names and units are the seed's: times are seconds.
 *
 * @module
 */

import type { LaneStatistics } from './backend.ts'

/** Of one lane, or of all together. Times in seconds, rates in tasks a second. */
export interface Figures {
  /** All tasks that the store holds, in whatever state: the sum of the seven that follow. */
  readonly totalTasks: number
  readonly completedTasks: number
  readonly failedTasks: number
  /** Waiting for their next attempt now. */
  readonly retryTasks: number
  readonly pendingTasks: number
  readonly processingTasks: number
  /** Something that they depend on has not ended. */
  readonly waitingTasks: number
  readonly cancelledTasks: number
  /** Attempts that were followed by another one, ever. */
  readonly retries: number
  /** Open tasks: those that count against the option `queueSize`. */
  readonly queueSize: number
  /** Worker processes of this coordinator that have a task. */
  readonly activeWorkers: number
  /** Worker processes of this coordinator. */
  readonly currentWorkers: number
  /** Of a handler's run; undefined before the first has ended. */
  readonly averageProcessingTime: number | undefined
  readonly p50: number | undefined
  readonly p95: number | undefined
  readonly p99: number | undefined
  /** Tasks that ended here, completed or failed, a second since the start. */
  readonly throughput: number
  /** The same over the last minute, in all coordinators. */
  readonly throughput1m: number
  readonly throughput5m: number
  readonly throughput15m: number
  /** Seconds until nothing is open at the present rate; undefined while the rate is unknown or nothing may run. */
  readonly eta: number | undefined
  /** Completed of completed and failed, from 0 to 1; undefined before the first end. */
  readonly successRate: number | undefined
}

export interface LaneFigures extends Figures {
  readonly paused: boolean
}

export interface QueueStatistics extends Figures {
  /** Epoch milliseconds; undefined before `startProcessing`. */
  readonly startTime: number | undefined
  /** Seconds since the start, or of the whole run when it has stopped. */
  readonly elapsedTime: number
  /** Memory in use of what the container or the host has, 0 to 100; undefined where it was not looked at. */
  readonly memoryPercent: number | undefined
  /** Of this run: what ended here, and that plus what is open. */
  readonly progress: { readonly done: number; readonly total: number; readonly percent: number }
  readonly lanes: Readonly<Record<string, LaneFigures>>
}

/** What ended in this process since its start. */
export interface RunCounts {
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
}

export interface WorkerCounts {
  readonly current: number
  readonly active: number
}

export interface StatisticsInput {
  readonly lanes: readonly LaneStatistics[]
  /** By lane. */
  readonly run: Readonly<Record<string, RunCounts>>
  /** By lane. */
  readonly workers: Readonly<Record<string, WorkerCounts>>
  readonly startedAt?: number
  readonly stoppedAt?: number
  readonly memoryPercent?: number
  /** Epoch milliseconds. */
  readonly now: number
}

/** How long a run must have lasted, in seconds, before a minute's rate is one. */
const ONE_MINUTE = 60
const FIVE_MINUTES = 300

const NO_RUN: RunCounts = { completed: 0, failed: 0, cancelled: 0 }
const NO_WORKERS: WorkerCounts = { current: 0, active: 0 }

export function statisticsOf(input: StatisticsInput): QueueStatistics {
  const { startedAt, stoppedAt, now } = input
  const elapsedTime = startedAt === undefined ? 0 : Math.max(0, ((stoppedAt ?? now) - startedAt) / 1000)
  const lanes = input.lanes.map((lane) => {
    const run = input.run[lane.lane] ?? NO_RUN
    const workers = input.workers[lane.lane] ?? NO_WORKERS
    return [lane.lane, { ...figuresOf([lane], run, workers, elapsedTime), paused: lane.paused }] as const
  })
  const run = sumOfRuns(Object.values(input.run))
  const all = figuresOf(input.lanes, run, sumOfWorkers(Object.values(input.workers)), elapsedTime)
  const done = run.completed + run.failed + run.cancelled
  const total = done + all.queueSize
  return {
    ...all,
    startTime: startedAt,
    elapsedTime,
    memoryPercent: input.memoryPercent,
    progress: { done, total, percent: total === 0 ? 100 : (done / total) * 100 },
    lanes: Object.fromEntries(lanes),
  }
}

function figuresOf(
  lanes: readonly LaneStatistics[],
  run: RunCounts,
  workers: WorkerCounts,
  elapsedTime: number,
): Figures {
  const completedTasks = sum(lanes, ({ counts }) => counts.completed)
  const failedTasks = sum(lanes, ({ counts }) => counts.failed)
  const cancelledTasks = sum(lanes, ({ counts }) => counts.cancelled)
  const queueSize = sum(lanes, openOf)
  const ended = completedTasks + failedTasks
  const throughput = elapsedTime > 0 ? (run.completed + run.failed) / elapsedTime : 0
  const rates = {
    throughput,
    throughput1m: sum(lanes, ({ throughput: { m1 } }) => m1),
    throughput5m: sum(lanes, ({ throughput: { m5 } }) => m5),
    throughput15m: sum(lanes, ({ throughput: { m15 } }) => m15),
  }
  return {
    totalTasks: queueSize + ended + cancelledTasks,
    completedTasks,
    failedTasks,
    retryTasks: sum(lanes, ({ counts }) => counts.retry),
    pendingTasks: sum(lanes, ({ counts }) => counts.pending),
    processingTasks: sum(lanes, ({ counts }) => counts.processing),
    waitingTasks: sum(lanes, ({ counts }) => counts.waiting),
    cancelledTasks,
    retries: sum(lanes, ({ retries }) => retries),
    queueSize,
    activeWorkers: workers.active,
    currentWorkers: workers.current,
    ...durationsOf(lanes),
    ...rates,
    eta: etaOf(lanes, rates, elapsedTime),
    successRate: ended === 0 ? undefined : completedTasks / ended,
  }
}

function openOf({ counts }: LaneStatistics): number {
  return counts.waiting + counts.pending + counts.processing + counts.retry
}

function durationsOf(
  lanes: readonly LaneStatistics[],
): Pick<Figures, 'averageProcessingTime' | 'p50' | 'p95' | 'p99'> {
  const count = sum(lanes, ({ durations }) => durations.count)
  if (count === 0) return { averageProcessingTime: undefined, p50: undefined, p95: undefined, p99: undefined }
  const totalMs = sum(lanes, ({ durations }) => durations.averageMs * durations.count)
  const points = lanes.flatMap(({ durations }) => massesOf(durations)).sort((a, b) => a.ms - b.ms)
  const quantile = (share: number): number => quantileOf(points, share * count) / 1000
  return {
    averageProcessingTime: totalMs / count / 1000,
    p50: quantile(0.5),
    p95: quantile(0.95),
    p99: quantile(0.99),
  }
}

interface Mass {
  readonly ms: number
  readonly weight: number
}

/**
 * A lane's durations as four lumps, each at the longest that its members took. The percentile of several lanes
 * together, found among the lumps, is then never too low; that of one lane is its own.
 */
function massesOf({ count, p50Ms, p95Ms, p99Ms, maxMs }: LaneStatistics['durations']): readonly Mass[] {
  return [
    { ms: p50Ms, weight: 0.5 * count },
    { ms: p95Ms, weight: 0.45 * count },
    { ms: p99Ms, weight: 0.04 * count },
    { ms: maxMs, weight: 0.01 * count },
  ]
}

function quantileOf(sorted: readonly Mass[], rank: number): number {
  let below = 0
  for (const { ms, weight } of sorted) {
    below += weight
    // The weights are fractions: without the slack a rounding error would pick the next lump.
    if (below >= rank * (1 - 1e-9)) return ms
  }
  return sorted.at(-1)?.ms ?? 0
}

type Rates = Pick<Figures, 'throughput' | 'throughput1m' | 'throughput5m'>

/** By the longest of the last minutes that the run has seen whole: a young run's five-minute rate is too low. */
function etaOf(lanes: readonly LaneStatistics[], rates: Rates, elapsedTime: number): number | undefined {
  const open = sum(lanes, openOf)
  if (open === 0) return 0
  const runnable = sum(
    lanes.filter(({ paused }) => !paused),
    openOf,
  )
  const rate = rateOf(rates, elapsedTime)
  return runnable === 0 || rate === 0 ? undefined : runnable / rate
}

function rateOf({ throughput, throughput1m, throughput5m }: Rates, elapsedTime: number): number {
  if (elapsedTime > 0 && elapsedTime < ONE_MINUTE) return throughput
  return elapsedTime >= FIVE_MINUTES && throughput5m > 0 ? throughput5m : throughput1m
}

function sumOfRuns(runs: readonly RunCounts[]): RunCounts {
  return {
    completed: sum(runs, ({ completed }) => completed),
    failed: sum(runs, ({ failed }) => failed),
    cancelled: sum(runs, ({ cancelled }) => cancelled),
  }
}

function sumOfWorkers(workers: readonly WorkerCounts[]): WorkerCounts {
  return { current: sum(workers, ({ current }) => current), active: sum(workers, ({ active }) => active) }
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  let total = 0
  for (const item of items) total += of(item)
  return total
}
