/**
 * The errors of the engine. Those that a task ends with are stored as records; the others are thrown at the
 * caller who asked for something impossible.
 *
 * @module
 */

import { type ErrorRecord, HeirloomError, type Recovery } from '../errors.ts'

/** A task was added that depends on a task which does not exist. */
export class UnknownDependencyError extends HeirloomError {
  readonly code = 'queue/unknown-dependency'
  readonly recovery = 'discard'

  constructor(taskId: number) {
    super(`dependency ${taskId} is not a task`, { hint: 'Add a task before those that depend on it.' })
  }
}

/** A task was added that would wait for itself through a group. */
export class WaitCycleError extends HeirloomError {
  readonly code = 'queue/wait-cycle'
  readonly recovery = 'discard'

  constructor(group: string) {
    super(`task in group ${JSON.stringify(group)} waits for something that waits for this group`, {
      hint: 'Put the task into another group.',
    })
  }
}

/** A task depends on a `ref` that no task of the same addition has. */
export class UnknownRefError extends HeirloomError {
  readonly code = 'queue/unknown-ref'
  readonly recovery = 'discard'

  constructor(ref: string) {
    super(`dependency ${JSON.stringify(ref)} is the ref of no task of this addition`, {
      hint: 'A ref is known within one addition only; later ones name the task by its id.',
    })
  }
}

/** Two tasks of one addition have the same `ref`. */
export class DuplicateRefError extends HeirloomError {
  readonly code = 'queue/duplicate-ref'
  readonly recovery = 'discard'

  constructor(ref: string) {
    super(`ref ${JSON.stringify(ref)} is that of two tasks of this addition`)
  }
}

/** Tasks of one addition depend on each other in a ring; the message names it. */
export class DependencyCycleError extends HeirloomError {
  readonly code = 'queue/dependency-cycle'
  readonly recovery = 'discard'

  /** `cycle` begins and ends with the same ref. */
  constructor(cycle: readonly string[]) {
    super(`tasks depend on each other: ${cycle.join(' → ')}`, { hint: 'Take one of these dependencies out.' })
  }
}

/** A filter that would match every task was given to something that changes what it matches. */
export class EmptyFilterError extends HeirloomError {
  readonly code = 'queue/empty-filter'
  readonly recovery = 'discard'

  constructor() {
    super('filter has no condition', {
      hint: 'Give at least one of ids, lane, kind, errorCode, status, group.',
    })
  }
}

/** A task was added whose fields cannot be stored. */
export class InvalidTaskError extends HeirloomError {
  readonly code = 'queue/invalid-task'
  readonly recovery = 'discard'
}

/** A schedule was put whose expression, time zone or task cannot be used. */
export class InvalidScheduleError extends HeirloomError {
  readonly code = 'queue/invalid-schedule'
  readonly recovery = 'discard'
}

/** {@link Backend.call} named a function that the store's program does not have. */
export class UnknownCallError extends HeirloomError {
  readonly code = 'queue/unknown-call'
  readonly recovery = 'discard'

  constructor(name: string, known: readonly string[]) {
    super(`program has no function ${JSON.stringify(name)}, only: ${known.join(', ') || 'none'}`)
  }
}

/** The module given as the store's program or as the worker module lacks its export. */
export class InvalidModuleError extends HeirloomError {
  readonly code = 'queue/invalid-module'
  readonly recovery = 'discard'
}

/** The database was written by a newer version of this package. */
export class NewerSchemaError extends HeirloomError {
  readonly code = 'queue/newer-schema'
  readonly recovery = 'discard'

  constructor(component: string, found: number, known: number) {
    super(`database has version ${found} of ${component}, this program knows up to ${known}`, {
      hint: 'Update heirloom.',
    })
  }
}

/** The store was closed, or its thread ended, with a request under way. */
export class StoreClosedError extends HeirloomError {
  readonly code = 'queue/store-closed'
  readonly recovery = 'retry'
}

/** Thrown by what needs a running queue. */
export class NotRunningError extends HeirloomError {
  readonly code = 'queue/not-running'
  readonly recovery = 'retry'

  constructor(open: number) {
    super(`queue is not running, ${open} tasks are open`, { hint: 'Call startProcessing first.' })
  }
}

/** The manager was given options that contradict each other; all problems in one message. */
export class InvalidQueueOptionsError extends HeirloomError {
  readonly code = 'queue/invalid-options'
  readonly recovery = 'discard'

  constructor(problems: readonly string[]) {
    super(problems.join('; '))
  }
}

/** An error that was thrown in another thread or process, as far as it can be sent. */
export class ForwardedError extends HeirloomError {
  readonly code: `${string}/${string}`
  readonly recovery: Recovery

  constructor(record: ErrorRecord) {
    super(record.message, record.hint === undefined ? {} : { hint: record.hint })
    this.code = record.code as `${string}/${string}`
    this.recovery = record.recovery
  }
}

/** What a task ends with when one that it depends on failed or was cancelled. */
export function dependencyFailed(taskId: number, status: 'failed' | 'cancelled'): ErrorRecord {
  return {
    code: 'queue/dependency-failed',
    message: `task ${taskId}, which it depends on, ${status === 'failed' ? 'failed' : 'was cancelled'}`,
    recovery: 'discard',
  }
}

/** What a task ends with that was cancelled before it ran. */
export function taskCancelled(taskId: number): ErrorRecord {
  return { code: 'queue/cancelled', message: `task ${taskId} was cancelled`, recovery: 'discard' }
}

/** What an attempt ends with whose coordinator has vanished. */
export function leaseExpired(workerId: string | undefined): ErrorRecord {
  return {
    code: 'queue/lease-expired',
    message: `coordinator ${workerId ?? 'unknown'} vanished while it held the task`,
    recovery: 'retry',
  }
}

/** What an attempt ends with that took too long. */
export function taskTimedOut(timeoutMs: number): ErrorRecord {
  return { code: 'queue/timeout', message: `attempt took longer than ${timeoutMs} ms`, recovery: 'retry' }
}

/** What a handler is told that goes on after its attempt has timed out, was cancelled or stopped. */
export function attemptGivenUp(taskId: number): ErrorRecord {
  return { code: 'queue/given-up', message: `attempt of task ${taskId} was given up`, recovery: 'retry' }
}

/** What an attempt ends with that took its worker process down. `output` is the end of what it printed. */
export function workerCrashed(how: string, output: string): ErrorRecord {
  const message = output === '' ? `worker ${how}` : `worker ${how}: ${output}`
  return { code: 'queue/worker-crashed', message, recovery: 'retry' }
}

/** What an attempt ends with whose kind nobody handles. */
export function unknownKind(kind: string): ErrorRecord {
  return {
    code: 'queue/unknown-kind',
    message: `no handler for tasks of kind ${JSON.stringify(kind)}`,
    recovery: 'discard',
  }
}
