/**
 * The tables of autotag's memory, and how an older file becomes a current one.
 *
 * Steps go forward only; each is one transaction. Never edited once released: add a step.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { inTransaction } from './in-transaction.ts'
import { DamagedStateError, NewerStateError } from './state-errors.ts'

const STEPS: readonly string[] = [
  `
  -- One row: whose memory this is. No key or session is in this file.
  CREATE TABLE owner (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    host TEXT NOT NULL,
    user_id TEXT NOT NULL
  ) STRICT;

  -- Members of albums at a fingerprint.
  CREATE TABLE members (
    album_id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    ids BLOB NOT NULL                   -- packed-ids.ts
  ) STRICT;

  CREATE TABLE runs (
    id TEXT PRIMARY KEY,                -- sorts by time
    kind TEXT NOT NULL CHECK (kind IN ('apply', 'undo')),
    undoes TEXT,
    plan_id TEXT NOT NULL,
    plan BLOB NOT NULL,                 -- JSON, deflated
    albums_before BLOB NOT NULL,        -- packed-ids.ts
    started_at TEXT NOT NULL,
    ended_at TEXT,
    status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'interrupted'))
  ) STRICT;

  -- One row a call: written before it is made, filled when it has ended.
  CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    steps TEXT NOT NULL,                -- JSON array of steps, the first gives the call its kind
    started_at TEXT NOT NULL,
    ended_at TEXT,
    outcomes TEXT,                      -- JSON {most, others}: see journal.ts
    album_id TEXT,
    error_code TEXT,
    error_message TEXT,
    UNIQUE (run_id, seq)
  ) STRICT;

  -- What was applied last: the memory that tells what people have taken back.
  CREATE TABLE facts (
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,                -- '' where a subject has one fact of the kind
    rule TEXT NOT NULL,
    fact TEXT NOT NULL,                 -- JSON
    seq INTEGER NOT NULL,               -- rowid of the call: grows with time
    undone INTEGER NOT NULL DEFAULT 0,  -- 1: an undo took it back
    PRIMARY KEY (subject, kind, value)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX facts_by_value ON facts (kind, value) WHERE kind = 'album';

  CREATE TABLE made_albums (
    album_id TEXT PRIMARY KEY,
    rule TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Id of the listing that goes with them, or 'all-ever'.
  ALTER TABLE members ADD COLUMN listing TEXT;

  -- One row: all assets that an album could show, when albums were read last.
  CREATE TABLE listing (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    ended_at INTEGER NOT NULL,          -- epoch milliseconds, by the server's clock
    ids BLOB NOT NULL                   -- packed-ids.ts
  ) STRICT;
  `,
]

/** Marks the file as ours: "HAut". */
const APPLICATION_ID = 0x48417574

/** @throws {@link NewerStateError}, {@link DamagedStateError} when it is another program's; nothing is changed then */
export function migrateState(db: DatabaseSync, path: string): void {
  const found = numberOf(db, 'user_version')
  const application = numberOf(db, 'application_id')
  if (application !== APPLICATION_ID && !isEmpty(db)) {
    throw new DamagedStateError(path, 'it is the database of something else')
  }
  if (found > STEPS.length) throw new NewerStateError(path, found, STEPS.length)
  if (found === STEPS.length) return
  // Two processes may come here at once: whoever is second finds the work done.
  inTransaction(db, () => {
    const begun = numberOf(db, 'user_version')
    for (const step of STEPS.slice(begun)) db.exec(step)
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${STEPS.length}`)
  })
}

function numberOf(db: DatabaseSync, pragma: 'user_version' | 'application_id'): number {
  return Number(db.prepare(`PRAGMA ${pragma}`).get()?.[pragma])
}

function isEmpty(db: DatabaseSync): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
}
