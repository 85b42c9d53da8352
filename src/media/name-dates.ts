/**
 * Dates in the names that phones, messengers, screenshot tools and people give to files and folders.
 *
 * Hard because most digits in a name are no date: the name is searched for few strict shapes, most exact first,
 * and each candidate has to be a day of the calendar that is not in the future. Names whose order is
 * a guess (04.07.2019, 07-04) are left out rather than guessed, as are two-digit years and bare `2024-05`.
 *
 * What a name says is local time, with three exceptions that say UTC: the names of Google's Pixel camera
 * (`PXL_…`), a trailing `Z`, and epoch milliseconds (bursts, messengers). The shapes and their sources are
 * listed in `docs/guides/dates.md`.
 *
 * @module
 */

import type { Precision, TakenEvidence } from './metadata.ts'
import { localToInstant } from './zones.ts'

const DAY_MS = 86_400_000

/**
 * Digits in one piece are a date only from 1980 on: before that, no camera named files, and the more years are
 * allowed, the more serial numbers look like dates.
 */
const FIRST_COMPACT_YEAR = 1980

/** `1955-07-04` was typed by a person who dates a scan; the first photograph is of 1826. */
const FIRST_YEAR = 1826

/** Epoch milliseconds in names appeared with Android; earlier values are serial numbers. */
const FIRST_EPOCH_MS = Date.UTC(2005, 0, 1)

/** What stands between date and time: one to three separators, or "at" in the languages of macOS. */
const JOIN =
  '(?<join>[-_ .,T]{1,3}|[\\s,_-]*(?:at|um|à|às|a las|a les|alle|om|kl\\.?|klo|o|w|в)[\\s_]*|\\s*(?:上午|下午|午前|午後|오전|오후)\\s*)?'

const DATE = '(?<!\\d)(?<y>\\d{4})(?<ds>[-_. ]?)(?<m>\\d{2})\\k<ds>(?<d>\\d{2})'

const TIME =
  '(?<h>\\d{1,2})(?<ts>[-_.:꞉ ]?)(?<mi>\\d{2})\\k<ts>(?<s>\\d{2})(?:(?<fs>[-.,]?)(?<fraction>\\d{1,4}))?(?!\\d)'

const SUFFIX = '(?:[\\s_]*(?<half>[AP])\\.?M\\b)?(?<z>Z(?![\\p{L}\\d]))?'

const DATE_TIME = new RegExp(DATE + JOIN + TIME + SUFFIX, 'giu')
const DATE_MINUTE = new RegExp(
  `${DATE}(?:T|\\s+at\\s+)(?<h>\\d{2})(?<ts>[-_.:꞉]?)(?<mi>\\d{2})(?!\\d)`,
  'giu',
)
const DATE_ONLY = new RegExp(`${DATE}(?![\\d])`, 'gu')
const EPOCH_MS = /(?:^|[A-Za-z_. -])(?<ms>1\d{12})(?!\d)/gu

const PIXEL = /^PXL[_-]/iu

type Groups = Readonly<Record<string, string | undefined>>

/**
 * What a file's name says of its date.
 *
 * @param fileName - With or without folders; only the last segment is read.
 * @param now - Epoch milliseconds; later than a day after it is no date.
 */
export function findDateInName(fileName: string, now: number): TakenEvidence | undefined {
  const name = (fileName.split('/').at(-1) ?? '').normalize('NFC').slice(0, 512)
  return (
    findIn(name, DATE_TIME, (groups) => readDateTime(groups, PIXEL.test(name), now)) ??
    findIn(name, DATE_MINUTE, (groups) => readMinute(groups, 'file-name', now)) ??
    findIn(name, EPOCH_MS, (groups) => readEpoch(groups, now)) ??
    findIn(name, DATE_ONLY, (groups) => readDay(groups, 'file-name', now))
  )
}

