/**
 * What a user of the engine does in the same transaction as a task's change of state.
 *
 * The store runs in a thread of its own, so these functions cannot be passed in: a {@link StoreProgram} is
 * the `program` export of a module that the store's thread loads.
 *
 * @module
 */

import type { AddedTask } from './backend.ts'
import type { NewTask, Task } from './task.ts'

/** One open transaction on the store's database. `Database` is the driver's own handle. */
export interface Transaction<Database = unknown> {
  readonly db: Database
  readonly now: number
  /** Adds tasks that exist if and only if this transaction commits. */
  add(tasks: readonly NewTask[]): readonly AddedTask[]
}

/**
 * Called with a completed task; what it returns becomes the settlement's `output`. When it throws, nothing of
 * it remains and the attempt is settled as an error. No function of a program may be async: its transaction ends when
 * it returns, so that a promise is refused as if it had thrown.
 */
export type CommitFunction<Database = unknown> = (
  transaction: Transaction<Database>,
  task: Task,
  result: unknown,
) => unknown

/**
 * Called with a task that went to `failed` or `cancelled`, its `error` set. What it returns becomes the `output` of the
 * settlement that ended the task; nobody gets it when something else did: a cancellation of a task that did not run, a
 * sweep, the end of what it depended on. When it throws, nothing of it remains, and the task's error says so.
 *
 * What it wrote is not taken back when the task is given another chance (`retryFailed`): the commit function must be
 * able to overwrite it, and it is called again when the task fails again.
 */
export type FailureFunction<Database = unknown> = (transaction: Transaction<Database>, task: Task) => unknown

export type CallFunction<Database = unknown> = (
  transaction: Transaction<Database>,
  argument: unknown,
) => unknown

export interface StoreProgram<Database = unknown> {
  /** Runs once after the queue's own migrations, before anything else. */
  readonly migrate?: (db: Database) => void
  /** By task kind. */
  readonly commits?: Readonly<Record<string, CommitFunction<Database>>>
  /** By task kind. */
  readonly failures?: Readonly<Record<string, FailureFunction<Database>>>
  /** By name, for `Backend.call`. */
  readonly calls?: Readonly<Record<string, CallFunction<Database>>>
}
