/**
 * When a cron expression fires.
 *
 * The `croner` library reads the expression and knows the rules for changes of the clocks: a fixed time that
 * falls into the hour that is left out fires at the end of the gap, one in the hour that comes twice fires
 * once; an expression with a wildcard or step in its time fires by the hours that there are. Only this
 * module imports it, and only when something is asked, because loading it takes 3 to 6 ms.
 *
 * @module
 */

import { createRequire } from 'node:module'
import { InvalidScheduleError } from './queue-errors.ts'

type Croner = typeof import('croner')
type Cron = InstanceType<Croner['Cron']>

let croner: Croner | undefined

/** Parsed expressions, by time zone and text: parsing one takes as long as three questions. */
const parsed = new Map<string, Cron>()

/** A bound on memory only: more schedules than this are parsed again now and then. */
const MAX_PARSED = 500

/**
 * The first fire time after `after` (epoch ms, exclusive), in epoch ms; undefined when there is none.
 *
 * @throws {@link InvalidScheduleError} naming the expression or the time zone.
 */
export function nextFireAt(cron: string, timeZone: string, after: number): number | undefined {
  const schedule = parse(cron, timeZone)
  try {
    return schedule.nextRun(new Date(after))?.getTime()
  } catch (cause) {
    // The library looks the zone up when it first needs it.
    throw new InvalidScheduleError(
      `${JSON.stringify(cron)} cannot be read in time zone ${JSON.stringify(timeZone)}: ${reasonOf(cause)}`,
      { cause, hint: 'Give an IANA time zone, such as Europe/Berlin.' },
    )
  }
}

/**
 * The last fire time in (`from`, `until`], found by halving, however many there are between.
 *
 * @throws {@link InvalidScheduleError} as {@link nextFireAt}.
 */
export function lastFireAt(cron: string, timeZone: string, from: number, until: number): number | undefined {
  const first = nextFireAt(cron, timeZone, from)
  if (first === undefined || first > until) return undefined
  let last = first
  // Nothing fires in (high, until].
  let high = until
  for (;;) {
    const next = nextFireAt(cron, timeZone, last)
    if (next === undefined || next > high) return last
    last = next
    const middle = Math.floor((last + high) / 2)
    const later = nextFireAt(cron, timeZone, middle)
    if (later === undefined || later > high) high = middle
    else last = later
  }
}

function parse(cron: string, timeZone: string): Cron {
  const key = `${timeZone} ${cron}`
  const known = parsed.get(key)
  if (known) return known
  // To the library a text with a colon is a date.
  if (cron.includes(':')) throw invalidCron(cron, 'it has no five or six fields')
  croner ??= createRequire(import.meta.url)('croner') as Croner
  try {
    const made = new croner.Cron(cron, { timezone: timeZone, mode: '5-or-6-parts', paused: true })
    if (parsed.size >= MAX_PARSED) parsed.clear()
    parsed.set(key, made)
    return made
  } catch (cause) {
    throw invalidCron(cron, reasonOf(cause), cause)
  }
}

function invalidCron(cron: string, reason: string, cause?: unknown): InvalidScheduleError {
  return new InvalidScheduleError(`${JSON.stringify(cron)} is not a cron expression: ${reason}`, {
    cause,
    hint: 'Give minute, hour, day of month, month and day of week, such as "30 2 * * mon-fri".',
  })
}

/** What the library says, without the name of its class and the errors that it repeats. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(/^\w+: /u, '').replace(/ This may happen.*$/su, '')
}