/**
 * What the folders of a path say of the dates of the files in them; the innermost that says anything decides.
 *
 * `2019-07-04 Trip`, `20190704`, `20190704T1830`, `2019-07`, `2019/07/04`, `2019/07 July`, `2019`,
 * `Summer 2019`. A range of days (`2019-07-04 - 2019-07-10`) is known to the month or year that its ends share.
 *
 * @param path - Of the file inside the export, `/` between segments; its last segment is the file's name.
 */
export function findDateInFolder(path: string, now: number): TakenEvidence | undefined {
  const folders = path.split('/').slice(0, -1)
  for (let depth = folders.length - 1; depth >= 0; depth -= 1) {
    const found = readFolder(folders.slice(Math.max(0, depth - 2), depth + 1), now)
    if (found !== undefined) return found
  }
  return undefined
}

function findIn(
  text: string,
  pattern: RegExp,
  read: (groups: Groups) => TakenEvidence | undefined,
): TakenEvidence | undefined {
  for (const { groups = {} } of text.matchAll(pattern)) {
    const found = read(groups)
    if (found !== undefined) return found
  }
  return undefined
}

function readDateTime(groups: Groups, isUtc: boolean, now: number): TakenEvidence | undefined {
  const { ts = '', h = '', mi = '', s = '', z } = groups
  if (h.length === 1 && ts === '') return undefined
  const hour = toHour24(Number(h), halfOf(groups))
  if (hour === undefined) return undefined
  const time = `${String(hour).padStart(2, '0')}:${mi}:${s}${millisecondsOf(groups)}`
  const shape = `yyyymmdd-hhmmss${z === undefined ? '' : 'z'}`
  const local = toLocal(groups, time, now)
  if (local === undefined) return undefined
  if (!isUtc && z === undefined) return { source: 'file-name', detail: shape, local, precision: 'second' }
  const at = localToInstant(local, 0)
  if (at === undefined) return undefined
  return { source: 'file-name', detail: isUtc ? 'pixel-utc' : shape, at, precision: 'second' }
}

/** `.123` when the name carries milliseconds, and not a counter that looks like them. */
function millisecondsOf({ ts = '', fs = '', fraction = '' }: Groups): string {
  const stated = fraction.length === 3 && (fs !== '-' || ts !== '')
  return stated && fraction !== '000' ? `.${fraction}` : ''
}

function halfOf({ half, join = '' }: Groups): 'a' | 'p' | undefined {
  if (half !== undefined) return half.toLowerCase() === 'p' ? 'p' : 'a'
  if (/下午|午後|오후/u.test(join)) return 'p'
  return /上午|午前|오전/u.test(join) ? 'a' : undefined
}

function toHour24(hour: number, half: 'a' | 'p' | undefined): number | undefined {
  if (half === undefined) return hour
  if (hour > 12) return undefined
  return (hour % 12) + (half === 'p' ? 12 : 0)
}

function readMinute(
  groups: Groups,
  source: 'file-name' | 'folder-name',
  now: number,
): TakenEvidence | undefined {
  const local = toLocal(groups, `${groups['h'] ?? ''}:${groups['mi'] ?? ''}:00`, now)
  return local === undefined ? undefined : { source, detail: 'yyyymmdd-hhmm', local, precision: 'minute' }
}

function readDay(
  groups: Groups,
  source: 'file-name' | 'folder-name',
  now: number,
): TakenEvidence | undefined {
  const local = toLocal(groups, '00:00:00', now)
  return local === undefined ? undefined : { source, detail: 'yyyymmdd', local, precision: 'day' }
}

function readEpoch({ ms = '' }: Groups, now: number): TakenEvidence | undefined {
  const at = Number(ms)
  if (at < FIRST_EPOCH_MS || at > now + DAY_MS) return undefined
  return { source: 'file-name', detail: 'epoch-ms', at, precision: 'second' }
}

function toLocal({ y = '', ds = '', m = '', d = '' }: Groups, time: string, now: number): string | undefined {
  const local = `${y}-${m}-${d}T${time}`
  const at = localToInstant(local, 0)
  if (at === undefined || at > now + DAY_MS) return undefined
  return Number(y) >= (ds === '' ? FIRST_COMPACT_YEAR : FIRST_YEAR) ? local : undefined
}

