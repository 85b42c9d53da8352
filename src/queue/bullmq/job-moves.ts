/**
 * The moves of a job that somebody holds, each by BullMQ's own script, and one of ours: to take a waiting job in hand.
 *
 * BullMQ can end or move only what is active and locked. What is to end without having run (it is cancelled, what it
 * depends on has failed, it stalled too often) is taken into hand first, and then ends as everything else does: so parents,
 * dedupe keys and events stay BullMQ's business. Whoever dies in between leaves an expired lock behind, and the reason in
 * the job's hash, which the next one to claim it finds.
 *
 * @module
 */

import type { ErrorRecord } from '../../errors.ts'
import type { BullmqContext, LaneQueue } from './context.ts'
import type { HeldJob } from './held.ts'
import { failedReason, REMOTE_KEPT } from './wire.ts'

/** What is needed to move a job. */
export type JobInHand = Pick<HeldJob, 'queue' | 'jobId' | 'token' | 'isRemote'>

/** BullMQ's answers to who has not got the lock, or whose job is gone: see its `ErrorCode`. */
const STALE_CODES: readonly unknown[] = [-1, -2, -3, -6]

/** For how long a job that is to end is held while it is ended, ms. */
const IN_HAND_MS = 15_000

/**
 * KEYS: prioritized, delayed, waiting-children, wait, paused, active, lock, job. ARGV: job id, token, ms, `1` to ask a running
 * one to end. Answers 1: in hand. 2: it runs. 0: neither.
 */
const TAKE = `
local id = ARGV[1]
local found = redis.call('ZREM', KEYS[1], id) == 1 or redis.call('ZREM', KEYS[2], id) == 1
  or redis.call('ZREM', KEYS[3], id) == 1 or redis.call('LREM', KEYS[4], 1, id) == 1
  or redis.call('LREM', KEYS[5], 1, id) == 1
if found then
  redis.call('LPUSH', KEYS[6], id)
  redis.call('SET', KEYS[7], ARGV[2], 'PX', ARGV[3])
  if ARGV[4] == '1' then redis.call('HSET', KEYS[8], 'cr', '1') end
  return 1
end
if redis.call('LPOS', KEYS[6], id) then
  if ARGV[4] == '1' then redis.call('HSET', KEYS[8], 'cr', '1') end
  return 2
end
return 0
`

