/**
 * Gives failed tasks all their attempts again.
 *
 * Runs inside a transaction that the caller has opened.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { TaskFilter } from '../backend.ts'
import { rowLimit } from '../task-filter.ts'
import { filterSql } from './filter-sql.ts'
import type { TaskRow } from './task-row.ts'
import type { TaskTable } from './task-table.ts'

/** Rows that are read at a time. */
const PAGE = 100

/** Failed tasks that match, after `:afterId`, or those of them that depend on `:parent`. */
class FailedTasks {
  readonly #values: Readonly<Record<string, string>>
  readonly #page: StatementSync
  readonly #dependants: StatementSync

  constructor(db: DatabaseSync, filter: TaskFilter) {
    const failed: TaskFilter = filter.status === undefined ? { ...filter, status: 'failed' } : filter
    const { from, conditions, values } = filterSql(failed)
    this.#values = values
    const matching = ["status = 'failed'", ...conditions].join(' AND ')
    this.#page = db.prepare(
      `SELECT * FROM ${from} WHERE ${matching} AND id > :afterId ORDER BY id LIMIT ${PAGE}`,
    )
    this.#dependants = db.prepare(
      `SELECT * FROM queue_tasks WHERE ${matching}
         AND id IN (SELECT child FROM queue_edges WHERE parent = :parent) ORDER BY id`,
    )
  }

  *inOrder(): Generator<TaskRow> {
    let afterId = 0
    for (;;) {
      const rows = this.#page.all({ ...this.#values, afterId }) as unknown as TaskRow[]
      yield* rows
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE) return
      afterId = last.id
    }
  }

  /** Puts the dependants of `parent` behind the others; there may be more than a call takes arguments. */
  addDependants(parent: number, family: TaskRow[]): void {
    const rows = this.#dependants.all({ ...this.#values, parent }) as unknown as TaskRow[]
    for (const row of rows) family.push(row)
  }
}

/**
 * Retries at most `limit` failed tasks that match, oldest first; each is followed by those of its dependants that
 * match, because what failed with it may be older than it.
 */
export function retryFailed(
  { db, table, now }: { db: DatabaseSync; table: TaskTable; now: number },
  filter: TaskFilter,
  limit: number,
): readonly number[] {
  const most = rowLimit(limit)
  const failed = new FailedTasks(db, filter)
  const retried = new Set<number>()
  for (const row of failed.inOrder()) {
    const family = [row]
    for (const member of family) {
      if (retried.size >= most) return ascending(retried)
      if (retried.has(member.id) || !table.revive(member, now)) continue
      retried.add(member.id)
      failed.addDependants(member.id, family)
    }
  }
  return ascending(retried)
}

function ascending(ids: ReadonlySet<number>): readonly number[] {
  return [...ids].sort((a, b) => a - b)
}
