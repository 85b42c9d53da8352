/**
 * Which of several dates is right: the present one, or one that names, folders or duplicates tell of.
 *
 * The first source that says anything decides, and only within what the rules accept; what the sources after it say is
 * not asked. Duplicates decide only where they have something better: a copy with the same wrong date proves nothing.
 *
 * @module
 */

import type { DateRules, DateSource } from '../rules.ts'
import { type DateCandidate, isFactoryDate, toWallClockMs } from './date-candidates.ts'
import { DAY_MS, dayOf } from './file-zone.ts'

export type DateAccept = Pick<DateRules, 'onlyEarlier' | 'byMs' | 'betterPrecision' | 'sameDayKeepsTime'>

/** What a candidate is beside the present date. */
export type DateRelation =
  /** It takes its place. */
  | 'better'
  /** It says the same, or too little else. */
  | 'same'
  /** It is later, which the rules do not accept. */
  | 'later'

export interface WeighedDate {
  readonly candidate: DateCandidate
  readonly relation: DateRelation
}

export type DateChoice = {
  /** `dates/whatsapp says an earlier day` */
  readonly why: string
  /** In the order of the sources. */
  readonly weighed: readonly WeighedDate[]
} & (
  | { readonly kind: 'keep' }
  | { readonly kind: 'set'; readonly candidate: DateCandidate }
  | { readonly kind: 'unsure' }
)

/** Candidates of one source, the most trusted first. */
export interface SourceDates {
  readonly source: DateSource['kind']
  readonly candidates: readonly DateCandidate[]
}

/** @param present - Undefined where the server has no date, or none that can be right. */
export function chooseDate(
  present: DateCandidate | undefined,
  sources: readonly SourceDates[],
  accept: DateAccept,
): DateChoice {
  const weighed = sources.flatMap(({ candidates }) =>
    candidates.map((candidate) => ({ candidate, relation: relate(candidate, present, accept) })),
  )
  for (const { source } of sources) {
    const told = weighed.filter(({ candidate }) => candidate.source === source)
    const choice = source === 'duplicates' ? decideByDuplicates(told, present) : decideBy(told, accept)
    if (choice !== undefined) return { ...choice, weighed }
  }
  if (present === undefined) return { kind: 'unsure', why: 'nothing tells a date', weighed }
  return { kind: 'keep', why: 'nothing tells another date', weighed }
}

type Choice =
  | { readonly kind: 'keep' | 'unsure'; readonly why: string }
  | { readonly kind: 'set'; readonly candidate: DateCandidate; readonly why: string }

/** Undefined when this source has nothing to say. */
function decideBy(weighed: readonly WeighedDate[], accept: DateAccept): Choice | undefined {
  const [first] = weighed
  if (first === undefined) return undefined
  const { candidate, relation } = first
  const other = weighed.find((one) => contradicts(one.candidate, candidate, accept))
  if (other !== undefined) {
    return { kind: 'unsure', why: `${candidate.rule} and ${other.candidate.rule} tell different days` }
  }
  if (relation === 'better') return { kind: 'set', candidate, why: `${candidate.rule} is accepted` }
  const why = relation === 'same' ? 'tells nothing better' : 'tells a later date'
  return { kind: 'keep', why: `${candidate.rule} ${why}` }
}

/**
 * The earliest of all copies, the asset's own with them; of one day the one with a time. Else two copies would take each
 * other's dates, where rules accept later ones too.
 */
function decideByDuplicates(
  weighed: readonly WeighedDate[],
  present: DateCandidate | undefined,
): Choice | undefined {
  const better = weighed.filter(({ relation }) => relation === 'better').map(({ candidate }) => candidate)
  const candidate = better.sort(byDayAndPrecision)[0]
  if (candidate === undefined) return undefined
  const isOwnBetter =
    present !== undefined && !isFactoryDate(present) && byDayAndPrecision(present, candidate) <= 0
  return isOwnBetter ? undefined : { kind: 'set', candidate, why: 'a duplicate has it' }
}

/** Of one day, a time of day comes before the day alone. */
export function byDayAndPrecision(one: DateCandidate, other: DateCandidate): number {
  const days = dayOf(toWallClockMs(one)) - dayOf(toWallClockMs(other))
  if (days !== 0) return days
  if (one.precision !== other.precision) return one.precision === 'second' ? -1 : 1
  return one.atMs - other.atMs || one.offsetMinutes - other.offsetMinutes
}

/** Two names of one file that cannot both be right. Within a day they may just be of two zones. */
function contradicts(one: DateCandidate, other: DateCandidate, { byMs }: DateAccept): boolean {
  return !isSameDay(one, other) && Math.abs(one.atMs - other.atMs) >= Math.max(byMs, DAY_MS)
}

function relate(
  candidate: DateCandidate,
  present: DateCandidate | undefined,
  accept: DateAccept,
): DateRelation {
  if (present === undefined) return 'better'
  if (isSameDay(candidate, present)) return relateOnOneDay(candidate, present, accept)
  // Positive for an earlier one. A day is compared by its midnight.
  const earlierMs =
    candidate.precision === 'day' || present.precision === 'day'
      ? toWallClockMs(present) - toWallClockMs(candidate)
      : present.atMs - candidate.atMs
  if (earlierMs < 0 && accept.onlyEarlier) return 'later'
  const isMorePrecise = candidate.precision === 'second' && present.precision === 'day'
  if (isMorePrecise && accept.betterPrecision) return 'better'
  return Math.abs(earlierMs) >= accept.byMs && earlierMs !== 0 ? 'better' : 'same'
}

function relateOnOneDay(
  candidate: DateCandidate,
  present: DateCandidate,
  { betterPrecision, sameDayKeepsTime, byMs, onlyEarlier }: DateAccept,
): DateRelation {
  if (candidate.precision === 'second' && present.precision === 'day')
    return betterPrecision ? 'better' : 'same'
  if (candidate.precision === 'day' && (present.precision === 'day' || sameDayKeepsTime)) return 'same'
  const earlierMs =
    candidate.precision === 'day'
      ? toWallClockMs(present) - toWallClockMs(candidate)
      : present.atMs - candidate.atMs
  if (earlierMs < 0 && onlyEarlier) return 'later'
  return earlierMs !== 0 && Math.abs(earlierMs) >= byMs ? 'better' : 'same'
}

function isSameDay(one: DateCandidate, other: DateCandidate): boolean {
  return dayOf(toWallClockMs(one)) === dayOf(toWallClockMs(other))
}
