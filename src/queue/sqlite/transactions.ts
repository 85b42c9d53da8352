/**
 * Transactions on the store's database, with the sums that each writes at its end.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../clock.ts'
import { ConcurrencyKeys } from './concurrency-keys.ts'
import { Counters } from './counters.ts'
import type { Statements } from './statements.ts'
import { StatisticsTable } from './statistics-table.ts'

export class Transactions {
  readonly counters: Counters
  readonly statistics: StatisticsTable
  readonly keys: ConcurrencyKeys
  readonly #db: DatabaseSync
  readonly #sql: Statements
  readonly #clock: Clock
  #now = 0

  constructor(db: DatabaseSync, sql: Statements, clock: Clock) {
    this.#db = db
    this.#sql = sql
    this.#clock = clock
    this.statistics = new StatisticsTable(db)
    this.keys = new ConcurrencyKeys(sql)
    this.counters = new Counters((lane, status) => this.statistics.arrived(lane, status))
  }

  /** The running transaction's instant: one `now` for all that it does. */
  get now(): number {
    return this.#now
  }

  run<Result>(work: () => Result): Result {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      this.#now = this.#clock.now()
      const result = work()
      this.keys.putInOrder()
      this.counters.flush(this.#sql.count)
      this.statistics.flush(this.#now)
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      this.counters.clear()
      this.keys.clear()
      this.statistics.restore(0)
      // A full disk makes SQLite roll back by itself.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  /** Runs a part of a transaction that may fail by itself, leaving nothing behind when it does. */
  attempt<Result>(work: () => Result): { readonly value: Result } | { readonly error: unknown } {
    const counted = this.counters.snapshot()
    const noted = this.statistics.snapshot()
    this.#sql.beginPart.run()
    try {
      const value = work()
      this.#sql.endPart.run()
      return { value }
    } catch (error) {
      if (!this.#db.isTransaction) throw error
      this.#db.exec('ROLLBACK TO part; RELEASE part')
      this.counters.restore(counted)
      this.statistics.restore(noted)
      return { error }
    }
  }
}
