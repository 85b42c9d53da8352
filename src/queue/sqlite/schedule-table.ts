/**
 * Schedules as rows, and their firing.
 *
 * A fire time gets its task in the same transaction that moves the schedule on, and a schedule only ever moves
 * forward: so there is one task for each (schedule, fire time), whoever fires and however often, also when the
 * clock is set back.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { FireReport, OnMissed, Schedule, StoredSchedule } from '../backend.ts'
import { type Firing, fireSchedule, planSchedule } from '../schedule-plan.ts'
import type { NewTask } from '../task.ts'
import type { Transactions } from './transactions.ts'

interface ScheduleRow {
  readonly name: string
  readonly cron: string
  readonly time_zone: string
  readonly task: string
  readonly on_missed: OnMissed
  readonly next_at: number | null
  readonly last_at: number | null
}

export class ScheduleTable {
  readonly #transactions: Transactions
  readonly #get: StatementSync
  readonly #all: StatementSync
  readonly #put: StatementSync
  readonly #remove: StatementSync
  readonly #due: StatementSync
  readonly #nextAt: StatementSync
  readonly #advance: StatementSync

  constructor(db: DatabaseSync, transactions: Transactions) {
    this.#transactions = transactions
    this.#get = db.prepare('SELECT * FROM queue_schedules WHERE name = ?')
    this.#all = db.prepare('SELECT * FROM queue_schedules ORDER BY name')
    this.#put = db.prepare(
      `INSERT INTO queue_schedules (name, cron, time_zone, task, on_missed, next_at, last_at)
       VALUES (:name, :cron, :timeZone, :task, :onMissed, :nextAt, :lastAt)
       ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, time_zone = excluded.time_zone,
         task = excluded.task, on_missed = excluded.on_missed, next_at = excluded.next_at`,
    )
    this.#remove = db.prepare('DELETE FROM queue_schedules WHERE name = ?')
    this.#due = db.prepare('SELECT name FROM queue_schedules WHERE next_at <= ? ORDER BY next_at, name')
    this.#nextAt = db.prepare('SELECT min(next_at) AS next_at FROM queue_schedules')
    this.#advance = db.prepare(
      `UPDATE queue_schedules SET next_at = :nextAt, last_at = :lastAt
       WHERE name = :name AND (last_at IS NULL OR last_at < :lastAt)`,
    )
  }

  put(schedule: Schedule, now: number): StoredSchedule {
    const stored = planSchedule(schedule, this.#find(schedule.name), now)
    this.#put.run({
      name: stored.name,
      cron: stored.cron,
      timeZone: stored.timeZone ?? null,
      task: JSON.stringify(stored.task),
      onMissed: stored.onMissed ?? null,
      nextAt: stored.nextAt ?? null,
      lastAt: stored.lastAt ?? null,
    })
    return stored
  }

  remove(name: string): boolean {
    return this.#remove.run(name).changes > 0
  }

  all(): readonly StoredSchedule[] {
    return (this.#all.all() as unknown as ScheduleRow[]).map(scheduleOfRow)
  }

  /** Fires all that are due at `now`, each in a transaction of its own; `add` adds a task and answers its id. */
  fire(now: number, add: (task: NewTask) => number): FireReport {
    const due = this.#due.all(now).map(({ name }) => String(name))
    const firings = due.flatMap((name) => this.#transactions.run(() => this.#fireOne(name, add)) ?? [])
    const nextAt = this.#nextAt.get()?.['next_at']
    return {
      fired: firings.flatMap(({ fired }) => fired),
      refused: firings.flatMap(({ refused }) => refused),
      ...(typeof nextAt === 'number' ? { nextAt } : {}),
    }
  }

  /** Undefined when somebody else was faster. */
  #fireOne(name: string, add: (task: NewTask) => number): Firing | undefined {
    const { now } = this.#transactions
    const schedule = this.#find(name)
    const firing =
      schedule && fireSchedule(schedule, now, (task) => this.#transactions.attempt(() => add(task)))
    if (firing) this.#advance.run({ name, nextAt: firing.nextAt ?? null, lastAt: firing.lastAt })
    return firing
  }

  #find(name: string): StoredSchedule | undefined {
    const row = this.#get.get(name) as unknown as ScheduleRow | undefined
    return row && scheduleOfRow(row)
  }
}

function scheduleOfRow(row: ScheduleRow): StoredSchedule {
  return {
    name: row.name,
    cron: row.cron,
    timeZone: row.time_zone,
    task: JSON.parse(row.task) as NewTask,
    onMissed: row.on_missed,
    ...(row.next_at === null ? {} : { nextAt: row.next_at }),
    ...(row.last_at === null ? {} : { lastAt: row.last_at }),
  }
}
