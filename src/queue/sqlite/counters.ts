/**
 * The changes that a transaction makes to the counts by lane and status, written once at its end.
 *
 * A batch of a hundred ends changes two counters two hundred times; summed up it is two statements.
 *
 * @module
 */

import type { StatementSync } from 'node:sqlite'
import type { TaskStatus } from '../task.ts'

interface Change {
  readonly lane: string
  readonly status: TaskStatus
  readonly by: number
}

/** Sums by `status lane`: a status has no space, so that no two keys are the same. */
export type CounterChanges = ReadonlyMap<string, Change>

export class Counters {
  readonly #onArrival: (lane: string, status: TaskStatus) => void
  #changes = new Map<string, Change>()

  /** `onArrival` is called with every task that comes to a state. */
  constructor(onArrival: (lane: string, status: TaskStatus) => void) {
    this.#onArrival = onArrival
  }

  /** So many tasks more, or less. */
  add(lane: string, status: TaskStatus, by: number): void {
    for (let arrived = 0; arrived < by; arrived += 1) this.#onArrival(lane, status)
    const key = `${status} ${lane}`
    this.#changes.set(key, { lane, status, by: (this.#changes.get(key)?.by ?? 0) + by })
  }

  /** What there is so far, for {@link Counters.restore} when a part of the transaction is undone. */
  snapshot(): CounterChanges {
    return new Map(this.#changes)
  }

  restore(changes: CounterChanges): void {
    this.#changes = new Map(changes)
  }

  /** Writes the sums inside the transaction that is about to commit. */
  flush(count: StatementSync): void {
    for (const { lane, status, by } of this.#changes.values()) if (by !== 0) count.run(lane, status, by)
    this.#changes.clear()
  }

  /** Forgets what a transaction that was rolled back had changed. */
  clear(): void {
    this.#changes.clear()
  }
}
