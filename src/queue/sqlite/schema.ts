/**
 * The queue's tables, and how an older database gets them.
 *
 * What may be claimed is decided by the column `ready`, not by `status` and `run_at`: 1 = due, 0 = not due yet,
 * 2 = due, but behind another task with its concurrency key (see `concurrency-keys.ts`), NULL = not for a claim.
 * Each has its partial index, so that neither future nor blocked nor finished tasks are ever scanned by a claim.
 *
 * A partial index costs each change of a task the evaluation of its condition, before and after. So conditions begin
 * with what is NULL in most tasks, and the one that has to compare states does it without IN, which SQLite makes
 * a set for every time (measured: a third of the time of claims and completions).
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { NewerSchemaError } from '../queue-errors.ts'

const COMPONENT = 'queue'

/** Each entry lifts the schema by one version; entries are only ever appended. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE queue_tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL,
    ready INTEGER,
    priority INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    max_retries INTEGER NOT NULL,
    timeout_ms INTEGER,
    task_group TEXT,
    after_group TEXT,
    blockers INTEGER NOT NULL DEFAULT 0,
    dedupe_key TEXT,
    concurrency_key TEXT,
    memory_bytes INTEGER,
    has_dependants INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    alone INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    worker_id TEXT,
    token TEXT,
    lease_until INTEGER,
    progress TEXT,
    result TEXT,
    error TEXT
  ) STRICT;
  CREATE INDEX queue_tasks_ready ON queue_tasks (lane, priority DESC, id) WHERE ready = 1;
  CREATE INDEX queue_tasks_due ON queue_tasks (lane, run_at) WHERE ready = 0;
  CREATE INDEX queue_tasks_lease ON queue_tasks (lease_until) WHERE status = 'processing';
  CREATE INDEX queue_tasks_rare ON queue_tasks (status, id)
    WHERE status <> 'pending' AND status <> 'processing' AND status <> 'completed';
  CREATE INDEX queue_tasks_error ON queue_tasks (error ->> '$.code') WHERE error IS NOT NULL;
  CREATE INDEX queue_tasks_group ON queue_tasks (task_group) WHERE task_group IS NOT NULL;
  CREATE INDEX queue_tasks_awaiting ON queue_tasks (after_group)
    WHERE after_group IS NOT NULL AND status = 'waiting';
  CREATE INDEX queue_tasks_waiting ON queue_tasks (task_group)
    WHERE task_group IS NOT NULL AND status = 'waiting';
  CREATE UNIQUE INDEX queue_tasks_dedupe ON queue_tasks (dedupe_key)
    WHERE dedupe_key IS NOT NULL AND status IN ('waiting', 'pending', 'processing', 'retry');
  CREATE INDEX queue_tasks_ended ON queue_tasks (finished_at) WHERE finished_at IS NOT NULL;
  CREATE UNIQUE INDEX queue_tasks_held_key ON queue_tasks (concurrency_key)
    WHERE concurrency_key IS NOT NULL AND status = 'processing';
  CREATE INDEX queue_tasks_key ON queue_tasks (concurrency_key, ready, lane, priority DESC, id)
    WHERE concurrency_key IS NOT NULL AND ready IS NOT NULL;
  CREATE TABLE queue_edges (
    parent INTEGER NOT NULL,
    child INTEGER NOT NULL,
    on_failure TEXT NOT NULL,
    PRIMARY KEY (parent, child)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX queue_edges_child ON queue_edges (child);
  CREATE TABLE queue_counts (
    lane TEXT NOT NULL,
    status TEXT NOT NULL,
    tasks INTEGER NOT NULL,
    PRIMARY KEY (lane, status)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE queue_lanes (
    lane TEXT PRIMARY KEY,
    paused INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE queue_tokens (
    lane TEXT NOT NULL,
    back_at INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    PRIMARY KEY (lane, back_at)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE queue_groups (
    name TEXT PRIMARY KEY,
    open INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE queue_statistics (
    lane TEXT PRIMARY KEY,
    retries INTEGER NOT NULL,
    sum_ms REAL NOT NULL,
    max_ms REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE queue_durations (
    lane TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (lane, bucket)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE queue_minutes (
    lane TEXT NOT NULL,
    minute INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    PRIMARY KEY (lane, minute)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE queue_coordinators (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    space TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_start TEXT,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    lanes TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE queue_schedules (
    name TEXT PRIMARY KEY,
    cron TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    task TEXT NOT NULL,
    on_missed TEXT NOT NULL,
    next_at INTEGER,
    last_at INTEGER
  ) STRICT, WITHOUT ROWID;
  `,
]

/** The version that {@link migrateQueue} brings a database to. */
export const QUEUE_SCHEMA_VERSION: number = MIGRATIONS.length

/**
 * Brings the queue's tables to the newest version. Versions are kept by component, because a library keeps
 * its own tables in the same file.
 *
 * @throws {@link NewerSchemaError} when a newer program has written the database.
 */
export function migrateQueue(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    migrate(db)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

function migrate(db: DatabaseSync): void {
  db.exec(
    'CREATE TABLE IF NOT EXISTS schema_versions (component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT',
  )
  const row = db.prepare('SELECT version FROM schema_versions WHERE component = ?').get(COMPONENT)
  const found = Number(row?.['version'] ?? 0)
  if (found > MIGRATIONS.length) throw new NewerSchemaError(COMPONENT, found, MIGRATIONS.length)
  for (const sql of MIGRATIONS.slice(found)) db.exec(sql)
  db.prepare(
    `INSERT INTO schema_versions (component, version) VALUES (?, ?)
     ON CONFLICT (component) DO UPDATE SET version = excluded.version WHERE version <> excluded.version`,
  ).run(COMPONENT, MIGRATIONS.length)
}
