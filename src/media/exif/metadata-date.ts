/**
 * Dates as photo metadata spells them, read leniently.
 *
 * EXIF wants `2008:10:22 16:28:39`, XMP wants ISO 8601 down to a bare year, and programs mix the two. Cameras
 * without a clock write zeros or blanks, which say nothing. Times stay wall-clock times: nothing here knows a
 * zone that the text does not state.
 *
 * @module
 */

import type { EvidenceSource, Precision, TakenEvidence } from '../metadata.ts'

/** What a date text says. `local` is `YYYY-MM-DDTHH:mm:ss` with optional `.SSS`. */
export interface StatedDate {
  readonly local: string
  readonly offsetMinutes?: number
  readonly precision: Precision
}

const DATE =
  /^\s*(?<year>\d{4})(?:[:\-/.](?<month>\d{2})(?:[:\-/.](?<day>\d{2})(?:[ T]+(?<time>\d{2}:\d{2}[^\0]*))?)?)?[\s\0]*$/u
const TIME =
  /^(?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d+))?)?\s*(?<zone>Z|[+-]\d{2}:?\d{2})?\s*$/u
const OFFSET = /^\s*(?:(?<utc>Z)|(?<sign>[+-])(?<hours>\d{2}):?(?<minutes>\d{2}))[\s\0]*$/u

/** The widest offsets in use are -12:00 and +14:00; history had up to +15:13 (Alaska before 1867). */
const MAX_OFFSET_MINUTES = 16 * 60

/** Reads `2008:10:22 16:28:39`, `2014-05-01T12:30+02:00`, `2014-05`; undefined for zeros, blanks and nonsense. */
export function parseMetadataDate(text: string, subSeconds?: string): StatedDate | undefined {
  const parts = DATE.exec(text)?.groups
  if (parts === undefined) return undefined
  const { year = '', month = '01', day = '01', time } = parts
  if (!isCalendarDay(Number(year), Number(month), Number(day))) return undefined
  const date = `${year}-${month}-${day}`
  if (time === undefined) return { local: `${date}T00:00:00`, precision: datePrecision(parts) }
  return withTime(date, time, subSeconds)
}

function withTime(date: string, time: string, subSeconds: string | undefined): StatedDate | undefined {
  const clock = TIME.exec(time)?.groups
  if (clock === undefined) return undefined
  const { hour = '', minute = '', second, fraction, zone } = clock
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? '0') > 59) return undefined
  const local = `${date}T${hour}:${minute}:${second ?? '00'}${toMilliseconds(fraction ?? subSeconds)}`
  const offsetMinutes = zone === undefined ? undefined : parseOffset(zone)
  const precision = second === undefined ? 'minute' : 'second'
  return offsetMinutes === undefined ? { local, precision } : { local, offsetMinutes, precision }
}

function datePrecision(parts: Record<string, string | undefined>): Precision {
  if (parts['day'] !== undefined) return 'day'
  return parts['month'] === undefined ? 'year' : 'month'
}

function isCalendarDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate()
}

/** `55` (hundredths, as the digits stand behind the point) to `.550`; nothing when blank. */
function toMilliseconds(digits: string | undefined): string {
  const clean = /^\s*(?<digits>\d+)[\s\0]*$/u.exec(digits ?? '')?.groups?.['digits']
  return clean === undefined ? '' : `.${clean.slice(0, 3).padEnd(3, '0')}`
}

/** Minutes east of UTC of `+02:00`, `-0330` or `Z`; undefined for blanks and impossible values. */
export function parseOffset(text: string): number | undefined {
  const parts = OFFSET.exec(text)?.groups
  if (parts === undefined) return undefined
  if (parts['utc'] !== undefined) return 0
  const minutes = Number(parts['hours']) * 60 + Number(parts['minutes'])
  if (minutes > MAX_OFFSET_MINUTES || Number(parts['minutes']) > 59) return undefined
  return parts['sign'] === '-' && minutes !== 0 ? -minutes : minutes
}

/** `+02:00`, `-03:30`. */
export function formatOffset(offsetMinutes: number): string {
  const minutes = Math.abs(Math.round(offsetMinutes))
  const pad = (value: number): string => String(value).padStart(2, '0')
  return `${offsetMinutes < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`
}

/** Epoch milliseconds of a wall-clock time at an offset. */
export function instantOf(local: string, offsetMinutes: number): number {
  return Date.parse(`${local}Z`) - offsetMinutes * 60_000
}

/** One evidence of a stated date; an offset from a field of its own fills in for one that the text lacks. */
export function toEvidence(
  stated: StatedDate,
  detail: string,
  options: { source?: EvidenceSource; offsetMinutes?: number | undefined } = {},
): TakenEvidence {
  const { local, precision } = stated
  const source = options.source ?? 'embedded'
  const offsetMinutes = stated.offsetMinutes ?? options.offsetMinutes
  if (offsetMinutes === undefined) return { source, detail, local, precision }
  return { source, detail, local, at: instantOf(local, offsetMinutes), offsetMinutes, precision }
}
