/**
 * The dates that an asset's names, folders and duplicates tell of.
 *
 * A name shows the wall clock of the phone, and is read in the zone of the file; names of Pixel phones are UTC. What
 * cannot be a date (month 13, 1987 in the name of a phone's file, next year) says nothing.
 *
 * @module
 */

import { findDateInFolder } from '../../../media/name-dates.ts'
import { isFactoryTime } from '../../../media/plausible-time.ts'
import { instantToLocal } from '../../../media/zones.ts'
import type { DateSource, NamePattern } from '../rules.ts'
import type { SnapshotAsset, TakenDate } from '../snapshot.ts'
import { DAY_MS, instantIn, offsetOfZone, wallClockOf, zoneOfNames } from './file-zone.ts'

const MINUTE_MS = 60_000

/** No phone, messenger or screenshot tool named files before. */
const FIRST_YEAR_OF_NAMES = 1990

/** No day has fewer; most patterns need not be asked then. */
const EIGHT_DIGITS = /\d(?:\D*\d){7}/u

export type DatePrecision = 'second' | 'day'

/** A date that something tells of: an instant, and how far from UTC it was there. */
export interface DateCandidate {
  readonly source: DateSource['kind']
  /** `dates/whatsapp` */
  readonly rule: string
  /** What was read: `IMG-20160304-WA0001.jpg`. */
  readonly says: string
  readonly atMs: number
  readonly offsetMinutes: number
  /** With `day`, the instant is midnight. */
  readonly precision: DatePrecision
}

export interface DateOf {
  readonly asset: SnapshotAsset
  readonly taken: TakenDate | undefined
}

export interface DateContext {
  /** Of the rules. */
  readonly zone: string
  readonly patterns: readonly NamePattern[]
  /** When the library was read: nothing was taken more than a day later. */
  readonly nowMs: number
}

/** The present date as one that can be compared; a midnight tells only the day. Undefined when it cannot be right. */
export function presentDate({ asset, taken }: DateOf, context: DateContext): DateCandidate | undefined {
  if (taken === undefined || taken.atMs > context.nowMs + DAY_MS) return undefined
  const wallClockMs = wallClockOf(asset, taken, context.zone)
  return {
    source: 'exif',
    rule: 'dates/exif',
    says: asset.fileName,
    atMs: taken.atMs,
    offsetMinutes: Math.round((wallClockMs - taken.atMs) / MINUTE_MS),
    precision: wallClockMs % DAY_MS === 0 ? 'day' : 'second',
  }
}

/** What the names of an asset say by these patterns, the first pattern first. */
export function datesInNames(
  of: DateOf,
  ids: readonly string[],
  context: DateContext,
): readonly DateCandidate[] {
  const zone = zoneOfNames(of.taken, context.zone)
  return ids.flatMap((id) => {
    const pattern = context.patterns.find((one) => one.id === id)
    return pattern === undefined ? [] : (readName(pattern, of.asset, zone, context.nowMs) ?? [])
  })
}

/** What the innermost dated folder says, when that is a day. */
export function dateInFolder(of: DateOf, context: DateContext): DateCandidate | undefined {
  const found = findDateInFolder(of.asset.path, context.nowMs)
  if (found?.local === undefined || found.precision === 'month' || found.precision === 'year')
    return undefined
  const local = `${found.local.slice(0, 10)}T00:00:00`
  const at = instantIn(zoneOfNames(of.taken, context.zone), local)
  const says = of.asset.path
  return at === undefined
    ? undefined
    : { source: 'folder', rule: 'dates/folder', says, ...at, precision: 'day' }
}

/** The present date of a duplicate, and what its names say. Not those that a camera shows whose clock was never set. */
export function datesOfDuplicate(
  of: DateOf,
  ids: readonly string[],
  context: DateContext,
): readonly DateCandidate[] {
  const present = presentDate(of, context)
  const all = [...(present === undefined ? [] : [present]), ...datesInNames(of, ids, context)]
  return all
    .filter((candidate) => !isFactoryDate(candidate))
    .map((candidate) => ({ ...candidate, source: 'duplicates', rule: 'dates/duplicates' }))
}

/** As a camera shows whose clock was never set. */
export function isFactoryDate({
  atMs,
  offsetMinutes,
}: Pick<DateCandidate, 'atMs' | 'offsetMinutes'>): boolean {
  return isFactoryTime(instantToLocal(atMs, offsetMinutes))
}

function readName(
  pattern: NamePattern,
  asset: SnapshotAsset,
  fileZone: string,
  nowMs: number,
): DateCandidate | undefined {
  const says = pattern.looksAt === 'path' ? asset.path : asset.fileName
  if (!EIGHT_DIGITS.test(says)) return undefined
  const groups = pattern.pattern.match(says)
  const day = toDay(groups?.['d'])
  if (day === undefined) return undefined
  const time = pattern.precision === 'second' ? toTime(groups?.['t']) : undefined
  const at = instantOf(pattern, day, time, fileZone)
  if (at === undefined || at.atMs > nowMs + DAY_MS) return undefined
  const precision = time === undefined ? 'day' : 'second'
  return { source: 'patterns', rule: `dates/${pattern.id}`, says, ...at, precision }
}

/** A day alone is no instant, whatever the zone of the times is: it is a day of the wall clock. */
function instantOf(
  { zone }: NamePattern,
  day: string,
  time: string | undefined,
  fileZone: string,
): ReturnType<typeof instantIn> {
  const local = `${day}T${time ?? '00:00:00'}`
  if (zone === 'utc' && time !== undefined) return atUtc(local, fileZone)
  return instantIn(zone === 'local' || zone === 'utc' ? fileZone : zone, local)
}

/** An instant in UTC, seen from the zone of the file. */
function atUtc(
  local: string,
  zone: string,
): { readonly atMs: number; readonly offsetMinutes: number } | undefined {
  const found = instantIn('UTC', local)
  return found === undefined
    ? undefined
    : { atMs: found.atMs, offsetMinutes: offsetOfZone(zone, found.atMs) ?? 0 }
}

/** `20160304`, `2016-03-04` → `2016-03-04`. */
function toDay(text: string | undefined): string | undefined {
  const digits = text?.replaceAll(/\D/gu, '') ?? ''
  if (digits.length !== 8 || Number(digits.slice(0, 4)) < FIRST_YEAR_OF_NAMES) return undefined
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`
}

/** `142233`, `14.22.33`, `14-22`, `9.05.07` → `14:22:33`. */
function toTime(text: string | undefined): string | undefined {
  const digits = (text ?? '').replaceAll(/^(?=\d\D)/gu, '0').replaceAll(/\D/gu, '')
  if (digits.length !== 6 && digits.length !== 4) return undefined
  return `${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.length === 4 ? '00' : digits.slice(4)}`
}

/** Where it was taken, as if UTC. */
export function toWallClockMs({
  atMs,
  offsetMinutes,
}: Pick<DateCandidate, 'atMs' | 'offsetMinutes'>): number {
  return atMs + offsetMinutes * MINUTE_MS
}
