/**
 * Which fire times of a schedule are due, and which of them get a task.
 *
 * @module
 */

import { type ErrorRecord, HeirloomError, toErrorRecord } from '../errors.ts'
import type { FireReport, OnMissed, Schedule, StoredSchedule } from './backend.ts'
import { lastFireAt, nextFireAt } from './cron.ts'
import { prepareTask } from './new-task.ts'
import { InvalidScheduleError } from './queue-errors.ts'
import type { NewTask } from './task.ts'

/** A fire time that is found this late has been missed: the finest that five fields can say is a minute. */
const MISSED_AFTER_MS = 60_000

/** Fire times that get their task at once under `onMissed: 'all'`; the rest is due at the next question. */
export const MAX_FIRED_AT_ONCE = 1_000

const DEFAULT_TIME_ZONE = 'UTC'

const ON_MISSED: readonly OnMissed[] = ['skip', 'once', 'all']

/** Fields of a task that make no sense for one that is added again and again. */
const REFUSED_FIELDS = ['runAt', 'dependsOn', 'ref', 'dedupeKey', 'onDuplicate'] as const

export interface FirePlan {
  /** Fire times that get a task, oldest first. */
  readonly fireAt: readonly number[]
  /** The last fire time that is dealt with, whether or not it got a task. */
  readonly lastAt: number
  readonly nextAt?: number
}

/** Undefined when nothing is due. */
export function planFiring(
  schedule: Pick<StoredSchedule, 'cron' | 'timeZone' | 'onMissed' | 'nextAt'>,
  now: number,
): FirePlan | undefined {
  const { cron, timeZone = DEFAULT_TIME_ZONE, onMissed = 'once', nextAt } = schedule
  if (nextAt === undefined || nextAt > now) return undefined
  if (onMissed === 'all') return planAll(cron, timeZone, nextAt, now)
  const lastAt = lastFireAt(cron, timeZone, nextAt, now) ?? nextAt
  const isMissed = now - lastAt > MISSED_AFTER_MS
  const fireAt = onMissed === 'skip' && isMissed ? [] : [lastAt]
  return { fireAt, lastAt, ...optional(nextFireAt(cron, timeZone, lastAt)) }
}

function planAll(cron: string, timeZone: string, firstAt: number, now: number): FirePlan {
  const fireAt = [firstAt]
  let lastAt = firstAt
  let nextAt = nextFireAt(cron, timeZone, firstAt)
  while (nextAt !== undefined && nextAt <= now && fireAt.length < MAX_FIRED_AT_ONCE) {
    fireAt.push(nextAt)
    lastAt = nextAt
    nextAt = nextFireAt(cron, timeZone, nextAt)
  }
  return { fireAt, lastAt, ...optional(nextAt) }
}

/**
 * The schedule as it is stored, `before` being the one of that name that it replaces. The same expression in the
 * same zone keeps its next fire time, so that nothing is missed by putting it again at each start; and no
 * fire time that was dealt with comes again.
 *
 * @throws {@link InvalidScheduleError}, and `InvalidTaskError` when its task cannot be stored.
 */
export function planSchedule(
  schedule: Schedule,
  before: StoredSchedule | undefined,
  now: number,
): StoredSchedule {
  const { name, cron, timeZone = DEFAULT_TIME_ZONE, onMissed = 'once' } = schedule
  verify(schedule, onMissed)
  prepareTask(schedule.task as NewTask, now)
  const task = JSON.parse(JSON.stringify(schedule.task)) as StoredSchedule['task']
  // Also asked when it is not needed: it says whether the expression is one.
  const fresh = nextFireAt(cron, timeZone, Math.max(now, before?.lastAt ?? now))
  const isSame = before?.cron === cron && before.timeZone === timeZone
  const { lastAt } = before ?? {}
  return {
    name,
    cron,
    timeZone,
    task,
    onMissed,
    ...optional(isSame ? (before.nextAt ?? fresh) : fresh),
    ...(lastAt === undefined ? {} : { lastAt }),
  }
}

function verify({ name, cron, task }: Schedule, onMissed: OnMissed): void {
  const given = JSON.stringify(name)
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw new InvalidScheduleError(`${given} is not a name`)
  }
  if (typeof task !== 'object' || task === null) {
    throw new InvalidScheduleError(`task of schedule ${given} is not one`)
  }
  const refused = REFUSED_FIELDS.filter((field) => (task as NewTask)[field] !== undefined)
  if (typeof cron !== 'string') throw new InvalidScheduleError(`cron of schedule ${given} is not text`)
  if (!ON_MISSED.includes(onMissed)) {
    throw new InvalidScheduleError(`onMissed of schedule ${given} is not one of ${ON_MISSED.join(', ')}`)
  }
  if (refused.length > 0) {
    throw new InvalidScheduleError(`task of schedule ${given} cannot have ${refused.join(', ')}`)
  }
}

/** What a schedule that was due has done, and where it goes on. */
export interface Firing extends Pick<FireReport, 'fired' | 'refused'> {
  readonly lastAt: number
  readonly nextAt?: number
}

/**
 * Adds the tasks of all fire times that are due, through `add`: it answers the id of the new task, or what its
 * addition threw. A fire time that can get no task does not hold up those that follow. Undefined when nothing
 * is due.
 */
export function fireSchedule(
  schedule: StoredSchedule,
  now: number,
  add: (task: NewTask) => { readonly value: number } | { readonly error: unknown },
): Firing | undefined {
  const { name, nextAt: dueAt } = schedule
  try {
    const plan = planFiring(schedule, now)
    if (plan === undefined) return undefined
    const { fireAt, ...rest } = plan
    // The handler learns the fire time from `runAt`.
    const answers = fireAt.map((at) => ({ at, answer: add({ ...schedule.task, runAt: at }) }))
    const fired = answers.flatMap(({ at, answer }) =>
      'value' in answer ? [{ schedule: name, taskId: answer.value, at }] : [],
    )
    const refused = answers.flatMap(({ at, answer }) =>
      'error' in answer ? [{ schedule: name, at, error: refusal(answer.error) }] : [],
    )
    return { fired, refused, ...rest }
  } catch (error) {
    // What another version of the library or of the time zones could read. It fires again when it is put again.
    if (!(error instanceof InvalidScheduleError) || dueAt === undefined) throw error
    return {
      fired: [],
      refused: [{ schedule: name, at: dueAt, error: toErrorRecord(error) }],
      lastAt: dueAt,
    }
  }
}

/** Anything but an error made on purpose, a full disk say, undoes the firing: it is tried again. */
function refusal(error: unknown): ErrorRecord {
  if (error instanceof HeirloomError) return toErrorRecord(error)
  throw error
}

function optional(nextAt: number | undefined): { readonly nextAt?: number } {
  return nextAt === undefined ? {} : { nextAt }
}
