/**
 * The one task that depends on another: in BullMQ's words, the parent of a job.
 *
 * @module
 */

import type { Redis } from 'ioredis'
import type { JobHash } from './wire.ts'

/** Whether the dependant that a job's hash names exists and has not ended. */
export async function hasOpenDependant(redis: Redis, hash: JobHash): Promise<boolean> {
  const parentKey = hash['parentKey']
  if (parentKey === undefined) return false
  const [queueKey, jobId] = splitKey(parentKey)
  const [exists, ...ended] = await Promise.all([
    redis.exists(parentKey),
    redis.zscore(`${queueKey}:completed`, jobId),
    redis.zscore(`${queueKey}:failed`, jobId),
    redis.zscore(`${queueKey}:cancelled`, jobId),
  ])
  return exists === 1 && ended.every((score) => score === null)
}

/** A job's key as that of its queue, and the job's id. */
export function splitKey(jobKey: string): readonly [queueKey: string, jobId: string] {
  const colon = jobKey.lastIndexOf(':')
  return [jobKey.slice(0, colon), jobKey.slice(colon + 1)]
}
