/**
 * The counts of a lane, read on a connection of the caller's own.
 *
 * Whoever asks a backend waits behind what that writes, and a commit waits for the disk; a reader of a database in WAL mode
 * never waits for a writer. Reads what the last commit left.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { StatusCounts } from '../backend.ts'

/** The rows of `queue_counts`, as one record in which every status has a number. */
export function toStatusCounts(rows: readonly Readonly<Record<string, unknown>>[]): StatusCounts {
  const counts = { waiting: 0, pending: 0, processing: 0, retry: 0, completed: 0, failed: 0, cancelled: 0 }
  for (const { status, tasks } of rows) counts[status as keyof typeof counts] = Number(tasks)
  return counts
}

/** @param db - Of a queue; may be read-only. */
export function readCounts(db: DatabaseSync, lane: string): StatusCounts {
  return toStatusCounts(db.prepare('SELECT status, tasks FROM queue_counts WHERE lane = ?').all(lane))
}
