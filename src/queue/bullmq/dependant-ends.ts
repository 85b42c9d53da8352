/**
 * Ends at once what waited for a task that failed.
 *
 * BullMQ only marks such a parent and lets whoever claims it next find the mark, so that nothing is lost when this
 * process dies here. But until then it would count as waiting for a worker.
 *
 * @module
 */

import type { BullmqContext, LaneQueue } from './context.ts'
import { type Fate, fateOf } from './flows.ts'
import type { HeldJob } from './held.ts'
import * as moves from './job-moves.ts'
import { heldJobOf } from './job-reading.ts'
import { type JobHash, jobIdOf, taskIdOf } from './wire.ts'

/** The task id in the key of a job. */
export function taskIdOfKey(jobKey: string): number {
  return taskIdOf(jobKey.slice(jobKey.lastIndexOf(':') + 1))
}

/** Ends those of the tasks at once whose fate a dependency has decided before they were added. */
export async function endFated(context: BullmqContext, taskIds: readonly number[]): Promise<void> {
  if (taskIds.length === 0) return
  const queues = await context.queuesOfTasks(taskIds)
  await Promise.all(
    taskIds.map(async (taskId) => {
      const queue = queues.get(taskId)
      const jobId = jobIdOf(taskId)
      // Most have no such fate, and only that is asked.
      if (queue === undefined || (await context.redis.hexists(queue.key(jobId), 'defa')) === 0) return
      let next = await endIfFated(context, queue, jobId)
      while (next !== undefined) next = await endParent(context, next)
    }),
  )
}

/** Walks up from a job that has failed or was cancelled. What waits for it may have been added while it ran. */
export async function endDependants(context: BullmqContext, job: HeldJob): Promise<void> {
  if (job.isRemote) return
  const parent = await context.redis.hget(job.queue.key(job.jobId), 'parent')
  await endUpwards(context, parent ?? job.parent)
}

/** Ends the job that a `parent` names, as BullMQ writes it, and what waits for that, as far as they are to end. */
export async function endUpwards(context: BullmqContext, parent: string | undefined): Promise<void> {
  let next = parent
  while (next !== undefined) next = await endParent(context, next)
}

/** Ends the parent if it is to end; answers the parent of that. */
async function endParent(context: BullmqContext, parent: string): Promise<string | undefined> {
  const { id, fpof } = JSON.parse(parent) as { readonly id?: string; readonly fpof?: boolean }
  const taskId = taskIdOf(id ?? '')
  if (id === undefined || fpof !== true) return undefined
  const queue = await context.queueOfTask(taskId)
  if (queue === undefined) return undefined
  return endIfFated(context, queue, id)
}

/** Answers the parent of a job that was ended. */
async function endIfFated(
  context: BullmqContext,
  queue: LaneQueue,
  jobId: string,
): Promise<string | undefined> {
  const hash = await context.redis.hgetall(queue.key(jobId))
  const fate = fateOf(hash, taskIdOfKey)
  if (fate === undefined) return undefined
  return (await endByFate(context, queue, jobId, hash, fate)) ? hash['parent'] : undefined
}

async function endByFate(
  context: BullmqContext,
  queue: LaneQueue,
  jobId: string,
  hash: JobHash,
  { status, error }: Fate,
): Promise<boolean> {
  const token = moves.nextToken(context.instance)
  if ((await moves.take(context, queue, jobId, token)) !== 'taken') return false
  const job = heldJobOf({ queue, jobId, taskId: taskIdOf(jobId), token }, hash)
  return status === 'failed' ? moves.fail(job, error) : moves.cancel(job, error)
}
