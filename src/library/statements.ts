/**
 * Prepared statements, kept for as long as their database is open.
 *
 * Preparing costs more than running for the one-row statements of the ledger, and these functions are called
 * once a file. The cache hangs on the handle, so a closed database takes its statements along.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'

const CACHE = new WeakMap<DatabaseSync, Map<string, StatementSync>>()

/** The statement of `sql` on `db`. Only for constant texts: the cache never forgets one. */
export function prepared(db: DatabaseSync, sql: string): StatementSync {
  let statements = CACHE.get(db)
  if (statements === undefined) {
    statements = new Map()
    CACHE.set(db, statements)
  }
  let statement = statements.get(sql)
  if (statement === undefined) {
    statement = db.prepare(sql)
    statements.set(sql, statement)
  }
  return statement
}

/** Runs `work` in a savepoint: all of it or nothing, inside the caller's transaction or as one of its own. */
export function atomically<Result>(db: DatabaseSync, work: () => Result): Result {
  db.exec('SAVEPOINT heirloom_library')
  try {
    const result = work()
    db.exec('RELEASE heirloom_library')
    return result
  } catch (error) {
    db.exec('ROLLBACK TO heirloom_library; RELEASE heirloom_library')
    throw error
  }
}

/** A row as `node:sqlite` gives it. */
export type Row = Readonly<Record<string, unknown>>

/** An absent value as SQLite wants it. */
export function orNull<Value>(value: Value | undefined): Value | null {
  return value === undefined ? null : value
}
