/**
 * How many tasks are in which state, and when the next one is due: from the sizes of BullMQ's sets, never a scan.
 *
 * @module
 */

import type { RateLimit, StatusCounts } from '../backend.ts'
import type { BullmqContext } from './context.ts'
import { RETRY_SET } from './settling.ts'

/** BullMQ's delayed set is ordered by 4,096 times the instant, plus a number within it. */
const SCORE_PER_MS = 4_096

const NOTHING: StatusCounts = Object.freeze({
  waiting: 0,
  pending: 0,
  processing: 0,
  retry: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
})

/** Of one lane, or of all. */
export async function countTasks(context: BullmqContext, lane?: string): Promise<StatusCounts> {
  if (lane !== undefined) return countLane(context, lane)
  const lanes = await context.lanes()
  const counts = await Promise.all(lanes.map((name) => countLane(context, name)))
  return counts.reduce((sum, one) => addUp(sum, one), NOTHING)
}

async function countLane(context: BullmqContext, lane: string): Promise<StatusCounts> {
  const { redis } = context
  const { key } = context.queue(lane)
  const [wait, paused, prioritized, delayed, retry, waiting, processing, completed, failed, cancelled] =
    await Promise.all([
      redis.llen(key('wait')),
      redis.llen(key('paused')),
      redis.zcard(key('prioritized')),
      redis.zcard(key('delayed')),
      redis.scard(key(RETRY_SET)),
      redis.zcard(key('waiting-children')),
      redis.llen(key('active')),
      redis.zcard(key('completed')),
      redis.zcard(key('failed')),
      redis.zcard(key('cancelled')),
    ])
  const open = wait + paused + prioritized + delayed
  return { waiting, pending: Math.max(0, open - retry), processing, retry, completed, failed, cancelled }
}

function addUp(sum: StatusCounts, more: StatusCounts): StatusCounts {
  const statuses = Object.keys(sum) as (keyof StatusCounts)[]
  return Object.fromEntries(statuses.map((status) => [status, sum[status] + more[status]])) as StatusCounts
}

/** From when on a claim gets something: see `Backend.nextDueAt`. */
export async function nextDueAt(
  context: BullmqContext,
  lane: string,
  rate: RateLimit | undefined,
): Promise<number | undefined> {
  const { redis, clock, serverMs } = context
  const { key, bull } = context.queue(lane)
  if (rate !== undefined && !(rate.limit >= 1)) return undefined
  const [isPaused, first, ready, [, score], limitedMs] = await Promise.all([
    redis.hexists(key('meta'), 'paused'),
    redis.llen(key('wait')),
    redis.zcard(key('prioritized')),
    redis.zrange(key('delayed'), 0, '0', 'WITHSCORES'),
    rate === undefined ? 0 : bull.getRateLimitTtl(Math.floor(rate.limit)),
  ])
  if (isPaused === 1) return undefined
  const now = clock.now()
  const delayedTo = score === undefined ? undefined : Math.floor(Number(score) / SCORE_PER_MS)
  const dueAt = first + ready > 0 ? now : delayedTo
  if (dueAt === undefined) return undefined
  const opensAt = now + Math.ceil(Math.max(0, limitedMs) / serverMs(1))
  return Math.max(dueAt, opensAt, now)
}
