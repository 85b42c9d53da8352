/**
 * Albums whose name begins with a date: `2019`, `2019-06`, `2019-06-02 Lake`.
 *
 * @module
 */

import { DAY_MS, dayOf } from './file-zone.ts'

/** Days as if UTC, epoch milliseconds of their midnights, both inclusive. */
export interface DayRange {
  readonly firstMs: number
  readonly lastMs: number
}

const YEAR = /^(?<y>\d{4})(?!\d)/u
const MONTH = /^\d{4}-(?<m>\d{2})(?!\d)/u
const DAY = /^\d{4}-\d{2}-(?<d>\d{2})(?!\d)/u

/** The first photograph is of 1826; `9999 pictures` is no year either. */
const FIRST_YEAR = 1826
const LAST_YEAR = 2200

/** The days that a name begins with; undefined for all others. `2019-20 season` is the year 2019. */
export function daysInName(name: string): DayRange | undefined {
  const year = numberIn(YEAR, 'y', name)
  if (year === undefined || year < FIRST_YEAR || year > LAST_YEAR) return undefined
  const month = numberIn(MONTH, 'm', name)
  if (month === undefined || month < 1 || month > 12) return between(year, 0, 1, year + 1, 0, 1)
  const day = numberIn(DAY, 'd', name)
  if (day === undefined || !isDay(year, month, day)) return between(year, month - 1, 1, year, month, 1)
  return between(year, month - 1, day, year, month - 1, day + 1)
}

/** How many milliseconds (whole days) a wall-clock time's day is away from these days; 0 inside. */
export function distanceMs(days: DayRange, wallClockMs: number): number {
  const day = dayOf(wallClockMs)
  if (day < days.firstMs) return days.firstMs - day
  return day > days.lastMs ? day - days.lastMs : 0
}

function numberIn(pattern: RegExp, group: string, name: string): number | undefined {
  const text = pattern.exec(name)?.groups?.[group]
  return text === undefined ? undefined : Number(text)
}

function isDay(year: number, month: number, day: number): boolean {
  return day >= 1 && new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day
}

function between(
  ...[year, month, day, nextYear, nextMonth, nextDay]: readonly [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
): DayRange {
  return {
    firstMs: Date.UTC(year, month, day),
    lastMs: Date.UTC(nextYear, nextMonth, nextDay) - DAY_MS,
  }
}
