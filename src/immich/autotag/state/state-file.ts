/**
 * Autotag's memory as one SQLite file for a server and user.
 *
 * Only its owner may read it: it names people, albums and tags. No key and no session is in it. Any number of processes
 * read it and fill its cache; one applies (`apply-lock.ts`).
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { systemCode } from '../../../errors.ts'
import type { AutotagState } from '../state.ts'
import { createFactTable } from './applied-facts.ts'
import { explainSqlite } from './explain-sqlite.ts'
import { inTransaction } from './in-transaction.ts'
import { createJournal } from './journal.ts'
import { createMembershipCache } from './membership-cache.ts'
import { DamagedStateError, OtherStateError, StateFileError } from './state-errors.ts'
import { migrateState } from './state-schema.ts'

export interface StateOwner {
  /** Is made when it is missing. */
  readonly folder: string
  /** Of the server, as `AutotagApi.address` says it. */
  readonly address: string
  readonly userId: string
}

/** Another process writes for milliseconds; a first cache for a second. */
const BUSY_MS = 10_000

/**
 * @throws {@link StateFileError}, {@link DamagedStateError}, {@link NewerStateError}, {@link OtherStateError}
 */
export function openAutotagState(owner: StateOwner): AutotagState {
  const path = statePath(owner)
  const db = openDatabase(owner.folder, path)
  try {
    claim(db, path, owner)
    const facts = createFactTable(db)
    const journal = createJournal(db, facts, `${path}.lock`)
    const members = createMembershipCache(db)
    return {
      members,
      journal,
      facts: () => facts.read(),
      forgetOverrides: (overrides) => inTransaction(db, () => facts.forget(overrides)),
      close: () => {
        if (!db.isOpen) return
        journal.release()
        members.flush()
        db.close()
      },
    }
  } catch (error) {
    db.close()
    throw explainSqlite(error, path)
  }
}

/** Absolute: `photos.example.org-2283-<user>.autotag.db`. */
export function statePath({ folder, address, userId }: StateOwner): string {
  const name = `${hostOf(address)}-${userId}`.toLowerCase().replaceAll(/[^a-z0-9.-]/gu, '_')
  // Long or odd names keep what tells them apart.
  const isPlain = name.length <= 120 && /^[a-z0-9]/u.test(name) && name === `${hostOf(address)}-${userId}`
  const safe = isPlain
    ? name
    : `${name.replace(/^[.-]+/u, '').slice(0, 80)}-${digest(`${address} ${userId}`)}`
  return join(resolve(folder), `${safe}.autotag.db`)
}

function hostOf(address: string): string {
  const { host, pathname } = new URL(address)
  return `${host}${pathname}`.replace(/\/+$/u, '').replaceAll(/[:/]/gu, '-')
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

function openDatabase(folder: string, path: string): DatabaseSync {
  try {
    makeFolders(resolve(folder))
    const db = new DatabaseSync(path, { timeout: BUSY_MS })
    try {
      // SQLite gives its -wal and -shm the permissions of the file itself.
      chmodSync(path, 0o600)
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON')
      migrateState(db, path)
      checkHealth(db, path)
      return db
    } catch (error) {
      db.close()
      throw error
    }
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw explainSqlite(error, path)
    const hint = 'Check that you may write this folder, or name another one with run.journal in the rules.'
    throw new StateFileError(folder, `cannot be written (${code})`, hint, { cause: error })
  }
}

/**
 * A folder and those above it, for their owner alone. Node's own recursive `mkdir` never returns where making a folder is
 * answered with ENOENT, as in `/proc` (Node 24.21).
 */
function makeFolders(folder: string): void {
  if (existsSync(folder)) return
  if (dirname(folder) !== folder) makeFolders(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
}

/** Damage is better seen now than in the middle of an apply; the file is a few megabytes. */
function checkHealth(db: DatabaseSync, path: string): void {
  const found = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
  if (found !== 'ok') throw new DamagedStateError(path, String(found))
}

function claim(db: DatabaseSync, path: string, { address, userId }: StateOwner): void {
  const host = hostOf(address)
  const row = db.prepare('SELECT host, user_id FROM owner').get()
  if (row === undefined) {
    inTransaction(db, () => {
      db.prepare('INSERT OR IGNORE INTO owner VALUES (1, ?, ?)').run(host, userId)
    })
  } else if (row['host'] !== host || row['user_id'] !== userId) {
    throw new OtherStateError(path, `${row['host']} user ${row['user_id']}`, `${host} user ${userId}`)
  }
}
