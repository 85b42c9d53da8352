/**
 * Admits tasks of one lane against its memory budget.
 *
 * A task that does not fit waits, and smaller ones behind it may pass, but not for ever: once it has waited for
 * {@link PATIENCE_MS}, nothing that asks for memory passes it any more, so that room is made as others end. One
 * task may always run, also when it alone exceeds the budget.
 *
 * @module
 */

import type { ClaimedTask } from './task.ts'

/** How long smaller tasks may pass one that does not fit: a compromise between idle slots and a late big one. */
export const PATIENCE_MS = 2_000

export class MemoryBudget {
  readonly #budgetBytes: number
  readonly #now: () => number
  #usedBytes = 0
  #kept = 0
  /** The foremost task that did not fit, and since when. */
  #first: { readonly taskId: number; readonly since: number } | undefined

  /** No budget admits everything. `now`: milliseconds of any steady clock. */
  constructor(budgetBytes: number = Number.POSITIVE_INFINITY, now: () => number = () => performance.now()) {
    this.#budgetBytes = budgetBytes
    this.#now = now
  }

  get isLimited(): boolean {
    return Number.isFinite(this.#budgetBytes)
  }

  /** Tasks that did not fit when the last search was made. */
  get kept(): number {
    return this.#kept
  }

  /** Index of the foremost task that may run now, or -1. */
  findFitting(buffer: readonly ClaimedTask[]): number {
    let mayPass = true
    this.#kept = 0
    for (const [index, { task }] of buffer.entries()) {
      const { id, memoryBytes = 0 } = task
      if (memoryBytes === 0 || (mayPass && this.#fits(memoryBytes))) return index
      if (this.#kept === 0) mayPass = this.#isPatient(id)
      this.#kept += 1
    }
    return -1
  }

  /** Counts a task that is handed out. */
  admit({ task: { id, memoryBytes = 0 } }: ClaimedTask): void {
    this.#usedBytes += memoryBytes
    if (this.#first?.taskId === id) this.#first = undefined
  }

  /** An admitted task has ended. */
  release({ task: { memoryBytes = 0 } }: ClaimedTask): void {
    this.#usedBytes -= memoryBytes
  }

  #fits(memoryBytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + memoryBytes <= this.#budgetBytes
  }

  #isPatient(taskId: number): boolean {
    const now = this.#now()
    if (this.#first?.taskId !== taskId) this.#first = { taskId, since: now }
    return now - this.#first.since < PATIENCE_MS
  }
}
