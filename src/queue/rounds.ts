/**
 * The loop that talks to the backend.
 *
 * Each round is one transaction that settles what has ended and claims what comes next; while it is under way the
 * next round's ends gather. Claimed tasks wait in a small buffer, so that a worker never waits for the database.
 * Everything else (timers, workers, callers) only wakes the loop.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import type { Backend, ClaimRequest, SettleResult } from './backend.ts'
import type { CommitOutputs } from './commit-outputs.ts'
import type { QueueEvents, TypedEmitter } from './events.ts'
import type { Lane } from './lane.ts'
import type { AttemptEnd } from './runner.ts'
import { type Ack, type SettlementOptions, settlementOf } from './settlement.ts'
import type { ClaimedTask } from './task.ts'

/** Ends gather for so long before a round, unless a slot idles or none is at work: each round waits for the disk. */
const LINGER_MS = 25

/** Rows that one round changes at most, and ends that make it start at once. */
const MAX_ROUND = 500
const FULL_ROUND = 100

/** A timer cannot wait longer than 2^31 ms; a due time beyond is looked at again. */
export const MAX_WAIT_MS = 3_600_000

/**
 * A lane whose claim got nothing though something is due looks again after this long, and then ever more seldom:
 * another coordinator was quicker, or what is due waits for a key that another task has. Whatever frees it (an end
 * here, a change by another process) wakes the lane anyway.
 */
const MISSED_MS = 20
const MAX_MISSED_MS = 1_000

export interface RoundsContext {
  readonly backend: Backend
  readonly clock: Clock
  readonly lanes: ReadonlyMap<string, Lane>
  readonly workerId: string
  readonly leaseMs: number
  readonly settling: SettlementOptions
  readonly events: TypedEmitter<QueueEvents>
  readonly outputs: CommitOutputs
  /** Whether rounds take place. */
  readonly isActive: () => boolean
  /** Whether they claim. */
  readonly isClaiming: () => boolean
  /** Called when there is nothing to settle or to claim. */
  readonly onIdle: () => Promise<void>
  readonly onError: (error: unknown) => void
}

export class Rounds {
  readonly #context: RoundsContext
  readonly #lanes: readonly Lane[]
  /** Running tasks whose end was asked for. */
  readonly #cancelling = new Set<number>()
  #acks: Ack[] = []
  #loop: Promise<void> | undefined
  /** Ends the linger, while there is one. */
  #hurry: (() => void) | undefined

  /** The lanes may still be added to the context's map until the first round. */
  constructor(context: RoundsContext) {
    this.#context = context
    this.#lanes = [...context.lanes.values()]
  }

  get hasAcks(): boolean {
    return this.#acks.length > 0
  }

