/**
 * Cancels what does not run, and asks for the end of what does.
 *
 * @module
 */

import type { CancelReport } from '../backend.ts'
import type { BullmqContext, LaneQueue } from './context.ts'
import { nextToken, type Taken, take } from './job-moves.ts'
import { heldJobOf } from './job-reading.ts'
import { RETRY_SET, type Settling } from './settling.ts'
import { jobIdOf } from './wire.ts'

interface CancellingOptions {
  readonly context: BullmqContext
  readonly settling: Settling
}

export async function cancelTasks(
  options: CancellingOptions,
  taskIds: readonly number[],
): Promise<CancelReport> {
  const ids = [...new Set(taskIds)]
  const queues = await options.context.queuesOfTasks(ids)
  const taken = await Promise.all(
    ids.map(async (id) => {
      const queue = queues.get(id)
      return queue === undefined ? 'neither' : cancelOne(options, queue, id)
    }),
  )
  return {
    cancelled: ids.filter((_, index) => taken[index] === 'taken'),
    requested: ids.filter((_, index) => taken[index] === 'running'),
  }
}

async function cancelOne(
  { context, settling }: CancellingOptions,
  queue: LaneQueue,
  taskId: number,
): Promise<Taken> {
  const jobId = jobIdOf(taskId)
  const token = nextToken(context.instance)
  const taken = await take(context, queue, jobId, token, true)
  if (taken !== 'taken') return taken
  const hash = await context.redis.hgetall(queue.key(jobId))
  if (hash['rt'] !== undefined) await context.redis.srem(queue.key(RETRY_SET), jobId)
  await settling.cancel(heldJobOf({ queue, jobId, taskId, token }, hash))
  return taken
}
