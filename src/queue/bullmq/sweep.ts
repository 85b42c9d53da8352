/**
 * Takes back what vanished coordinators held.
 *
 * Whoever is provably dead loses its tasks at once, and they are not charged: nobody has failed at them. Of all others only
 * BullMQ's stalled check tells: it puts back what is active and has no lock any more. It looks twice, at what was active in
 * an earlier look too; here the two looks follow each other, since our claims lock in the same step.
 *
 * @module
 */

import type { SweepOptions, SweepReport } from '../backend.ts'
import { leaseExpired } from '../queue-errors.ts'
import type { BullmqContext, LaneQueue } from './context.ts'
import type { CoordinatorTable } from './coordinators.ts'
import type { HeldJob } from './held.ts'
import * as moves from './job-moves.ts'
import { heldJobOf } from './job-reading.ts'
import type { Settling } from './settling.ts'
import { type JobHash, MAX_REMOTE_STALLS, taskIdOf } from './wire.ts'

export interface SweeperOptions {
  readonly context: BullmqContext
  readonly settling: Settling
  readonly coordinators: CoordinatorTable
}

interface Recovered {
  readonly taskId: number
  readonly isCharged: boolean
}

export class Sweeper {
  readonly #options: SweeperOptions

  constructor(options: SweeperOptions) {
    this.#options = options
  }

  async sweep({ takeOver = false }: SweepOptions = {}): Promise<SweepReport> {
    const { context, coordinators } = this.#options
    const queues = await context.allQueues()
    if (takeOver) return { expired: [], released: await this.#releaseAll(queues, () => true) }
    const dead = await coordinators.dead()
    const ids = new Set(dead.map(({ id }) => id))
    const released = dead.length === 0 ? [] : await this.#releaseAll(queues, (workerId) => ids.has(workerId))
    for (const id of ids) await coordinators.leave(id)
    const recovered = await this.#recover(queues)
    const orphans = dead.flatMap(({ lanes }) =>
      Object.values(lanes).flatMap(({ processes = [] }) => processes),
    )
    const idsOf = (charged: boolean): number[] => {
      return recovered.filter(({ isCharged }) => isCharged === charged).map(({ taskId }) => taskId)
    }
    return {
      expired: idsOf(true),
      released: [...released, ...idsOf(false)],
      ...(orphans.length === 0 ? {} : { orphans }),
    }
  }

  /** What the coordinators hold that are meant: back to the queue, uncharged. */
  async #releaseAll(queues: readonly LaneQueue[], isMeant: (workerId: string) => boolean): Promise<number[]> {
    const released = await Promise.all(
      queues.map(async (queue) => {
        const active = await this.#options.context.redis.lrange(queue.key('active'), 0, -1)
        const ids = await Promise.all(active.map((jobId) => this.#release(queue, jobId, isMeant)))
        return ids.filter((id) => id !== undefined)
      }),
    )
    return released
      .flat()
      .filter((id) => !Number.isNaN(id))
      .sort((a, b) => a - b)
  }

  async #release(
    queue: LaneQueue,
    jobId: string,
    isMeant: (workerId: string) => boolean,
  ): Promise<number | undefined> {
    const { redis } = this.#options.context
    // In this order: who was given it between the two is seen by the second, and with the token of the first nothing happens.
    const token = await redis.get(queue.key(`${jobId}:lock`))
    const [workerId, asked, parent] = await redis.hmget(queue.key(jobId), 'pb', 'cr', 'parent')
    if (!isMeant(workerId ?? '')) return undefined
    const taskId = taskIdOf(jobId)
    // BullMQ takes 0 for "whoever has the lock", which here is nobody.
    const job = heldJobOf({ queue, jobId, taskId, token: token ?? '0' }, parent ? { parent } : {})
    const isDone = await (asked === '1' ? this.#options.settling.cancel(job) : moves.release(job))
    return isDone ? taskId : undefined
  }

  async #recover(queues: readonly LaneQueue[]): Promise<readonly Recovered[]> {
    const recovered = await Promise.all(
      queues.map(async (queue) => {
        const stalled = await this.#stalled(queue)
        return Promise.all(stalled.map((jobId) => this.#expire(queue, jobId)))
      }),
    )
    // A job of a remote lane has no id here: whoever waits for work hears of it by the lane's marker.
    return recovered.flat().filter(({ taskId }) => !Number.isNaN(taskId))
  }

  /** At most one process asks in each interval. */
  async #stalled(queue: LaneQueue): Promise<readonly string[]> {
    const { context } = this.#options
    const interval = context.stalledCheckMs
    if (interval > 0) {
      const isFirst = await context.redis.set(
        queue.key('heirloom-check'),
        1,
        'PX',
        context.serverMs(interval),
        'NX',
      )
      if (isFirst === null) return []
    }
    return [...(await this.#look(queue)), ...(await this.#look(queue))]
  }

  /** BullMQ's own limit of looks is not needed: ours counts both as one. */
  async #look(queue: LaneQueue): Promise<readonly string[]> {
    await this.#options.context.redis.del(queue.key('stalled-check'))
    return queue.bull.moveStalledJobsToWait()
  }

  /** BullMQ has put it back to the queue, before all others. */
  async #expire(queue: LaneQueue, jobId: string): Promise<Recovered> {
    const { context, settling } = this.#options
    const hash = await context.redis.hgetall(queue.key(jobId))
    const token = moves.nextToken(context.instance)
    const job = heldJobOf({ queue, jobId, taskId: taskIdOf(jobId), token }, hash)
    const { taskId } = job
    const isCancelled = hash['cr'] === '1'
    if (job.isRemote && !isCancelled && !hasStalledTooOften(hash)) return { taskId, isCharged: false }
    // Whoever claims it before this is served: it is not charged then.
    if ((await moves.take(context, queue, jobId, token)) !== 'taken') return { taskId, isCharged: false }
    const isDone = await this.#end(job, hash['pb'], isCancelled, settling)
    return { taskId, isCharged: isDone }
  }

  #end(
    job: HeldJob,
    workerId: string | undefined,
    isCancelled: boolean,
    settling: Settling,
  ): Promise<boolean> {
    if (job.isRemote && !isCancelled) return settling.end(job, 'failed', leaseExpired(workerId))
    return settling.expire(job, workerId, isCancelled)
  }
}

function hasStalledTooOften(hash: JobHash): boolean {
  return Number(hash['stc'] ?? 0) > MAX_REMOTE_STALLS
}
