/**
 * One change of the state file: all of it or nothing.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { explainSqlite } from './explain-sqlite.ts'

/**
 * Runs `work` in a transaction that has the right to write from its beginning, so that it never fails in its middle
 * because another process wrote meanwhile.
 *
 * @throws what `explainSqlite` makes of SQLite's errors, or what `work` throws
 */
export function inTransaction<Result>(db: DatabaseSync, work: () => Result): Result {
  try {
    db.exec('BEGIN IMMEDIATE')
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    // SQLite has rolled back by itself after some errors, such as a full disk.
    if (db.isTransaction) db.exec('ROLLBACK')
    throw explainSqlite(error, db.location() ?? 'the state file')
  }
}

/**
 * The same, and on the disk when it returns, also through a power cut: WAL with `synchronous = NORMAL` syncs only now
 * and then (https://sqlite.org/pragma.html#pragma_synchronous).
 */
export function inDurableTransaction<Result>(db: DatabaseSync, work: () => Result): Result {
  db.exec('PRAGMA synchronous = FULL')
  try {
    return inTransaction(db, work)
  } finally {
    db.exec('PRAGMA synchronous = NORMAL')
  }
}
