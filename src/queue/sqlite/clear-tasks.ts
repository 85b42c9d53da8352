/**
 * Forgets all tasks, whatever their state: for a coordinator that plans anew at each start.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'

/** Only inside a transaction, and only when nothing holds a task of this database. Ids are never used again. */
export function clearTasks(db: DatabaseSync): void {
  for (const table of ['queue_edges', 'queue_tasks', 'queue_counts', 'queue_groups']) {
    db.exec(`DELETE FROM ${table}`)
  }
}
