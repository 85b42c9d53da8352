/**
 * Schedules, and their firing.
 *
 * They are kept in one hash of ours, not as BullMQ's job schedulers. Those add the next task when a worker takes the one
 * before, so that a lane that rests misses its times without a word; they know no `onMissed`; and they read expressions
 * and the hours when clocks change otherwise than the rest of this package does. Here the task of a fire time is added in
 * the same transaction that moves the schedule on, so there is one task for each (schedule, fire time), whoever fires and
 * however often.
 *
 * @module
 */

import type { FireReport, Schedule, StoredSchedule } from '../backend.ts'
import { type Firing, fireSchedule, planSchedule } from '../schedule-plan.ts'
import type { NewTask } from '../task.ts'
import { checkTasks, prepareAddition, writeAddition } from './additions.ts'
import type { BullmqContext } from './context.ts'
import { type Guard, guarded, tryCommit } from './guarded-transaction.ts'

/** Hash of ours: name to the JSON of the schedule. */
function schedulesKey(context: BullmqContext): string {
  return context.key('schedules')
}

export async function putSchedule(context: BullmqContext, schedule: Schedule): Promise<StoredSchedule> {
  const key = schedulesKey(context)
  const now = context.clock.now()
  // Before anybody is asked: what cannot be used, or cannot be promised, is refused.
  const { name } = planSchedule(schedule, undefined, now)
  checkTasks([schedule.task], now)
  return guarded(context, async (guard) => {
    await guard.watch(key)
    const before = await guard.redis.hget(key, name)
    const stored = planSchedule(schedule, before === null ? undefined : scheduleOf(before), now)
    const transaction = guard.begin()
    transaction.hset(key, { [name]: JSON.stringify(stored) })
    return (await tryCommit(transaction)) && stored
  })
}

export async function removeSchedule(context: BullmqContext, name: string): Promise<boolean> {
  return (await context.redis.hdel(schedulesKey(context), name)) > 0
}

/** In order of their names. */
export async function listSchedules(context: BullmqContext): Promise<readonly StoredSchedule[]> {
  const texts = await context.redis.hvals(schedulesKey(context))
  return texts.map(scheduleOf).sort((a, b) => (a.name < b.name ? -1 : 1))
}

export async function fireSchedules(context: BullmqContext): Promise<FireReport> {
  const now = context.clock.now()
  const all = await listSchedules(context)
  const due = all.filter(({ nextAt = Number.POSITIVE_INFINITY }) => nextAt <= now)
  due.sort((a, b) => (a.nextAt ?? 0) - (b.nextAt ?? 0))
  const firings: Firing[] = []
  for (const { name } of due) {
    const { firing } = await guarded(context, (guard) => fireOne(context, guard, name))
    if (firing !== undefined) firings.push(firing)
  }
  const nextAts = (due.length === 0 ? all : await listSchedules(context)).flatMap(
    ({ nextAt }) => nextAt ?? [],
  )
  return {
    fired: firings.flatMap(({ fired }) => fired),
    refused: firings.flatMap(({ refused }) => refused),
    ...(nextAts.length === 0 ? {} : { nextAt: Math.min(...nextAts) }),
  }
}

/** Without a firing when somebody else was faster. */
async function fireOne(
  context: BullmqContext,
  guard: Guard,
  name: string,
): Promise<{ readonly firing?: Firing } | undefined> {
  const key = schedulesKey(context)
  const now = context.clock.now()
  await guard.watch(key)
  const text = await guard.redis.hget(key, name)
  const schedule = text === null ? undefined : scheduleOf(text)
  const tasks: NewTask[] = []
  // Ids are known only when all tasks are: until then they are told by their place.
  const firing = schedule && fireSchedule(schedule, now, (task) => collect(tasks, task, now))
  if (schedule === undefined || firing === undefined) return {}
  const transaction = guard.begin()
  transaction.hset(key, { [name]: JSON.stringify(movedOn(schedule, firing)) })
  const writer =
    tasks.length === 0
      ? undefined
      : await writeAddition(context, transaction, await prepareAddition(context, tasks))
  const answers = await tryCommit(transaction)
  if (answers === undefined) return undefined
  const added = writer?.read(answers) ?? []
  return {
    firing: { ...firing, fired: firing.fired.map((one) => ({ ...one, taskId: added[one.taskId]?.id ?? 0 })) },
  }
}

function collect(
  tasks: NewTask[],
  task: NewTask,
  now: number,
): { readonly value: number } | { readonly error: unknown } {
  try {
    checkTasks([task], now)
    return { value: tasks.push(task) - 1 }
  } catch (error) {
    return { error }
  }
}

function movedOn(schedule: StoredSchedule, { lastAt, nextAt }: Firing): StoredSchedule {
  const { nextAt: _was, ...rest } = schedule
  return { ...rest, lastAt, ...(nextAt === undefined ? {} : { nextAt }) }
}

function scheduleOf(text: string): StoredSchedule {
  return JSON.parse(text) as StoredSchedule
}
