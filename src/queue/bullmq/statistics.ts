/**
 * How long handlers take, how many tasks end a minute, how often attempts are repeated: read, by lane.
 *
 * @module
 */

import type { LaneStatistics } from '../backend.ts'
import { countOf, quantile } from '../histogram.ts'
import { MINUTES_KEPT, minuteOf, throughputOf } from '../throughput.ts'
import type { BullmqContext } from './context.ts'
import { countTasks } from './counts.ts'
import { BUCKET, MAX_MS, minuteKey, RETRIES, SUM_MS, SUMS } from './note-ends.ts'
import { pausedLanes } from './pauses.ts'

/** Of every lane that a task was ever added to, or that was paused. */
export async function laneStatistics(context: BullmqContext): Promise<readonly LaneStatistics[]> {
  const lanes = await context.lanes()
  if (lanes.length === 0) return []
  const paused = pausedLanes(context)
  return Promise.all(
    lanes.map(async (lane) => {
      const [known, counts] = await Promise.all([readKnown(context, lane), countTasks(context, lane)])
      return { lane, paused: (await paused).includes(lane), counts, ...known }
    }),
  )
}

async function readKnown(
  context: BullmqContext,
  lane: string,
): Promise<Pick<LaneStatistics, 'retries' | 'durations' | 'throughput'>> {
  const { redis, clock } = context
  const { key } = context.queue(lane)
  const now = clock.now()
  const minutes = Array.from({ length: MINUTES_KEPT }, (_, back) => minuteOf(now) - back)
  const [flat, ended] = await Promise.all([
    redis.zrange(key(SUMS), 0, '-1', 'WITHSCORES'),
    redis.mget(...minutes.map((minute) => minuteKey(key, minute))),
  ])
  const sums = scoresOf(flat)
  const endedIn = new Map(minutes.map((minute, place) => [minute, Number(ended[place] ?? 0)]))
  return {
    retries: sums.get(RETRIES) ?? 0,
    durations: durationsOf(sums),
    throughput: throughputOf(endedIn, now),
  }
}

function durationsOf(sums: ReadonlyMap<string, number>): LaneStatistics['durations'] {
  const buckets = new Map<number, number>()
  for (const [member, attempts] of sums) {
    if (member.startsWith(BUCKET)) buckets.set(Number(member.slice(BUCKET.length)), attempts)
  }
  const count = countOf(buckets)
  const maxMs = sums.get(MAX_MS) ?? 0
  const at = (q: number): number => quantile(buckets, q, maxMs)
  return {
    count,
    averageMs: count === 0 ? 0 : (sums.get(SUM_MS) ?? 0) / count,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs,
  }
}

/** `[member, score, …]` as a map. */
function scoresOf(flat: readonly string[]): ReadonlyMap<string, number> {
  const scores = new Map<string, number>()
  for (let at = 0; at + 1 < flat.length; at += 2) scores.set(flat[at] ?? '', Number(flat[at + 1]))
  return scores
}
