/**
 * Ends attempts: what a worker says of a task becomes BullMQ's completed, failed, delayed or waiting job.
 *
 * A completed attempt is one script and nothing is asked before. Every other end first looks whether the task's end was
 * asked for; who asks between that look and the move finds the task waiting, or its next claim does.
 *
 * @module
 */

import { type ErrorRecord, toErrorRecord } from '../../errors.ts'
import type { Settlement, SettleResult } from '../backend.ts'
import { storedInstant } from '../new-task.ts'
import { leaseExpired, taskCancelled } from '../queue-errors.ts'
import type { BullmqContext, LaneQueue } from './context.ts'
import { endDependants } from './dependant-ends.ts'
import type { Held, HeldJob } from './held.ts'
import * as moves from './job-moves.ts'
import { type NotedEnd, noteEnds } from './note-ends.ts'
import { failedReason, type ReturnValue } from './wire.ts'

type ErrorEnd = Extract<Settlement, { readonly outcome: 'error' }>
type CompletedEnd = Extract<Settlement, { readonly outcome: 'completed' }>

/** A claim that is made in one step with a completion. */
export interface NextClaim {
  readonly claimer: LaneQueue
  receive(completed: HeldJob, next: Promise<moves.HandedOut | undefined>): void
}

/** Answers a claim of the same lane that is still to be made, if there is one and the job's token may hand out more. */
export type NextClaims = (completed: HeldJob) => NextClaim | undefined

const NO_CLAIMS: NextClaims = () => undefined

/** Set of a lane's jobs that wait for a retry: BullMQ keeps them with all others that wait. */
export const RETRY_SET = 'retry'

export class Settling {
  readonly #context: BullmqContext
  readonly #held: Held

  constructor(context: BullmqContext, held: Held) {
    this.#context = context
    this.#held = held
  }

  /**
   * All at once: nothing of one waits for another. Answers in order.
   *
   * @param nextOf - Of lanes that are claimed from as well: takes part in it before this function first waits.
   */
  async settle(
    settlements: readonly Settlement[],
    nextOf: NextClaims = NO_CLAIMS,
  ): Promise<readonly SettleResult[]> {
    if (settlements.length === 0) return []
    const ends: NotedEnd[] = []
    const results = await Promise.all(
      settlements.map(async (settlement) => {
        const job = this.#held.take(settlement.lease)
        const result = await this.#settle(settlement, job, nextOf)
        if (job !== undefined && result.status !== 'stale') ends.push(endOf(job, settlement, result))
        return result
      }),
    )
    this.#note(ends)
    return results
  }

  /**
   * Ends an attempt whose holder has vanished without a trace: charged. Answers false when somebody was quicker.
   */
  async expire(job: HeldJob, workerId: string | undefined, isCancelled: boolean): Promise<boolean> {
    const now = this.#context.clock.now()
    if (isCancelled) return this.cancel(job)
    const error = leaseExpired(workerId)
    const status = await this.#fail(job, { error, retryAt: now })
    this.#note([{ lane: job.queue.lane, to: status === 'stale' ? 'pending' : status }])
    return status !== 'stale'
  }

