/**
 * Fills in and checks a new task, the same way for every backend.
 *
 * @module
 */

import { InvalidTaskError } from './queue-errors.ts'
import type { NewTask, OnDependencyFailure } from './task.ts'

/** Attempts after the first, unless the task says otherwise. */
export const DEFAULT_MAX_RETRIES = 3

/** Results whose JSON is longer are given to the commit function, but not stored. */
export const MAX_STORED_RESULT_LENGTH = 65_536

/** A new task with every default filled in; its payload is JSON text. */
export interface PreparedTask {
  readonly kind: string
  readonly lane: string
  readonly payload: string
  readonly priority: number
  readonly runAt: number
  readonly maxRetries: number
  readonly timeoutMs?: number
  readonly group?: string
  readonly afterGroup?: string
  readonly dedupeKey?: string
  /** By task id: each task is depended on once, the last rule given holds. */
  readonly dependsOn: ReadonlyMap<number, OnDependencyFailure>
}

/**
 * Checks `task` and fills in its defaults.
 *
 * @throws {@link InvalidTaskError} naming the field.
 */
export function prepareTask(task: NewTask, now: number): PreparedTask {
  const { kind, lane, priority = 0, runAt = now, maxRetries = DEFAULT_MAX_RETRIES, timeoutMs } = task
  requireName('kind', kind)
  requireName('lane', lane)
  requireInteger('priority', priority, Number.MIN_SAFE_INTEGER)
  requireInteger('maxRetries', maxRetries, 0)
  if (!Number.isFinite(runAt)) throw new InvalidTaskError(`runAt is not an instant: ${runAt}`)
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
    throw new InvalidTaskError(`timeoutMs is not a duration: ${timeoutMs}`)
  }
  const payload = payloadJson(task)
  return {
    kind,
    lane,
    payload,
    priority,
    runAt: Math.ceil(runAt),
    maxRetries,
    dependsOn: new Map(task.dependsOn?.map(({ taskId, onFailure = 'fail' }) => [taskId, onFailure])),
    ...(timeoutMs === undefined ? {} : { timeoutMs: Number.isFinite(timeoutMs) ? Math.ceil(timeoutMs) : 0 }),
    ...(task.group === undefined ? {} : { group: task.group }),
    ...(task.afterGroup === undefined ? {} : { afterGroup: task.afterGroup }),
    ...(task.dedupeKey === undefined ? {} : { dedupeKey: task.dedupeKey }),
  }
}

/** The JSON of a result as it is stored: `null` when there is none or it is too long. */
export function storedResult(result: unknown): string {
  const json = JSON.stringify(result) ?? 'null'
  return json.length > MAX_STORED_RESULT_LENGTH ? 'null' : json
}

function payloadJson({ kind, payload }: NewTask): string {
  try {
    return JSON.stringify(payload) ?? 'null'
  } catch (cause) {
    throw new InvalidTaskError(`payload of a ${kind} task is not JSON`, { cause })
  }
}

function requireName(field: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') {
    throw new InvalidTaskError(`${field} is not a name: ${JSON.stringify(value)}`)
  }
}

function requireInteger(field: string, value: number, min: number): void {
  if (!Number.isSafeInteger(value) || value < min) {
    throw new InvalidTaskError(`${field} is not a whole number from ${min} on: ${value}`)
  }
}
