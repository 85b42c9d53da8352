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
  /** Dependencies that have not finished; of a failed task also those that failed it. */
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
  return {
    id,
    status,
    runAt: task.runAt,
    attempt: 0,
    failures: 0,
    createdAt: now,
    ...given(task),
    ...(task.dedupeKey === undefined ? {} : { dedupeKey: task.dedupeKey }),
  }
}

/** An open task with payload and options of the new one. */
export function replacedTask(open: Task, task: PreparedTask): Task {
  return {
    id: open.id,
    status: open.status === 'waiting' ? 'waiting' : 'pending',
    runAt: task.onDuplicate === 'debounce' ? task.runAt : open.runAt,
    attempt: open.attempt,
    failures: 0,
    createdAt: open.createdAt,
    ...(open.startedAt === undefined ? {} : { startedAt: open.startedAt }),
    ...(open.dedupeKey === undefined ? {} : { dedupeKey: open.dedupeKey }),
    ...given(task),
  }
}

type Given = Omit<Task, 'id' | 'status' | 'runAt' | 'attempt' | 'failures' | 'createdAt'>

function given({ kind, lane, payload, priority, maxRetries, ...options }: PreparedTask): Given {
  const { timeoutMs, group, concurrencyKey, memoryBytes } = options
  return {
    kind,
    lane,
    payload: JSON.parse(payload),
    priority,
    maxRetries,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(group === undefined ? {} : { group }),
    ...(concurrencyKey === undefined ? {} : { concurrencyKey }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  }
}
