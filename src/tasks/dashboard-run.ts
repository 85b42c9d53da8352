/**
 * How far the run is that is going on: the tasks that ended since it began.
 *
 * The counters say how many tasks the store holds, of all runs that it remembers; after a finished one, the next would
 * begin at ninety percent. So a run begins when the oldest task was added that is still open, or when somebody saw the
 * first open tasks after none.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { prepared } from '../library/statements.ts'

/** What is read once, when somebody begins to look. */
export interface RunBeginning {
  /** Tasks that have ended since the run began. */
  readonly done: number
}

/**
 * Looks into indexes: the first of each lane, of those that wait, and of those that run.
 *
 * @param lanes - Names of those with tasks.
 */
export function findRunBeginning(db: DatabaseSync, lanes: readonly string[]): RunBeginning {
  const pending = lanes.map((lane) =>
    createdAt(
      db,
      `SELECT created_at FROM queue_tasks INDEXED BY queue_tasks_ready WHERE lane = ? AND ready = 1
       ORDER BY priority DESC, id LIMIT 1`,
      lane,
    ),
  )
  const others = ['waiting', 'retry'].map((status) =>
    createdAt(
      db,
      `SELECT created_at FROM queue_tasks INDEXED BY queue_tasks_rare
       WHERE status <> 'pending' AND status <> 'processing' AND status <> 'completed' AND status = ?
       ORDER BY id LIMIT 1`,
      status,
    ),
  )
  const running = createdAt(
    db,
    `SELECT min(created_at) AS created_at FROM queue_tasks INDEXED BY queue_tasks_lease
     WHERE status = 'processing' AND ? = ''`,
    '',
  )
  const beganAt = Math.min(...pending, ...others, running)
  if (beganAt === Number.POSITIVE_INFINITY) return { done: 0 }
  const row = prepared(
    db,
    `SELECT count(*) AS done FROM queue_tasks INDEXED BY queue_tasks_ended
     WHERE finished_at IS NOT NULL AND finished_at >= ?`,
  ).get(beganAt)
  return { done: Number(row?.['done'] ?? 0) }
}

function createdAt(db: DatabaseSync, sql: string, value: string): number {
  const found = prepared(db, sql).get(value)?.['created_at']
  return typeof found === 'number' ? found : Number.POSITIVE_INFINITY
}

export class RunProgress {
  #done: number | undefined
  #wasIdle = false

  /** Nobody will look for a while. */
  rest(): void {
    this.#done = undefined
  }

  /**
   * @param look.open - Tasks that have not ended.
   * @param look.ended - Tasks that have ended since the last look.
   * @param look.begin - Asked when nobody has looked before.
   * @returns tasks that have ended since the run began
   */
  see(look: { readonly open: number; readonly ended: number; begin(): RunBeginning }): number {
    const { open, ended, begin } = look
    if (this.#done === undefined) this.#done = begin().done
    else if (this.#wasIdle && open > 0) this.#done = ended
    else this.#done += ended
    this.#wasIdle = open === 0
    return this.#done
  }
}