// # Folders

const YEAR_MONTH = /^(?<y>\d{4})[-_. ]?(?<m>\d{2})(?![-_.]?\d)/u
const YEAR = /^(?<y>\d{4})$/u
const YEAR_AND_WORDS = /^(?:(?<first>\d{4})[\s,_-]+[^\d]+|[^\d]+[\s,_-](?<last>\d{4}))$/u
const LEADING_NUMBER = /^(?<n>\d{2})(?:[\s_.-]+[^\d]*)?$/u

/** @param folders - The folder in question last, before it at most two that it lies in. */
function readFolder(folders: readonly string[], now: number): TakenEvidence | undefined {
  const [name = '', parent = '', grandparent = ''] = folders
    .toReversed()
    .map((folder) => folder.trim().normalize('NFC').slice(0, 512))
  return (
    findIn(name, DATE_MINUTE, (groups) => readMinute(groups, 'folder-name', now)) ??
    readDays(name, now) ??
    readMonth(YEAR_MONTH.exec(name)?.groups, now) ??
    readNested(name, parent, grandparent, now) ??
    readYear(name, now)
  )
}

/** One day, or what all the days in the name have in common. */
function readDays(name: string, now: number): TakenEvidence | undefined {
  const days = [...name.matchAll(DATE_ONLY)].flatMap(({ groups = {} }) => {
    const day = readDay(groups, 'folder-name', now)?.local?.slice(0, 10)
    return day === undefined ? [] : [day]
  })
  const [first] = days
  if (first === undefined) return undefined
  const shared = [10, 7, 4].find((length) =>
    days.every((day) => day.slice(0, length) === first.slice(0, length)),
  )
  if (shared === undefined) return undefined
  if (shared === 10) return folderDate(first, 'yyyymmdd', 'day', now)
  if (shared === 7) return folderDate(`${first.slice(0, 7)}-01`, 'range', 'month', now)
  return folderDate(`${first.slice(0, 4)}-01-01`, 'range', 'year', now)
}

function readMonth(groups: Groups | undefined, now: number): TakenEvidence | undefined {
  if (groups === undefined) return undefined
  return folderDate(`${groups['y'] ?? ''}-${groups['m'] ?? ''}-01`, 'yyyymm', 'month', now)
}

/** `2019/07` and `2019/07/04`, each with words behind the number. */
function readNested(
  name: string,
  parent: string,
  grandparent: string,
  now: number,
): TakenEvidence | undefined {
  const number = LEADING_NUMBER.exec(name)?.groups?.['n']
  if (number === undefined) return undefined
  const year = YEAR.exec(parent)?.groups?.['y']
  if (year !== undefined) return folderDate(`${year}-${number}-01`, 'yyyy/mm', 'month', now)
  const { y = YEAR.exec(grandparent)?.groups?.['y'], m = LEADING_NUMBER.exec(parent)?.groups?.['n'] } =
    YEAR_MONTH.exec(parent)?.groups ?? {}
  if (y === undefined || m === undefined) return undefined
  return folderDate(`${y}-${m}-${number}`, 'yyyy/mm/dd', 'day', now)
}

function readYear(name: string, now: number): TakenEvidence | undefined {
  const { first, last } = YEAR_AND_WORDS.exec(name)?.groups ?? {}
  const year = YEAR.exec(name)?.groups?.['y'] ?? first ?? last
  return year === undefined ? undefined : folderDate(`${year}-01-01`, 'yyyy', 'year', now)
}

function folderDate(
  date: string,
  detail: string,
  precision: Precision,
  now: number,
): TakenEvidence | undefined {
  const local = `${date}T00:00:00`
  const at = localToInstant(local, 0)
  if (at === undefined || at > now + DAY_MS || Number(date.slice(0, 4)) < FIRST_YEAR) return undefined
  return { source: 'folder-name', detail, local, precision }
}
