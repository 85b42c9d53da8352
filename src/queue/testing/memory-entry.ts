/**
 * One task as the memory backend keeps it, and what can be said of it without looking at any other.
 *
 * @module
 */

import type { ErrorRecord } from '../../errors.ts'
import type { PreparedTask } from '../new-task.ts'
import { dependencyFailed } from '../queue-errors.ts'
import { FINAL_STATUSES, type OnDependencyFailure, type Task, type TaskStatus } from '../task.ts'

export interface Entry {
  readonly task: Task
  readonly token?: string
  readonly leaseUntil?: number
  readonly alone: boolean
  /** Dependencies that have not finished. */
  readonly parents: ReadonlyMap<number, OnDependencyFailure>
  readonly afterGroup?: string
}

export function isOpen({ task }: Entry): boolean {
  return !FINAL_STATUSES.includes(task.status)
}

export function canBeClaimed({ task: { status } }: Entry): boolean {
  return status === 'pending' || status === 'retry'
}

/** How a task ends because one that it depends on did not complete. */
export interface Doom {
  readonly status: 'failed' | 'cancelled'
  readonly error: ErrorRecord
}

/** Undefined when the dependency's end lets the task run. */
export function doomBy({ id, status }: Task, rule: OnDependencyFailure): Doom | undefined {
  if (rule === 'run' || (status !== 'failed' && status !== 'cancelled')) return undefined
  return { status: rule === 'fail' ? 'failed' : 'cancelled', error: dependencyFailed(id, status) }
}

/** A task as it is before its first attempt. */
export function newTask(id: number, task: PreparedTask, status: TaskStatus, now: number): Task {
  const { kind, lane, payload, priority, runAt, maxRetries, timeoutMs, group, dedupeKey } = task
  return {
    id,
    kind,
    lane,
    payload: JSON.parse(payload),
    status,
    priority,
    runAt,
    attempt: 0,
    failures: 0,
    maxRetries,
    createdAt: now,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(group === undefined ? {} : { group }),
    ...(dedupeKey === undefined ? {} : { dedupeKey }),
  }
}
