/**
 * The jobs that this process has claimed and not settled: what a lease stands for.
 *
 * A lease is fenced twice: here by attempt and token, so that a late settlement of an earlier attempt by this process is
 * stale, and in Redis by the lock's token, so that one by any other process is.
 *
 * @module
 */

import type { Lease } from '../task.ts'
import type { LaneQueue } from './context.ts'

/** One job in the hands of somebody who has its lock. */
export interface HeldJob {
  readonly queue: LaneQueue
  readonly jobId: string
  readonly taskId: number
  /** Of its lock. */
  readonly token: string
  /** When the token was made, epoch ms: it hands out nothing more when it is old, see `claims.ts`. */
  readonly tokenAt: number
  readonly attempt: number
  /** Charged so far. */
  readonly failures: number
  readonly maxRetries: number
  /** As BullMQ has it. */
  readonly priority: number
  /** See `isRemote` in `wire.ts`. */
  readonly isRemote: boolean
  /** It is a child in a flow: JSON of its parent. */
  readonly parent: string | undefined
}

export class Held {
  readonly #jobs = new Map<number, HeldJob>()
  #foreign = 0

  add(job: HeldJob): Lease {
    this.#jobs.set(job.taskId, job)
    return { taskId: job.taskId, attempt: job.attempt, token: job.token }
  }

  /**
   * An id for a job that this package's `add` has not named, such as one of a remote lane: unlike any other in this process,
   * and far below those that are stored.
   */
  nextForeignId(): number {
    this.#foreign += 1
    return this.#foreign
  }

  /** The job of a lease that was current when it was last heard of. */
  get({ taskId, attempt, token }: Lease): HeldJob | undefined {
    const job = this.#jobs.get(taskId)
    return job?.attempt === attempt && job.token === token ? job : undefined
  }

  /** The same, and lets go of it. */
  take(lease: Lease): HeldJob | undefined {
    const job = this.get(lease)
    if (job !== undefined) this.#jobs.delete(lease.taskId)
    return job
  }
}