/** KEYS: lock, job. ARGV: token, then fields and values. Sets them if the lock is still ours, and charges the attempt. */
const CHARGE_IF_LOCKED = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], unpack(ARGV, 2))
redis.call('HINCRBY', KEYS[2], 'atm', 1)
return 1
`

export type Taken = 'taken' | 'running' | 'neither'

let tokens = 0

/** Unlike any other of this process; the caller puts something before it that is unlike any other process. */
export function nextToken(prefix: string): string {
  tokens += 1
  return `${prefix}:${tokens}`
}

/** Takes a job in hand that does not run; `isCancel` asks for the end of one that does. */
export async function take(
  { redis, serverMs }: BullmqContext,
  queue: LaneQueue,
  jobId: string,
  token: string,
  isCancel = false,
): Promise<Taken> {
  const { key } = queue
  const keys = [
    'prioritized',
    'delayed',
    'waiting-children',
    'wait',
    'paused',
    'active',
    `${jobId}:lock`,
    jobId,
  ]
  const args = [jobId, token, serverMs(IN_HAND_MS), isCancel ? '1' : '0']
  const answer = await redis.eval(TAKE, keys.length, ...keys.map(key), ...args)
  return answer === 1 ? 'taken' : answer === 2 ? 'running' : 'neither'
}

/** What BullMQ's scripts answer that hand out a job: its hash, fields and values in turn, and its id. */
export type HandedOut = readonly [fields: readonly string[], jobId: string]

export interface Completed {
  /** False when somebody else has it, or nobody: then nothing has happened. */
  readonly isDone: boolean
  readonly next: HandedOut | undefined
}

/**
 * @param value - JSON of a `ReturnValue`.
 * @param claimer - Hands out the next job of this lane in the same step, with the same token.
 */
export async function complete(job: JobInHand, value: string, claimer?: LaneQueue): Promise<Completed> {
  const { queue, jobId, token, isRemote } = job
  const { bull } = claimer ?? queue
  const keep = isRemote ? REMOTE_KEPT : false
  const args = bull.moveToCompletedArgs(minimal(jobId), value, keep, token, claimer !== undefined)
  const answer: unknown = await bull.execCommand(await bull.client, 'moveToFinished', args)
  if (typeof answer !== 'number' || answer >= 0) return { isDone: true, next: handedOut(answer) }
  if (STALE_CODES.includes(answer)) return { isDone: false, next: undefined }
  throw bull.finishedErrors({ code: answer, jobId, command: 'moveToFinished', state: 'active' })
}

/** Undefined when there was no job, or its queue is paused or limited. */
export function handedOut(answer: unknown): HandedOut | undefined {
  if (!Array.isArray(answer)) return undefined
  const [fields, jobId] = answer as readonly unknown[]
  return Array.isArray(fields) ? [fields as readonly string[], String(jobId)] : undefined
}

/** False when somebody else has it, or nobody: then nothing has happened. */
export function fail(job: JobInHand, error: ErrorRecord, durationMs?: number): Promise<boolean> {
  const { queue, jobId, token, isRemote } = job
  const keep = isRemote ? REMOTE_KEPT : false
  return isDone(queue.bull.moveToFailed(minimal(jobId), failedReason(error, durationMs), keep, token, false))
}

/** As {@link fail}, but it ends in a set of ours: BullMQ knows no cancelled jobs. */
export function cancel({ queue, jobId, token, isRemote }: JobInHand, error: ErrorRecord): Promise<boolean> {
  const keep = isRemote ? REMOTE_KEPT : false
  const args = queue.bull.moveToFailedArgs(minimal(jobId), failedReason(error), keep, token, false)
  const set = args.indexOf(queue.key('failed'))
  args[set] = queue.key('cancelled')
  return isDone(queue.bull.moveToFinished(jobId, args))
}

/** Back to the front of its priority, uncharged. */
export function release({ queue: { bull }, jobId, token }: JobInHand): Promise<boolean> {
  return isDone(bull.moveJobFromActiveToWait(jobId, token))
}

export type Fields = Readonly<Record<string, string | number>>

/** Due at an instant (epoch ms); charged or not. */
export function delay(
  { clock }: BullmqContext,
  { queue: { bull }, jobId, token }: JobInHand,
  { at, isCharged, fields }: { readonly at: number; readonly isCharged: boolean; readonly fields: Fields },
): Promise<boolean> {
  const now = clock.now()
  const options = { skipAttempt: !isCharged, fieldsToUpdate: fields }
  return isDone(bull.moveToDelayed(jobId, now, Math.max(1, at - now), token, options))
}

/** Charged, and due now, behind all others of its priority. */
export function requeue({ queue: { bull }, jobId, token }: JobInHand, fields: Fields): Promise<boolean> {
  return isDone(bull.retryJob(jobId, false, token, { fieldsToUpdate: fields }))
}

/** Charged, and due now, before all others of its priority. */
export async function requeueFirst(
  { redis }: BullmqContext,
  job: JobInHand,
  fields: Fields,
): Promise<boolean> {
  const { queue, jobId, token } = job
  const flat = Object.entries(fields).flat()
  const charged = await redis.eval(
    CHARGE_IF_LOCKED,
    2,
    queue.key(`${jobId}:lock`),
    queue.key(jobId),
    token,
    ...flat,
  )
  return charged === 1 && (await release(job))
}

type MinimalJob = Parameters<LaneQueue['bull']['moveToFailed']>[0]

/** All that the scripts need of a job: `attempts` only decides about an event that nobody here hears. */
function minimal(jobId: string): MinimalJob {
  return { id: jobId, opts: { attempts: 1 } } as unknown as MinimalJob
}

async function isDone(move: Promise<unknown>): Promise<boolean> {
  try {
    await move
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && STALE_CODES.includes(error.code)) return false
    throw error
  }
}
