/**
 * Fills in and checks a new task, the same way for every backend.
 *
 * @module
 */

import { InvalidTaskError, UnknownRefError } from './queue-errors.ts'
import type { NewTask, OnDependencyFailure, OnDuplicate } from './task.ts'

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
  readonly onDuplicate: OnDuplicate
  readonly concurrencyKey?: string
  readonly memoryBytes?: number
  /** By task id: each task is depended on once, the last rule given holds. */
  readonly dependsOn: ReadonlyMap<number, OnDependencyFailure>
}

/**
 * Checks `task` and fills in its defaults. `idOfRef` knows the ids of the refs that the task depends on.
 *
 * @throws {@link InvalidTaskError} naming the field.
 */
export function prepareTask(
  task: NewTask,
  now: number,
  idOfRef: (ref: string) => number = refuseRef,
): PreparedTask {
  const { kind, lane, priority = 0, runAt = now, maxRetries = DEFAULT_MAX_RETRIES } = task
  requireName('kind', kind)
  requireName('lane', lane)
  requireInteger('priority', priority, Number.MIN_SAFE_INTEGER)
  requireInteger('maxRetries', maxRetries, 0)
  if (!Number.isFinite(runAt)) throw new InvalidTaskError(`runAt is not an instant: ${runAt}`)
  refuseWaitingReplacement(task)
  return {
    kind,
    lane,
    payload: payloadJson(task),
    priority,
    runAt: Math.ceil(runAt),
    maxRetries,
    dependsOn: parentsOf(task, idOfRef),
    onDuplicate: task.onDuplicate ?? 'ignore',
    ...namesOf(task),
    ...limitsOf(task),
  }
}

type Names = Pick<PreparedTask, 'group' | 'afterGroup' | 'dedupeKey' | 'concurrencyKey'>

function namesOf({ group, afterGroup, dedupeKey, concurrencyKey }: NewTask): Names {
  return {
    ...(group === undefined ? {} : { group }),
    ...(afterGroup === undefined ? {} : { afterGroup }),
    ...(dedupeKey === undefined ? {} : { dedupeKey }),
    ...(concurrencyKey === undefined ? {} : { concurrencyKey }),
  }
}

function limitsOf({ timeoutMs, memoryBytes }: NewTask): Pick<PreparedTask, 'timeoutMs' | 'memoryBytes'> {
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
    throw new InvalidTaskError(`timeoutMs is not a duration: ${timeoutMs}`)
  }
  if (memoryBytes !== undefined && !(memoryBytes >= 0 && memoryBytes <= Number.MAX_SAFE_INTEGER)) {
    throw new InvalidTaskError(`memoryBytes is not a size: ${memoryBytes}`)
  }
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs: Number.isFinite(timeoutMs) ? Math.ceil(timeoutMs) : 0 }),
    ...(memoryBytes === undefined ? {} : { memoryBytes: Math.ceil(memoryBytes) }),
  }
}

const NO_PARENTS: ReadonlyMap<number, OnDependencyFailure> = new Map()

function parentsOf(
  { dependsOn = [] }: NewTask,
  idOfRef: (ref: string) => number,
): ReadonlyMap<number, OnDependencyFailure> {
  if (dependsOn.length === 0) return NO_PARENTS
  return new Map(
    dependsOn.map((on) => ['taskId' in on ? on.taskId : idOfRef(on.ref), on.onFailure ?? 'fail']),
  )
}

function refuseRef(ref: string): never {
  throw new UnknownRefError(ref)
}

/**
 * What an open task waits for is fixed when it is added: else a replacement could make it wait for itself, or hold
 * back one that is due.
 */
function refuseWaitingReplacement({
  dedupeKey,
  onDuplicate = 'ignore',
  dependsOn = [],
  afterGroup,
}: NewTask): void {
  if (onDuplicate === 'ignore') return
  if (dedupeKey === undefined) throw new InvalidTaskError(`onDuplicate ${onDuplicate} needs a dedupeKey`)
  if (dependsOn.length > 0 || afterGroup !== undefined) {
    throw new InvalidTaskError(`onDuplicate ${onDuplicate} goes with neither dependsOn nor afterGroup`)
  }
}

/** The JSON of a result as it is stored: `null` when there is none or it is too long. */
export function storedResult(result: unknown): string {
  const json = JSON.stringify(result) ?? 'null'
  return json.length > MAX_STORED_RESULT_LENGTH ? 'null' : json
}

/** The JSON of a progress value as it is stored. */
export function storedProgress(value: unknown): string {
  return storedResult(value)
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
