/**
 * What the engine tells those who watch it. It knows no logger: logs, metrics and progress bars subscribe.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'
import type { TaskStatus } from './task.ts'

/** Why a worker process ended. */
export type WorkerExitReason =
  | 'stopped'
  | 'idle'
  | 'surplus'
  | 'timeout'
  | 'lease-lost'
  | 'killed'
  | 'crashed'

export interface TaskRef {
  readonly id: number
  readonly kind: string
  readonly lane: string
}

/** Every event by name, with what it carries. */
export interface QueueEvents {
  /** An attempt begins to run (or its batch member's turn has come). */
  'task.started': { readonly task: TaskRef; readonly attempt: number; readonly workerPid?: number }
  /** An attempt's end is committed. `stale`: somebody else had taken the task over, nothing was changed. */
  'task.settled': {
    readonly task: TaskRef
    readonly status: TaskStatus | 'stale'
    readonly durationMs: number
    /** Of this attempt; also set when the task goes to `retry`. */
    readonly error?: ErrorRecord
  }
  'task.progress': { readonly task: TaskRef; readonly value: unknown }
  'worker.started': { readonly lane: string; readonly pid: number }
  'worker.exited': {
    readonly lane: string
    readonly pid: number
    readonly reason: WorkerExitReason
    /** `exit code 1` or `signal SIGSEGV`. */
    readonly how: string
  }
  /** The lease of these tasks was lost: they are no longer ours, their work was stopped. */
  'lease.lost': { readonly taskIds: readonly number[] }
  /** Tasks of a vanished coordinator were taken back. */
  'tasks.recovered': { readonly expired: readonly number[]; readonly released: readonly number[] }
  /** The manager cannot go on; `drain` rejects with the same error. */
  'queue.failed': { readonly error: unknown }
}

export type Listener<Value> = (value: Value) => void

/** A small typed emitter: listeners run at once and in order; one that throws is a bug and is thrown on. */
export class TypedEmitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()

  /** Calls back on every `name`; the returned function ends it. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const set = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, set)
    set.add(listener)
    return () => {
      set.delete(listener)
    }
  }

  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) (listener as Listener<Events[Name]>)(value)
  }
}
