/**
 * Schedules of the reference backend.
 *
 * @module
 */

import type { FireReport, Schedule, StoredSchedule } from '../backend.ts'
import { fireSchedule, planSchedule } from '../schedule-plan.ts'
import type { NewTask } from '../task.ts'

export class MemorySchedules {
  readonly #schedules = new Map<string, StoredSchedule>()

  put(schedule: Schedule, now: number): StoredSchedule {
    const stored = planSchedule(schedule, this.#schedules.get(schedule.name), now)
    this.#schedules.set(stored.name, stored)
    return stored
  }

  remove(name: string): boolean {
    return this.#schedules.delete(name)
  }

  all(): readonly StoredSchedule[] {
    return [...this.#schedules.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** `add` adds a task and answers its id, or what that threw. */
  fire(
    now: number,
    add: (task: NewTask) => { readonly value: number } | { readonly error: unknown },
  ): FireReport {
    const due = this.all().filter(({ nextAt = Number.POSITIVE_INFINITY }) => nextAt <= now)
    due.sort((a, b) => (a.nextAt ?? 0) - (b.nextAt ?? 0))
    const firings = due.flatMap((schedule) => {
      const firing = fireSchedule(schedule, now, add)
      if (firing === undefined) return []
      const { nextAt: _was, ...rest } = schedule
      const { lastAt, nextAt } = firing
      this.#schedules.set(schedule.name, { ...rest, lastAt, ...(nextAt === undefined ? {} : { nextAt }) })
      return [firing]
    })
    const nextAts = this.all().flatMap(({ nextAt }) => nextAt ?? [])
    return {
      fired: firings.flatMap(({ fired }) => fired),
      refused: firings.flatMap(({ refused }) => refused),
      ...(nextAts.length === 0 ? {} : { nextAt: Math.min(...nextAts) }),
    }
  }
}
