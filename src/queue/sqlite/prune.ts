/**
 * Forgets tasks that have ended long ago.
 *
 * They are found by reading, which locks nobody out, and removed in small transactions, each of which looks
 * again: a failed task may have been given another chance in between.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Backend } from '../backend.ts'
import type { TaskStatus } from '../task.ts'
import { rowLimit } from '../task-filter.ts'
import { filterSql } from './filter-sql.ts'
import type { Transactions } from './transactions.ts'

type PruneFilter = Parameters<Backend['prune']>[0]

/** Rows that one transaction forgets at most, so that claims get their turn in between. */
const PRUNE_ROWS = 500

const FINAL = `status IN ('completed', 'failed', 'cancelled')`

/** The open tasks that depend on the task `queue_tasks.id`. */
const NOBODY_WAITS = `NOT EXISTS (
  SELECT 1 FROM queue_edges JOIN queue_tasks AS child ON child.id = queue_edges.child
  WHERE queue_edges.parent = queue_tasks.id AND child.status NOT IN ('completed', 'failed', 'cancelled'))`

export class Pruner {
  readonly #db: DatabaseSync
  readonly #transactions: Transactions
  readonly #forget: StatementSync
  readonly #dropEdges: StatementSync

  constructor(db: DatabaseSync, transactions: Transactions) {
    this.#db = db
    this.#transactions = transactions
    this.#forget = db.prepare(
      `DELETE FROM queue_tasks WHERE id = :id AND finished_at < :endedBefore AND ${FINAL} AND ${NOBODY_WAITS}
       RETURNING lane, status`,
    )
    this.#dropEdges = db.prepare('DELETE FROM queue_edges WHERE child = :id')
  }

  /** Answers how many are forgotten, those that ended first before others. */
  prune(filter: PruneFilter, limit: number): number {
    const ids = this.#find(filter, limit)
    let pruned = 0
    for (let from = 0; from < ids.length; from += PRUNE_ROWS) {
      const portion = ids.slice(from, from + PRUNE_ROWS)
      const forget = (id: number): boolean => this.#forgetOne(id, filter.endedBefore)
      pruned += this.#transactions.run(() => portion.filter(forget).length)
    }
    return pruned
  }

  #find(filter: PruneFilter, limit: number): readonly number[] {
    const { conditions, values } = filterSql(filter)
    const sql = `SELECT id FROM queue_tasks
      WHERE ${['finished_at < :endedBefore', FINAL, ...conditions, NOBODY_WAITS].join(' AND ')}
      ORDER BY finished_at, id LIMIT :limit`
    const bounds = { endedBefore: filter.endedBefore, limit: rowLimit(limit) }
    return this.#db
      .prepare(sql)
      .all({ ...values, ...bounds })
      .map(({ id }) => Number(id))
  }

  #forgetOne(id: number, endedBefore: number): boolean {
    const row = this.#forget.get({ id, endedBefore })
    if (row === undefined) return false
    this.#dropEdges.run({ id })
    this.#transactions.counters.add(String(row['lane']), row['status'] as TaskStatus, -1)
    return true
  }
}
