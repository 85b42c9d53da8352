/**
 * Reads jobs with the state that they are in, both at one moment.
 *
 * @module
 */

import type { ChainableCommander } from 'ioredis'
import type { LaneQueue } from './context.ts'
import { type JobHash, type JobState, jobIdOf } from './wire.ts'

export interface JobPlace {
  readonly taskId: number
  readonly queue: LaneQueue
}

export interface ReadJob extends JobPlace {
  readonly hash: JobHash
  readonly state: JobState
}

/** States that are sorted sets. */
export const SORTED_STATES: readonly JobState[] = [
  'completed',
  'failed',
  'cancelled',
  'delayed',
  'prioritized',
  'waiting-children',
]

/** States that are lists. */
export const LISTED_STATES: readonly JobState[] = ['active', 'wait']

const STATES: readonly JobState[] = [...SORTED_STATES, ...LISTED_STATES]

/** Jobs that one transaction reads: it holds up everybody else. */
const PORTION = 200

/**
 * In the order of `places`; undefined for a job that does not exist.
 *
 * @param begin - Begins a `MULTI`; or a pipeline where a guard sees to it that nothing changes.
 */
export async function readJobs(
  begin: () => ChainableCommander,
  places: readonly JobPlace[],
): Promise<readonly (ReadJob | undefined)[]> {
  const jobs: (ReadJob | undefined)[] = []
  for (let from = 0; from < places.length; from += PORTION) {
    const portion = places.slice(from, from + PORTION)
    const reading = begin()
    for (const place of portion) askFor(reading, place)
    const answers = await answersOf(reading)
    for (const [index, place] of portion.entries()) {
      const start = index * (STATES.length + 1)
      jobs.push(jobOf(place, answers.slice(start, start + STATES.length + 1)))
    }
  }
  return jobs
}

function askFor(reading: ChainableCommander, { taskId, queue }: JobPlace): void {
  const jobId = jobIdOf(taskId)
  reading.hgetall(queue.key(jobId))
  for (const state of SORTED_STATES) reading.zscore(queue.key(state), jobId)
  for (const state of LISTED_STATES) reading.lpos(queue.key(state), jobId)
}

function jobOf(place: JobPlace, [fields, ...found]: readonly unknown[]): ReadJob | undefined {
  const hash = fields as JobHash
  const state = STATES[found.findIndex((answer) => answer !== null)]
  return state === undefined || hash['name'] === undefined ? undefined : { ...place, hash, state }
}

/** What each command answered. @throws the first error that one of them answered. */
export async function answersOf(commands: ChainableCommander): Promise<readonly unknown[]> {
  return ((await commands.exec()) ?? []).map(([error, answer]) => {
    if (error) throw error
    return answer
  })
}
