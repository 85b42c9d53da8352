/**
 * Hands out tasks: BullMQ's claim of one job, as many times as there is room, all sent at once.
 *
 * How many jobs wait is known from the last look, so that a lane with little to do is not asked five hundred times: a
 * claim begins with what is known to be there, or a probe, and goes on when there is more.
 *
 * @module
 */

import type { ClaimRequest, ExchangeRequest, ExchangeResult } from '../backend.ts'
import { taskCancelled } from '../queue-errors.ts'
import type { ClaimedTask, Lease } from '../task.ts'
import { type BullmqContext, type LaneQueue, limiterOf } from './context.ts'
import { taskIdOfKey } from './dependant-ends.ts'
import { type Fate, fateOf } from './flows.ts'
import type { Held, HeldJob } from './held.ts'
import { type HandedOut, handedOut, nextToken } from './job-moves.ts'
import { heldJobOf } from './job-reading.ts'
import { pack } from './message-pack.ts'
import { type NextClaim, RETRY_SET, type Settling } from './settling.ts'
import type { Watch } from './watch.ts'
import { isAlone, type JobHash, optionsOf, readFailedReason, taskIdOf, taskOf } from './wire.ts'

/** Asked of a lane of which nothing is known: most often it is one task that has just been added. */
const PROBE = 4

export interface ClaimsOptions {
  readonly context: BullmqContext
  readonly held: Held
  readonly settling: Settling
  readonly watch: Watch
}

/** A job that BullMQ has handed out, and the job's lock. */
interface Grant {
  readonly queue: LaneQueue
  readonly jobId: string
  readonly hash: JobHash
  readonly token: string
  readonly tokenAt: number
}

/** Grants that are on their way; undefined for one that got nothing. */
type Pending = Promise<Grant | undefined>

/** One request while it is served. */
interface Serving {
  readonly request: ClaimRequest
  readonly claimer: LaneQueue
  /** Those that completions make. */
  readonly chained: Pending[]
}

export class Claims {
  readonly #options: ClaimsOptions
  /** Jobs that were left waiting after the last claim, by lane. */
  readonly #backlog = new Map<string, number>()

  constructor(options: ClaimsOptions) {
    this.#options = options
  }

