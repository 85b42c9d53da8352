/**
 * What becomes of an addition whose dedupe key an open task of its lane has already.
 *
 * `ignore` is BullMQ's deduplication as it is: its script answers the id of the one that has the key, which the end of that
 * one frees. BullMQ's own way to replace is another one than ours: it removes the job that has the key, only while it is
 * delayed, and adds a new one under another id. So `replace` and `debounce` change the job where it is, in a guarded
 * transaction that a worker who claims it meanwhile undoes.
 *
 * @module
 */

import type { PreparedTask } from '../new-task.ts'
import type { BullmqContext } from './context.ts'
import type { Guard, Transaction } from './guarded-transaction.ts'
import { type ReadJob, readJobs } from './job-states.ts'
import { NotSupportedError } from './not-supported.ts'
import { RETRY_SET } from './settling.ts'
import { jobIdOf, jobPriority, taskIdOf } from './wire.ts'

/** The task that has the key of one that is added. */
export interface Twin extends ReadJob {
  /** Whether it can take the other's place; one that runs only gives up its key. */
  readonly canChange: boolean
}

/** By index in the addition, for those that replace. */
export type Twins = ReadonlyMap<number, Twin>

/** BullMQ's key of a dedupe key. */
export function dedupeKeyOf(context: BullmqContext, lane: string, dedupeKey: string): string {
  return context.queue(lane).key(`de:${dedupeKey}`)
}

/** @throws {@link NotSupportedError} */
export function refuseTwinsOfOneAddition(tasks: readonly PreparedTask[]): void {
  const seen = new Set<string>()
  for (const { lane, dedupeKey, onDuplicate } of tasks) {
    if (dedupeKey === undefined) continue
    const name = JSON.stringify([lane, dedupeKey])
    if (seen.has(name) && onDuplicate !== 'ignore') {
      throw new NotSupportedError(
        `onDuplicate ${onDuplicate} for a task of the same addition`,
        'Add the tasks one after the other.',
      )
    }
    seen.add(name)
  }
}

/** Finds the tasks that would be replaced; from here on they may not change. */
export async function findTwins(
  context: BullmqContext,
  guard: Guard,
  tasks: readonly PreparedTask[],
): Promise<Twins> {
  const twins = new Map<number, Twin>()
  for (const [index, { lane, dedupeKey, onDuplicate }] of tasks.entries()) {
    if (dedupeKey === undefined || onDuplicate === 'ignore') continue
    const twin = await findTwin(context, guard, { lane, dedupeKey })
    if (twin !== undefined) twins.set(index, twin)
  }
  return twins
}

async function findTwin(
  context: BullmqContext,
  guard: Guard,
  { lane, dedupeKey }: { readonly lane: string; readonly dedupeKey: string },
): Promise<Twin | undefined> {
  const key = dedupeKeyOf(context, lane, dedupeKey)
  await guard.watch(key)
  const jobId = await guard.redis.get(key)
  if (jobId === null) return undefined
  const queue = context.queue(lane)
  await guard.watch(queue.key(jobId))
  const [job] = await readJobs(() => guard.redis.pipeline(), [{ taskId: taskIdOf(jobId), queue }])
  return job && { ...job, canChange: ['prioritized', 'delayed', 'wait'].includes(job.state) }
}

/** Lets a task that waits take payload and options of `task`, and one that runs give up its key. */
export function replaceTwin(transaction: Transaction, twin: Twin, task: PreparedTask, now: number): void {
  const { queue, taskId } = twin
  const jobId = jobIdOf(taskId)
  const key = queue.key(jobId)
  if (!twin.canChange) {
    transaction.hset(key, { dg: '1' })
    transaction.del(queue.key(`de:${task.dedupeKey}`))
    return
  }
  const { kind, payload, maxRetries, timeoutMs = '', group = '', memoryBytes = '' } = task
  transaction.hset(key, {
    name: kind,
    data: payload,
    mr: maxRetries,
    to: timeoutMs,
    gr: group,
    mb: memoryBytes,
  })
  // All attempts again, and nothing of the old ones.
  transaction.hdel(key, 'atm', 'rt', 'er', 'al', 'progress')
  transaction.srem(queue.key(RETRY_SET), jobId)
  const priority = jobPriority(task.priority)
  if (Number(twin.hash['priority']) !== priority) changePriority(transaction, twin, priority)
  if (task.onDuplicate === 'debounce') changeDue(transaction, twin, task.runAt, now)
}

/** By BullMQ's script: a task that is due goes behind its new equals. */
function changePriority(transaction: Transaction, { queue, taskId }: Twin, priority: number): void {
  const { wait, paused, meta, prioritized, active, pc, marker } = queue.bull.keys
  const keys = [wait, paused, meta, prioritized, active, pc, marker]
  queue.bull.execCommand(transaction, 'changePriority', [
    ...keys,
    priority,
    queue.key(''),
    jobIdOf(taskId),
    0,
  ])
}

function changeDue(
  transaction: Transaction,
  { queue, taskId, state }: Twin,
  runAt: number,
  now: number,
): void {
  const { wait, paused, meta, prioritized, active, pc, marker, delayed, events } = queue.bull.keys
  const jobId = jobIdOf(taskId)
  const key = queue.key(jobId)
  transaction.hset(key, { at: runAt })
  if (runAt <= now) {
    if (state !== 'delayed') return
    const keys = [delayed, wait, paused, meta, prioritized, active, pc, events, marker]
    queue.bull.execCommand(transaction, 'promote', [...keys, queue.key(''), jobId])
    return
  }
  if (state !== 'delayed') {
    transaction.zrem(String(prioritized), jobId)
    transaction.lrem(String(wait), 0, jobId)
    transaction.zadd(String(delayed), 0, jobId)
  }
  // Gives it the score of its new time, and wakes those who wait for that.
  queue.bull.execCommand(transaction, 'changeDelay', [
    delayed,
    meta,
    marker,
    events,
    runAt - now,
    now,
    jobId,
    key,
  ])
}