  /** Ends a job in hand as cancelled; answers false when somebody was quicker. */
  async cancel(job: HeldJob): Promise<boolean> {
    const isDone = await moves.cancel(job, taskCancelled(job.taskId))
    if (isDone) await endDependants(this.#context, job)
    return isDone
  }

  /** Ends a job in hand that must not run. */
  async end(job: HeldJob, status: 'failed' | 'cancelled', error: ErrorRecord): Promise<boolean> {
    const isDone = await (status === 'failed' ? moves.fail(job, error) : moves.cancel(job, error))
    if (isDone) await endDependants(this.#context, job)
    return isDone
  }

  async #settle(settlement: Settlement, job: HeldJob | undefined, nextOf: NextClaims): Promise<SettleResult> {
    const { taskId } = settlement.lease
    if (job === undefined) return { taskId, status: 'stale' }
    if (settlement.outcome === 'completed') return this.#complete(job, settlement, nextOf)
    if (settlement.outcome === 'cancelled' || (await this.#isCancelled(job))) {
      return { taskId, status: (await this.cancel(job)) ? 'cancelled' : 'stale' }
    }
    if (settlement.outcome === 'error') return { taskId, status: await this.#fail(job, settlement) }
    const at = settlement.outcome === 'snoozed' ? settlement.runAt : 0
    return { taskId, status: (await this.#release(job, at)) ? 'pending' : 'stale' }
  }

  async #complete(job: HeldJob, settlement: CompletedEnd, nextOf: NextClaims): Promise<SettleResult> {
    const { taskId } = job
    const value = this.#returnValue(job, settlement)
    if (typeof value === 'string') {
      return { taskId, status: (await completeAndNext(job, value, nextOf)) ? 'completed' : 'stale' }
    }
    const error = value
    const { retryAt = this.#context.clock.now() } = settlement
    if (await this.#isCancelled(job))
      return { taskId, status: (await this.cancel(job)) ? 'cancelled' : 'stale', error }
    return { taskId, status: await this.#fail(job, { error, retryAt }), error }
  }

  /** JSON; or the error of a result that is not JSON, which is the end of its own attempt only. */
  #returnValue({ isRemote }: HeldJob, { result = null, durationMs }: CompletedEnd): string | ErrorRecord {
    try {
      const value: ReturnValue = { result, ...(durationMs === undefined ? {} : { durationMs }) }
      const text = JSON.stringify(value)
      // The result's own part is shorter: what is surely kept need not be measured by itself.
      if (isRemote || text.length <= this.#context.maxResultBytes) return text
      const isKept = (JSON.stringify(result)?.length ?? 0) <= this.#context.maxResultBytes
      return isKept ? text : JSON.stringify({ ...value, result: null })
    } catch (error) {
      return toErrorRecord(error)
    }
  }

  async #fail(job: HeldJob, end: Omit<ErrorEnd, 'lease' | 'outcome'>): Promise<'retry' | 'failed' | 'stale'> {
    const { error, durationMs } = end
    const canRetry = error.recovery === 'retry' && job.failures < job.maxRetries && !job.isRemote
    if (canRetry) return (await this.#retry(job, end)) ? 'retry' : 'stale'
    if (!(await moves.fail(job, error, durationMs))) return 'stale'
    await endDependants(this.#context, job)
    return 'failed'
  }

  async #retry(
    job: HeldJob,
    { error, retryAt, crashed = false }: Omit<ErrorEnd, 'lease' | 'outcome'>,
  ): Promise<boolean> {
    const context = this.#context
    const now = context.clock.now()
    const at = storedInstant(retryAt, now)
    const keepsPriority = crashed && job.failures === 0
    const fields = {
      er: failedReason(error),
      rt: job.attempt,
      al: crashed ? '1' : '0',
      at: Math.max(at, 0),
      priority: keepsPriority ? job.priority : Math.min(job.priority + 1, LOWEST_PRIORITY),
    }
    // Before the move: who claims it takes it out again.
    const noted = context.redis.sadd(job.queue.key(RETRY_SET), job.jobId)
    const moved =
      at > now
        ? moves.delay(context, job, { at, isCharged: true, fields })
        : this.#retryNow(job, fields, keepsPriority)
    const [isDone] = await Promise.all([moved, noted])
    if (!isDone) await context.redis.srem(job.queue.key(RETRY_SET), job.jobId)
    return isDone
  }

  #retryNow(job: HeldJob, fields: moves.Fields, keepsPriority: boolean): Promise<boolean> {
    return keepsPriority ? moves.requeueFirst(this.#context, job, fields) : moves.requeue(job, fields)
  }

  #release(job: HeldJob, runAt: number): Promise<boolean> {
    const now = this.#context.clock.now()
    const at = storedInstant(runAt, now)
    if (at <= now) return moves.release(job)
    return moves.delay(this.#context, job, { at, isCharged: false, fields: { at } })
  }

  async #isCancelled({ queue, jobId }: HeldJob): Promise<boolean> {
    return (await this.#context.redis.hget(queue.key(jobId), 'cr')) === '1'
  }

  /** Statistics are not part of a promise: they are sent, and what settles does not wait for them. */
  #note(ends: readonly NotedEnd[]): void {
    if (ends.length === 0) return
    const pipeline = this.#context.redis.pipeline()
    noteEnds(this.#context, pipeline, ends)
    pipeline.exec().catch(() => undefined)
  }
}

async function completeAndNext(job: HeldJob, value: string, nextOf: NextClaims): Promise<boolean> {
  const next = nextOf(job)
  if (next === undefined) return (await moves.complete(job, value)).isDone
  const completed = moves.complete(job, value, next.claimer)
  next.receive(
    job,
    completed.then((answer) => answer.next),
  )
  return (await completed).isDone
}

/** The last that BullMQ can tell apart. */
const LOWEST_PRIORITY = 2 ** 21 - 1

function endOf(job: HeldJob, settlement: Settlement, { status }: SettleResult): NotedEnd {
  const durationMs = 'durationMs' in settlement ? settlement.durationMs : undefined
  const to = status === 'stale' ? 'pending' : status
  return { lane: job.queue.lane, to, ...(durationMs === undefined ? {} : { durationMs }) }
}
