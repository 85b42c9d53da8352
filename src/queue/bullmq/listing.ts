/**
 * Lists tasks by what is known of them.
 *
 * Redis knows jobs by queue, state and id, and nothing else: a page is found by reading the ids of the states that come into
 * question (some 20 bytes each), and the jobs themselves in order of their ids until the page is full. That is cheap for
 * the first page and for a lane or state of few tasks; a rare kind, group or error among a million tasks reads them all.
 * An index of our own would cost every task memory and a write.
 *
 * @module
 */

import type { Backend } from '../backend.ts'
import type { Task, TaskStatus } from '../task.ts'
import { matches, rowLimit } from '../task-filter.ts'
import type { BullmqContext, LaneQueue } from './context.ts'
import { answersOf, type JobPlace, LISTED_STATES, readJobs, SORTED_STATES } from './job-states.ts'
import { type JobHash, type JobState, jobIdOf, taskIdOf, taskOf } from './wire.ts'

type ListFilter = Parameters<Backend['list']>[0]

/** Jobs that are read at a time. */
const PORTION = 500

/** Conditions that only the job itself can tell. */
const JOB_FIELDS = ['kind', 'errorCode', 'group', 'status'] as const

/** Where tasks of a status are; `retry` and `pending` are told apart by the job itself. */
const STATES_OF: Readonly<Record<TaskStatus, readonly JobState[]>> = {
  waiting: ['waiting-children'],
  pending: ['wait', 'prioritized', 'delayed'],
  retry: ['wait', 'prioritized', 'delayed'],
  processing: ['active'],
  completed: ['completed'],
  failed: ['failed'],
  cancelled: ['cancelled'],
}

export async function getTask(context: BullmqContext, taskId: number): Promise<Task | undefined> {
  const [task] = await readTasks(context, [taskId])
  return task
}

export async function listTasks(context: BullmqContext, filter: ListFilter): Promise<readonly Task[]> {
  const { afterId = 0, beforeId = Number.POSITIVE_INFINITY, newestFirst = false } = filter
  const limit = rowLimit(filter.limit)
  if (limit === 0) return []
  const isWanted = (id: number): boolean => id > afterId && id < beforeId
  const ascending = newestFirst ? -1 : 1
  if (filter.ids !== undefined) {
    const ids = [...new Set(filter.ids)].filter(isWanted)
    const tasks = (await readTasks(context, ids)).filter((task) => matches(task, filter))
    return tasks.sort((a, b) => (a.id - b.id) * ascending).slice(0, limit)
  }
  const places = (await placesOf(context, filter)).filter(({ taskId }) => isWanted(taskId))
  places.sort((a, b) => (a.taskId - b.taskId) * ascending)
  return firstMatching(context, places, filter, limit)
}

/** Those that exist, in the order of `taskIds`. */
async function readTasks(context: BullmqContext, taskIds: readonly number[]): Promise<Task[]> {
  const queues = await context.queuesOfTasks(taskIds)
  const places = taskIds.flatMap((taskId) => {
    const queue = queues.get(taskId)
    return queue === undefined ? [] : [{ taskId, queue }]
  })
  const jobs = await readJobs(() => context.redis.multi(), places)
  return jobs.flatMap((job) => (job ? [taskOf(job.taskId, job.queue.lane, job.hash, job.state)] : []))
}

export interface StatePlace extends JobPlace {
  readonly state: JobState
}

/** Every task of the lanes and states that the filter allows, in no order. */
async function placesOf(context: BullmqContext, { lane, status }: ListFilter): Promise<StatePlace[]> {
  const lanes = lane === undefined ? await context.lanes() : [lane]
  const places = await Promise.all(lanes.map((name) => placesInLane(context, name, status)))
  return places.flat()
}

/** At one moment, so that a task that goes from state to state is found once. */
async function placesInLane(
  context: BullmqContext,
  lane: string,
  status: TaskStatus | undefined,
): Promise<readonly StatePlace[]> {
  const queue = context.queue(lane)
  const wanted = (state: JobState): boolean => status === undefined || STATES_OF[status].includes(state)
  const sorted = SORTED_STATES.filter(wanted)
  const listed = LISTED_STATES.filter(wanted)
  const reading = context.redis.multi()
  for (const state of sorted) reading.zrange(queue.key(state), 0, '-1')
  for (const state of listed) reading.lrange(queue.key(state), 0, -1)
  const answers = (await answersOf(reading)) as readonly (readonly string[])[]
  return [...sorted, ...listed].flatMap((state, index) => placesIn(queue, state, answers[index] ?? []))
}

function placesIn(queue: LaneQueue, state: JobState, jobIds: readonly string[]): readonly StatePlace[] {
  return jobIds.map((jobId) => ({ taskId: taskIdOf(jobId), queue, state }))
}

async function firstMatching(
  context: BullmqContext,
  places: readonly StatePlace[],
  filter: ListFilter,
  limit: number,
): Promise<readonly Task[]> {
  const found: Task[] = []
  const asksTheJob = JOB_FIELDS.some((field) => filter[field] !== undefined)
  for (let from = 0; from < places.length && found.length < limit; ) {
    const size = asksTheJob ? PORTION : Math.min(PORTION, limit - found.length)
    const tasks = await readPlaces(context, places.slice(from, from + size))
    found.push(...tasks.filter((task) => matches(task, filter)))
    from += size
  }
  return found.slice(0, limit)
}

/** Without those that were removed since. */
async function readPlaces({ redis }: BullmqContext, places: readonly StatePlace[]): Promise<readonly Task[]> {
  const reading = redis.pipeline()
  for (const { taskId, queue } of places) reading.hgetall(queue.key(jobIdOf(taskId)))
  const hashes = (await answersOf(reading)) as readonly JobHash[]
  return places.flatMap(({ taskId, queue, state }, index) => {
    const hash = hashes[index]
    return hash?.['name'] === undefined ? [] : [taskOf(taskId, queue.lane, hash, state)]
  })
}
