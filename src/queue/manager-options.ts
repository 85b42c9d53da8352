/**
 * The options of the queue manager: names, numbers and units are those of the document that it was made after.
 *
 * Times are seconds and memory is megabytes (10^6 bytes) here and nowhere else; what goes to the engine carries its
 * unit in its name.
 *
 * @module
 */

import { availableParallelism } from 'node:os'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { Backend } from './backend.ts'
import type { CommittedOutput } from './commit-outputs.ts'
import { MAX_TIMER_MS, type QueueEngineOptions } from './engine-options.ts'
import type { Handler } from './handler.ts'
import type { LaneOptions } from './lane.ts'
import { fileBackend } from './lazy-backend.ts'
import { readMemorySample } from './memory/index.ts'
import { InvalidQueueOptionsError } from './queue-errors.ts'
import { type Retention, retentionProblems } from './retention.ts'
import type { Task } from './task.ts'
import type { HandlerMap } from './typed-tasks.ts'

/** A lane as the manager takes it: what is left out follows the manager's own options. */
export type ManagerLane = Partial<LaneOptions>

export interface QueueManagerOptions<Handlers extends HandlerMap = HandlerMap> {
  /**
   * URL of the module whose export `handlers` worker processes run, by task kind. Without it and without `handlers`
   * the manager can add and control tasks, and run none.
   */
  readonly module?: URL | string
  /** Handlers that run here, in the lane `coordinator`: for work that waits for a server. Without `module`: `default`. */
  readonly handlers?: Partial<Handlers>
  /** Path of the SQLite database, made when missing; `:memory:` for one that ends with the process. */
  readonly file?: string
  /** Instead of `file`: a backend that the caller has opened, and closes. */
  readonly backend?: Backend
  /** With `file`: URL of a module that exports `program`, the functions that commit effects with a task's end. */
  readonly program?: URL | string
  /**
   * With `file`: `power` waits for the disk, so that what was accepted survives a power cut; `process` survives any
   * crash of the program, and is faster for single tasks, the more so the slower the disk. Default `power`: nothing is
   * lost unasked.
   */
  readonly durability?: 'power' | 'process'
  /**
   * Worker processes, and tasks at a time in every lane that says nothing else. Default: the CPUs that this process
   * may use (a container's quota counts), or fewer when memory holds fewer than that at `workerMemoryLimit` each.
   */
  readonly maxWorkers?: number
  /**
   * Each lane of workers follows its work between this and its most, and memory may take it down to one. Default 1:
   * an idle queue needs no more to begin at once.
   */
  readonly minWorkers?: number
  /**
   * Open tasks that {@link QueueManager.addTask} accepts; `Infinity` for no limit. Default 1,000: enough to keep any
   * pool busy, and a producer that runs away is noticed.
   */
  readonly queueSize?: number
  /**
   * Seconds that one attempt may take, 0 or `Infinity` for no limit; then its process is killed and the attempt
   * charged. Default 300: longer than one picture or song ever takes, short enough to notice a hang within a break.
   */
  readonly workerTimeout?: number
  /** Attempts after the first. Default 3: what failed four times within minutes needs a person. */
  readonly maxRetries?: number
  /**
   * Seconds: the bound of the random delay before the first retry. It doubles with each, up to `maxRetryDelay`.
   * Default 5.
   */
  readonly retryDelay?: number
  /** Seconds: no delay before a retry is longer. Default 300. */
  readonly maxRetryDelay?: number
  /** Seconds between two calls of the progress callback, and two progress lines in the log. Default 10. */
  readonly progressUpdateInterval?: number
  /** Memory in use, in percent of the container's or host's, from which on the pool is halved. Default 85. */
  readonly memoryThresholdPercent?: number
  /** Seconds between two looks at the memory; 0 for never. Default 30. */
  readonly memoryCheckInterval?: number
  /**
   * Megabytes that a worker process may keep resident after a task; a fatter one is replaced. Also what one more
   * worker is expected to take. Default 256.
   */
  readonly workerMemoryLimit?: number
  /** The most tasks that are handed to a worker at once. Default 100; fewer by themselves when tasks are slow. */
  readonly batchSize?: number
  /** More lanes, or other rules for `default` and `coordinator`. */
  readonly lanes?: Readonly<Record<string, ManagerLane>>
  /** The lane of a kind whose tasks name none; undefined for the usual one. */
  readonly laneOf?: (kind: keyof Handlers & string) => string | undefined
  /** What becomes of finished tasks. Default: see {@link Retention}. `false` keeps all for ever. */
  readonly retention?: Retention | false
  /** Gets a line for what happens, down to `debug` for each task. Default: none. */
  readonly logger?: Logger
  /** Seconds after which the tasks of a coordinator that went silent are taken over. Default 15. */
  readonly lease?: number
  /** True for the only coordinator that this database can have. See {@link QueueEngineOptions.sole}. */
  readonly sole?: boolean
  /** See {@link QueueEngineOptions.onEmit}. */
  readonly onEmit?: (task: Task, chunk: unknown) => Promise<unknown>
  /** See {@link QueueEngineOptions.afterCommit}. */
  readonly afterCommit?: (outputs: readonly CommittedOutput[]) => Promise<void>
  /** Default: the machine's. */
  readonly clock?: Clock
}

