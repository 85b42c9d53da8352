/**
 * What SQLite cannot do, said with the file it is about and what to do.
 *
 * @module
 */

import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { DamagedStateError, StateFileError } from './state-errors.ts'

/** SQLite's primary result codes, https://sqlite.org/rescode.html. */
const MALFORMED = 11
const IO_ERROR = 10
const FULL = 13
const NOT_A_DATABASE = 26

/** SQLite asks for a page of 4 KiB, or 32 KiB for what it shares between processes. */
const TOO_LITTLE_BYTES = 64 * 1024
const FREE_SOME = 'Free some space and run the same command again.'

const HINTS: ReadonlyMap<number, string> = new Map([
  [5, 'Another process writes to it for a long time: try again in a moment.'],
  [8, 'Check that you may write this file and its folder.'],
  [IO_ERROR, 'See that its disk is connected, healthy and not full.'],
  [FULL, FREE_SOME],
  [14, 'Check that you may read and write this file and its folder.'],
])

/** The error to show for one that SQLite threw; any other is answered as it is. `roomOf`: in bytes, for a folder. */
export function explainSqlite(error: unknown, path: string, roomOf: RoomOf = freeBytesOf): unknown {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  if (!(error instanceof Error) || typeof errcode !== 'number') return error
  const code = errcode & 0xff
  if (code === MALFORMED || code === NOT_A_DATABASE) {
    return new DamagedStateError(path, error.message, { cause: error })
  }
  // What a database shares between processes is a file of its own, and when that finds no room it is an I/O error.
  if (code === IO_ERROR && (roomOf(dirname(path)) ?? Number.POSITIVE_INFINITY) < TOO_LITTLE_BYTES) {
    return new StateFileError(path, `its disk is full (${error.message})`, FREE_SOME, { cause: error })
  }
  const hint = HINTS.get(code)
  return hint === undefined ? error : new StateFileError(path, error.message, hint, { cause: error })
}

type RoomOf = (folder: string) => number | undefined

function freeBytesOf(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    // Of a disk that is gone nobody knows.
    return undefined
  }
}
