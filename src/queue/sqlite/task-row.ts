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
  readonly alone: number
  readonly created_at: number
  readonly started_at: number | null
  readonly finished_at: number | null
  readonly worker_id: string | null
  readonly token: string | null
  readonly result: string | null
  readonly error: string | null
}

export function taskOfRow(row: TaskRow): Task {
  return {
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
    ...present('timeoutMs', row.timeout_ms),
    ...present('group', row.task_group),
    ...present('dedupeKey', row.dedupe_key),
    ...present('startedAt', row.started_at),
    ...present('finishedAt', row.finished_at),
    ...present('workerId', row.worker_id),
    ...(row.result === null ? {} : { result: JSON.parse(row.result) as unknown }),
    ...(row.error === null ? {} : { error: JSON.parse(row.error) as ErrorRecord }),
  }
}

/** The field, or no field at all when the column is NULL. */
function present<Name extends string, Value>(
  name: Name,
  value: Value | null,
): { readonly [Key in Name]?: Value } {
  return value === null ? {} : ({ [name]: value } as { [Key in Name]: Value })
}
