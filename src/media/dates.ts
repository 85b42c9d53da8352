/**
 * Decides when a picture was taken, from everything that export, file, sidecar and names say about it.
 *
 * Hard because the witnesses speak of different things: a camera knows the wall clock but seldom the zone, an
 * export knows the instant but not the wall clock, a name may be either, and each is wrong in its own way (a
 * reset clock, a day typed by hand, the time of an upload). So no witness simply wins: one decides the time, the
 * others may give it a zone, refine it, or show that it is a camera's factory setting. The rules, with the reason
 * for each, are in `docs/guides/dates.md`. Pure: nothing here reads a file or a clock, and nothing is
 * written; that a plausible camera date in a file stays as it is, is the business of `planPatch`.
 *
 * @module
 */

import type { EvidenceSource, Position, Precision, Taken, TakenEvidence } from './metadata.ts'
import {
  isFactoryTime,
  isPlausibleTime,
  MAX_OFFSET_MINUTES,
  MIN_OFFSET_MINUTES,
  offsetBetween,
  toConsistent,
} from './plausible-time.ts'
import { instantToLocal, localToInstant, offsetAt, offsetForLocal, zoneAt } from './zones.ts'

export { isFactoryTime, isPlausibleTime } from './plausible-time.ts'
export { instantToLocal, localToInstant, toOffsetText } from './zones.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/** How far two clocks' seconds may lie apart and still tell of the same moment: truncation, shutter against save. */
const TOLERANCE_MS = 5 * SECOND_MS

const PRECISIONS: readonly Precision[] = ['second', 'minute', 'day', 'month', 'year']

/** Characters of `YYYY-MM-DDTHH:mm:ss` that a precision vouches for. */
const VOUCHED_LENGTH: Readonly<Record<Precision, number>> = {
  second: 19,
  minute: 16,
  day: 10,
  month: 7,
  year: 4,
}

/** Whom to ask first. An evidence list's own order decides within one source. */
const RANK: Readonly<Record<EvidenceSource, number>> = {
  embedded: 0,
  export: 1,
  'xmp-sidecar': 2,
  'file-name': 3,
  'folder-name': 4,
  'file-time': 6,
}

/** After the names, before the file's own time: it is something that the file says. */
const RANK_OF_DOUBTFUL = 5

/** It dates nothing that has another date; of a rank of its own, so that no order of the list decides. */
const RANK_OF_UPLOAD = 5.5

export interface DateQuestion {
  /** In any order between sources; best first within one source. */
  readonly evidence: readonly TakenEvidence[]
  readonly position?: Position
  /** IANA name of the zone that the user lives in. */
  readonly userZone?: string
  /** Epoch milliseconds. */
  readonly now: number
}

/** When it was taken, as well as anyone knows; undefined when nothing plausible is known. */
export function decideTaken(question: DateQuestion): Taken | undefined {
  const ranked = rankEvidence(question)
  const first = ranked[0]
  if (first === undefined) return undefined
  const decider = refine(first, ranked, question)
  return isCoarse(decider) ? settleDay(decider, question) : settleTime(decider, ranked, question)
}

// # Who decides

/** The plausible statements, the one that decides first. */
function rankEvidence({ evidence, now }: DateQuestion): readonly TakenEvidence[] {
  const plausible = evidence.flatMap((statement) =>
    isPlausibleTime(statement, now) ? (toConsistent(statement) ?? []) : [],
  )
  const rankOf = (statement: TakenEvidence): number => {
    if (statement.source === 'embedded' && isFactoryTime(localDigits(statement))) return RANK_OF_DOUBTFUL
    if (isUploadTime(statement)) return RANK_OF_UPLOAD
    return RANK[statement.source]
  }
  const ranked = plausible.toSorted((a, b) => rankOf(a) - rankOf(b))
  return correctedByHand(ranked)
}

/**
 * A platform that knows nothing better dates a picture by its upload; it may say so (`creationTime`).
 */
