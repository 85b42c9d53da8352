/**
 * A filter of tasks as SQL: the conditions, and the index that finds what is rare among a million rows.
 *
 * SQLite is told which index to take, because by itself it prefers to walk the table in the order that is asked
 * for, and does not see that a partial index covers a bound value: so the index's own condition is repeated.
 *
 * @module
 */

import type { TaskFilter } from '../backend.ts'

/** By the filter's field; its value is bound by the same name. */
const CONDITIONS: Readonly<Record<keyof TaskFilter, string>> = {
  ids: 'id IN (SELECT value FROM json_each(:ids))',
  lane: 'lane = :lane',
  kind: 'kind = :kind',
  errorCode: "error IS NOT NULL AND error ->> '$.code' = :errorCode",
  status: 'status = :status',
  group: 'task_group = :group',
}

const RARE_STATUSES = `status <> 'pending' AND status <> 'processing' AND status <> 'completed'`

export interface FilterSql {
  /** What stands after FROM. */
  readonly from: string
  readonly conditions: readonly string[]
  readonly values: Readonly<Record<string, string>>
}

/** Fields of `filter` that are no conditions on a task are left out. */
export function filterSql(filter: TaskFilter): FilterSql {
  const { from, conditions } = access(filter)
  const values: Record<string, string> = {}
  for (const [field, condition] of Object.entries(CONDITIONS)) {
    const value = filter[field as keyof TaskFilter]
    if (value === undefined) continue
    conditions.push(condition)
    values[field] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  return { from, conditions, values }
}

/** The way to the rows: ids first, then what few tasks have. Each of these indexes answers in the order of ids. */
function access({ ids, group, errorCode, status }: TaskFilter): { from: string; conditions: string[] } {
  if (ids !== undefined) return { from: 'queue_tasks', conditions: [] }
  if (errorCode !== undefined) return { from: 'queue_tasks INDEXED BY queue_tasks_error', conditions: [] }
  if (status === 'processing') {
    return { from: 'queue_tasks INDEXED BY queue_tasks_lease', conditions: ["status = 'processing'"] }
  }
  if (status !== undefined && status !== 'pending' && status !== 'completed') {
    return { from: 'queue_tasks INDEXED BY queue_tasks_rare', conditions: [RARE_STATUSES] }
  }
  if (group !== undefined) return { from: 'queue_tasks INDEXED BY queue_tasks_group', conditions: [] }
  return { from: 'queue_tasks', conditions: [] }
}
