/**
 * Lists tasks by what is known of them.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Backend } from '../backend.ts'
import type { Task } from '../task.ts'
import { rowLimit } from '../task-filter.ts'
import { filterSql } from './filter-sql.ts'
import { type TaskRow, taskOfRow } from './task-row.ts'

export class Listing {
  readonly #db: DatabaseSync

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  list(filter: Parameters<Backend['list']>[0]): readonly Task[] {
    const { afterId = 0, beforeId = Number.MAX_SAFE_INTEGER, newestFirst = false, limit } = filter
    const { from, conditions, values } = filterSql(filter)
    const where = ['id > :afterId', 'id < :beforeId', ...conditions].join(' AND ')
    const order = newestFirst ? 'id DESC' : 'id'
    const rows = this.#db
      .prepare(`SELECT * FROM ${from} WHERE ${where} ORDER BY ${order} LIMIT :limit`)
      .all({ ...values, afterId, beforeId, limit: rowLimit(limit) })
    return (rows as unknown as TaskRow[]).map(taskOfRow)
  }
}
