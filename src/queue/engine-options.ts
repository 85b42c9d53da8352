/**
 * The options of the engine, and what makes them wrong.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import type { Backend } from './backend.ts'
import type { CommittedOutput } from './commit-outputs.ts'
import type { Handler } from './handler.ts'
import type { LaneOptions, LanePlace } from './lane.ts'
import { InvalidQueueOptionsError } from './queue-errors.ts'
import type { RemoteLanes } from './remote.ts'
import type { Task } from './task.ts'

export const DEFAULT_CANCEL_GRACE_MS = 1_000

/** 2^31 ms: a timer set for longer rings at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

export interface QueueEngineOptions {
  readonly backend: Backend
  readonly lanes: Readonly<Record<string, LaneOptions>>
  /** Module with the handlers of the lanes that run in workers. */
  readonly workerModule?: URL | string
  /** Node options of worker processes, such as `--max-semi-space-size=1` for less memory. Default none. */
  readonly workerExecArgv?: readonly string[]
  /** A worker without work is ended after this long. Default 30 s. */
  readonly workerIdleMs?: number
  /** Handlers of the lanes that run in the coordinator, by task kind. */
  readonly handlers?: Readonly<Record<string, Handler>>
  /** What carries the tasks of the lanes that run remotely. */
  readonly remote?: RemoteLanes
  /** Deals with what a handler emits; the handler waits for it. Called again for an attempt that is repeated. */
  readonly onEmit?: (task: Task, chunk: unknown) => Promise<unknown>
  /**
   * Called with what commit functions returned, after it is committed: one call at a time, with everything
   * since the last one. When it rejects, the queue fails.
   */
  readonly afterCommit?: (outputs: readonly CommittedOutput[]) => Promise<void>
  /** Delay before the first retry; doubles with each. Default 5 s. */
  readonly retryDelayMs?: number
  /** No delay is longer. Default 5 min. */
  readonly maxRetryDelayMs?: number
  /**
   * After this long a vanished coordinator's tasks are taken over. Renewed every third by this class, never by
   * a handler. Too low, and a stalled event loop costs work; too high, and a crash is noticed late. Default 15 s.
   */
  readonly leaseMs?: number
  /**
   * True for a coordinator that is certain to be the only one on its backend (it holds a lock): `start` then
   * takes back at once, uncharged, what a dead predecessor held, instead of waiting for leases. Default false.
   */
  readonly sole?: boolean
  /** A cancelled task has this long to end by itself before its worker process is killed. Default 1 s. */
  readonly cancelGraceMs?: number
  readonly clock?: Clock
  /** From [0, 1). Default Math.random. */
  readonly random?: () => number
}

/**
 * Checks what the types cannot.
 *
 * @throws {@link InvalidQueueOptionsError} with every problem in one message.
 */
export function verifyQueueEngineOptions(options: QueueEngineOptions): void {
  const problems = Object.entries(options.lanes).flatMap(([name, lane]) => laneProblems(name, lane, options))
  const { leaseMs = 1, cancelGraceMs = 0, workerIdleMs = 1, retryDelayMs = 0, maxRetryDelayMs = 0 } = options
  // These are waited for, and a timer holds no more.
  for (const [name, value] of Object.entries({ leaseMs, workerIdleMs })) {
    if (!(value > 0 && value <= MAX_TIMER_MS)) problems.push(`${name} is not a duration: ${value}`)
  }
  if (!(cancelGraceMs >= 0 && cancelGraceMs <= MAX_TIMER_MS))
    problems.push(`cancelGraceMs is not a duration: ${cancelGraceMs}`)
  for (const [name, value] of Object.entries({ retryDelayMs, maxRetryDelayMs })) {
    if (!(value >= 0)) problems.push(`${name} is not a duration: ${value}`)
  }
  if (problems.length > 0) throw new InvalidQueueOptionsError(problems)
}

const LANE_OPTIONS: Readonly<Record<keyof LaneOptions, true>> = {
  concurrency: true,
  runsIn: true,
  batchSize: true,
  timeoutMs: true,
  rate: true,
  memoryBudgetBytes: true,
}

/** The option that a lane cannot do without. */
const NEEDED: Readonly<Record<LanePlace, 'workerModule' | 'handlers' | 'remote'>> = {
  worker: 'workerModule',
  coordinator: 'handlers',
  remote: 'remote',
}

function laneProblems(name: string, lane: LaneOptions, options: QueueEngineOptions): string[] {
  const { runsIn } = lane
  const problems = [...laneNumberProblems(name, lane)]
  for (const option of Object.keys(lane)) {
    if (!Object.hasOwn(LANE_OPTIONS, option)) problems.push(`unknown option ${option} of lane ${name}`)
  }
  if (!Object.hasOwn(NEEDED, runsIn)) {
    return [...problems, `runsIn of lane ${name} is not worker, coordinator or remote: ${String(runsIn)}`]
  }
  const needed = NEEDED[runsIn]
  if (options[needed] === undefined) problems.push(`lane ${name} needs ${needed}`)
  return problems
}

function laneNumberProblems(name: string, lane: LaneOptions): string[] {
  const { concurrency, batchSize = 1, timeoutMs = 0, rate, memoryBudgetBytes = 1 } = lane
  const problems: string[] = []
  if (!(concurrency >= 0 && (Number.isInteger(concurrency) || concurrency === Number.POSITIVE_INFINITY)))
    problems.push(`concurrency of lane ${name} is not a count: ${concurrency}`)
  if (!(batchSize >= 1 && Number.isInteger(batchSize)))
    problems.push(`batchSize of lane ${name} is not a whole number from 1 on: ${batchSize}`)
  if (!(timeoutMs >= 0)) problems.push(`timeoutMs of lane ${name} is not a duration: ${timeoutMs}`)
  if (rate !== undefined && !(rate.limit >= 1 && rate.perMs > 0 && Number.isFinite(rate.perMs)))
    problems.push(`rate of lane ${name} is not at least 1 task per some time: ${JSON.stringify(rate)}`)
  if (!(memoryBudgetBytes > 0))
    problems.push(`memoryBudgetBytes of lane ${name} is not a size: ${memoryBudgetBytes}`)
  return problems
}