  get hasWork(): boolean {
    return this.hasAcks || (this.#context.isClaiming() && this.#lanes.some((lane) => lane.wants > 0))
  }

  /** Takes note of how an attempt ended; the next round settles it. */
  ended(claimed: ClaimedTask, end: AttemptEnd): void {
    const { clock, settling, lanes } = this.#context
    const isCancelled = this.#cancelling.size > 0 && this.#cancelling.delete(claimed.task.id)
    if (end.outcome === 'lost') return
    const { durationMs = 0 } = end
    if (end.outcome !== 'released') lanes.get(claimed.task.lane)?.learn(durationMs)
    const settlement =
      isCancelled && end.outcome !== 'completed'
        ? ({ lease: claimed.lease, outcome: 'cancelled' } as const)
        : settlementOf(claimed, end, settling, clock.now())
    this.#acks.push({ claimed, settlement, durationMs })
    this.kick()
  }

  /** Has tasks ended that are held here, and settles them as cancelled unless they complete all the same. */
  cancel(taskIds: ReadonlySet<number>): void {
    const held = this.#lanes.flatMap((lane) => lane.held).map(({ task }) => task.id)
    const fresh = new Set(held.filter((id) => taskIds.has(id) && !this.#cancelling.has(id)))
    if (fresh.size === 0) return
    for (const id of fresh) this.#cancelling.add(id)
    this.#context.events.emit('tasks.cancelling', { taskIds: [...fresh] })
    for (const lane of this.#lanes) {
      for (const claimed of lane.cancel(fresh)) this.ended(claimed, { outcome: 'released' })
    }
  }

  /** Gives back what was claimed for the lane and not handed out. */
  releaseBuffer(lane: Lane): void {
    for (const claimed of lane.buffer.splice(0)) this.ended(claimed, { outcome: 'released' })
  }

  feed(lane: Lane): void {
    lane.feed()
    if (lane.isStarving) this.kick()
  }

  kick(): void {
    if (this.#loop !== undefined) {
      if (this.#hurry !== undefined && this.#isUrgent) this.#hurry()
    } else if (this.#context.isActive()) {
      this.#loop = this.#run()
    }
  }

  /**
   * One round: settles what has ended and claims what there is room for, in one transaction.
   *
   * @returns false when there was nothing to do.
   */
  async runOnce(): Promise<boolean> {
    const acks = this.#acks.splice(0, MAX_ROUND)
    const claims = this.#claims(acks.length)
    if (acks.length === 0 && claims.length === 0) return false
    const { settled, claimed } = await this.#context.backend.exchange({
      settle: acks.map(({ settlement }) => settlement),
      claim: claims,
    })
    // Handed out first, so that workers compute while the rest is reported.
    for (const [index, claim] of claims.entries()) this.#receive(claim, claimed[index] ?? [])
    for (const [index, ack] of acks.entries()) this.#report(ack, settled[index])
    await this.#awaitDues()
    await this.#context.outputs.room()
    return true
  }

  /** Asks for the due time of every lane that waits: a look, where a claim would lock others out. */
  async poll(): Promise<void> {
    for (const lane of this.#lanes) lane.dueKnown = false
    await this.#awaitDues()
  }

  /** Waits for the round that is under way. */
  async settled(): Promise<void> {
    await this.#loop
  }

  /** Commits every end that is at hand, unless `hasFailed`. */
  async flush(hasFailed: () => boolean): Promise<void> {
    while (this.#loop !== undefined || this.hasAcks) {
      this.kick()
      await this.#loop
      if (hasFailed()) return
    }
  }

  async #run(): Promise<void> {
    try {
      while (await this.runOnce()) {
        if (!this.#isUrgent) await this.#linger()
      }
      await this.#context.onIdle()
    } catch (error) {
      this.#context.onError(error)
    } finally {
      this.#loop = undefined
      // Whatever came in since the last round found this loop still set.
      if (this.hasWork) this.kick()
    }
  }

  async #linger(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LINGER_MS)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#hurry = undefined
  }

  get #isUrgent(): boolean {
    if (!this.#context.isClaiming() || this.#acks.length >= FULL_ROUND) return true
    if (this.#lanes.every(({ inFlight }) => inFlight === 0)) return true
    return this.#lanes.some((lane) => lane.isStarving && lane.wants > 0)
  }

  #claims(settling: number): ClaimRequest[] {
    const { isClaiming, workerId, leaseMs } = this.#context
    if (!isClaiming()) return []
    let room = MAX_ROUND - settling
    const claims: ClaimRequest[] = []
    for (const lane of this.#lanes) {
      // What is settled now may make tasks of any lane ready in the same transaction.
      if (settling > 0) lane.dry = false
      const limit = Math.min(lane.wants, room)
      if (limit <= 0) continue
      room -= limit
      const { name, rate } = lane
      claims.push({ lane: name, limit, workerId, leaseMs, ...(rate === undefined ? {} : { rate }) })
    }
    return claims
  }

  #receive(claim: ClaimRequest, tasks: readonly ClaimedTask[]): void {
    const lane = this.#context.lanes.get(claim.lane)
    if (lane === undefined) return
    for (const claimed of tasks) lane.buffer.push(claimed)
    if (this.#context.isClaiming() && !lane.paused) lane.feed()
    else this.releaseBuffer(lane)
    lane.dry = tasks.length < claim.limit
    if (tasks.length > 0) lane.misses = 0
  }

  #report({ claimed: { task }, settlement, durationMs }: Ack, settled: SettleResult | undefined): void {
    if (settled === undefined) return
    const { lanes, events, outputs } = this.#context
    const { id, kind, lane, attempt, maxRetries } = task
    const { status, output } = settled
    // What did not complete may be due again later.
    const own = lanes.get(lane)
    if (own !== undefined && status !== 'completed') own.dueKnown = false
    if (output !== undefined) outputs.push({ task: { id, kind, lane }, output })
    if (!events.has('task.settled')) return
    const error = settlement.outcome === 'error' ? settlement.error : settled.error
    const { retryAt } = settlement as { retryAt?: number }
    events.emit('task.settled', {
      task: { id, kind, lane },
      status,
      attempt,
      failures: task.failures + (error === undefined ? 0 : 1),
      maxRetries,
      durationMs,
      ...(error === undefined ? {} : { error }),
      ...(status === 'retry' && retryAt !== undefined ? { retryAt } : {}),
    })
  }

  async #awaitDues(): Promise<void> {
    for (const lane of this.#lanes) {
      if (lane.dry && !lane.dueKnown && lane.isOpen) await this.#awaitDue(lane)
    }
  }

  /** Wakes a dry lane when its next task becomes due. */
  async #awaitDue(lane: Lane): Promise<void> {
    lane.dueKnown = true
    const dueAt = await this.#context.backend.nextDueAt(lane.name, lane.rate)
    lane.cancelDue()
    if (dueAt === undefined || !this.#context.isClaiming()) return
    const waitMs = waitOf(lane, dueAt - this.#context.clock.now())
    lane.cancelDue = this.#context.clock.after(waitMs, () => {
      lane.wake()
      this.kick()
    })
  }
}

/** How long to wait for what is due in `dueMs`. */
function waitOf(lane: Lane, dueMs: number): number {
  lane.misses = dueMs > 0 ? 0 : lane.misses + 1
  if (dueMs > 0) return Math.min(dueMs, MAX_WAIT_MS)
  return Math.min(MISSED_MS * 2 ** (lane.misses - 1), MAX_MISSED_MS)
}
