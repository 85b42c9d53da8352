/**
 * Single values of a rules file: patterns, names, durations, ranges of dates, limits, ids.
 *
 * @module
 */

import { localToInstant, offsetForLocal } from '../../../media/zones.ts'
import { parseDurationMs } from '../../../units.ts'
import type { ChangeLimit, NameTemplate, TextPattern } from '../rules.ts'
import { BadTemplateError, parseNameTemplate } from './name-template.ts'
import { offsetIn, type Place, readItems, readText, report, shorten } from './place.ts'
import { BadPatternError, parseTextPattern } from './text-pattern.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** The ends of the calendar of `Date`, for ranges that are open. */
export const FIRST_MS = -8.64e15
export const LAST_MS = 8.64e15

/** One text or a list of them. */
export function readPatterns(place: Place): readonly TextPattern[] {
  const items = readItems(place)
  if (items.length === 0) report(place, 'the list is empty, so nothing would match')
  return items.flatMap((item) => readPattern(item) ?? [])
}

export function readPattern(place: Place): TextPattern | undefined {
  const source = readText(place)
  if (source === undefined) return undefined
  try {
    return parseTextPattern(source)
  } catch (error) {
    if (!(error instanceof BadPatternError)) throw error
    report(place, error.message, error.hint, { offset: offsetIn(place, error.offset) })
    return undefined
  }
}

export function readTemplate(place: Place): NameTemplate | undefined {
  const source = readText(place)
  if (source === undefined) return undefined
  try {
    return parseNameTemplate(source)
  } catch (error) {
    if (!(error instanceof BadTemplateError)) throw error
    report(place, error.message, error.hint, { offset: offsetIn(place, error.offset) })
    return undefined
  }
}

/** Texts without a meaning of their own, one or a list. */
export function readTexts(place: Place): readonly string[] {
  const items = readItems(place)
  if (items.length === 0) report(place, 'the list is empty')
  return items.flatMap((item) => readText(item) ?? [])
}

/** `180d`, `26h`, `30m`, to milliseconds; a number without a unit could mean anything. */
export function readDuration(place: Place): number | undefined {
  const text = readText(place)
  if (text === undefined) return undefined
  const ms = /[a-z]/iu.test(text) ? parseDurationMs(text) : undefined
  if (ms === undefined) report(place, `"${shorten(text)}" is no duration`, 'Write it as 180d, 26h or 30m.')
  return ms
}

/** `20%` or a count of assets. */
export function readLimit(place: Place): ChangeLimit | undefined {
  const text = readText(place)
  if (text === undefined) return undefined
  const { percent, count } =
    /^(?:(?<percent>\d{1,3}(?:\.\d+)?)\s*%|(?<count>\d{1,9}))$/u.exec(text.trim())?.groups ?? {}
  if (count !== undefined) return { kind: 'count', assets: Number(count) }
  if (percent !== undefined && Number(percent) <= 100) {
    return { kind: 'share', ofAssets: Number(percent) / 100 }
  }
  report(place, `"${shorten(text)}" is no limit`, 'Write it as 20% or 500.')
  return undefined
}

/** An id; what comes out is right in any case. */
export function readId(place: Place | undefined, fallback: string): string {
  const text = place === undefined ? fallback : (readText(place) ?? fallback)
  return place === undefined || isId(place, text) ? text : fallback
}

/** Reports an id that has other characters. */
export function isId(place: Place, text: string, offset?: number): boolean {
  if (/^[a-z0-9][a-z0-9-]{0,63}$/u.test(text)) return true
  report(
    place,
    `the id "${shorten(text)}" has other characters than a-z, 0-9 and -`,
    'Write it in small letters, with - between words.',
    offset === undefined ? {} : { offset },
  )
  return false
}

