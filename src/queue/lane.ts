/**
 * A lane at run time: its options, its runner, and the tasks that are claimed ahead for it.
 *
 * @module
 */

import type { RateLimit } from './backend.ts'
import type { LaneRunner } from './runner.ts'
import type { ClaimedTask } from './task.ts'

export type LanePlace = 'worker' | 'coordinator' | 'remote'

export interface LaneOptions {
  /** Tasks that run at a time. */
  readonly concurrency: number
  /**
   * `worker`: in child processes, for work that computes. `coordinator`: here, for work that waits. `remote`: by
   * workers of other processes, on any host; `concurrency` is what may be under way at a time.
   */
  readonly runsIn: LanePlace
  /**
   * The most tasks that are handed to a worker at once; fewer when tasks are slow. As many again are claimed ahead for each
   * worker, and are not for other coordinators meanwhile: many hosts that share few tasks want less. Default 100.
   */
  readonly batchSize?: number
  /** Of one attempt, unless the task says otherwise; 0 or Infinity for none. Default 300,000. */
  readonly timeoutMs?: number
  /** Tasks begun in any window of time, over all coordinators of the backend. Default: no limit. */
  readonly rate?: RateLimit
  /**
   * What the `memoryBytes` of the running tasks may add up to; one task may always run, also when it alone is
   * more. Default: no limit.
   */
  readonly memoryBudgetBytes?: number
}

/** A lane as the engine sees it now. */
export interface LaneStatus {
  readonly name: string
  readonly runsIn: LanePlace
  readonly concurrency: number
  readonly paused: boolean
  /** Claimed and not yet handed to a worker. */
  readonly buffered: number
  /** Handed out and not ended; a worker has a batch of quick ones at a time. */
  readonly running: number
  /** No other task of the lane is due, as far as is known. */
  readonly isDry: boolean
}

export const DEFAULT_BATCH_SIZE = 100
export const DEFAULT_TIMEOUT_MS = 300_000

/** A batch should keep a worker busy for about this long: many times a round trip, short for a person. */
const BATCH_MS = 25

/** Tasks that take longer are claimed when a slot is free and not before, so that priorities stay fresh. */
const SLOW_TASK_MS = 100

/**
 * At least this many for one hand-over, unless tasks are slow: four that wait for the disk (`MAX_YIELDED` in
 * `worker-process.ts`), one that computes, and one in hand, so that a worker does not idle for the length of a round.
 * With three, workers idled for a fifth of an ingest of large photos; with eight, nothing more was gained (2026-11).
 */
const MIN_BATCH = 6

/**
 * A lane of many slots and quick tasks has no more than this claimed beyond one for each slot: some rounds of `rounds.ts`, which
 * is all that it takes to keep it busy. More would be held back from other coordinators, and make every look at what is held
 * dearer (Redis keeps it in one list).
 */
const MAX_AHEAD = 2_000

/**
 * Weight of the newest task in the moving average of task times. The first tasks of a process load its code and take
 * many times as long as the rest, so the way down is quick.
 */
const SLOWER_WEIGHT = 0.05
const FASTER_WEIGHT = 0.3

export class Lane {
  readonly name: string
  readonly runsIn: LanePlace
  readonly rate: RateLimit | undefined
  readonly batchLimit: number
  readonly runner: LaneRunner
  /** Claimed and not yet handed to a slot. */
  readonly buffer: ClaimedTask[] = []
  concurrency: number
  /** As stored in the backend, as far as we know. */
  paused = false
  /** True while a claim would get nothing, as far as we know. */
  dry = false
  /** The next due time was asked for, and nothing has happened since that could have changed it. */
  dueKnown = false
  /** How often in a row nothing was claimed though something was due. */
  misses = 0
  cancelDue: () => void = () => undefined
  #averageMs: number | undefined

  constructor(name: string, options: LaneOptions, runner: LaneRunner) {
    this.name = name
    this.runsIn = options.runsIn
    this.rate = options.rate
    this.concurrency = options.concurrency
    this.batchLimit = options.batchSize ?? (options.runsIn === 'remote' ? 1 : DEFAULT_BATCH_SIZE)
    this.runner = runner
  }

  get status(): LaneStatus {
    const { name, runsIn, concurrency, paused, dry, buffer, runner } = this
    const counts = { buffered: buffer.length, running: runner.running }
    return { name, runsIn, concurrency, paused, ...counts, isDry: dry }
  }

  get inFlight(): number {
    return this.buffer.length + this.runner.running
  }

  /** Whether it may claim at all. */
  get isOpen(): boolean {
    return !this.paused && this.concurrency > 0
  }

  /** Tasks for one hand-over: as many as fill {@link BATCH_MS}. One, while nothing is known or tasks are slow. */
  get batchSize(): number {
    if (this.#averageMs === undefined || this.#averageMs > SLOW_TASK_MS) return 1
    const filling = Math.round(BATCH_MS / Math.max(this.#averageMs, 0.01))
    return Math.min(this.batchLimit, Math.max(MIN_BATCH, filling))
  }

  /** How many tasks to claim now. Claims are few and large: none until half of what may be ahead is used up. */
  get wants(): number {
    if (!this.isOpen || this.dry) return 0
    const slow = this.#averageMs === undefined || this.#averageMs > SLOW_TASK_MS
    // What may be under way in a remote lane is its concurrency: more would only wait elsewhere.
    const ahead = slow || this.runsIn === 'remote' ? 0 : this.concurrency * (this.batchSize * 2 - 1)
    const window = this.concurrency + Math.min(ahead, MAX_AHEAD)
    // Slots that a big task leaves idle because it does not fit are for the smaller ones behind it.
    const kept = Math.min(this.buffer.length, this.runner.kept, this.concurrency)
    const room = window - this.inFlight + kept
    return this.isStarving || room >= window / 2 ? Math.max(0, room) : 0
  }

  /** Whether a slot idles and nothing is at hand for it. */
  get isStarving(): boolean {
    if (!this.isOpen || this.dry) return false
    return this.buffer.length <= this.runner.kept && this.runner.hasIdleSlot
  }

  /** All that is claimed and has not ended. */
  get held(): readonly ClaimedTask[] {
    return [...this.buffer, ...this.runner.tasks]
  }

  /** There may be tasks again, and other due times. */
  wake(): void {
    this.dry = false
    this.dueKnown = false
  }

  /** Gives up tasks whose lease is lost. */
  abandon(taskIds: ReadonlySet<number>): void {
    this.#takeOut(taskIds)
    this.runner.abandon(taskIds)
  }

  /** Has these tasks ended; answers those that had not even been handed out. */
  cancel(taskIds: ReadonlySet<number>): readonly ClaimedTask[] {
    const unstarted = this.buffer.filter(({ task }) => taskIds.has(task.id))
    this.#takeOut(taskIds)
    this.runner.cancel(taskIds)
    return unstarted
  }

  feed(): void {
    if (!this.paused && this.buffer.length > 0) this.runner.feed(this.buffer, this.batchSize)
  }

  learn(durationMs: number): void {
    const last = this.#averageMs ?? durationMs
    const weight = durationMs < last ? FASTER_WEIGHT : SLOWER_WEIGHT
    this.#averageMs = last + (durationMs - last) * weight
  }

  #takeOut(taskIds: ReadonlySet<number>): void {
    const kept = this.buffer.filter(({ task }) => !taskIds.has(task.id))
    this.buffer.splice(0, this.buffer.length, ...kept)
  }
}
