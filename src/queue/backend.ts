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
import type { ProcessIdentity } from './process-identity.ts'
import type { ClaimedTask, Lease, NewTask, Task, TaskStatus } from './task.ts'

export interface AddedTask {
  readonly id: number
  /** False when an open task with the same `dedupeKey` answered instead. */
  readonly added: boolean
  /** True when that open task took this one's payload and options: see `OnDuplicate`. */
  readonly replaced?: boolean
}

/**
 * At most `limit` tasks are claimed in any window of `perMs`: each takes a token that comes back `perMs` later
 * (up to 1 % later still). Tokens are kept with the tasks, also over a restart.
 */
export interface RateLimit {
  readonly limit: number
  readonly perMs: number
}

export interface ClaimRequest {
  readonly lane: string
  readonly limit: number
  readonly workerId: string
  readonly leaseMs: number
  /** Shared by all coordinators of the backend. */
  readonly rate?: RateLimit
}

/** How one attempt ended. */
export type Settlement =
  | {
      readonly lease: Lease
      readonly outcome: 'completed'
      readonly result: unknown
      /** How long the handler took, for the statistics. */
      readonly durationMs?: number
      /** When to try again if the commit function throws. Default: at once. */
      readonly retryAt?: number
    }
  /**
   * Charged: goes to `retry` at `retryAt` while retries are left and the error allows it, else to `failed`. A retry loses
   * one of its priority, but for the first failure when that was `crashed`: else a long backlog of equals would run first.
   */
  | {
      readonly lease: Lease
      readonly outcome: 'error'
      readonly error: ErrorRecord
      readonly retryAt: number
      readonly durationMs?: number
      /** True when the attempt took its worker process down: the next one runs alone. */
      readonly crashed?: boolean
    }
  /** Not charged: back to `pending` at once (unstarted members of a dead worker's batch, a graceful stop). */
  | { readonly lease: Lease; readonly outcome: 'released' }
  /** Not charged: back to `pending`, due at `runAt`. */
  | { readonly lease: Lease; readonly outcome: 'snoozed'; readonly runAt: number }
  /**
   * Its cancellation was asked for while it ran, and its work has been ended. Once that was asked for, every other
   * outcome but a commit leads to `cancelled` too: the task never runs again.
   */
  | { readonly lease: Lease; readonly outcome: 'cancelled' }

export interface SettleResult {
  readonly taskId: number
  /** `stale`: the lease was no longer current, nothing changed. Otherwise the state the task went to. */
  readonly status: TaskStatus | 'stale'
  /**
   * What the commit function of the task's kind returned (see `commit.ts`), when there is one; or its failure function,
   * when this settlement failed or cancelled the task. Those of dependants that end with it are not answered.
   */
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
  /** Tasks whose lease had run out: charged, and put to `retry` or `failed`; or `cancelled`, if that was asked for. */
  readonly expired: readonly number[]
  /**
   * Tasks that a take-over, or the proven death of their coordinator, put back to `pending`, uncharged; or
   * `cancelled`, if that was asked for.
   */
  readonly released: readonly number[]
  /** Worker processes that a coordinator told of whose death was proved now: they may live on if they hang. */
  readonly orphans?: readonly ProcessIdentity[]
}

/** What a coordinator tells of itself, for the others and for whoever looks from outside. */
export interface CoordinatorReport {
  /** The `workerId` that it claims with. */
  readonly id: string
  readonly host: string
  readonly pid: number
  /** From `processIdentity()`: by it others can prove its death, and take its tasks back at once. */
  readonly identity: ProcessIdentity
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** By lane. */
  readonly lanes: Readonly<Record<string, CoordinatorLane>>
}

export interface CoordinatorLane {
  readonly concurrency: number
  /** Worker processes. */
  readonly workers: number
  /** Those worker processes, each the leader of a group, so that somebody can end them when this coordinator is dead. */
  readonly processes?: readonly ProcessIdentity[]
}

export interface Coordinator extends CoordinatorReport {
  /** Epoch milliseconds of its last report. */
  readonly seenAt: number
}

/** What becomes of the fire times that nobody was there for. */
export type OnMissed = 'skip' | 'once' | 'all'

/** Adds a task again and again, once for each fire time, whatever crashes or runs twice. */
export interface Schedule {
  /** Unique; adding one of the same name replaces it. */
  readonly name: string
  /** Five or six fields, as the `croner` library reads them. */
  readonly cron: string
  /** IANA name. Default UTC. */
  readonly timeZone?: string
  readonly task: Omit<NewTask, 'runAt' | 'dependsOn' | 'ref' | 'dedupeKey' | 'onDuplicate'>
  /** Default `once`: one task for all that were missed. `all` adds at most 1,000 at a time. */
  readonly onMissed?: OnMissed
}

export interface StoredSchedule extends Schedule {
  /** Epoch milliseconds; undefined when it never fires again. */
  readonly nextAt?: number
  readonly lastAt?: number
}

export interface FireReport {
  /** Tasks that were added. */
  readonly fired: readonly { readonly schedule: string; readonly taskId: number; readonly at: number }[]
  /** Fire times that could get no task (it would wait for itself, say). They do not come again. */
  readonly refused: readonly { readonly schedule: string; readonly at: number; readonly error: ErrorRecord }[]
  /** When the next schedule is due. */
  readonly nextAt?: number
}

