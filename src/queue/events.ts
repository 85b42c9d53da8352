/**
 * What the engine tells those who watch it. It knows no logger: logs, metrics and progress bars subscribe.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'
import type { GovernorEvents } from './memory/governor.ts'
import type { TaskStatus } from './task.ts'

/** Why a worker process ended. `memory`: it grew beyond its limit. `cancelled`: its task would not end by itself. */
export type WorkerExitReason =
  | 'stopped'
  | 'idle'
  | 'surplus'
  | 'timeout'
  | 'cancelled'
  | 'memory'
  | 'lease-lost'
  | 'killed'
  | 'crashed'

export interface TaskRef {
  readonly id: number
  readonly kind: string
  readonly lane: string
}

/** Every event by name, with what it carries; the memory governor's among them. */
export interface QueueEvents extends GovernorEvents {
  /** Tasks were added through this object; one event for each lane of an addition. */
  'task.added': { readonly lane: string; readonly count: number }
  /** An attempt begins to run (or its batch member's turn has come). */
  'task.started': {
    readonly task: TaskRef
    readonly attempt: number
    /** Charged attempts before this one. */
    readonly failures: number
    readonly maxRetries: number
    readonly workerPid?: number
  }
  /** An attempt's end is committed. `stale`: somebody else had taken the task over, nothing was changed. */
  'task.settled': {
    readonly task: TaskRef
    readonly status: TaskStatus | 'stale'
    readonly attempt: number
    /** Charged attempts, this one included. */
    readonly failures: number
    readonly maxRetries: number
    readonly durationMs: number
    /** Of this attempt; also set when the task goes to `retry`. */
    readonly error?: ErrorRecord
    /** Epoch milliseconds of the next attempt, when the task went to `retry`. */
    readonly retryAt?: number
  }
  'task.progress': { readonly task: TaskRef; readonly value: unknown }
  /** The end of running tasks was asked for, here or by another process. */
  'tasks.cancelling': { readonly taskIds: readonly number[] }
  'schedule.fired': { readonly schedule: string; readonly taskId: number; readonly at: number }
  /** A fire time that could get no task. */
  'schedule.refused': { readonly schedule: string; readonly at: number; readonly error: ErrorRecord }
  'worker.started': { readonly lane: string; readonly pid: number }
  'worker.exited': {
    readonly lane: string
    readonly pid: number
    readonly reason: WorkerExitReason
    /** `exit code 1` or `signal SIGSEGV`. */
    readonly how: string
  }
  /** Seen in the backend, or done here: no coordinator hands out tasks of the lane. */
  'lane.paused': { readonly lane: string }
  'lane.resumed': { readonly lane: string }
  /** The lease of these tasks was lost: they are no longer ours, their work was stopped. */
  'lease.lost': { readonly taskIds: readonly number[] }
  /** Tasks of a vanished coordinator were taken back. */
  'tasks.recovered': { readonly expired: readonly number[]; readonly released: readonly number[] }
  /** The engine cannot go on; `drain` rejects with the same error. */
  'queue.failed': { readonly error: unknown }
}

export type Listener<Value> = (value: Value) => void

/**
 * A small typed emitter: listeners run at once and in order. What one throws is a bug of its own: it is thrown on as an
 * uncaught exception, and whoever emitted goes on, so that no slot or task is lost half-way.
 */
export class TypedEmitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()

  /** Calls back on every `name`; the returned function ends it. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const set = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, set)
    set.add(listener)
    return () => {
      set.delete(listener)
      if (set.size === 0 && this.#listeners.get(name) === set) this.#listeners.delete(name)
    }
  }

  /** Whether anybody would hear: what an event carries need not be made when nobody does. */
  has(name: keyof Events): boolean {
    return this.#listeners.has(name)
  }

  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    const set = this.#listeners.get(name)
    if (set === undefined) return
    for (const listener of set) {
      try {
        ;(listener as Listener<Events[Name]>)(value)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
