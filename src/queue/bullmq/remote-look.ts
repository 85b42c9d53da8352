/**
 * Looks at jobs in Redis whose ends nobody told of.
 *
 * Where all of them are is asked in one transaction, so that no job can be missed on its way from one place to the
 * other. What is in no place has ended, or is lost: then its own hash knows more.
 *
 * @module
 */

import type { Redis } from 'ioredis'
import { endOfFailed, endOfReturned } from './remote-ends.ts'
import type { JobState } from './remote-link.ts'

/** `keyOf('active')` and `keyOf(jobId)` are keys of the lane's queue. */
export async function lookAtJobs(
  redis: Redis,
  keyOf: (name: string) => string,
  jobIds: readonly string[],
): Promise<ReadonlyMap<string, JobState>> {
  const states = new Map<string, JobState>()
  if (jobIds.length === 0) return states
  const [prioritized, delayed, active, ...waiting] = await placesOf(redis, keyOf, jobIds)
  const running = new Set(active)
  const standing = new Set(waiting.flat())
  const missing: string[] = []
  for (const [index, id] of jobIds.entries()) {
    if (running.has(id)) states.set(id, { state: 'active' })
    else if (standing.has(id) || hasScore(prioritized, index) || hasScore(delayed, index))
      states.set(id, { state: 'waiting' })
    else missing.push(id)
  }
  const ends = await Promise.all(missing.map((id) => endOf(redis, keyOf(id))))
  for (const [index, id] of missing.entries()) states.set(id, ends[index] ?? { state: 'gone' })
  return states
}

/** Scores of the ids among those that wait for their turn or their time, then the ids that run, then those in lists. */
async function placesOf(
  redis: Redis,
  keyOf: (name: string) => string,
  jobIds: readonly string[],
): Promise<readonly (readonly (string | null)[])[]> {
  const replies = await redis
    .multi()
    .zmscore(keyOf('prioritized'), ...jobIds)
    .zmscore(keyOf('delayed'), ...jobIds)
    .lrange(keyOf('active'), 0, -1)
    .lrange(keyOf('wait'), 0, -1)
    .lrange(keyOf('paused'), 0, -1)
    .exec()
  return (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error
    return reply as (string | null)[]
  })
}

function hasScore(scores: readonly (string | null)[] | undefined, index: number): boolean {
  return typeof scores?.[index] === 'string'
}

async function endOf(redis: Redis, key: string): Promise<JobState> {
  const [returned, failed, finishedOn] = await redis.hmget(key, 'returnvalue', 'failedReason', 'finishedOn')
  if (typeof finishedOn !== 'string') return { state: 'gone' }
  if (typeof returned === 'string') return { state: 'ended', end: endOfReturned(returned) }
  return { state: 'ended', end: endOfFailed(failed ?? '') }
}
