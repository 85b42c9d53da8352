/**
 * Which statements about time can be believed at all, and what a wall clock and an instant say about the zone.
 *
 * @module
 */

import type { TakenEvidence } from './metadata.ts'
import { instantToLocal, localToInstant } from './zones.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

/** The zones of the world reach from −12 to +14 hours, on quarter hours. */
export const MIN_OFFSET_MINUTES: number = -12 * 60
export const MAX_OFFSET_MINUTES: number = 14 * 60

/** The calendar of JavaScript ends at 8.64e15; a day's room for offsets. */
const MAX_INSTANT_MS = 8.6e15

/** A statement's own offset may be of another century or a ship; ISO 8601 writes no more than this. */
const MAX_STATED_OFFSET_MINUTES = 24 * 60 - 1

/** Niépce's view from the window: no photograph is older. */
const FIRST_PHOTOGRAPH_MS = Date.UTC(1826, 0, 1)

/** Zero of Unix and of QuickTime: "not set", never a time. */
const UNSET_MS = new Set([0, Date.UTC(1904, 0, 1)])

/**
 * The minutes in which cameras whose clock was never set begin to count (the last two are Android's of 2012).
 * Later years' first minutes are left out: people photograph fireworks.
 */
const FACTORY_MINUTES = new Set([
  '1970-01-01T00:00',
  '1980-01-01T00:00',
  '1990-01-01T00:00',
  '2000-01-01T00:00',
  '2001-01-01T00:00',
  '2002-01-01T00:00',
  '2002-12-08T00:00',
  '2002-12-08T12:00',
])

/**
 * True when a statement can be a time at which something was photographed: a date of the calendar, not before
 * photography, at most a day in the future, and not the zero of a counter.
 */
export function isPlausibleTime(evidence: TakenEvidence, now: number): boolean {
  const { at, local } = toConsistent(evidence) ?? {}
  if ((at !== undefined && UNSET_MS.has(at)) || local === '1904-01-01T00:00:00') return false
  const instant = at ?? (local === undefined ? undefined : localToInstant(local, 0))
  return instant !== undefined && instant >= FIRST_PHOTOGRAPH_MS && instant <= now + DAY_MS
}

/** True for the times that a camera shows when its clock was never set. */
export function isFactoryTime(local: string): boolean {
  return FACTORY_MINUTES.has(local.slice(0, 16))
}

/**
 * The statement without contradictions: a wall clock alone, an instant alone, or both with the offset between
 * them. Where the two contradict each other, the wall clock is believed. Undefined for what is no date.
 */
export function toConsistent(evidence: TakenEvidence): TakenEvidence | undefined {
  const { at: statedAt, local: statedLocal, offsetMinutes: statedOffset, ...rest } = evidence
  const at = statedAt !== undefined && Math.abs(statedAt) <= MAX_INSTANT_MS ? statedAt : undefined
  const local =
    statedLocal !== undefined && localToInstant(statedLocal, 0) !== undefined ? statedLocal : undefined
  const offsetMinutes = validOffset(statedOffset) ?? offsetOf(local, at)
  if (offsetMinutes !== undefined) return { ...rest, ...withOffset(local, at, offsetMinutes) }
  if (local !== undefined) return { ...rest, local }
  return at === undefined ? undefined : { ...rest, at }
}

function validOffset(minutes: number | undefined): number | undefined {
  return minutes !== undefined && Math.abs(minutes) <= MAX_STATED_OFFSET_MINUTES ? minutes : undefined
}

function offsetOf(local: string | undefined, at: number | undefined): number | undefined {
  return local === undefined || at === undefined ? undefined : offsetBetween(local, at, 999)
}

/** All three, made from the wall clock where there is one. */
function withOffset(
  local: string | undefined,
  at: number | undefined,
  offsetMinutes: number,
): Pick<TakenEvidence, 'local' | 'at' | 'offsetMinutes'> {
  if (local === undefined)
    return at === undefined ? {} : { local: instantToLocal(at, offsetMinutes), at, offsetMinutes }
  const instant = localToInstant(local, offsetMinutes)
  return instant === undefined ? { local } : { local, at: instant, offsetMinutes }
}

/** The zone offset, in minutes, that explains the gap between a wall clock and an instant; undefined when none does. */
export function offsetBetween(local: string, at: number, toleranceMs: number): number | undefined {
  const gapMs = (localToInstant(local, 0) ?? Number.NaN) - at
  const minutes = Math.round(gapMs / (15 * MINUTE_MS)) * 15
  if (!(Math.abs(gapMs - minutes * MINUTE_MS) <= toleranceMs)) return undefined
  // Adding zero makes a negative zero plain.
  return minutes >= MIN_OFFSET_MINUTES && minutes <= MAX_OFFSET_MINUTES ? minutes + 0 : undefined
}
