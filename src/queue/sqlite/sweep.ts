/**
 * Takes back what vanished coordinators held.
 *
 * Whoever is provably dead loses its tasks at once, and they are not charged: nobody has failed at them. Of
 * all others only the lease tells. A sweep that finds nothing has written nothing and locked nobody out.
 *
 * @module
 */

import type { SweepOptions, SweepReport } from '../backend.ts'
import type { CoordinatorTable } from './coordinator-table.ts'
import type { Settling } from './settling.ts'
import type { Statements } from './statements.ts'
import type { TaskRow } from './task-row.ts'
import type { Transactions } from './transactions.ts'

/** Rows that one transaction of a sweep changes at most, so that claims get their turn in between. */
const SWEEP_ROWS = 500

export interface SweeperOptions {
  readonly transactions: Transactions
  readonly sql: Statements
  readonly settling: Settling
  readonly coordinators: CoordinatorTable
}

export class Sweeper {
  readonly #options: SweeperOptions

  constructor(options: SweeperOptions) {
    this.#options = options
  }

  sweep({ takeOver = false }: SweepOptions, now: number): SweepReport {
    if (takeOver) return { expired: [], released: this.#inPortions(() => this.#releaseAll()) }
    const dead = this.#options.coordinators.dead()
    const released = dead.flatMap(({ id }) => this.#releaseFrom(id))
    const isExpired = this.#options.sql.expired.get(now, 1) !== undefined
    const expired = isExpired ? this.#inPortions(() => this.#expireSome()) : []
    const orphans = dead.flatMap(({ lanes }) =>
      Object.values(lanes).flatMap(({ processes = [] }) => processes),
    )
    return { expired, released, ...(orphans.length === 0 ? {} : { orphans }) }
  }

  /** Repeats a transaction that changes so many rows at most until it finds less. */
  #inPortions(change: () => readonly number[]): number[] {
    const changed: number[] = []
    for (;;) {
      const ids = this.#options.transactions.run(change)
      changed.push(...ids)
      if (ids.length < SWEEP_ROWS) return changed
    }
  }

  #releaseAll(): number[] {
    const held = this.#options.sql.expired.all(Number.MAX_SAFE_INTEGER, SWEEP_ROWS)
    return (held as unknown as TaskRow[]).map((row) => this.#release(row))
  }

  /** Takes back all that a dead coordinator holds, then forgets it. */
  #releaseFrom(coordinatorId: string): number[] {
    const { sql, transactions, coordinators } = this.#options
    const ids = this.#inPortions(() => {
      const held = sql.heldBy.all(coordinatorId, SWEEP_ROWS) as unknown as TaskRow[]
      return held.map((row) => this.#release(row))
    })
    transactions.run(() => coordinators.leave(coordinatorId))
    return ids
  }

  #release(row: TaskRow): number {
    const { settling, transactions } = this.#options
    settling.release(row, row.run_at, transactions.now)
    return row.id
  }

  #expireSome(): number[] {
    const { sql, transactions, settling } = this.#options
    const rows = sql.expired.all(transactions.now, SWEEP_ROWS) as unknown as TaskRow[]
    for (const row of rows) settling.expire(row, transactions.now)
    return rows.map(({ id }) => id)
  }
}
