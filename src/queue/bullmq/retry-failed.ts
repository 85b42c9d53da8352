/**
 * Gives failed tasks all their attempts again, by BullMQ's own retry of a job.
 *
 * BullMQ puts a retried child back among those that its parent waits for, but a retried parent does not wait again: that
 * is added here, in the same transaction. Whoever ends, retries or forgets one of the tasks meanwhile undoes it, and it is
 * looked at again.
 *
 * @module
 */

import type { Redis } from 'ioredis'
import type { TaskFilter } from '../backend.ts'
import type { Task } from '../task.ts'
import { matches, requireCondition, rowLimit } from '../task-filter.ts'
import type { BullmqContext } from './context.ts'
import { dedupeKeyOf } from './deduplication.ts'
import { type Guard, guarded, type Transaction, tryCommit } from './guarded-transaction.ts'
import { answersOf, type JobPlace, type ReadJob, readJobs } from './job-states.ts'
import { listTasks } from './listing.ts'
import { splitKey } from './open-dependant.ts'
import { jobIdOf, taskIdOf, taskOf } from './wire.ts'

/** Tasks that one transaction retries. */
const PAGE = 500

/**
 * At most `limit`, oldest first; each page is followed by those of its dependants that match, because what failed with a
 * task may be older than it.
 *
 * @throws `queue/empty-filter`
 */
export async function retryFailed(
  context: BullmqContext,
  filter: TaskFilter,
  limit: number,
): Promise<readonly number[]> {
  requireCondition(filter)
  if (filter.status !== undefined && filter.status !== 'failed') return []
  const most = rowLimit(limit)
  const retried = new Set<number>()
  const failed: TaskFilter = { ...filter, status: 'failed' }
  let afterId = 0
  while (retried.size < most) {
    const page = await listTasks(context, { ...failed, afterId, limit: PAGE })
    const last = page.at(-1)
    if (last === undefined) break
    afterId = last.id
    await retryFamily(context, page, { failed, most, retried })
  }
  return [...retried].sort((a, b) => a - b)
}

interface Progress {
  readonly failed: TaskFilter
  readonly most: number
  readonly retried: Set<number>
}

/** Tasks, then what depends on those that could be retried, and so on. */
async function retryFamily(
  context: BullmqContext,
  page: readonly Task[],
  { failed, most, retried }: Progress,
): Promise<void> {
  let ids = page.map(({ id }) => id)
  while (ids.length > 0 && retried.size < most) {
    const wave = ids.filter((id) => !retried.has(id)).slice(0, most - retried.size)
    const places = await placesOf(context, wave)
    const done = await guarded(context, (guard) => retryWave(context, guard, { places, failed }))
    for (const { taskId } of done) retried.add(taskId)
    ids = done.flatMap(({ hash }) => dependantOf(hash['parentKey']) ?? [])
  }
}

async function placesOf(context: BullmqContext, ids: readonly number[]): Promise<readonly JobPlace[]> {
  const queues = await context.queuesOfTasks(ids)
  return ids.flatMap((taskId) => {
    const queue = queues.get(taskId)
    return queue === undefined ? [] : [{ taskId, queue }]
  })
}

/** Answers those that are retried. */
async function retryWave(
  context: BullmqContext,
  guard: Guard,
  { places, failed }: { readonly places: readonly JobPlace[]; readonly failed: TaskFilter },
): Promise<readonly ReadJob[] | undefined> {
  if (places.length === 0) return []
  await guard.watch(...places.flatMap(watchedKeys))
  const jobs = (await readJobs(() => guard.redis.pipeline(), places)).flatMap((job) => job ?? [])
  const transaction = guard.begin()
  const retried: ReadJob[] = []
  const keys = new Set<string>()
  const allWaits = await waitsOf(guard, jobs)
  for (const [index, job] of jobs.entries()) {
    const task = taskOf(job.taskId, job.queue.lane, job.hash, job.state)
    if (!matches(task, failed)) continue
    const waits = allWaits[index]
    if (waits === undefined || !(await canHaveKey(context, guard, task, keys))) continue
    if (task.dedupeKey !== undefined) {
      transaction.set(dedupeKeyOf(context, task.lane, task.dedupeKey), jobIdOf(task.id))
    }
    reprocess(context, transaction, job, waits)
    retried.push(job)
  }
  if (retried.length === 0) return []
  return (await tryCommit(transaction)) && retried
}