function isUploadTime({ source, detail }: TakenEvidence): boolean {
  return source === 'export' && detail === 'creationTime'
}

/**
 * Puts the export before the camera where the two are further apart than any zone explains: the platform read
 * the same camera date, so somebody has corrected it by hand since. Not when the export's time is the upload.
 */
function correctedByHand(ranked: readonly TakenEvidence[]): readonly TakenEvidence[] {
  const camera = ranked[0]
  const stated = ranked.find((statement) => statement.source === 'export' && !isUploadTime(statement))
  if (camera?.source !== 'embedded' || stated === undefined || isCoarse(stated)) return ranked
  const upload = ranked.find(isUploadTime)
  if (upload !== undefined && Math.abs(instantOf(upload) - instantOf(stated)) <= HOUR_MS) return ranked
  if (isSameMoment(camera, stated)) return ranked
  return [stated, ...ranked.filter((statement) => statement !== stated)]
}

/** True when the camera's digits and the instant differ by no more than some zone could make them differ. */
function isSameMoment(camera: TakenEvidence, other: TakenEvidence): boolean {
  if (isCoarse(camera)) return isWithin(other, camera, undefined)
  if (camera.at !== undefined || camera.offsetMinutes !== undefined) {
    // Some cameras write local time where UTC belongs, so a stated instant gets the same slack.
    return Math.abs(instantOf(camera) - instantOf(other)) <= MAX_OFFSET_MINUTES * MINUTE_MS
  }
  const gapMs = instantOf(camera) - instantOf(other)
  if (other.at === undefined && other.offsetMinutes === undefined) return Math.abs(gapMs) <= DAY_MS
  return (
    gapMs >= MIN_OFFSET_MINUTES * MINUTE_MS - HOUR_MS && gapMs <= MAX_OFFSET_MINUTES * MINUTE_MS + HOUR_MS
  )
}

// # Precision

/** Replaces a coarse decider (only the day, the year) by the first finer statement that lies within it. */
function refine(
  first: TakenEvidence,
  ranked: readonly TakenEvidence[],
  question: DateQuestion,
): TakenEvidence {
  let decider = first
  for (const statement of ranked) {
    const finer = PRECISIONS.indexOf(statement.precision) < PRECISIONS.indexOf(decider.precision)
    if (finer && isWithin(statement, decider, zoneOf(question))) decider = statement
  }
  return decider
}

/** True when `finer` can lie within the day, month or year that `coarse` names. */
function isWithin(finer: TakenEvidence, coarse: TakenEvidence, zone: string | undefined): boolean {
  const length = VOUCHED_LENGTH[coarse.precision]
  const period = localDigits(coarse).slice(0, length)
  return possibleLocals(finer, zone).some((local) => local.slice(0, length) === period)
}

/** The wall-clock times that a statement may mean: one, or both ends of the world where only the instant is known. */
function possibleLocals(evidence: TakenEvidence, zone: string | undefined): readonly string[] {
  if (evidence.local !== undefined) return [evidence.local]
  const at = instantOf(evidence)
  const offset = evidence.offsetMinutes ?? (zone === undefined ? undefined : offsetAt(zone, at))
  if (offset !== undefined) return [instantToLocal(at, offset)]
  return [MIN_OFFSET_MINUTES, 0, MAX_OFFSET_MINUTES].map((minutes) => instantToLocal(at, minutes))
}

function isCoarse({ precision }: TakenEvidence): boolean {
  return precision !== 'second' && precision !== 'minute'
}

/** A day without a time is noon: so it stays that day in the zones from −12 to +11. */
function settleDay(decider: TakenEvidence, question: DateQuestion): Taken {
  const zone = zoneOf(question)
  const length = VOUCHED_LENGTH[decider.precision]
  const digits = possibleLocals(decider, zone)[0] ?? localDigits(decider)
  const local = `${digits.slice(0, length)}${'0000-01-01'.slice(length)}T12:00:00`
  const offset = zone === undefined ? 0 : (offsetForLocal(zone, local) ?? 0)
  const { source, detail, precision } = decider
  return { local, at: localToInstant(local, offset) ?? 0, precision, source, detail, zone: 'unknown' }
}

