/**
 * Who works on this database, and who of them is dead.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Coordinator, CoordinatorReport } from '../backend.ts'
import { COORDINATOR_GONE_MS, COORDINATOR_KEPT_MS } from '../coordinator-life.ts'
import { isProvablyDead, ownSpace } from '../process-identity.ts'

interface CoordinatorRow {
  readonly id: string
  readonly host: string
  readonly space: string
  readonly pid: number
  readonly process_start: string | null
  readonly started_at: number
  readonly seen_at: number
  readonly lanes: string
}

export class CoordinatorTable {
  readonly #report: StatementSync
  readonly #forgetOld: StatementSync
  readonly #leave: StatementSync
  readonly #seenSince: StatementSync
  readonly #inSpace: StatementSync

  constructor(db: DatabaseSync) {
    this.#report = db.prepare(
      `INSERT INTO queue_coordinators (id, host, space, pid, process_start, started_at, seen_at, lanes)
       VALUES (:id, :host, :space, :pid, :processStart, :startedAt, :now, :lanes)
       ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, lanes = excluded.lanes`,
    )
    this.#forgetOld = db.prepare('DELETE FROM queue_coordinators WHERE seen_at < ?')
    this.#leave = db.prepare('DELETE FROM queue_coordinators WHERE id = ?')
    this.#seenSince = db.prepare('SELECT * FROM queue_coordinators WHERE seen_at > ? ORDER BY started_at, id')
    this.#inSpace = db.prepare('SELECT * FROM queue_coordinators WHERE space = ? ORDER BY id')
  }

  report({ id, host, pid, identity, startedAt, lanes }: CoordinatorReport, now: number): void {
    this.#forgetOld.run(now - COORDINATOR_KEPT_MS)
    this.#report.run({
      id,
      host,
      pid,
      space: identity.space,
      processStart: identity.processStart ?? null,
      startedAt,
      now,
      lanes: JSON.stringify(lanes),
    })
  }

  leave(id: string): void {
    this.#leave.run(id)
  }

  alive(now: number): readonly Coordinator[] {
    const rows = this.#seenSince.all(now - COORDINATOR_GONE_MS) as unknown as CoordinatorRow[]
    return rows.map(coordinatorOfRow).filter(({ identity }) => !isProvablyDead(identity))
  }

  /** Those that are dead for certain. A few system calls for each coordinator of this host. */
  dead(): readonly Coordinator[] {
    const rows = this.#inSpace.all(ownSpace()) as unknown as CoordinatorRow[]
    return rows.map(coordinatorOfRow).filter(({ identity }) => isProvablyDead(identity))
  }
}

function coordinatorOfRow(row: CoordinatorRow): Coordinator {
  return {
    id: row.id,
    host: row.host,
    pid: row.pid,
    identity: {
      space: row.space,
      pid: row.pid,
      ...(row.process_start === null ? {} : { processStart: row.process_start }),
    },
    startedAt: row.started_at,
    seenAt: row.seen_at,
    lanes: JSON.parse(row.lanes) as Coordinator['lanes'],
  }
}
