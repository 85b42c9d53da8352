/**
 * From what BullMQ tells of a job to what it means for the attempt that the job stands for: pure.
 *
 * @module
 */

import { leaseExpired } from '../queue-errors.ts'
import type { JobEnd, JobEvent } from './remote-link.ts'
import { fieldOf, type StreamFields } from './remote-reader.ts'
import { readFailedReason, readProgress, readReturnValue } from './wire.ts'

/** BullMQ's own words for a job whose workers died again and again, see `moveStalledJobsToWait.lua`. */
const STALLED_TOO_OFTEN = 'job stalled more than allowable limit'

/** Errors of a process that died: the next attempt runs alone. */
const CRASHES: ReadonlySet<string> = new Set(['queue/worker-crashed', 'queue/memory-limit'])

/** The end of a job that returned this. */
export function endOfReturned(text: string): JobEnd {
  const { result, durationMs = 0 } = readReturnValue(text)
  return { outcome: 'completed', result, durationMs }
}

/** The end of a job that failed with this reason. */
export function endOfFailed(text: string): JobEnd {
  const { error, durationMs = 0 } = readFailedReason(text)
  if (error.message === STALLED_TOO_OFTEN)
    return { outcome: 'error', error: leaseExpired('of a worker host'), crashed: true, durationMs }
  if (!CRASHES.has(error.code)) return { outcome: 'error', error, durationMs }
  const retryAtOnce = error.code === 'queue/worker-crashed'
  return { outcome: 'error', error, crashed: true, retryAtOnce, durationMs }
}

/** What an entry of a lane's events stream tells of one of our jobs; undefined for everything else. */
export function eventOf(
  fields: StreamFields,
  isOurs: (jobId: string) => boolean,
): readonly [jobId: string, event: JobEvent] | undefined {
  const read = EVENTS.get(fieldOf(fields, 'event') ?? '')
  if (read === undefined) return undefined
  const jobId = fieldOf(fields, 'jobId') ?? ''
  const event = isOurs(jobId) ? read(fields) : undefined
  return event === undefined ? undefined : [jobId, event]
}

const MOVED: JobEvent = Object.freeze({ type: 'moved' })
const ACTIVE: JobEvent = Object.freeze({ type: 'active' })

type Read = (fields: StreamFields) => JobEvent | undefined

/** By BullMQ's names; `added`, `waiting` and others come with every job and tell nothing new. */
const EVENTS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['active', () => ACTIVE],
  ['completed', (fields) => ({ type: 'ended', end: endOfReturned(fieldOf(fields, 'returnvalue') ?? '') })],
  ['failed', (fields) => ({ type: 'ended', end: endOfFailed(fieldOf(fields, 'failedReason') ?? '') })],
  ['progress', readProgressEvent],
  ['removed', () => MOVED],
  ['stalled', () => MOVED],
])

function readProgressEvent(fields: StreamFields): JobEvent | undefined {
  const told = readProgress(fieldOf(fields, 'data') ?? '')
  return told === undefined ? undefined : { type: 'progress', value: told.value }
}