  /**
   * Settles, and serves the requests at the same time. A completion makes one claim of its lane in the same step (BullMQ's
   * own way); the others are sent at once, in order of the requests.
   */
  async exchange({ settle, claim }: ExchangeRequest): Promise<ExchangeResult> {
    const servings = claim.map((request) => this.#serve(request))
    const settled = this.#options.settling.settle(settle, (job) => this.#nextClaim(job, servings))
    // When the claims fail first, nobody waits for these any more.
    settled.catch(() => undefined)
    // What is given back may be claimed again by the same exchange.
    if (settle.some(({ outcome }) => outcome !== 'completed')) await settled
    const claimed = await Promise.all(servings.map((serving) => this.#claim(serving)))
    return { settled: await settled, claimed }
  }

  #serve(request: ClaimRequest): Serving {
    const { lane, workerId, leaseMs, rate } = request
    this.#options.watch.claims(lane)
    return { request, claimer: this.#options.context.claimer(lane, { workerId, leaseMs, rate }), chained: [] }
  }

  /**
   * The next job gets the token of the one that is completed. So that no two attempts of one job ever have the same, a
   * token hands out nothing more after half a lease: what it has handed out cannot come back before a whole one is over.
   */
  #nextClaim({ queue, tokenAt }: HeldJob, servings: readonly Serving[]): NextClaim | undefined {
    const serving = servings.find(({ request, chained }) => {
      return request.lane === queue.lane && chained.length < request.limit && mayClaim(request)
    })
    if (serving === undefined || this.#options.context.clock.now() - tokenAt > serving.request.leaseMs / 2)
      return undefined
    const { claimer, chained } = serving
    return {
      claimer,
      receive: ({ token }, next) => {
        const grant = next.then((job) => job && grantOf(queue, job, token, tokenAt))
        // When the settling fails first, nobody waits for this one any more.
        grant.catch(() => undefined)
        chained.push(grant)
      },
    }
  }

  async #claim({ request, chained }: Serving): Promise<readonly ClaimedTask[]> {
    const { lane, limit } = request
    const tasks: ClaimedTask[] = []
    if (!mayClaim(request)) return tasks
    let asked: readonly Pending[] = chained
    let isDry = false
    while (!isDry && tasks.length < limit) {
      const room = limit - tasks.length - asked.length
      const grants = await Promise.all([...asked, ...this.#ask(request, room, asked.length)])
      tasks.push(...(await this.#handOutAll(grants)))
      isDry = grants.includes(undefined)
      asked = []
    }
    this.#options.watch.claimed(lane, isDry)
    return tasks
  }

  async #handOutAll(grants: readonly (Grant | undefined)[]): Promise<readonly ClaimedTask[]> {
    const tasks = await Promise.all(grants.map(async (grant) => grant && this.#handOut(grant)))
    return tasks.filter((task) => task !== undefined)
  }

  /** As many claims as there are jobs, as far as is known and there is room; `others` are under way already. */
  #ask(request: ClaimRequest, room: number, others: number): readonly Pending[] {
    const { context } = this.#options
    const { lane, leaseMs, rate, workerId } = request
    const left = (this.#backlog.get(lane) ?? 0) - others
    const count = Math.min(room, Math.max(left, others === 0 ? PROBE : 0))
    const queue = context.queue(lane)
    const token = nextToken(context.instance)
    const tokenAt = context.clock.now()
    const options = pack({
      token,
      name: workerId,
      lockDuration: context.serverMs(leaseMs),
      limiter: rate === undefined ? undefined : limiterOf(rate, context.serverMs),
    })
    const args = [...CLAIM_KEYS.map(queue.key), queue.key(''), tokenAt, options]
    const claim = async (): Pending => {
      const job = handedOut(await queue.bull.execCommand(await queue.bull.client, 'moveToActive', args))
      return job === undefined ? undefined : grantOf(queue, job, token, tokenAt)
    }
    const asked = Array.from({ length: Math.max(0, count) }, claim)
    this.#count(queue)
    return asked
  }

  /** For the next claim: this one does not wait for it. */
  #count(queue: LaneQueue): void {
    const { redis } = this.#options.context
    Promise.all([redis.zcard(queue.key('prioritized')), redis.llen(queue.key('wait'))])
      .then(([left, first]) => this.#backlog.set(queue.lane, left + first))
      .catch(() => undefined)
  }

  /** Undefined for a job that must not run: it is ended here. */
  async #handOut({ queue, jobId, hash, token, tokenAt }: Grant): Promise<ClaimedTask | undefined> {
    const { held, settling } = this.#options
    if (hash['data'] === undefined) {
      await this.#forgetGhost(queue, jobId)
      return undefined
    }
    const known = taskIdOf(jobId)
    const taskId = Number.isNaN(known) ? held.nextForeignId() : known
    const options = optionsOf(hash)
    const job = heldJobOf({ queue, jobId, taskId, token, tokenAt }, hash, options)
    if (hash['rt'] !== undefined) this.#forgetRetry(queue, jobId)
    const fate = endOf(hash, taskId)
    if (fate !== undefined) {
      await settling.end(job, fate.status, fate.error)
      return undefined
    }
    const lease: Lease = held.add(job)
    return { task: taskOf(taskId, queue.lane, hash, 'active'), lease, alone: isAlone(hash, options) }
  }

  /**
   * An id without its job: the server has lost one and kept the other. Run, it would fail as a task of no kind; gone, whoever
   * waits for it sees that.
   */
  async #forgetGhost(queue: LaneQueue, jobId: string): Promise<void> {
    const { redis } = this.#options.context
    const keys = [jobId, `${jobId}:lock`].map(queue.key)
    await redis
      .multi()
      .lrem(queue.key('active'), 1, jobId)
      .del(...keys)
      .exec()
  }

  /** Nobody waits for it: it only counts. */
  #forgetRetry(queue: LaneQueue, jobId: string): void {
    this.#options.context.redis.srem(queue.key(RETRY_SET), jobId).catch(() => undefined)
  }
}

function mayClaim({ rate, limit }: ClaimRequest): boolean {
  return limit >= 1 && (rate === undefined || rate.limit >= 1)
}

function grantOf(queue: LaneQueue, [fields, jobId]: HandedOut, token: string, tokenAt: number): Grant {
  return { queue, jobId, hash: hashOf(fields), token, tokenAt }
}

/** Of BullMQ's `moveToActive` (6.7), in its order. */
const CLAIM_KEYS = [
  'wait',
  'active',
  'prioritized',
  'events',
  'stalled',
  'limiter',
  'delayed',
  'paused',
  'meta',
  'pc',
  'marker',
]

/** Why a claimed job must not run, if there is a reason in its hash. */
function endOf(hash: JobHash, taskId: number): Fate | undefined {
  if (hash['cr'] === '1') return { status: 'cancelled', error: taskCancelled(taskId) }
  const fate = fateOf(hash, taskIdOfKey)
  if (fate !== undefined || hash['defa'] === undefined) return fate
  return { status: 'failed', error: readFailedReason(hash['defa']).error }
}

/** Fields are the program's own names and BullMQ's: none of them is special in JavaScript. */
function hashOf(flat: readonly string[]): JobHash {
  const hash: Record<string, string> = {}
  for (let at = 0; at + 1 < flat.length; at += 2) hash[flat[at] ?? ''] = flat[at + 1] ?? ''
  return hash
}
