/**
 * Every statement that the store runs often, prepared once.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { CLAIMABLE_COLUMNS } from './task-row.ts'

const SQL = {
  beginPart: 'SAVEPOINT part',
  endPart: 'RELEASE part',
  /** One row for each of `:payloads`, alike in all else; `:id` is that of the first, or NULL for the next ones. */
  insert: `INSERT INTO queue_tasks
    (id, kind, lane, payload, status, ready, priority, run_at, max_retries, timeout_ms, task_group, after_group,
     blockers, dedupe_key, concurrency_key, memory_bytes, created_at)
    SELECT :id + key, :kind, :lane, value, :status, :ready, :priority, :runAt, :maxRetries, :timeoutMs, :group,
     :afterGroup, :blockers, :dedupeKey, :concurrencyKey, :memoryBytes, :now
    FROM json_each(:payloads)`,
  get: 'SELECT * FROM queue_tasks WHERE id = ?',
  openByKey: `SELECT * FROM queue_tasks
    WHERE dedupe_key = ? AND status IN ('waiting', 'pending', 'processing', 'retry')`,
  giveUpKey: 'UPDATE queue_tasks SET dedupe_key = NULL WHERE id = ?',
  replace: `UPDATE queue_tasks
    SET kind = :kind, lane = :lane, payload = :payload, status = :status, ready = :ready, priority = :priority,
      run_at = :runAt, failures = 0, max_retries = :maxRetries, timeout_ms = :timeoutMs, task_group = :group,
      concurrency_key = :concurrencyKey, memory_bytes = :memoryBytes, alone = 0, progress = NULL, error = NULL
    WHERE id = :id`,
  becomesDue: 'SELECT 1 FROM queue_tasks WHERE ready = 0 AND lane = ? AND run_at <= ? LIMIT 1',
  dueKeys: `SELECT DISTINCT concurrency_key FROM queue_tasks
    WHERE ready = 0 AND lane = ? AND run_at <= ? AND concurrency_key IS NOT NULL`,
  promote: `UPDATE queue_tasks SET ready = iif(concurrency_key IS NULL, 1, 2)
    WHERE ready = 0 AND lane = ? AND run_at <= ?`,
  claimable: `SELECT ${CLAIMABLE_COLUMNS.join(', ')} FROM queue_tasks
    WHERE ready = 1 AND lane = ? ORDER BY priority DESC, id LIMIT ?` as string,
  claim: `UPDATE queue_tasks
    SET status = 'processing', ready = NULL, attempt = attempt + 1, started_at = :now, worker_id = :workerId,
      token = :token, lease_until = :leaseUntil, progress = NULL
    WHERE id IN (SELECT value FROM json_each(:ids))`,
  requeue: `UPDATE queue_tasks
    SET status = :status, ready = :ready, priority = priority - :demotion, run_at = :runAt,
      failures = failures + :charge, error = coalesce(:error, error), alone = :alone,
      token = NULL, lease_until = NULL, worker_id = NULL
    WHERE id = :id`,
  /** Ends the attempts in `:ends`, rows of [id, token, attempt, result], whose kinds need no commit function. */
  completePlain: `UPDATE queue_tasks
    SET status = 'completed', finished_at = :now, result = ended.value ->> 3, token = NULL, lease_until = NULL,
      cancel_requested = 0
    FROM json_each(:ends) AS ended
    WHERE queue_tasks.id = ended.value ->> 0 AND status = 'processing' AND token = ended.value ->> 1
      AND attempt = ended.value ->> 2 AND kind NOT IN (SELECT value FROM json_each(:exceptKinds))
    RETURNING queue_tasks.id, lane, task_group, concurrency_key, has_dependants`,
  finish: `UPDATE queue_tasks
    SET status = :status, ready = NULL, failures = failures + :charge, finished_at = :now, result = :result,
      error = :error, alone = :alone, token = NULL, lease_until = NULL, cancel_requested = 0
    WHERE id = :id`,
  requestCancel: 'UPDATE queue_tasks SET cancel_requested = 1 WHERE id = ?',
  revive: `UPDATE queue_tasks
    SET status = :status, ready = :ready, failures = 0, finished_at = NULL, result = NULL, worker_id = NULL,
      blockers = :blockers, after_group = :afterGroup
    WHERE id = :id`,
  unblock: `UPDATE queue_tasks SET blockers = blockers - 1 WHERE id = ? RETURNING *`,
  free: `UPDATE queue_tasks SET status = 'pending', ready = :ready WHERE id = :id`,
  reword: 'UPDATE queue_tasks SET error = ? WHERE id = ?',
  renew: `UPDATE queue_tasks SET lease_until = :leaseUntil, progress = coalesce(:progress, progress)
    WHERE id = :id AND status = 'processing' AND token = :token AND attempt = :attempt
    RETURNING cancel_requested`,
  expired: `SELECT * FROM queue_tasks WHERE status = 'processing' AND lease_until <= ?
    ORDER BY lease_until, id LIMIT ?`,
  heldBy: `SELECT * FROM queue_tasks WHERE status = 'processing' AND worker_id = ? ORDER BY lease_until LIMIT ?`,
  isReady: 'SELECT 1 FROM queue_tasks WHERE ready = 1 AND lane = ? LIMIT 1',
  /** Tasks whose time has come since the last claim. */
  isDue: `SELECT 1 FROM queue_tasks AS task
    WHERE ready = 0 AND lane = ? AND run_at <= ? AND (concurrency_key IS NULL OR NOT EXISTS (
      SELECT 1 FROM queue_tasks AS holder
      WHERE holder.concurrency_key = task.concurrency_key AND holder.status = 'processing'))
    LIMIT 1`,
  nextDue: 'SELECT min(run_at) AS run_at FROM queue_tasks WHERE ready = 0 AND lane = ? AND run_at > ?',
  addEdge: 'INSERT INTO queue_edges (parent, child, on_failure) VALUES (?, ?, ?)',
  markParent: 'UPDATE queue_tasks SET has_dependants = 1 WHERE id = ? AND has_dependants = 0',
  edgesOf: 'SELECT child, on_failure FROM queue_edges WHERE parent = ? ORDER BY child',
  dropEdges: 'DELETE FROM queue_edges WHERE parent = ?',
  /** The others stay with the tasks that failed because of this one, which may both be retried. */
  dropRunEdges: "DELETE FROM queue_edges WHERE parent = ? AND on_failure = 'run'",
  parentsOf: `SELECT parent, on_failure, status FROM queue_edges LEFT JOIN queue_tasks ON id = parent
    WHERE child = ?`,
  groupsOf: `SELECT task_group, iif(status = 'waiting', after_group, NULL) AS awaited
    FROM queue_tasks WHERE id = ?`,
  openParents: `SELECT parent FROM queue_edges WHERE child = ?`,
  count: `INSERT INTO queue_counts (lane, status, tasks) VALUES (?, ?, ?)
    ON CONFLICT (lane, status) DO UPDATE SET tasks = tasks + excluded.tasks`,
  lanes: 'SELECT lane FROM queue_counts UNION SELECT lane FROM queue_statistics',
  counts: 'SELECT status, tasks FROM queue_counts WHERE lane = ?',
  allCounts: 'SELECT status, sum(tasks) AS tasks FROM queue_counts GROUP BY status',
  joinGroup: `INSERT INTO queue_groups (name, open) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET open = open + excluded.open`,
  leaveGroup: 'UPDATE queue_groups SET open = open - 1 WHERE name = ? RETURNING open',
  dropGroup: 'DELETE FROM queue_groups WHERE name = ?',
  openInGroup: 'SELECT open FROM queue_groups WHERE name = ?',
  endGroupWait: `UPDATE queue_tasks SET after_group = NULL, blockers = blockers - 1
    WHERE status = 'waiting' AND after_group = ? RETURNING *`,
  isAwaited: `SELECT 1 FROM queue_tasks WHERE status = 'waiting' AND after_group = ? LIMIT 1`,
  reserveIds: `UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'queue_tasks' RETURNING seq`,
  beginIds: `INSERT INTO sqlite_sequence (name, seq) VALUES ('queue_tasks', ?)`,
  isKeyHeld: `SELECT 1 FROM queue_tasks WHERE concurrency_key = ? AND status = 'processing'`,
  blockKey: 'UPDATE queue_tasks SET ready = 2 WHERE concurrency_key = ? AND ready = 1',
  nextBlocked: `SELECT id, lane, priority FROM queue_tasks
    WHERE concurrency_key = ? AND ready = 2 AND lane > ? ORDER BY lane, priority DESC, id LIMIT 1`,
  keyHead: 'SELECT id, priority FROM queue_tasks WHERE concurrency_key = ? AND ready = 1 AND lane = ?',
  setReady: 'UPDATE queue_tasks SET ready = ? WHERE id = ?',
  isPaused: 'SELECT 1 FROM queue_lanes WHERE lane = ? AND paused = 1',
  pausedLanes: 'SELECT lane FROM queue_lanes WHERE paused = 1 ORDER BY lane',
  setPaused: `INSERT INTO queue_lanes (lane, paused) VALUES (?, ?)
    ON CONFLICT (lane) DO UPDATE SET paused = excluded.paused`,
  takenTokens: 'SELECT back_at, tokens FROM queue_tokens WHERE lane = ? AND back_at > ? ORDER BY back_at',
  returnTokens: 'DELETE FROM queue_tokens WHERE lane = ? AND back_at <= ?',
  recallTokens: 'DELETE FROM queue_tokens WHERE lane = ? AND back_at > ? RETURNING tokens',
  takeTokens: `INSERT INTO queue_tokens (lane, back_at, tokens) VALUES (?, ?, ?)
    ON CONFLICT (lane, back_at) DO UPDATE SET tokens = tokens + excluded.tokens`,
  waitingIn: `SELECT id FROM queue_tasks WHERE status = 'waiting' AND task_group = ?`,
} as const

export type Statements = { readonly [Name in keyof typeof SQL]: StatementSync }

export function prepareStatements(db: DatabaseSync): Statements {
  return Object.fromEntries(
    Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)]),
  ) as unknown as Statements
}
