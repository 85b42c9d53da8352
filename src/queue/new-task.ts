/**
 * Fills in and checks a new task, the same way for every backend.
 *
 * @module
 */

import { InvalidTaskError, UnknownRefError } from './queue-errors.ts'
import type { NewTask, OnDependencyFailure, OnDuplicate } from './task.ts'

/** Attempts after the first, unless the task says otherwise. */
export const DEFAULT_MAX_RETRIES = 3

/** The latest and, negated, the earliest instant there is, in ms from the epoch: what a `Date` holds. */
const LAST_INSTANT = 8.64e15

/** SQLite's integers go further than JavaScript's: a row with such a number could be stored, and never read again. */
const LOWEST_PRIORITY = -(2 ** 52)

const ON_FAILURE: readonly OnDependencyFailure[] = ['fail', 'skip', 'run']
const ON_DUPLICATE: readonly OnDuplicate[] = ['ignore', 'replace', 'debounce']

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
  // A retry takes one off.
  requireInteger('priority', priority, LOWEST_PRIORITY)
  requireInteger('maxRetries', maxRetries, 0)
  if (!(Math.abs(runAt) <= LAST_INSTANT)) throw new InvalidTaskError(`runAt is not an instant: ${runAt}`)
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
  for (const [field, text] of Object.entries({ group, afterGroup, dedupeKey, concurrencyKey })) {
    if (text !== undefined) requireText(field, text)
  }
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
    ...(timeoutMs === undefined ? {} : { timeoutMs: timeoutMs <= LAST_INSTANT ? Math.ceil(timeoutMs) : 0 }),
    ...(memoryBytes === undefined ? {} : { memoryBytes: Math.ceil(memoryBytes) }),
  }
}

const NO_PARENTS: ReadonlyMap<number, OnDependencyFailure> = new Map()

function parentsOf(
  { dependsOn = [] }: NewTask,
  idOfRef: (ref: string) => number,
): ReadonlyMap<number, OnDependencyFailure> {
  if (dependsOn.length === 0) return NO_PARENTS
  for (const { onFailure = 'fail' } of dependsOn) requireOneOf('onFailure', onFailure, ON_FAILURE)
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
  requireOneOf('onDuplicate', onDuplicate, ON_DUPLICATE)
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

/** An instant in whole ms that any store can keep: `now` for what is none, the latest for what lies beyond it. */
export function storedInstant(at: number, now: number): number {
  if (Number.isNaN(at)) return now
  return Math.ceil(Math.min(LAST_INSTANT, Math.max(-LAST_INSTANT, at)))
}

/** The JSON of a progress value as it is stored; undefined for what is not JSON: that is no reason to lose a lease. */
export function storedProgress(value: unknown): string | undefined {
  try {
    return storedResult(value)
  } catch {
    return undefined
  }
}

/** @throws {@link InvalidTaskError} */
export function payloadJson({ kind, payload }: NewTask): string {
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
  requireText(field, value)
}

/** UTF-8 has no half characters: two different names with one would become the same. */
function requireText(field: string, value: unknown): void {
  if (typeof value !== 'string' || !value.isWellFormed()) {
    throw new InvalidTaskError(`${field} is not Unicode text: ${JSON.stringify(value)}`)
  }
}

function requireOneOf(field: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return
  throw new InvalidTaskError(`${field} is not one of ${known.join(', ')}: ${JSON.stringify(value)}`)
}

function requireInteger(field: string, value: number, min: number): void {
  if (!Number.isSafeInteger(value) || value < min) {
    throw new InvalidTaskError(`${field} is not a whole number from ${min} on: ${value}`)
  }
}
