/**
 * Names the jobs of remote lanes, and takes out of Redis what an earlier run of the same library has left there.
 *
 * A coordinator that is killed leaves jobs that nobody waits for. They would be run for nothing, before those that count.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { ClaimedTask } from '../task.ts'
import type { LaneQueue } from './context.ts'

/** Jobs that are looked at in one step, and at most. */
const PAGE = 1_000
const MAX_SEEN = 100_000

/** 36 bits of a name: enough for the libraries of one Redis, and short, since every job carries it many times. */
const NAME_LENGTH = 6

/** KEYS: a job. Asks for its end if it is there: whoever runs it sees that when it renews its lease. */
const REQUEST_END = `
if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('HSET', KEYS[1], 'cr', '1') end
return 0
`

/** How the jobs of one coordinator are called: `r.<library>.<run>.<task>.<attempt>.<n>`. */
export interface JobNames {
  /** Begins the ids of all jobs of this library, whatever run they are from. */
  readonly ofLibrary: string
  /** Begins those of this run. */
  readonly ofRun: string
  name(claimed: ClaimedTask, run: number): string
}

/** `origin` is `<library>/<run>`. */
export function jobNames(origin: string): JobNames {
  const end = origin.lastIndexOf('/')
  const ofLibrary = `r.${shortName(end === -1 ? origin : origin.slice(0, end))}.`
  const ofRun = `${ofLibrary}${shortName(origin)}.`
  return {
    ofLibrary,
    ofRun,
    name: ({ lease: { taskId, attempt } }, run) => `${ofRun}${taskId}.${attempt}.${run}`,
  }
}

function shortName(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, NAME_LENGTH)
}

/** Asks for the end of jobs that run. */
export async function requestEnds(redis: Redis, queue: LaneQueue, jobIds: readonly string[]): Promise<void> {
  await Promise.all(jobIds.map((id) => redis.eval(REQUEST_END, 1, queue.key(id))))
}

/** Takes jobs out of Redis that nobody holds; answers which are out. */
export async function removeJobs(
  { bull }: LaneQueue,
  jobIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const codes = await Promise.all(jobIds.map((id) => bull.remove(id, false)))
  return new Set(jobIds.filter((_, index) => codes[index] === 1))
}

/** Answers how many were removed. */
export async function removeLeftovers(redis: Redis, queue: LaneQueue, names: JobNames): Promise<number> {
  const isLeft = (id: string): boolean => id.startsWith(names.ofLibrary) && !id.startsWith(names.ofRun)
  let removed = 0
  let kept = 0
  for (let seen = 0; seen < MAX_SEEN; ) {
    const page = await redis.zrange(queue.key('prioritized'), `${kept}`, `${kept + PAGE - 1}`)
    const out = await removeJobs(queue, page.filter(isLeft))
    removed += out.size
    kept += page.length - out.size
    seen += page.length
    if (page.length < PAGE) break
  }
  const first = await redis.lrange(queue.key('wait'), 0, PAGE - 1)
  removed += (await removeJobs(queue, first.filter(isLeft))).size
  const active = await redis.lrange(queue.key('active'), 0, PAGE - 1)
  await requestEnds(redis, queue, active.filter(isLeft))
  return removed
}