/** `5`, `">=3"`, `3..5`, inclusive. */
export function readRating(place: Place): { readonly min: number; readonly max: number } | undefined {
  const text = readText(place)?.replaceAll(/\s/gu, '')
  if (text === undefined) return undefined
  const { sign, only, from, to } =
    /^(?:(?<sign>[<>]=?)?(?<only>-?\d)|(?<from>-?\d)\.\.(?<to>-?\d))$/u.exec(text)?.groups ?? {}
  const range = only === undefined ? toRange(from, to) : toBounds(sign, Number(only))
  if (range !== undefined && range.min <= range.max && range.max <= 5 && range.min >= -1) return range
  report(place, `"${shorten(text)}" is no rating from -1 to 5`, 'Write it as 5, ">=3" or 3..5.')
  return undefined
}

function toRange(from: string | undefined, to: string | undefined): { min: number; max: number } | undefined {
  return from === undefined || to === undefined ? undefined : { min: Number(from), max: Number(to) }
}

function toBounds(sign: string | undefined, value: number): { min: number; max: number } {
  switch (sign ?? '=') {
    case '>=':
      return { min: value, max: 5 }
    case '>':
      return { min: value + 1, max: 5 }
    case '<=':
      return { min: -1, max: value }
    case '<':
      return { min: -1, max: value - 1 }
    default:
      return { min: value, max: value }
  }
}

/** `2019..2021`, `"2019-06-02.."`, `2019-06`: whole years, months, days or minutes, both ends with all they have. */
export function readDates(
  place: Place,
  zone: string,
): { readonly fromMs: number; readonly toMs: number } | undefined {
  const text = readText(place)?.trim()
  if (text === undefined) return undefined
  const [from = '', to = from, ...more] = text.split('..')
  const fromMs = from === '' ? FIRST_MS : startOf(from, zone)
  const toMs = to === '' ? LAST_MS : endOf(to, zone)
  const isSaid = from !== '' || to !== ''
  if (isSaid && more.length === 0 && fromMs !== undefined && toMs !== undefined && fromMs < toMs) {
    return { fromMs, toMs }
  }
  const says =
    fromMs !== undefined && toMs !== undefined && fromMs >= toMs
      ? 'ends before it begins'
      : 'is no range of dates'
  report(place, `"${shorten(text)}" ${says}`, 'Write it as 2019..2021, 2019-06 or "2019-06-02..".')
  return undefined
}

interface Moment {
  /** Wall-clock time as if UTC, and what comes one unit later. */
  readonly startMs: number
  readonly nextMs: number
}

const MOMENT = /^(?<y>\d{4})(?:-(?<mo>\d\d)(?:-(?<d>\d\d)(?:[T ](?<h>\d\d):(?<mi>\d\d))?)?)?$/u

function parseMoment(text: string): Moment | undefined {
  const { y, mo = '01', d = '01', h = '00', mi = '00' } = MOMENT.exec(text)?.groups ?? {}
  // Years below 100 mean others to `Date`.
  if (y === undefined || Number(y) < 100) return undefined
  const startMs = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:00Z`)
  // The 31st of April is the 1st of May to `Date`.
  if (Number.isNaN(startMs) || new Date(startMs).getUTCDate() !== Number(d)) return undefined
  return { startMs, nextMs: nextAfter(startMs, text.length) }
}

/** By how much of a date is written: `2019` has 4 characters. */
function nextAfter(startMs: number, length: number): number {
  const next = new Date(startMs)
  if (length === 4) next.setUTCFullYear(next.getUTCFullYear() + 1)
  else if (length === 7) next.setUTCMonth(next.getUTCMonth() + 1)
  else next.setTime(startMs + (length === 10 ? DAY_MS : MINUTE_MS))
  return next.getTime()
}

function startOf(text: string, zone: string): number | undefined {
  const moment = parseMoment(text)
  return moment === undefined ? undefined : toInstant(moment.startMs, zone)
}

function endOf(text: string, zone: string): number | undefined {
  const moment = parseMoment(text)
  return moment === undefined ? undefined : toInstant(moment.nextMs, zone)
}

function toInstant(wallClockMs: number, zone: string): number | undefined {
  const local = new Date(wallClockMs).toISOString().slice(0, 19)
  const offset = offsetForLocal(zone, local)
  return offset === undefined ? undefined : localToInstant(local, offset)
}
