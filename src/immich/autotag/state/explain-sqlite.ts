/**
 * What SQLite cannot do, said with the file it is about and what to do.
 *
 * @module
 */

import { DamagedStateError, StateFileError } from './state-errors.ts'

/** SQLite's primary result codes, https://sqlite.org/rescode.html. */
const MALFORMED = 11
const NOT_A_DATABASE = 26
const HINTS: ReadonlyMap<number, string> = new Map([
  [5, 'Another process writes to it for a long time: try again in a moment.'],
  [8, 'Check that you may write this file and its folder.'],
  [10, 'See that its disk is connected and healthy.'],
  [13, 'Free some space and run the same command again.'],
  [14, 'Check that you may read and write this file and its folder.'],
])

/** The error to show for one that SQLite threw; any other is answered as it is. */
export function explainSqlite(error: unknown, path: string): unknown {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  if (!(error instanceof Error) || typeof errcode !== 'number') return error
  const code = errcode & 0xff
  if (code === MALFORMED || code === NOT_A_DATABASE) {
    return new DamagedStateError(path, error.message, { cause: error })
  }
  const hint = HINTS.get(code)
  return hint === undefined ? error : new StateFileError(path, error.message, hint, { cause: error })
}
