/**
 * One coordinator a library.
 *
 * The right is SQLite's exclusive lock on a small file of its own, held while the coordinator lives. The kernel
 * takes it back from a process that ends in any way, `kill -9` and a power cut included, so there is nothing to
 * expire and no process number to be mistaken for another's. Who holds it stands beside it in a JSON file, only
 * to be told to people. The lock lies in the library itself, because its temporary files do; on a network share,
 * where locks are a matter of luck, the one in the state folder beside the database holds too. (A heartbeat row would need a timeout to guess whether its writer is dead or only
 * slow; a file with a process number would need the boot's id and the process's start time, and a race-free
 * take-over.)
 *
 * @module
 */

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
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

/** https://sqlite.org/rescode.html: SQLITE_BUSY. */
const BUSY = 5

/** SQLITE_IOERR and SQLITE_PROTOCOL: the filesystem cannot lock. */
const NO_LOCKS: ReadonlySet<number> = new Set([10, 15])

/** The lock in a folder, and who holds it. */
const LOCK_NAME = 'coordinator.lock'
const CARD_NAME = 'coordinator.json'

/**
 * Takes the right at once or not at all.
 *
 * @throws {@link LibraryInUseError}
 */
export function takeLease(
  { root, lockFolders }: Pick<LibraryPaths, 'root' | 'lockFolders'>,
  by: { readonly command: string; readonly now: number },
): Lease {
  const locks = lockAll(root, lockFolders)
  for (const lock of locks.values()) HELD.add(lock)
  const holder = { pid: process.pid, host: hostname(), startedAt: by.now, command: by.command }
  for (const folder of locks.keys()) {
    const card = join(folder, CARD_NAME)
    writeFileSync(`${card}.new`, `${JSON.stringify(holder)}\n`)
    renameSync(`${card}.new`, card)
  }
  const release = (): void => {
    for (const [folder, lock] of locks) {
      if (!lock.isOpen) continue
      rmSync(join(folder, CARD_NAME), { force: true })
      lock.close()
      HELD.delete(lock)
    }
  }
  return { holder, release, [Symbol.dispose]: release }
}

/** By folder. A share that cannot lock is done without where another folder can. */
function lockAll(root: string, folders: readonly string[]): ReadonlyMap<string, DatabaseSync> {
  const locks = new Map<string, DatabaseSync>()
  let failure: unknown
  for (const folder of folders) {
    try {
      locks.set(folder, lockExclusively(root, folder))
    } catch (error) {
      failure = error
      if (NO_LOCKS.has(errorClass(error))) continue
      for (const lock of locks.values()) lock.close()
      throw error
    }
  }
  if (locks.size === 0) throw failure
  return locks
}

function lockExclusively(root: string, folder: string): DatabaseSync {
  const lock = new DatabaseSync(join(folder, LOCK_NAME), { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (errorClass(error) !== BUSY) throw error
    throw new LibraryInUseError(root, findHolder(join(folder, CARD_NAME)), { cause: error })
  }
}

/** SQLite's primary result code; 0 of any other error. */
function errorClass(error: unknown): number {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code & 0xff : 0
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