/** The numbers among the options. */
interface Numbers {
  readonly maxWorkers: number
  readonly minWorkers: number
  readonly queueSize: number
  readonly workerTimeout: number
  readonly maxRetries: number
  readonly retryDelay: number
  readonly maxRetryDelay: number
  readonly progressUpdateInterval: number
  readonly memoryThresholdPercent: number
  readonly memoryCheckInterval: number
  readonly workerMemoryLimit: number
  readonly batchSize: number
  readonly lease: number
}

/** The defaults that do not depend on the machine. */
export const MANAGER_DEFAULTS: Omit<Numbers, 'maxWorkers'> = Object.freeze({
  minWorkers: 1,
  queueSize: 1_000,
  workerTimeout: 300,
  maxRetries: 3,
  retryDelay: 5,
  maxRetryDelay: 300,
  progressUpdateInterval: 10,
  memoryThresholdPercent: 85,
  memoryCheckInterval: 30,
  workerMemoryLimit: 256,
  batchSize: 100,
  lease: 15,
})

/** The lanes of a manager that names none. */
export const DEFAULT_LANE = 'default'
export const COORDINATOR_LANE = 'coordinator'

/** Options with every number filled in. */
export type ResolvedOptions<Handlers extends HandlerMap> = QueueManagerOptions<Handlers> & Numbers

const OTHER_NAMES: readonly string[] = [
  'module',
  'handlers',
  'file',
  'backend',
  'program',
  'durability',
  'maxWorkers',
  'lanes',
  'laneOf',
  'retention',
  'logger',
  'sole',
  'onEmit',
  'afterCommit',
  'clock',
]

/** Every option that there is. */
export const MANAGER_OPTION_NAMES: readonly string[] = [...Object.keys(MANAGER_DEFAULTS), ...OTHER_NAMES]

/** What the machine has for workers. */
export interface MachineRoom {
  readonly cpus: number
  readonly availableBytes: number
}

const BYTES_PER_MB = 1e6

/** Left to the coordinator and everything else on the machine before workers are counted out: the seed's minimum. */
const RESERVED_MB = 300

/**
 * Checks the options and fills in the numbers.
 *
 * @throws {@link InvalidQueueOptionsError} with every problem in one message.
 */
export function resolveManagerOptions<Handlers extends HandlerMap>(
  given: QueueManagerOptions<Handlers>,
  room: MachineRoom = machineRoom(),
): ResolvedOptions<Handlers> {
  // An option that is present and undefined is one that was not given.
  const options = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as unknown as QueueManagerOptions<Handlers>
  const workerMemoryLimit = options.workerMemoryLimit ?? MANAGER_DEFAULTS.workerMemoryLimit
  const maxWorkers = options.maxWorkers ?? defaultMaxWorkers(room, workerMemoryLimit)
  const resolved = { ...MANAGER_DEFAULTS, ...options, maxWorkers }
  const problems = [...nameProblems(options), ...sourceProblems(options), ...numberProblems(resolved)]
  problems.push(...retentionProblems(options.retention))
  if (problems.length > 0) throw new InvalidQueueOptionsError(problems)
  return Object.freeze(resolved)
}

/** As many as there are CPUs for and memory for, and one at least. */
export function defaultMaxWorkers(
  { cpus, availableBytes }: MachineRoom,
  workerMemoryLimitMb: number,
): number {
  const fitting = Math.floor((availableBytes / BYTES_PER_MB - RESERVED_MB) / workerMemoryLimitMb)
  return Math.max(1, Math.min(cpus, fitting))
}

/** Both respect a container's limits; libuv counts the CPUs of the cgroup's quota. */
function machineRoom(): MachineRoom {
  return { cpus: availableParallelism(), availableBytes: readMemorySample().freeBytes }
}

/** What the engine is told. */
export function engineOptionsOf<Handlers extends HandlerMap>(
  options: ResolvedOptions<Handlers>,
  backend: Backend,
): QueueEngineOptions {
  const { module, handlers, sole, onEmit, afterCommit, clock } = options
  return {
    backend,
    lanes: lanesOf(options),
    retryDelayMs: options.retryDelay * 1_000,
    maxRetryDelayMs: options.maxRetryDelay * 1_000,
    leaseMs: options.lease * 1_000,
    ...(module === undefined ? {} : { workerModule: module }),
    ...(handlers === undefined ? {} : { handlers: handlers as Readonly<Record<string, Handler>> }),
    ...(sole === undefined ? {} : { sole }),
    ...(onEmit === undefined ? {} : { onEmit }),
    ...(afterCommit === undefined ? {} : { afterCommit }),
    ...(clock === undefined ? {} : { clock }),
  }
}

