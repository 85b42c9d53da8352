/**
 * Keeps tasks that share a concurrency key apart, without a claim ever looking at those that have to wait.
 *
 * Of all due tasks with a key, the first of each lane may be `ready` 1, and none while one is processing; the
 * others are 2, which no claim sees. That at most one is processing is held by a unique index besides. Whoever
 * changes a task with a key makes it 2 and calls {@link ConcurrencyKeys.touch}; before a claim and at the end of a
 * transaction each touched key is put in order, which costs a few look-ups by index for each lane, however many
 * tasks there are. Putting a key in order twice, or one that is in order, changes nothing: so nothing has to
 * be undone when a part of a transaction is.
 *
 * @module
 */

import type { Statements } from './statements.ts'

/** Values of the column `ready`. */
export const NOT_DUE = 0
const READY = 1
const BLOCKED = 2

interface Ranked {
  readonly id: number
  readonly priority: number
}

/** The `ready` of a task that waits for nothing else. */
export function readiness(runAt: number, concurrencyKey: string | null, now: number): number {
  if (runAt > now) return NOT_DUE
  return concurrencyKey === null ? READY : BLOCKED
}

export class ConcurrencyKeys {
  readonly #sql: Statements
  readonly #touched = new Set<string>()

  constructor(sql: Statements) {
    this.#sql = sql
  }

  /** A task with this key was added, changed, or ended. */
  touch(key: string | null): void {
    if (key !== null) this.#touched.add(key)
  }

  /** Lets the first of each lane go on, for every key that was touched. */
  putInOrder(): void {
    for (const key of this.#touched) this.#putInOrder(key)
    this.#touched.clear()
  }

  /** Forgets what a transaction that was rolled back had touched. */
  clear(): void {
    this.#touched.clear()
  }

  #putInOrder(key: string): void {
    if (this.#sql.isKeyHeld.get(key) !== undefined) {
      this.#sql.blockKey.run(key)
      return
    }
    // No lane has an empty name, so this is before the first.
    let lane = ''
    for (;;) {
      const best = this.#sql.nextBlocked.get(key, lane) as unknown as (Ranked & { lane: string }) | undefined
      if (best === undefined) return
      lane = best.lane
      this.#giveWay(this.#sql.keyHead.get(key, lane) as unknown as Ranked | undefined, best)
    }
  }

  #giveWay(head: Ranked | undefined, best: Ranked): void {
    if (head !== undefined) {
      const stays = head.priority > best.priority || (head.priority === best.priority && head.id < best.id)
      if (stays) return
      this.#sql.setReady.run(BLOCKED, head.id)
    }
    this.#sql.setReady.run(READY, best.id)
  }
}