// # Zone

type Settled = Pick<Taken, 'local' | 'at' | 'zone'> & { readonly offsetMinutes?: number }

function settleTime(decider: TakenEvidence, ranked: readonly TakenEvidence[], question: DateQuestion): Taken {
  const settled =
    settleStated(decider, ranked) ??
    (decider.local === undefined
      ? settleInstant(decider, ranked, question)
      : settleLocal(decider, decider.local, ranked, question))
  const { source, detail, precision } = decider
  return { ...settled, precision, source, detail }
}

/** The statement itself names its zone, or another statement of the same moment does. */
function settleStated(decider: TakenEvidence, ranked: readonly TakenEvidence[]): Settled | undefined {
  const offset =
    decider.offsetMinutes ??
    ranked.find((other) => other.offsetMinutes !== undefined && isSameStatement(decider, other))
      ?.offsetMinutes
  if (offset === undefined) return undefined
  const local = decider.local ?? instantToLocal(instantOf(decider), offset)
  return { local, at: atOf(local, offset), offsetMinutes: offset, zone: 'stated' }
}

/** True when the two agree to the second, in wall clock or instant. */
function isSameStatement(a: TakenEvidence, b: TakenEvidence): boolean {
  if (isCoarse(b) || b.source === 'file-time') return false
  if (a.local !== undefined && b.local !== undefined) return isNear(asUtc(a.local), asUtc(b.local), a)
  return a.at !== undefined && isNear(a.at, instantOf(b), a)
}

/** A wall clock is known; an instant of the same moment tells how far it was from UTC. */
function settleLocal(
  decider: TakenEvidence,
  local: string,
  ranked: readonly TakenEvidence[],
  question: DateQuestion,
): Settled {
  const byPosition = question.position === undefined ? undefined : zoneAt(question.position)
  const positionOffset = byPosition === undefined ? undefined : offsetForLocal(byPosition, local)
  const againstUtc = findOffset(local, decider, ranked)
  // Zero is also what remains where a platform took the camera's digits for UTC: a place knows better.
  if (againstUtc !== undefined && !(againstUtc === 0 && positionOffset !== undefined)) {
    return { local, at: atOf(local, againstUtc), offsetMinutes: againstUtc, zone: 'camera-against-utc' }
  }
  if (positionOffset !== undefined) {
    return { local, at: atOf(local, positionOffset), offsetMinutes: positionOffset, zone: 'position' }
  }
  const user = question.userZone === undefined ? undefined : offsetForLocal(question.userZone, local)
  if (user !== undefined) return { local, at: atOf(local, user), offsetMinutes: user, zone: 'user' }
  return { local, at: atOf(local, 0), zone: 'unknown' }
}

function findOffset(
  local: string,
  decider: TakenEvidence,
  ranked: readonly TakenEvidence[],
): number | undefined {
  for (const other of ranked) {
    if (other.at === undefined || isCoarse(other) || !isWitness(other)) continue
    const offset = zoneBetween(local, other.at, decider)
    if (offset !== undefined) return offset
  }
  return undefined
}

/** An instant is known; a wall clock of the same moment, place, user or the camera's habit tells the zone. */
function settleInstant(
  decider: TakenEvidence,
  ranked: readonly TakenEvidence[],
  question: DateQuestion,
): Settled {
  const at = instantOf(decider)
  return (
    settleMisplacedLocal(decider, ranked) ??
    settleByWallClock(at, decider, ranked) ??
    settleByZone(at, question.position === undefined ? undefined : zoneAt(question.position), 'position') ??
    settleByZone(at, question.userZone, 'user') ??
    settleByHabit(at, decider, ranked) ?? {
      // Digits of UTC with the offset that makes them true: the instant at least is right in every reader.
      local: instantToLocal(at, 0),
      at,
      offsetMinutes: 0,
      zone: 'unknown',
    }
  )
}

