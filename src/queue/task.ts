/**
 * A task: the unit of work, its states, and how it is added.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'

/**
 * The seven states, the same words in code, database, log and dashboard.
 *
 * `waiting`: a dependency or group is unfinished, or `runAt` lies ahead of a first attempt's dependencies.
 * `pending`: may be claimed as soon as `runAt` has come. `processing`: a coordinator holds its lease.
 * `retry`: an attempt failed, the next one is due at `runAt`. The other three are final.
 */
export type TaskStatus = 'waiting' | 'pending' | 'processing' | 'retry' | 'completed' | 'failed' | 'cancelled'

/** States that a task never leaves by itself. */
export const FINAL_STATUSES: readonly TaskStatus[] = ['completed', 'failed', 'cancelled']

/** What becomes of a task when one that it depends on fails or is cancelled. */
export type OnDependencyFailure = 'fail' | 'skip' | 'run'

/** A task that must end first: one that exists, or one of the same addition, by its `ref`. */
export type Dependency = ({ readonly taskId: number } | { readonly ref: string }) & {
  /** `fail` fails this task too, `skip` cancels it, `run` runs it all the same. Default `fail`. */
  readonly onFailure?: OnDependencyFailure
}

/**
 * What becomes of an addition whose `dedupeKey` an open task has already.
 *
 * `ignore`: nothing, the open one answers. `replace`: the open one takes the new payload and options, and keeps
 * its place and due time, so that a steady stream of additions cannot put it off for ever. `debounce`: the same,
 * but it is due when the new one would be. A task that runs already cannot be changed: it gives up its key,
 * and the addition becomes a new task with it.
 *
 * A replaced task has all its attempts again and changes into the new one's group, but goes on waiting for what it
 * waited for: `replace` and `debounce` are refused together with `dependsOn` or `afterGroup`.
 */
export type OnDuplicate = 'ignore' | 'replace' | 'debounce'

/** What a caller gives to add a task. The payload must survive JSON. */
export interface NewTask<Payload = unknown> {
  readonly kind: string
  readonly lane: string
  readonly payload: Payload
  /** Higher runs first; equal priorities run in order of creation. Default 0. */
  readonly priority?: number
  /** Epoch milliseconds before which the task is not claimed. Default: at once. */
  readonly runAt?: number
  /** Attempts after the first. Default 3. */
  readonly maxRetries?: number
  /** Limit of one attempt; then its process is killed. Default: the lane's. */
  readonly timeoutMs?: number
  readonly dependsOn?: readonly Dependency[]
  /** The group that this task belongs to; the backend counts its open (not final) tasks. */
  readonly group?: string
  /** Waits until that group has no open task. Add it while one is open, else it is due at once. */
  readonly afterGroup?: string
  /** At most one open task has this key. */
  readonly dedupeKey?: string
  /** Default `ignore`. Only with a `dedupeKey`. */
  readonly onDuplicate?: OnDuplicate
  /** Of all tasks with this key at most one is processing, in whatever lane. */
  readonly concurrencyKey?: string
  /** Memory that an attempt is expected to take, in bytes: admitted against the lane's budget. Default 0. */
  readonly memoryBytes?: number
  /** A name for this task within one addition, for the `dependsOn` of others. Not stored. */
  readonly ref?: string
}

/** A task as stored. Instants are epoch milliseconds. */
export interface Task<Payload = unknown> {
  readonly id: number
  readonly kind: string
  readonly lane: string
  readonly payload: Payload
  readonly status: TaskStatus
  readonly priority: number
  readonly runAt: number
  /** How often it was handed out. Never counted back, so that no two runs have the same (id, attempt). */
  readonly attempt: number
  /** Attempts that ended in an error. A released or snoozed attempt is not charged. */
  readonly failures: number
  readonly maxRetries: number
  readonly timeoutMs?: number
  readonly group?: string
  readonly dedupeKey?: string
  readonly concurrencyKey?: string
  readonly memoryBytes?: number
  /** Somebody wants it to end while it is processing. */
  readonly cancelRequested?: boolean
  readonly createdAt: number
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly workerId?: string
  readonly progress?: unknown
  readonly result?: unknown
  readonly error?: ErrorRecord
}

/** The right to settle one attempt: the fencing token and the attempt must both still be the task's. */
export interface Lease {
  readonly taskId: number
  readonly attempt: number
  readonly token: string
}

/** A task handed out by `claim`. `alone` asks to run it in no batch: its last attempt killed a worker. */
export interface ClaimedTask<Payload = unknown> {
  readonly task: Task<Payload>
  readonly lease: Lease
  readonly alone: boolean
}
