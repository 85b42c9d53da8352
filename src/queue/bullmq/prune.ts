/**
 * Forgets tasks that have ended long ago, by BullMQ's own removal of a job.
 *
 * Those that ended first are found by the scores of BullMQ's sets of ended jobs, and each portion is looked at again in a
 * guarded transaction: a failed task may have been given another chance meanwhile. BullMQ's `clean` is not used: it knows one
 * queue and one state, no filter, and would take away what an open task depended on.
 *
 * @module
 */

import type { Backend } from '../backend.ts'
import type { TaskStatus } from '../task.ts'
import { matches, rowLimit } from '../task-filter.ts'
import type { BullmqContext, LaneQueue } from './context.ts'
import { type Guard, guarded, type Transaction, tryCommit } from './guarded-transaction.ts'
import { type JobPlace, type ReadJob, readJobs } from './job-states.ts'
import { hasOpenDependant } from './open-dependant.ts'
import { jobIdOf, taskIdOf, taskOf } from './wire.ts'

type PruneFilter = Parameters<Backend['prune']>[0]

/** Tasks that one transaction forgets, so that claims get their turn in between. */
const PORTION = 200

const FINAL: readonly TaskStatus[] = ['completed', 'failed', 'cancelled']

/** One of BullMQ's sets of ended jobs, which are in order of their ends. */
interface EndedSet {
  readonly queue: LaneQueue
  readonly key: string
  /** Jobs at its beginning that stay. */
  kept: number
}

interface Ended extends JobPlace {
  readonly set: EndedSet
  readonly endedAt: number
}

/** Answers how many are forgotten, those that ended first before others. */
export async function prune(context: BullmqContext, filter: PruneFilter, limit: number): Promise<number> {
  const most = rowLimit(limit)
  const sets = most === 0 ? [] : await endedSets(context, filter)
  let pruned = 0
  while (pruned < most) {
    const portion = await oldest(context, sets, filter)
    if (portion.length === 0) break
    const room = most - pruned
    const forgotten = await guarded(context, (guard) => pruneSome(guard, portion, { filter, room }))
    for (const { taskId, set } of portion) if (!forgotten.has(taskId)) set.kept += 1
    pruned += forgotten.size
  }
  return pruned
}

async function endedSets(
  context: BullmqContext,
  { lane, status }: PruneFilter,
): Promise<readonly EndedSet[]> {
  const lanes = lane === undefined ? await context.lanes() : [lane]
  const states = FINAL.filter((state) => status === undefined || status === state)
  return lanes.flatMap((name) => {
    const queue = context.queue(name)
    return states.map((state) => ({ queue, key: queue.key(state), kept: 0 }))
  })
}

/** Those that ended first, of those that may go as far as their end tells. */
async function oldest(
  { redis }: BullmqContext,
  sets: readonly EndedSet[],
  { endedBefore }: PruneFilter,
): Promise<readonly Ended[]> {
  // Before, not at.
  const until = endedBefore === Number.POSITIVE_INFINITY ? '+inf' : `(${endedBefore}`
  const found = await Promise.all(
    sets.map(async (set) => {
      const range = ['BYSCORE', 'LIMIT', set.kept, PORTION, 'WITHSCORES'] as const
      return endedOf(set, (await redis.zrange(set.key, '-inf', until, ...range)) as string[])
    }),
  )
  return found
    .flat()
    .sort((a, b) => a.endedAt - b.endedAt || a.taskId - b.taskId)
    .slice(0, PORTION)
}

function endedOf(set: EndedSet, flat: readonly string[]): readonly Ended[] {
  const ended: Ended[] = []
  for (let at = 0; at + 1 < flat.length; at += 2) {
    ended.push({ set, queue: set.queue, taskId: taskIdOf(flat[at] ?? ''), endedAt: Number(flat[at + 1]) })
  }
  return ended
}

/** Answers the ids of those that it forgot. */
async function pruneSome(
  guard: Guard,
  places: readonly JobPlace[],
  { filter, room }: { readonly filter: PruneFilter; readonly room: number },
): Promise<ReadonlySet<number> | undefined> {
  await guard.watch(...places.map(({ taskId, queue }) => queue.key(jobIdOf(taskId))))
  const jobs = await readJobs(() => guard.redis.pipeline(), places)
  const doomed: ReadJob[] = []
  for (const job of jobs) {
    if (doomed.length >= room) break
    if (job && mayGo(job, filter) && !(await hasOpenDependant(guard.redis, job.hash))) doomed.push(job)
  }
  const forgotten = new Set(doomed.map(({ taskId }) => taskId))
  if (forgotten.size === 0) return forgotten
  const transaction = guard.begin()
  for (const job of doomed) forget(transaction, job)
  return (await tryCommit(transaction)) && forgotten
}

function mayGo({ taskId, queue, hash, state }: ReadJob, filter: PruneFilter): boolean {
  const task = taskOf(taskId, queue.lane, hash, state)
  return FINAL.includes(task.status) && (task.finishedAt ?? 0) < filter.endedBefore && matches(task, filter)
}

/** The job with its lock and sets; what depends on it, and what it depended on, stays. */
function forget(transaction: Transaction, { queue, taskId }: ReadJob): void {
  const jobId = jobIdOf(taskId)
  const keys = [queue.key(jobId), queue.key('repeat')]
  queue.bull.execCommand(transaction, 'removeJob', [...keys, jobId, 0, queue.key('')])
  transaction.zrem(queue.key('cancelled'), jobId)
}
