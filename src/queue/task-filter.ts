/**
 * What a filter of tasks means, for every backend.
 *
 * @module
 */

import type { TaskFilter } from './backend.ts'
import { EmptyFilterError } from './queue-errors.ts'
import type { Task } from './task.ts'

const FIELDS = ['ids', 'lane', 'kind', 'errorCode', 'status', 'group'] as const

/** @throws {@link EmptyFilterError} when the filter would match every task. */
export function requireCondition(filter: TaskFilter): void {
  if (FIELDS.every((field) => filter[field] === undefined)) throw new EmptyFilterError()
}

/** A limit as a whole number that any store takes: 0 for what is no number. */
export function rowLimit(limit: number): number {
  return limit >= 1 ? Math.min(Math.floor(limit), Number.MAX_SAFE_INTEGER) : 0
}

export function matches(task: Task, { ids, errorCode, ...fields }: TaskFilter): boolean {
  if (ids !== undefined && !ids.includes(task.id)) return false
  if (errorCode !== undefined && task.error?.code !== errorCode) return false
  const { lane = task.lane, kind = task.kind, status = task.status, group = task.group } = fields
  return task.lane === lane && task.kind === kind && task.status === status && task.group === group
}
