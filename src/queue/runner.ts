/**
 * What runs the tasks of one lane: worker processes, or asynchronous handlers in the coordinator.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'
import type { WorkerExitReason } from './events.ts'
import type { ClaimedTask } from './task.ts'

/** How one attempt ended, before it is settled. `lost`: the lease is gone, there is nothing to settle. */
export type AttemptEnd =
  | { readonly outcome: 'completed'; readonly result: unknown; readonly durationMs: number }
  | {
      readonly outcome: 'error'
      readonly error: ErrorRecord
      readonly crashed?: boolean
      readonly durationMs: number
    }
  | { readonly outcome: 'released' }
  | { readonly outcome: 'lost' }

/** What a runner tells its manager. */
export interface RunnerHost {
  started(claimed: ClaimedTask, workerPid?: number): void
  ended(claimed: ClaimedTask, end: AttemptEnd): void
  emit(claimed: ClaimedTask, chunk: unknown): Promise<unknown>
  progress(claimed: ClaimedTask, value: unknown): void
  workerStarted(pid: number): void
  workerExited(pid: number, reason: WorkerExitReason, how: string): void
}

export interface LaneRunner {
  /** Makes slots ready before there is work, so that the first tasks need not wait for them. */
  prestart?(): void
  /** Tasks that were taken and have not ended. */
  readonly tasks: readonly ClaimedTask[]
  /** How many they are. */
  readonly running: number
  /** Whether a slot has nothing to do. */
  readonly hasIdleSlot: boolean
  /** Takes tasks from the front of `buffer` as far as there is room, at most `batchSize` for one slot. */
  feed(buffer: ClaimedTask[], batchSize: number): void
  resize(concurrency: number): void
  /** Stops the work on tasks whose lease is lost. */
  abandon(taskIds: ReadonlySet<number>): void
  /**
   * Graceful: what runs is finished, what has not begun is released. Not graceful: everything ends at once and
   * is released. Resolves when nothing is alive; a second call may turn a graceful stop into an immediate one.
   */
  stop(options: { readonly graceful: boolean }): Promise<void>
}
