/**
 * Every statement that the store runs often, prepared once.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'

const SQL = {
  beginPart: 'SAVEPOINT part',
  endPart: 'RELEASE part',
  insert: `INSERT INTO queue_tasks
    (kind, lane, payload, status, ready, priority, run_at, max_retries, timeout_ms, task_group, after_group,
     blockers, dedupe_key, created_at)
    VALUES (:kind, :lane, :payload, :status, :ready, :priority, :runAt, :maxRetries, :timeoutMs, :group,
     :afterGroup, :blockers, :dedupeKey, :now)`,
  get: 'SELECT * FROM queue_tasks WHERE id = ?',
  openByKey: `SELECT id FROM queue_tasks
    WHERE dedupe_key = ? AND status IN ('waiting', 'pending', 'processing', 'retry')`,
  promote: 'UPDATE queue_tasks SET ready = 1 WHERE ready = 0 AND lane = ? AND run_at <= ?',
  claimable: 'SELECT * FROM queue_tasks WHERE ready = 1 AND lane = ? ORDER BY priority DESC, id LIMIT ?',
  claim: `UPDATE queue_tasks
    SET status = 'processing', ready = NULL, attempt = attempt + 1, started_at = :now, worker_id = :workerId,
      token = :token, lease_until = :leaseUntil
    WHERE id = :id`,
  requeue: `UPDATE queue_tasks
    SET status = :status, ready = :ready, priority = priority - :demotion, run_at = :runAt,
      failures = failures + :charge, error = coalesce(:error, error), alone = :alone,
      token = NULL, lease_until = NULL, worker_id = NULL
    WHERE id = :id`,
  finish: `UPDATE queue_tasks
    SET status = :status, ready = NULL, failures = failures + :charge, finished_at = :now, result = :result,
      error = :error, token = NULL, lease_until = NULL
    WHERE id = :id`,
  unblock: `UPDATE queue_tasks SET blockers = blockers - 1 WHERE id = ? RETURNING *`,
  free: `UPDATE queue_tasks SET status = 'pending', ready = :ready WHERE id = :id`,
  reword: 'UPDATE queue_tasks SET error = ? WHERE id = ?',
  renew: `UPDATE queue_tasks SET lease_until = :leaseUntil
    WHERE id = :id AND status = 'processing' AND token = :token AND attempt = :attempt`,
  expired: `SELECT * FROM queue_tasks WHERE status = 'processing' AND lease_until <= ?
    ORDER BY lease_until, id LIMIT ?`,
  isDue: 'SELECT 1 FROM queue_tasks WHERE ready = 1 AND lane = ? LIMIT 1',
  nextDue: 'SELECT min(run_at) AS run_at FROM queue_tasks WHERE ready = 0 AND lane = ?',
  addEdge: 'INSERT INTO queue_edges (parent, child, on_failure) VALUES (?, ?, ?)',
  edgesOf: 'SELECT child, on_failure FROM queue_edges WHERE parent = ? ORDER BY child',
  dropEdges: 'DELETE FROM queue_edges WHERE parent = ?',
  openParents: `SELECT parent FROM queue_edges WHERE child = ?`,
  count: `INSERT INTO queue_counts (lane, status, tasks) VALUES (?, ?, ?)
    ON CONFLICT (lane, status) DO UPDATE SET tasks = tasks + excluded.tasks`,
  counts: 'SELECT status, tasks FROM queue_counts WHERE lane = ?',
  allCounts: 'SELECT status, sum(tasks) AS tasks FROM queue_counts GROUP BY status',
  joinGroup: `INSERT INTO queue_groups (name, open) VALUES (?, 1)
    ON CONFLICT (name) DO UPDATE SET open = open + 1`,
  leaveGroup: 'UPDATE queue_groups SET open = open - 1 WHERE name = ? RETURNING open',
  dropGroup: 'DELETE FROM queue_groups WHERE name = ?',
  openInGroup: 'SELECT open FROM queue_groups WHERE name = ?',
  endGroupWait: `UPDATE queue_tasks SET after_group = NULL, blockers = blockers - 1
    WHERE status = 'waiting' AND after_group = ? RETURNING *`,
  isAwaited: `SELECT 1 FROM queue_tasks WHERE status = 'waiting' AND after_group = ? LIMIT 1`,
  waitingIn: `SELECT id FROM queue_tasks WHERE status = 'waiting' AND task_group = ?`,
} as const

export type Statements = { readonly [Name in keyof typeof SQL]: StatementSync }

export function prepareStatements(db: DatabaseSync): Statements {
  return Object.fromEntries(
    Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)]),
  ) as unknown as Statements
}