/** A camera that writes local time into QuickTime's UTC field: the export's instant gives it away. */
function settleMisplacedLocal(decider: TakenEvidence, ranked: readonly TakenEvidence[]): Settled | undefined {
  if (decider.source !== 'embedded' || /gps/iu.test(decider.detail)) return undefined
  const digits = instantToLocal(instantOf(decider), 0)
  const instants = ranked.filter(
    (other) => other.at !== undefined && other.source !== 'embedded' && isWitness(other),
  )
  const offset = instants
    .map((other) => zoneBetween(digits, other.at ?? Number.NaN, decider))
    .find((minutes) => minutes !== undefined)
  if (offset === undefined || offset === 0) return undefined
  return { local: digits, at: atOf(digits, offset), offsetMinutes: offset, zone: 'camera-against-utc' }
}

function settleByWallClock(
  at: number,
  decider: TakenEvidence,
  ranked: readonly TakenEvidence[],
): Settled | undefined {
  for (const other of ranked) {
    if (other.local === undefined || other.precision !== 'second' || !isWitness(other)) continue
    const offset = zoneBetween(other.local, at, decider)
    if (offset === undefined) continue
    return { local: instantToLocal(at, offset), at, offsetMinutes: offset, zone: 'camera-against-utc' }
  }
  return undefined
}

function settleByZone(at: number, zone: string | undefined, how: 'position' | 'user'): Settled | undefined {
  const offset = zone === undefined ? undefined : offsetAt(zone, at)
  if (offset === undefined) return undefined
  return { local: instantToLocal(at, offset), at, offsetMinutes: offset, zone: how }
}

/** The zone that the camera was set to, though at another time: nearer to the truth than UTC. */
function settleByHabit(
  at: number,
  { source }: TakenEvidence,
  ranked: readonly TakenEvidence[],
): Settled | undefined {
  if (source !== 'export') return undefined
  const offset = ranked.find(
    (other) => other.source === 'embedded' && other.offsetMinutes !== undefined,
  )?.offsetMinutes
  if (offset === undefined) return undefined
  return { local: instantToLocal(at, offset), at, offsetMinutes: offset, zone: 'stated' }
}

/** File times are in the machine's zone, or the unpacker's, and uploads come later: neither tells a zone. */
function isWitness(evidence: TakenEvidence): boolean {
  return evidence.source !== 'file-time' && !isUploadTime(evidence)
}

function zoneBetween(local: string, at: number, decider: TakenEvidence): number | undefined {
  return offsetBetween(local, at, toleranceMs(decider))
}

function isNear(a: number, b: number, decider: TakenEvidence): boolean {
  return Math.abs(a - b) <= toleranceMs(decider)
}

function toleranceMs({ precision }: TakenEvidence): number {
  return TOLERANCE_MS + (precision === 'minute' ? MINUTE_MS : 0)
}

// # Times

function zoneOf({ position, userZone }: DateQuestion): string | undefined {
  return (position === undefined ? undefined : zoneAt(position)) ?? userZone
}

/** Wall-clock digits, those of UTC where only an instant is known. */
function localDigits(evidence: TakenEvidence): string {
  return evidence.local ?? instantToLocal(instantOf(evidence), evidence.offsetMinutes ?? 0)
}

/** The instant; a wall clock of unknown zone is read as UTC. */
function instantOf({ at, local = '', offsetMinutes = 0 }: TakenEvidence): number {
  return at ?? localToInstant(local, offsetMinutes) ?? Number.NaN
}

function asUtc(local: string): number {
  return localToInstant(local, 0) ?? Number.NaN
}

function atOf(local: string, offsetMinutes: number): number {
  return asUtc(local) - offsetMinutes * MINUTE_MS
}
