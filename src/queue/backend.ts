/**
 * The seam between the engine and what stores its tasks.
 *
 * Promises of every implementation, held by the conformance suite in `testing/`: an accepted task is
 * committed; only the holder of the current (token, attempt) settles a task, a late settlement is answered
 * `stale`; a claim takes higher priority first, then creation order; a dead coordinator's tasks are claimable
 * again after the lease plus one sweep.
 *
 * Unstable on purpose: implemented in this package only, so that it may change when the engine gets better.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'
import type { ClaimedTask, Lease, NewTask, Task, TaskStatus } from './task.ts'

export interface AddedTask {
  readonly id: number
  /** False when an open task with the same `dedupeKey` answered instead. */
  readonly added: boolean
}

export interface ClaimRequest {
  readonly lane: string
  readonly limit: number
  readonly workerId: string
  readonly leaseMs: number
}

/** How one attempt ended. */
export type Settlement =
  | {
      readonly lease: Lease
      readonly outcome: 'completed'
      readonly result: unknown
      /** When to try again if the commit function throws. Default: at once. */
      readonly retryAt?: number
    }
  /** Charged: goes to `retry` at `retryAt` while retries are left and the error allows it, else to `failed`. */
  | {
      readonly lease: Lease
      readonly outcome: 'error'
      readonly error: ErrorRecord
      readonly retryAt: number
      /** True when the attempt took its worker process down: the next one runs alone. */
      readonly crashed?: boolean
    }
  /** Not charged: back to `pending` at once (unstarted members of a dead worker's batch, a graceful stop). */
  | { readonly lease: Lease; readonly outcome: 'released' }
  /** Not charged: back to `pending`, due at `runAt`. */
  | { readonly lease: Lease; readonly outcome: 'snoozed'; readonly runAt: number }

export interface SettleResult {
  readonly taskId: number
  /** `stale`: the lease was no longer current, nothing changed. Otherwise the state the task went to. */
  readonly status: TaskStatus | 'stale'
  /** What the commit function of the task's kind returned (see `commit.ts`), when there is one. */
  readonly output?: unknown
  /** What the commit function threw, when the attempt was completed and its commit was not. */
  readonly error?: ErrorRecord
}

export interface ExchangeRequest {
  readonly settle: readonly Settlement[]
  readonly claim: readonly ClaimRequest[]
}

export interface ExchangeResult {
  /** In the order of `settle`. */
  readonly settled: readonly SettleResult[]
  /** In the order of `claim`. */
  readonly claimed: readonly (readonly ClaimedTask[])[]
}

export interface SweepReport {
  /** Tasks whose lease had run out: charged, and put to `retry` or `failed`. */
  readonly expired: readonly number[]
  /** Tasks that a take-over put back to `pending`, uncharged. */
  readonly released: readonly number[]
}

export interface SweepOptions {
  /**
   * Takes back every task that anybody holds, without waiting for leases to run out and uncharged: only for a
   * coordinator that knows by other means (a lock on the library) that it is the only one. Default false.
   */
  readonly takeOver?: boolean
}

/** Counts by status, from maintained counters: never a scan. */
export type StatusCounts = Readonly<Record<TaskStatus, number>>

export interface Backend {
  /** Adds all or none. */
  add(tasks: readonly NewTask[]): Promise<readonly AddedTask[]>
  /** Settles and claims in one transaction: the acks of finished tasks share the commit of the next claim. */
  exchange(request: ExchangeRequest): Promise<ExchangeResult>
  /** Extends leases; answers those that are lost, so that their work can be stopped. */
  renew(leases: readonly Lease[], leaseMs: number): Promise<{ readonly lost: readonly Lease[] }>
  /** Takes back what a vanished coordinator held. */
  sweep(options?: SweepOptions): Promise<SweepReport>
  /** From when on a claim of `lane` gets something: now when it already would, undefined when it never will. */
  nextDueAt(lane: string): Promise<number | undefined>
  get(taskId: number): Promise<Task | undefined>
  /** Newest last. */
  list(filter: {
    readonly lane?: string
    readonly status?: TaskStatus
    readonly kind?: string
    readonly group?: string
    readonly afterId?: number
    readonly limit: number
  }): Promise<readonly Task[]>
  /** Counts of a lane, or of everything. */
  counts(lane?: string): Promise<StatusCounts>
  /** Open (not final) tasks of a group. */
  openInGroup(group: string): Promise<number>
  /** Cancels tasks that do not run yet; running ones are not touched and not answered. */
  cancel(taskIds: readonly number[]): Promise<readonly number[]>
  /** Runs a named function of the store's program (see `commit.ts`) in a transaction of its own. */
  call(name: string, argument: unknown): Promise<unknown>
  close(): Promise<void>
}
