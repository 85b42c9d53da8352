/**
 * A task as a database row, and back.
 *
 * @module
 */

import type { ErrorRecord } from '../../errors.ts'
import type { Task, TaskStatus } from '../task.ts'

/** A row of `queue_tasks`. */
export interface TaskRow {
  readonly id: number
  readonly kind: string
  readonly lane: string
  readonly payload: string
  readonly status: TaskStatus
  readonly priority: number
  readonly run_at: number
  readonly attempt: number
  readonly failures: number
  readonly max_retries: number
  readonly timeout_ms: number | null
  readonly task_group: string | null
  readonly after_group: string | null
  readonly blockers: number
  readonly dedupe_key: string | null
  readonly concurrency_key: string | null
  readonly memory_bytes: number | null
  readonly cancel_requested: number
  readonly alone: number
  readonly created_at: number
  readonly started_at: number | null
  readonly finished_at: number | null
  readonly worker_id: string | null
  readonly token: string | null
  readonly progress: string | null
  readonly result: string | null
  readonly error: string | null
}

/** The columns that a task has when it is claimed; the others are empty then, or set by the claim. */
export type ClaimableRow = Pick<TaskRow, (typeof CLAIMABLE_COLUMNS)[number]>

export const CLAIMABLE_COLUMNS = [
  'id',
  'kind',
  'lane',
  'payload',
  'status',
  'priority',
  'run_at',
  'attempt',
  'failures',
  'max_retries',
  'timeout_ms',
  'task_group',
  'dedupe_key',
  'concurrency_key',
  'memory_bytes',
  'alone',
  'created_at',
  'error',
] as const

type Unfinished = { -readonly [Name in keyof Task]: Task[Name] }

export function taskOfRow(row: TaskRow): Task {
  const task = taskOfClaimable(row)
  if (row.cancel_requested === 1) task.cancelRequested = true
  if (row.started_at !== null) task.startedAt = row.started_at
  if (row.finished_at !== null) task.finishedAt = row.finished_at
  if (row.worker_id !== null) task.workerId = row.worker_id
  if (row.progress !== null) task.progress = JSON.parse(row.progress)
  if (row.result !== null) task.result = JSON.parse(row.result)
  return task
}

/** The part of a task that the claimable columns say; a field is absent when its column is NULL. */
export function taskOfClaimable(row: ClaimableRow): Unfinished {
  const task: Unfinished = {
    id: row.id,
    kind: row.kind,
    lane: row.lane,
    payload: JSON.parse(row.payload),
    status: row.status,
    priority: row.priority,
    runAt: row.run_at,
    attempt: row.attempt,
    failures: row.failures,
    maxRetries: row.max_retries,
    createdAt: row.created_at,
  }
  if (row.timeout_ms !== null) task.timeoutMs = row.timeout_ms
  if (row.task_group !== null) task.group = row.task_group
  if (row.dedupe_key !== null) task.dedupeKey = row.dedupe_key
  if (row.concurrency_key !== null) task.concurrencyKey = row.concurrency_key
  if (row.memory_bytes !== null) task.memoryBytes = row.memory_bytes
  if (row.error !== null) task.error = JSON.parse(row.error) as ErrorRecord
  return task
}
