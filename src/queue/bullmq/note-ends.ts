/**
 * Adds what ended to the statistics: durations, retries, ends a minute, by lane.
 *
 * The sums are members of one sorted set per lane: Redis adds to a score and keeps the greater of two by itself, so that
 * every process adds its own and nobody reads before it writes. The ends of each minute are a counter that Redis forgets when
 * nobody asks for it any more. BullMQ's own metrics are not used: they know neither durations nor retries, close a minute
 * only when a job ends after it, and cost three commands for each job where this costs a few for each exchange.
 *
 * @module
 */

import type { ChainableCommander } from 'ioredis'
import { bucketOf } from '../histogram.ts'
import type { TaskStatus } from '../task.ts'
import { MINUTES_KEPT, minuteOf } from '../throughput.ts'
import type { BullmqContext } from './context.ts'

/** How an attempt ended: how long its handler took, and the state that its task went to. */
export interface NotedEnd {
  readonly lane: string
  readonly durationMs?: number
  readonly to: TaskStatus
}

/** Kept a little longer than it is asked for: the clocks of hosts differ. */
const MINUTE_TTL_S = (MINUTES_KEPT + 5) * 60

/** The sorted set of a lane. */
export const SUMS: string = 'statistics'
/** Members of a lane's sorted set. */
export const RETRIES: string = 'retries'
export const SUM_MS: string = 'sum'
export const MAX_MS: string = 'max'
/** Before the number of a bucket. */
export const BUCKET: string = 'b'

interface LaneChanges {
  retries: number
  ended: number
  sumMs: number
  maxMs: number
  readonly buckets: Map<number, number>
}

/** Puts the commands that add these ends to the statistics into `pipeline`, which the caller sends. */
export function noteEnds(
  context: BullmqContext,
  pipeline: ChainableCommander,
  ends: readonly NotedEnd[],
): void {
  for (const [lane, changes] of sumUp(ends)) note(context, pipeline, lane, changes)
}

function note(
  context: BullmqContext,
  pipeline: ChainableCommander,
  lane: string,
  { retries, ended, sumMs, maxMs, buckets }: LaneChanges,
): void {
  const { key } = context.queue(lane)
  const sums = key(SUMS)
  if (retries > 0) pipeline.zincrby(sums, retries, RETRIES)
  if (buckets.size > 0) {
    pipeline.zincrby(sums, sumMs, SUM_MS)
    pipeline.zadd(sums, 'GT', maxMs, MAX_MS)
    for (const [bucket, attempts] of buckets) pipeline.zincrby(sums, attempts, `${BUCKET}${bucket}`)
  }
  if (ended === 0) return
  const minute = minuteKey(key, minuteOf(context.clock.now()))
  pipeline.incrby(minute, ended)
  pipeline.expire(minute, MINUTE_TTL_S)
}

/** The counter of the tasks of a lane that ended in a minute. */
export function minuteKey(key: (type: string) => string, minute: number): string {
  return key(`ended:${minute}`)
}

function sumUp(ends: readonly NotedEnd[]): ReadonlyMap<string, LaneChanges> {
  const lanes = new Map<string, LaneChanges>()
  for (const { lane, durationMs, to } of ends) {
    const changes = lanes.get(lane) ?? { retries: 0, ended: 0, sumMs: 0, maxMs: 0, buckets: new Map() }
    lanes.set(lane, changes)
    if (to === 'retry') changes.retries += 1
    if (to === 'completed' || to === 'failed') changes.ended += 1
    if (durationMs !== undefined && durationMs >= 0 && durationMs < Number.POSITIVE_INFINITY) {
      addDuration(changes, durationMs)
    }
  }
  return lanes
}

function addDuration(changes: LaneChanges, durationMs: number): void {
  const bucket = bucketOf(durationMs)
  changes.buckets.set(bucket, (changes.buckets.get(bucket) ?? 0) + 1)
  changes.sumMs += durationMs
  changes.maxMs = Math.max(changes.maxMs, durationMs)
}
