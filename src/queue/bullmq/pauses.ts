/**
 * Paused lanes: BullMQ's paused queues, which hand out nothing to anybody.
 *
 * @module
 */

import type { BullmqContext } from './context.ts'

export async function setPaused(context: BullmqContext, lane: string, paused: boolean): Promise<void> {
  if (paused) await context.register(lane)
  await context.queue(lane).bull.pause(paused)
}

/** In order of name. */
export async function pausedLanes(context: BullmqContext): Promise<readonly string[]> {
  const names = await context.lanes()
  const paused = await Promise.all(
    names.map((lane) => context.redis.hexists(context.queue(lane).key('meta'), 'paused')),
  )
  return names.filter((_, index) => paused[index] === 1)
}
