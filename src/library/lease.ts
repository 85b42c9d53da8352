/**
 * One coordinator a library.
 *
 * The right is SQLite's exclusive lock on a small file of its own, held while the coordinator lives. The kernel
 * takes it back from a process that ends in any way, `kill -9` and a power cut included, so there is nothing to
 * expire and no process number to be mistaken for another's. Who holds it stands beside it in a JSON file, only
 * to be told to people. (A heartbeat row would need a timeout to guess whether its writer is dead or only
 * slow; a file with a process number would need the boot's id and the process's start time, and a race-free
 * take-over.)
 *
 * @module
 */

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import { HeirloomError } from '../errors.ts'
import type { LibraryPaths } from './library-folder.ts'

export interface LeaseHolder {
  readonly pid: number
  readonly host: string
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** What it does: `ingest`. */
  readonly command: string
}

/** Thrown when another coordinator owns the library. */
export class LibraryInUseError extends HeirloomError {
  readonly code = 'library/in-use'
  readonly recovery = 'discard'
  readonly holder: LeaseHolder | undefined

  constructor(root: string, holder: LeaseHolder | undefined, options: ErrorOptions = {}) {
    const who =
      holder === undefined
        ? 'another process'
        : `\`heirloom ${holder.command}\` (process ${holder.pid} on ${holder.host}, since ${new Date(holder.startedAt).toISOString()})`
    super(`library ${root} is in use by ${who}`, {
      ...options,
      hint: 'Wait until it is done, or stop it with Ctrl-C; it can be started again without loss.',
    })
    this.holder = holder
  }
}

/** The right to change a library; safe to release twice. */
export interface Lease extends Disposable {
  readonly holder: LeaseHolder
  release(): void
}

/**
 * The locks that this process holds. Without it a caller that keeps no reference to its lease would lose it:
 * a handle that is collected as garbage is closed, and the lock goes with it (seen within milliseconds).
 */
const HELD = new Set<DatabaseSync>()

/** SQLITE_BUSY, see https://sqlite.org/rescode.html#busy. */
const BUSY = 5

/**
 * Takes the right at once or not at all.
 *
 * @throws {@link LibraryInUseError}
 */
export function takeLease(
  paths: Pick<LibraryPaths, 'root' | 'lock' | 'holder'>,
  by: { readonly command: string; readonly now: number },
): Lease {
  const lock = lockExclusively(paths)
  HELD.add(lock)
  const holder = { pid: process.pid, host: hostname(), startedAt: by.now, command: by.command }
  writeFileSync(`${paths.holder}.new`, `${JSON.stringify(holder)}\n`)
  renameSync(`${paths.holder}.new`, paths.holder)
  const release = (): void => {
    if (!lock.isOpen) return
    rmSync(paths.holder, { force: true })
    lock.close()
    HELD.delete(lock)
  }
  return { holder, release, [Symbol.dispose]: release }
}

function lockExclusively(paths: Pick<LibraryPaths, 'root' | 'lock' | 'holder'>): DatabaseSync {
  const lock = new DatabaseSync(paths.lock, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw error
    throw new LibraryInUseError(paths.root, findHolder(paths.holder), { cause: error })
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === BUSY
}

function findHolder(file: string): LeaseHolder | undefined {
  try {
    const { pid, host, startedAt, command } = JSON.parse(readFileSync(file, 'utf8'))
    const readable =
      Number.isSafeInteger(pid) &&
      typeof host === 'string' &&
      Number.isSafeInteger(startedAt) &&
      typeof command === 'string'
    return readable ? { pid, host, startedAt, command } : undefined
  } catch {
    // Only told to people: an unreadable file means "another process".
    return undefined
  }
}
