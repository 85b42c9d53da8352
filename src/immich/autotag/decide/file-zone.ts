/**
 * Zones and wall clocks of pictures: what a server says of a zone, and which zone a date without one is in.
 *
 * An instant and a wall-clock time are never compared with each other here: names of phones show the wall clock, Immich's
 * `dateTimeOriginal` is an instant, and its `localDateTime` is a wall clock that looks like an instant.
 *
 * @module
 */

import {
  instantToLocal,
  isZone,
  localToInstant,
  offsetAt,
  offsetForLocal,
  toOffsetText,
} from '../../../media/zones.ts'
import type { DateText } from '../plan.ts'
import type { SnapshotAsset, TakenDate } from '../snapshot.ts'

const MINUTE_MS = 60_000
const QUARTER_HOUR_MS = 15 * MINUTE_MS
const MAX_OFFSET_MS = 14 * 60 * MINUTE_MS

export const DAY_MS = 86_400_000

/** Two hundred years. */
const MAX_KNOWN_DAYS = 73_000

const FIXED = /^(?:UTC|GMT)?(?<sign>[+-])(?<hours>\d{1,2})(?::?(?<minutes>\d{2}))?$/u

/** Minutes east of UTC of a zone at an instant; undefined for a zone that nobody knows. */
export function offsetOfZone(zone: string, atMs: number): number | undefined {
  return fixedOffset(zone) ?? changingOffset(zone, atMs)
}

/** The same for what its clocks show: `YYYY-MM-DDTHH:mm:ss`, which is `asUtcMs` where they show UTC. */
function offsetOfZoneLocally(zone: string, local: string, asUtcMs: number): number | undefined {
  const fixed = fixedOffset(zone)
  if (fixed !== undefined) return fixed
  const before = changingOffset(zone, asUtcMs - DAY_MS)
  return before === changingOffset(zone, asUtcMs + DAY_MS) ? before : offsetForLocal(zone, local)
}

/** Offsets at the midnights of UTC, by zone: asking for one costs some 10 µs, and a library asks for its days. */
const midnights = new Map<string, Map<number, number | undefined>>()

/** A day that begins and ends with the same offset has it all day. */
function changingOffset(zone: string, atMs: number): number | undefined {
  const day = Math.floor(atMs / DAY_MS)
  const first = offsetAtMidnight(zone, day)
  return first === offsetAtMidnight(zone, day + 1) ? first : offsetAt(zone, atMs)
}

function offsetAtMidnight(zone: string, day: number): number | undefined {
  let known = midnights.get(zone)
  if (known === undefined || known.size >= MAX_KNOWN_DAYS) {
    known = new Map()
    midnights.set(zone, known)
  }
  if (!known.has(day)) known.set(day, offsetAt(zone, day * DAY_MS))
  return known.get(day)
}

/** `UTC+2`, `UTC-3:30`, `+02:00`, `UTC`, `Z`; undefined for zones whose offset changes. */
function fixedOffset(zone: string): number | undefined {
  if (zone === 'UTC' || zone === 'GMT' || zone === 'Z') return 0
  const { sign, hours, minutes = '0' } = FIXED.exec(zone)?.groups ?? {}
  if (sign === undefined) return undefined
  const total = Number(hours) * 60 + Number(minutes)
  if (total > MAX_OFFSET_MS / MINUTE_MS || Number(minutes) > 59) return undefined
  return sign === '-' && total !== 0 ? -total : total
}

/** As Immich shows an offset: `UTC`, `UTC+2`, `UTC-3:30`. */
export function toZoneText(offsetMinutes: number): string {
  if (offsetMinutes === 0) return 'UTC'
  const minutes = Math.abs(offsetMinutes)
  const rest = minutes % 60 === 0 ? '' : `:${String(minutes % 60).padStart(2, '0')}`
  return `UTC${offsetMinutes < 0 ? '-' : '+'}${Math.floor(minutes / 60)}${rest}`
}

/**
 * The zone of dates without one in an asset's names: its own where the server knows it, else the one of the rules.
 *
 * A file's `UTC+2` may just be summer in the zone of the rules; then that zone is meant, since a name may say another
 * season.
 */
export function zoneOfNames(taken: TakenDate | undefined, rulesZone: string): string {
  const own = taken?.zone
  if (taken === undefined || own === undefined || !isKnown(own)) return rulesZone
  const fixed = fixedOffset(own)
  return fixed !== undefined && fixed === offsetOfZone(rulesZone, taken.atMs) ? rulesZone : own
}

function isKnown(zone: string): boolean {
  return fixedOffset(zone) !== undefined || isZone(zone)
}

/** Minutes east of UTC where it was taken: by its zone, else by the zone of the rules. */
export function offsetOfTaken(taken: TakenDate, rulesZone: string): number {
  const own = taken.zone === undefined ? undefined : offsetOfZone(taken.zone, taken.atMs)
  return own ?? offsetOfZone(rulesZone, taken.atMs) ?? 0
}

/**
 * Wall-clock time where it was taken, as if UTC: the server's, while that can belong to the date.
 *
 * The server's follows a new date only when its jobs are done, so one that no zone explains is made anew.
 */
export function wallClockOf(asset: SnapshotAsset, taken: TakenDate, rulesZone: string): number {
  if (taken === asset.taken && isOffsetMs(asset.wallClockMs - taken.atMs)) return asset.wallClockMs
  return taken.atMs + offsetOfTaken(taken, rulesZone) * MINUTE_MS
}

function isOffsetMs(differenceMs: number): boolean {
  return Math.abs(differenceMs) <= MAX_OFFSET_MS && differenceMs % QUARTER_HOUR_MS === 0
}

/** The day of a wall-clock time, as if UTC: epoch milliseconds of its midnight. */
export function dayOf(wallClockMs: number): number {
  return Math.floor(wallClockMs / DAY_MS) * DAY_MS
}

/** `2021-03-04` */
export function toDayText(wallClockMs: number): string {
  return instantToLocal(wallClockMs, 0).slice(0, 10)
}

/** A date as it is sent. Without a zone, as 2.x refuses one beside a date: the server shows the offset then. */
export function toDateText(atMs: number, offsetMinutes: number, zone: string | null): DateText {
  return {
    dateTimeOriginal: `${instantToLocal(atMs, offsetMinutes)}${toOffsetText(offsetMinutes)}`,
    timeZone: zone,
  }
}

/** A date as the server has it, so that it can be written again. */
export function toDateTextOf(taken: TakenDate): DateText {
  const offset = taken.zone === undefined ? undefined : offsetOfZone(taken.zone, taken.atMs)
  return toDateText(taken.atMs, offset ?? 0, taken.zone ?? null)
}

/** The instant of a wall-clock time in a zone; undefined for what is no date of the calendar. */
export function instantIn(
  zone: string,
  local: string,
): { readonly atMs: number; readonly offsetMinutes: number } | undefined {
  const asUtcMs = localToInstant(local, 0)
  const offsetMinutes = asUtcMs === undefined ? undefined : offsetOfZoneLocally(zone, local, asUtcMs)
  if (asUtcMs === undefined || offsetMinutes === undefined) return undefined
  const atMs = asUtcMs - offsetMinutes * MINUTE_MS
  // In the hour that spring skips, the clocks showed another time.
  return { atMs, offsetMinutes: offsetOfZone(zone, atMs) ?? offsetMinutes }
}
