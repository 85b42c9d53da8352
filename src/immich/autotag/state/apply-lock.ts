/**
 * One process at a time applies plans for a server and user; reading goes on beside it.
 *
 * The right is SQLite's exclusive lock on a small file of its own. The kernel takes it back from a process that ends in
 * any way, `kill -9` included, so nothing expires and no process number is mistaken for another's. Who holds it stands
 * beside it, only to be told to people. (The library's coordinator has the same: `library/lease.ts`.)
 *
 * @module
 */

import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import { systemCode } from '../../../errors.ts'
import { explainSqlite } from './explain-sqlite.ts'
import { type ApplierCard, ApplyInProgressError, DamagedStateError, StateFileError } from './state-errors.ts'

/** https://sqlite.org/rescode.html: SQLITE_BUSY. */
const BUSY = 5

/** A handle that is collected as garbage would be closed, and its lock gone with it. */
const HELD = new Set<DatabaseSync>()

export interface ApplyLock {
  /** Safe to call twice. */
  release(): void
}

/**
 * At once or not at all. `path` is that of the lock's file; `nowMs` is only told to people.
 *
 * @throws {@link ApplyInProgressError}
 */
export function takeApplyLock(path: string, nowMs: number): ApplyLock {
  const lock = lockExclusively(path)
  HELD.add(lock)
  const card = cardOf(path)
  noteHolder(card, { pid: process.pid, host: hostname(), startedAt: nowMs })
  return {
    release: () => {
      if (!lock.isOpen) return
      rmSync(card, { force: true })
      lock.close()
      HELD.delete(lock)
    },
  }
}

/** Only told to people: without it, as on a full disk, they hear of "another process". */
function noteHolder(card: string, holder: ApplierCard): void {
  try {
    rmSync(card, { force: true })
    writeFileSync(`${card}.new`, `${JSON.stringify(holder)}\n`, { mode: 0o600 })
    renameSync(`${card}.new`, card)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
  }
}

function lockExclusively(path: string): DatabaseSync {
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    chmodSync(path, 0o600)
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (isBusy(error)) throw new ApplyInProgressError(findHolder(cardOf(path)), { cause: error })
    throw explained(error, path)
  }
}

function explained(error: unknown, path: string): unknown {
  const why = explainSqlite(error, path)
  if (!(why instanceof DamagedStateError) || !(error instanceof Error)) return why
  return new StateFileError(path, error.message, 'Remove it: nothing is in it but the right to apply.', {
    cause: error,
  })
}

function isBusy(error: unknown): boolean {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' && (code & 0xff) === BUSY
}

function cardOf(path: string): string {
  return `${path}.json`
}

function findHolder(file: string): ApplierCard | undefined {
  try {
    const { pid, host, startedAt } = JSON.parse(readFileSync(file, 'utf8'))
    const readable = Number.isSafeInteger(pid) && typeof host === 'string' && Number.isSafeInteger(startedAt)
    return readable ? { pid, host, startedAt } : undefined
  } catch {
    // Only told to people: an unreadable file means "another process".
    return undefined
  }
}