/** The store that the caller has opened, or the file that the first use opens. */
export function backendOf<Handlers extends HandlerMap>(options: QueueManagerOptions<Handlers>): Backend {
  const { backend, file = '', program, durability } = options
  if (backend !== undefined) return backend
  return fileBackend({
    file,
    ...(program === undefined ? {} : { program }),
    ...(durability === undefined ? {} : { durability }),
  })
}

/** Where a task goes that names no lane. */
export function laneFor<Handlers extends HandlerMap>(
  kind: string,
  { laneOf, module, handlers }: QueueManagerOptions<Handlers>,
): string {
  const named = laneOf?.(kind as keyof Handlers & string)
  if (named !== undefined) return named
  const runsHere = module !== undefined && handlers !== undefined && Object.hasOwn(handlers, kind)
  return runsHere ? COORDINATOR_LANE : DEFAULT_LANE
}

function lanesOf<Handlers extends HandlerMap>(
  options: ResolvedOptions<Handlers>,
): Readonly<Record<string, LaneOptions>> {
  const { module, handlers, lanes = {} } = options
  if (module === undefined && handlers === undefined) return {}
  const runsIn = module === undefined ? 'coordinator' : 'worker'
  const names: Record<string, ManagerLane> = { [DEFAULT_LANE]: { runsIn } }
  if (module !== undefined && handlers !== undefined) names[COORDINATOR_LANE] = { runsIn: 'coordinator' }
  for (const [name, lane] of Object.entries(lanes)) names[name] = { ...names[name], ...lane }
  return Object.fromEntries(
    Object.entries(names).map(([name, lane]) => [
      name,
      {
        concurrency: options.maxWorkers,
        batchSize: options.batchSize,
        timeoutMs: options.workerTimeout * 1_000,
        runsIn,
        ...lane,
      },
    ]),
  )
}

function nameProblems(options: object): string[] {
  const unknown = Object.keys(options).filter((name) => !MANAGER_OPTION_NAMES.includes(name))
  return unknown.map((name) => {
    const near = MANAGER_OPTION_NAMES.find((other) => isNear(name.toLowerCase(), other.toLowerCase()))
    return `unknown option ${name}${near === undefined ? '' : `, did you mean ${near}?`}`
  })
}

/** Whether one of two words becomes the other by a character more, less or else, or is its beginning. */
function isNear(a: string, b: string): boolean {
  if (a.startsWith(b) || b.startsWith(a)) return true
  let same = 0
  while (same < a.length && a[same] === b[same]) same += 1
  const restA = a.slice(same)
  const restB = b.slice(same)
  return restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1)
}

function sourceProblems<Handlers extends HandlerMap>(options: QueueManagerOptions<Handlers>): string[] {
  const problems: string[] = []
  if (options.file === undefined && options.backend === undefined)
    problems.push('neither file nor backend is given')
  if (options.backend === undefined) return problems
  for (const name of ['file', 'program', 'durability'] as const) {
    if (options[name] !== undefined) problems.push(`${name} is given and a backend too, which has its own`)
  }
  return problems
}

interface NumberRule {
  readonly min: number
  readonly max?: number
  readonly whole?: boolean
}

/** What is waited for by a timer, in seconds. */
const MAX_WAIT_S = Math.floor(MAX_TIMER_MS / 1_000)

/** Smallest value that makes sense, by option, and largest if there is one; whole numbers only where `whole`. */
const NUMBER_RULES: Readonly<Record<keyof Numbers, NumberRule>> = {
  maxWorkers: { min: 1, whole: true },
  minWorkers: { min: 1, whole: true },
  queueSize: { min: 1 },
  workerTimeout: { min: 0 },
  maxRetries: { min: 0, whole: true },
  retryDelay: { min: 0 },
  maxRetryDelay: { min: 0 },
  progressUpdateInterval: { min: 0.001, max: MAX_WAIT_S },
  memoryThresholdPercent: { min: 11, max: 100 },
  memoryCheckInterval: { min: 0, max: MAX_WAIT_S },
  workerMemoryLimit: { min: 1 },
  batchSize: { min: 1, whole: true },
  lease: { min: 0.001, max: MAX_WAIT_S },
}

function numberProblems(numbers: Numbers): string[] {
  const problems: string[] = []
  for (const [name, rule] of Object.entries(NUMBER_RULES)) {
    const { min, max = Number.POSITIVE_INFINITY, whole = false } = rule
    const value = numbers[name as keyof Numbers]
    if (typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value)))
      continue
    const range = Number.isFinite(max) ? `from ${min} to ${max}` : `from ${min} on`
    problems.push(`${name} is not a ${whole ? 'whole ' : ''}number ${range}: ${String(value)}`)
  }
  const { minWorkers, maxWorkers } = numbers
  if (minWorkers > maxWorkers) problems.push(`minWorkers ${minWorkers} is more than maxWorkers ${maxWorkers}`)
  return problems
}