function watchedKeys({ taskId, queue }: JobPlace): readonly string[] {
  const key = queue.key(jobIdOf(taskId))
  return [key, `${key}:dependencies`, `${key}:unsuccessful`]
}

/** What a task that is retried has to do with those that it depends on. */
interface Waits {
  /** Whether it waits for one of them again. */
  readonly again: boolean
  /** Job keys of those that had failed when it was added, and have completed since. */
  readonly settled: readonly string[]
}

/** Undefined when something that it depends on is still failed or was forgotten, so that it stays failed too. */
async function waitsOf({ redis }: Guard, jobs: readonly ReadJob[]): Promise<readonly (Waits | undefined)[]> {
  const reading = redis.pipeline()
  for (const { queue, taskId } of jobs) {
    const key = queue.key(jobIdOf(taskId))
    reading.scard(`${key}:dependencies`)
    reading.zrange(`${key}:unsuccessful`, 0, '-1')
  }
  const answers = await answersOf(reading)
  return Promise.all(
    jobs.map(async (_, index) => {
      const settled = answers[index * 2 + 1] as readonly string[]
      const ends = await Promise.all(settled.map((childKey) => hasCompleted(redis, childKey)))
      return ends.every(Boolean) ? { again: Number(answers[index * 2]) > 0, settled } : undefined
    }),
  )
}

async function hasCompleted(redis: Redis, jobKey: string): Promise<boolean> {
  const [queueKey, jobId] = splitKey(jobKey)
  return (await redis.zscore(`${queueKey}:completed`, jobId)) !== null
}

/** An open task may have the dedupe key by now, or another one of those that are retried here. */
async function canHaveKey(
  context: BullmqContext,
  guard: Guard,
  { id, lane, dedupeKey }: Task,
  taken: Set<string>,
): Promise<boolean> {
  if (dedupeKey === undefined) return true
  const key = dedupeKeyOf(context, lane, dedupeKey)
  if (taken.has(key)) return false
  taken.add(key)
  await guard.watch(key)
  const holder = await guard.redis.get(key)
  if (holder === null || holder === jobIdOf(id)) return true
  return (await guard.redis.exists(context.queue(lane).key(holder))) === 0
}

/** The error stays to be seen until the task ends again. */
function reprocess(
  context: BullmqContext,
  transaction: Transaction,
  { queue, taskId, hash }: ReadJob,
  { again, settled }: Waits,
): void {
  const jobId = jobIdOf(taskId)
  const key = queue.key(jobId)
  const { bull } = queue
  const [events, failed, wait, meta] = [
    queue.key('events'),
    queue.key('failed'),
    queue.key('wait'),
    queue.key('meta'),
  ]
  const [active, marker, prioritized, pc] = ['active', 'marker', 'prioritized', 'pc'].map(queue.key)
  const keys = [key, events, failed, wait, meta, active, marker, prioritized, pc]
  // Resets the failures, keeps the attempts.
  bull.execCommand(transaction, 'reprocessJob', [...keys, jobId, 'LPUSH', 'failedReason', 'failed', '1', '0'])
  transaction.hset(key, { er: hash['failedReason'] ?? '' })
  transaction.hdel(key, 'rt', 'defa')
  if (settled.length > 0) transaction.zrem(`${key}:unsuccessful`, ...settled)
  if (!again) return
  transaction.zrem(queue.key('prioritized'), jobId)
  transaction.lrem(queue.key('wait'), 0, jobId)
  transaction.zadd(queue.key('waiting-children'), context.clock.now(), jobId)
}

function dependantOf(parentKey: string | undefined): number | undefined {
  if (parentKey === undefined) return undefined
  const id = taskIdOf(splitKey(parentKey)[1])
  return Number.isNaN(id) ? undefined : id
}
