/**
 * What SQLite cannot do, said with the file it is about and what to do.
 *
 * Node throws one kind of error for all of SQLite's own, whose message names no file. Only causes outside of this
 * program are explained: a wrong statement stays what it is, a bug.
 *
 * @module
 */

import { HeirloomError, type Recovery } from '../../errors.ts'

/** Thrown when SQLite cannot do what was asked for, for a reason outside of this program. */
export class QueueDatabaseError extends HeirloomError {
  readonly code: `${string}/${string}` = 'queue/database'
  readonly recovery: Recovery = 'retry'
}

/** Thrown when the file is no database, or one with damage. */
export class DamagedDatabaseError extends QueueDatabaseError {
  override readonly code = 'queue/database-damaged'
  override readonly recovery = 'discard'
}

/** SQLite's primary result codes, https://sqlite.org/rescode.html. */
const MALFORMED = 11
const NOT_A_DATABASE = 26
const HINTS: ReadonlyMap<number, string> = new Map([
  [5, 'Another process writes to it for a long time: try again in a moment.'],
  [6, 'Another process writes to it for a long time: try again in a moment.'],
  [8, 'Check that you may write this file and its folder.'],
  [10, 'See that its disk is connected and healthy.'],
  [MALFORMED, 'The database is damaged: keep a copy of it, then see `sqlite3 FILE .recover`.'],
  [13, 'Free some space and run the same command again.'],
  [14, 'Check that you may read and write this file and its folder.'],
  [
    NOT_A_DATABASE,
    'It is another kind of file, or damaged: keep a copy of it, and put a backup in its place.',
  ],
])

/** SQLite's primary result code; undefined for an error that is not SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code & 0xff : undefined
}

/** The error to show for one that SQLite threw; any other is answered as it is. */
export function explainSqlite(error: unknown, database: string): unknown {
  const code = sqliteCode(error)
  const hint = HINTS.get(code ?? 0)
  if (!(error instanceof Error) || hint === undefined) return error
  const Explained = code === MALFORMED || code === NOT_A_DATABASE ? DamagedDatabaseError : QueueDatabaseError
  return new Explained(`${database}: ${error.message}`, { cause: error, hint })
}
