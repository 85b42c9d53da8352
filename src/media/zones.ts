/**
 * Time zones: which one rules at a place, and how far it was from UTC at an instant or at a wall-clock time.
 *
 * The rules (daylight saving and every change since 1970 and before) come from the ICU data inside Node, so
 * nothing here knows a date. Offsets are whole minutes: the seconds of local mean time before about 1920 are
 * rounded away, since no metadata field could carry them. The place is looked up in a coarse map (100 kB; it
 * agrees with exact borders on 97 % of random points), which is why a zone by position comes last among the evidence.
 *
 * @module
 */

import lookUp from '@photostructure/tz-lookup'
import type { Position } from './metadata.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

/** One formatter a zone: making one costs about 50 µs, using one about 1 µs. */
const formatters = new Map<string, Intl.DateTimeFormat | undefined>()

const LOCAL =
  /^(?<y>\d{4})-(?<mo>\d\d)-(?<d>\d\d)T(?<h>\d\d):(?<mi>\d\d):(?<s>\d\d)(?:\.(?<fraction>\d{1,9}))?$/u

/** True for an IANA name (`Europe/Berlin`) that this Node knows. */
export function isZone(zone: string): boolean {
  return formatterOf(zone) !== undefined
}

/**
 * Minutes east of UTC in `zone` at an instant.
 *
 * @param at - Epoch milliseconds.
 * @returns Undefined for an unknown zone and for an instant outside the calendar.
 */
export function offsetAt(zone: string, at: number): number | undefined {
  const formatter = formatterOf(zone)
  if (formatter === undefined || !Number.isFinite(at) || Math.abs(at) > 8.64e15) return undefined
  const text = formatter.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const {
    sign = '+',
    hours = '0',
    minutes = '0',
    seconds = '0',
  } = /^GMT(?:(?<sign>[+-])(?<hours>\d+):(?<minutes>\d+)(?::(?<seconds>\d+))?)?$/u.exec(text)?.groups ?? {}
  const total = Math.round(Number(hours) * 60 + Number(minutes) + Number(seconds) / 60)
  return sign === '-' && total !== 0 ? -total : total
}

/**
 * Minutes east of UTC in `zone` when its clocks showed `local`.
 *
 * In the hour that autumn repeats, the first pass is taken (daylight time); in the hour that spring skips, the
 * offset before the change, so that 02:30 means the instant half an hour after the clocks were moved.
 * Both are what `Temporal` calls "compatible".
 */
export function offsetForLocal(zone: string, local: string): number | undefined {
  const asUtc = localToInstant(local, 0)
  if (asUtc === undefined) return undefined
  const before = offsetAt(zone, asUtc - DAY_MS)
  const after = offsetAt(zone, asUtc + DAY_MS)
  if (before === undefined || after === undefined) return undefined
  const fits = (offset: number): boolean => offsetAt(zone, asUtc - offset * MINUTE_MS) === offset
  if (fits(before)) return fits(after) ? Math.max(before, after) : before
  return fits(after) ? after : before
}

/** The zone that rules at a position; undefined for 0/0 (which means "none" in exports) and for nonsense. */
export function zoneAt(position: Position): string | undefined {
  const { latitude, longitude } = position
  if (latitude === 0 && longitude === 0) return undefined
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return undefined
  const zone = lookUp(latitude, longitude)
  return isZone(zone) ? zone : undefined
}

/**
 * The instant at which clocks `offsetMinutes` east of UTC show `local`.
 *
 * @param local - `YYYY-MM-DDTHH:mm:ss` with optional fraction.
 * @returns Epoch milliseconds; undefined unless `local` is a date of the calendar.
 */
export function localToInstant(local: string, offsetMinutes: number): number | undefined {
  const { y = '', mo = '', d = '', h = '', mi = '', s = '', fraction = '' } = LOCAL.exec(local)?.groups ?? {}
  if (y === '') return undefined
  const at = new Date(0)
  at.setUTCFullYear(Number(y), Number(mo) - 1, Number(d))
  const rightDay = at.getUTCMonth() === Number(mo) - 1 && at.getUTCDate() === Number(d)
  if (!rightDay || Number(h) > 23 || Number(mi) > 59 || Number(s) > 59) return undefined
  at.setUTCHours(Number(h), Number(mi), Number(s), Number(fraction.padEnd(3, '0').slice(0, 3)))
  return at.getTime() - offsetMinutes * MINUTE_MS
}

/** What clocks `offsetMinutes` east of UTC show at an instant: `YYYY-MM-DDTHH:mm:ss`, `.SSS` when not zero. */
export function instantToLocal(at: number, offsetMinutes: number): string {
  const text = new Date(at + offsetMinutes * MINUTE_MS).toISOString().slice(0, -1)
  return text.endsWith('.000') ? text.slice(0, -4) : text
}

/** `+05:45`, `-08:00`: the form of `OffsetTimeOriginal`. */
export function toOffsetText(offsetMinutes: number): string {
  const minutes = Math.abs(offsetMinutes)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

function formatterOf(zone: string): Intl.DateTimeFormat | undefined {
  if (!formatters.has(zone)) formatters.set(zone, createFormatter(zone))
  return formatters.get(zone)
}

function createFormatter(zone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
