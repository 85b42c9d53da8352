/**
 * What runs the tasks of one lane: worker processes, or asynchronous handlers in the coordinator.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'
import type { WorkerExitReason } from './events.ts'
import type { ClaimedTask } from './task.ts'

/**
 * How one attempt ended, before it is settled. `lost`: the lease is gone, there is nothing to settle. A task whose
 * cancellation was asked for is settled as cancelled unless it completed: runners need not tell.
 */
export type AttemptEnd =
  | { readonly outcome: 'completed'; readonly result: unknown; readonly durationMs: number }
  | {
      readonly outcome: 'error'
      readonly error: ErrorRecord
      /** The attempt took its process down, or had to be ended with it: the next one runs alone. */
      readonly crashed?: boolean
      /** The process died without our doing: the first retry need not wait. */
      readonly retryAtOnce?: boolean
      readonly durationMs: number
    }
  /** `durationMs`: how long it had run, if it had begun. */
  | { readonly outcome: 'released'; readonly durationMs?: number }
  | { readonly outcome: 'lost' }

/** What a runner tells its engine. */
export interface RunnerHost {
  started(claimed: ClaimedTask, workerPid?: number): void
  ended(claimed: ClaimedTask, end: AttemptEnd): void
  emit(claimed: ClaimedTask, chunk: unknown): Promise<unknown>
  progress(claimed: ClaimedTask, value: unknown): void
  workerStarted(pid: number): void
  workerExited(pid: number, reason: WorkerExitReason, how: string): void
}

/** A worker process that is alive. */
export interface WorkerStatus {
  readonly pid: number
  readonly lane: string
  /** The task that it runs, and since when (epoch ms). */
  readonly taskId?: number
  readonly busySince?: number
  /** What the tasks that it has were admitted with, in bytes; 0 when they ask for nothing. */
  readonly memoryBytes: number
}

export interface LaneRunner {
  /** Makes slots ready before there is work, so that the first tasks need not wait for them. */
  prestart?(): void
  /** Tasks that were taken and have not ended. */
  readonly tasks: readonly ClaimedTask[]
  /** How many they are. */
  readonly running: number
  /** Tasks at hand that the memory budget kept back when it last was asked. */
  readonly kept: number
  /** Whether a slot has nothing to do. */
  readonly hasIdleSlot: boolean
  /** Takes tasks from the front of `buffer` as far as there is room, at most `batchSize` for one slot. */
  feed(buffer: ClaimedTask[], batchSize: number): void
  resize(concurrency: number): void
  /** Stops the work on tasks whose lease is lost. */
  abandon(taskIds: ReadonlySet<number>): void
  /** Gives back what was taken and has not begun; only where tasks wait for long between the two. */
  withdraw?(): void
  /** Ends the work on these tasks: asked to at first, by force after a grace. */
  cancel(taskIds: ReadonlySet<number>): void
  workers(): readonly WorkerStatus[]
  /** Ends a worker process after its current task; false when there is none with this pid. */
  retireWorker(pid: number, reason: WorkerExitReason): boolean
  /** Ends a worker process now, and charges its current task; false when there is none with this pid. */
  killWorker(pid: number, reason: WorkerExitReason, error: ErrorRecord): boolean
  /**
   * Graceful: what runs is finished, what has not begun is released. Not graceful: everything ends at once and
   * is released. Resolves when nothing is alive; a second call may turn a graceful stop into an immediate one.
   */
  stop(options: { readonly graceful: boolean }): Promise<void>
}