/** Of one lane; durations are those of handlers, in ms, from a histogram with 10 % wide buckets. */
export interface LaneStatistics {
  readonly lane: string
  readonly paused: boolean
  readonly counts: StatusCounts
  /** Attempts that were put to `retry`, ever. */
  readonly retries: number
  readonly durations: {
    readonly count: number
    readonly averageMs: number
    readonly p50Ms: number
    readonly p95Ms: number
    readonly p99Ms: number
    readonly maxMs: number
  }
  /** Tasks that ended `completed` or `failed` a second, over the last 1, 5 and 15 minutes. */
  readonly throughput: { readonly m1: number; readonly m5: number; readonly m15: number }
}

/** Which tasks; all given conditions hold. At least one must be given to `retryFailed` or `prune`. */
export interface TaskFilter {
  readonly ids?: readonly number[]
  readonly lane?: string
  readonly kind?: string
  /** Of the stored error. */
  readonly errorCode?: string
  readonly status?: TaskStatus
  readonly group?: string
}

export interface CancelReport {
  /** Were open and are cancelled now. */
  readonly cancelled: readonly number[]
  /** Run somewhere: their coordinator was asked to end them. */
  readonly requested: readonly number[]
}

export interface RenewReport {
  /** Leases that are lost, so that their work can be stopped. */
  readonly lost: readonly Lease[]
  /** Leases of tasks that somebody wants to end. */
  readonly cancelRequested: readonly Lease[]
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
  /** Extends leases, and stores what the tasks reported of their progress. */
  renew(
    leases: readonly Lease[],
    leaseMs: number,
    progress?: readonly { readonly taskId: number; readonly value: unknown }[],
  ): Promise<RenewReport>
  /** Says that this coordinator lives; with what it tells of itself. */
  report(coordinator: CoordinatorReport): Promise<void>
  /** Takes the coordinator off the list: it has stopped. */
  leave(coordinatorId: string): Promise<void>
  /** Those that live, as far as is known. */
  coordinators(): Promise<readonly Coordinator[]>
  /** Takes back what a vanished coordinator held. */
  sweep(options?: SweepOptions): Promise<SweepReport>
  /**
   * From when on a claim of `lane` with that `rate` gets something: now when it already would, undefined when
   * something else has to happen first (a task is added, a concurrency key is given back, the lane is resumed).
   */
  nextDueAt(lane: string, rate?: RateLimit): Promise<number | undefined>
  get(taskId: number): Promise<Task | undefined>
  /** Newest last, or newest first. */
  list(
    filter: TaskFilter & {
      readonly afterId?: number
      readonly beforeId?: number
      readonly newestFirst?: boolean
      readonly limit: number
    },
  ): Promise<readonly Task[]>
  /** Counts of a lane, or of everything. */
  counts(lane?: string): Promise<StatusCounts>
  /** Open (not final) tasks of a group. */
  openInGroup(group: string): Promise<number>
  /** Every lane that a task was ever added to, or that was paused. */
  statistics(): Promise<readonly LaneStatistics[]>
  /** Cancels tasks that do not run yet, and asks for the end of those that do. */
  cancel(taskIds: readonly number[]): Promise<CancelReport>
  /**
   * Gives failed tasks all their attempts again: `failures` is 0, `priority` and `attempt` stay what they are, the
   * `error` stays until the task ends again. At most `limit`, oldest first; answers their ids.
   *
   * A task that failed because of a dependency waits for it again when that is retried too, in the same call or
   * before. It stays failed when its dependency does, as does one whose `dedupeKey` an open task has by now, and
   * one that would wait for its own group.
   *
   * What the program's `failures` function wrote when the task failed is there already and is not taken back: its
   * commit function must be able to overwrite it, and the failure function runs again when the task fails again.
   *
   * @throws `queue/empty-filter` when the filter has no condition.
   */
  retryFailed(filter: TaskFilter, limit: number): Promise<readonly number[]>
  /** Hands out no task of the lane, to any coordinator, until it is resumed; kept over restarts. */
  setPaused(lane: string, paused: boolean): Promise<void>
  pausedLanes(): Promise<readonly string[]>
  /**
   * Forgets final tasks that ended before `endedBefore` (epoch ms) and that no open task depends on. At most `limit`,
   * oldest first; answers how many.
   */
  prune(filter: TaskFilter & { readonly endedBefore: number }, limit: number): Promise<number>
  putSchedule(schedule: Schedule): Promise<StoredSchedule>
  /** False when there was none. */
  removeSchedule(name: string): Promise<boolean>
  schedules(): Promise<readonly StoredSchedule[]>
  /** Adds the tasks of all schedules that are due; each fire time once, whoever asks and how often. */
  fireSchedules(): Promise<FireReport>
  /**
   * Calls back soon after another process has changed the backend, and perhaps once at the start, for what changed
   * meanwhile. The returned function ends it.
   */
  watch(onChange: () => void): () => void
  /** Runs a named function of the store's program (see `commit.ts`) in a transaction of its own. */
  call(name: string, argument: unknown): Promise<unknown>
  close(): Promise<void>
}
