/**
 * The engine: claims tasks lane by lane, has them run, and commits how they ended.
 *
 * One loop talks to the backend. Each of its rounds is one transaction that settles what has ended and claims
 * what comes next; while it is under way the next round's ends gather. Claimed tasks wait in a small buffer, so
 * that a worker never waits for the database. Everything else (timers, workers, callers) only wakes the loop.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type Clock, systemClock } from '../clock.ts'
import type { AddedTask, Backend, ClaimRequest, SettleResult } from './backend.ts'
import { CommitOutputs } from './commit-outputs.ts'
import { createLane } from './create-lane.ts'
import { Duties } from './duties.ts'
import { Emissions } from './emissions.ts'
import { type Listener, type QueueEvents, TypedEmitter } from './events.ts'
import type { Lane, LaneOptions } from './lane.ts'
import { InvalidQueueOptionsError, StoreClosedError } from './queue-errors.ts'
import { type QueueManagerOptions, verifyQueueManagerOptions } from './queue-options.ts'
import type { AttemptEnd } from './runner.ts'
import { type Ack, settlementOf } from './settlement.ts'
import type { ClaimedTask, NewTask } from './task.ts'

/** Ends gather for this long before a round, unless a slot idles: a group commit, since each waits for the disk. */
const LINGER_MS = 25

/** Rows that one round changes at most, and ends that make it start at once. */
const MAX_ROUND = 500
const FULL_ROUND = 100

/** How often an idle queue looks for tasks that another process has added. */
const POLL_MS = 1_000

/** A timer cannot wait longer than 2^31 ms; a due time beyond is looked at again. */
const MAX_WAIT_MS = 3_600_000

type State = 'idle' | 'running' | 'stopping' | 'failed'

interface Drain {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class QueueManager {
  readonly #backend: Backend
  readonly #options: QueueManagerOptions
  readonly #clock: Clock
  readonly #leaseMs: number
  readonly #workerId = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`
  readonly #lanes = new Map<string, Lane>()
  readonly #events = new TypedEmitter<QueueEvents>()
  readonly #outputs: CommitOutputs
  #acks: Ack[] = []
  #drains: Drain[] = []
  #state: State = 'idle'
  #failure: unknown
  #loop: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #keepAlive: NodeJS.Timeout | undefined
  readonly #duties: Duties
  readonly #emissions: Emissions

  constructor(options: QueueManagerOptions) {
    verifyQueueManagerOptions(options)
    this.#options = Object.freeze({ ...options })
    this.#backend = options.backend
    this.#clock = options.clock ?? systemClock
    this.#leaseMs = options.leaseMs ?? 15_000
    this.#duties = new Duties(this.#clock, (error) => this.#fail(error))
    this.#emissions = new Emissions(options.onEmit, () => this.wake())
    this.#outputs = new CommitOutputs(options.afterCommit, (error) => this.#fail(error))
    for (const [name, lane] of Object.entries(options.lanes))
      this.#lanes.set(name, this.#makeLane(name, lane))
  }

  /** Calls back on every event of that name; the returned function ends it. */
  on<Name extends keyof QueueEvents>(name: Name, listener: Listener<QueueEvents[Name]>): () => void {
    return this.#events.on(name, listener)
  }

  /** Adds tasks, all or none. Before or after `start`. */
  async add(tasks: readonly NewTask[]): Promise<readonly AddedTask[]> {
    const added = await this.#backend.add(tasks)
    this.wake()
    return added
  }

  /** {@link Backend.call}, after which the lanes look for tasks that it may have added. */
  async call(name: string, argument: unknown): Promise<unknown> {
    const value = await this.#backend.call(name, argument)
    this.wake()
    return value
  }

  /** Takes back what a vanished coordinator held, and begins to run tasks. Does nothing when running. */
  async start(): Promise<void> {
    if (this.#stopping) await this.#stopping
    if (this.#state !== 'idle') return
    this.#state = 'running'
    this.#failure = undefined
    this.#emissions.reopen()
    // Timers of the clock do not hold a process open; a queue that runs does.
    this.#keepAlive = setInterval(() => undefined, MAX_WAIT_MS)
    try {
      await this.#sweep(this.#options.sole ?? false)
    } catch (error) {
      this.#fail(error)
      throw error
    }
    this.#duties.every(this.#leaseMs / 3, () => this.#renew())
    this.#duties.every(this.#leaseMs, () => this.#sweep(false))
    this.#duties.every(POLL_MS, async () => this.wake())
    this.wake()
  }

  /**
   * Resolves when no task of these lanes is open that could ever run: all are final, or wait in a paused lane
   * or for one. Rejects when the queue fails.
   */
  drain(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const drained = new Promise<void>((resolve, reject) => {
      this.#drains.push({ resolve, reject })
    })
    this.wake()
    return drained
  }

  /**
   * Stops claiming, and resolves when nothing of the queue is alive.
   *
   * Graceful: running tasks finish, unstarted ones are released. Not graceful: workers are killed, and what they
   * had is released uncharged. Safe to call twice (the second call may be the impatient one) and before `start`.
   */
  async stop({ graceful = true }: { readonly graceful?: boolean } = {}): Promise<void> {
    if (this.#stopping !== undefined) {
      if (!graceful) await this.#kill()
      return this.#stopping
    }
    if (this.#state === 'idle') return this.#stopRunners(graceful)
    this.#stopping = this.#stop(graceful).finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  setConcurrency(lane: string, concurrency: number): void {
    const found = this.#lane(lane)
    found.concurrency = concurrency
    found.runner.resize(concurrency)
    this.wake()
  }

  /**
   * Starts the lane's worker processes before there are tasks for them: while the queue runs, or before `start`, so
   * that they load while the backend is opened. {@link stop} ends them in either case.
   */
  prestart(lane: string): void {
    if (this.#state === 'running' || this.#state === 'idle') this.#lane(lane).runner.prestart?.()
  }

  /** Hands out no more tasks of the lane; what runs goes on. */
  pause(lane: string): void {
    this.#lane(lane).paused = true
  }

  resume(lane: string): void {
    this.#lane(lane).paused = false
    this.wake()
  }

  /** Lets every lane look for tasks. Needed only after tasks were added past this object. */
  wake(): void {
    for (const lane of this.#lanes.values()) lane.wake()
    this.#kick()
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
    const { settled, claimed } = await this.#backend.exchange({
      settle: acks.map(({ settlement }) => settlement),
      claim: claims,
    })
    for (const [index, ack] of acks.entries()) this.#report(ack, settled[index])
    for (const [index, claim] of claims.entries()) await this.#receive(claim, claimed[index] ?? [])
    await this.#outputs.room()
    return true
  }

  #makeLane(name: string, lane: LaneOptions): Lane {
    return createLane(name, lane, {
      options: this.#options,
      clock: this.#clock,
      events: this.#events,
      ended: (claimed, end) => this.#ended(claimed, end),
      emit: ({ task }, chunk) => this.#emissions.take(task, chunk),
      onRoom: () => this.#feed(name),
    })
  }

  #ended(claimed: ClaimedTask, end: AttemptEnd): void {
    if (end.outcome === 'lost') return
    const settlement = settlementOf(claimed, end, { ...this.#options, now: this.#clock.now() })
    const durationMs = 'durationMs' in end ? end.durationMs : 0
    if ('durationMs' in end) this.#lanes.get(claimed.task.lane)?.learn(durationMs)
    this.#acks.push({ claimed, settlement, durationMs })
    this.#kick()
  }

  #claims(settling: number): ClaimRequest[] {
    if (this.#state !== 'running') return []
    let room = MAX_ROUND - settling
    const claims: ClaimRequest[] = []
    for (const lane of this.#lanes.values()) {
      // What is settled now may make tasks of any lane ready in the same transaction.
      if (settling > 0) lane.dry = false
      const limit = Math.min(lane.wants, room)
      if (limit <= 0) continue
      room -= limit
      claims.push({ lane: lane.name, limit, workerId: this.#workerId, leaseMs: this.#leaseMs })
    }
    return claims
  }

  #report({ claimed: { task }, settlement, durationMs }: Ack, settled: SettleResult | undefined): void {
    if (settled === undefined) return
    const { id, kind, lane } = task
    const { status, output } = settled
    // What did not complete may be due again later.
    const own = this.#lanes.get(lane)
    if (own !== undefined && status !== 'completed') own.dueKnown = false
    const ref = { id, kind, lane }
    if (output !== undefined) this.#outputs.push({ task: ref, output })
    const error = settlement.outcome === 'error' ? settlement.error : settled.error
    this.#events.emit('task.settled', {
      task: ref,
      status,
      durationMs,
      ...(error === undefined ? {} : { error }),
    })
  }

  async #receive(claim: ClaimRequest, tasks: readonly ClaimedTask[]): Promise<void> {
    const lane = this.#lanes.get(claim.lane)
    if (lane === undefined) return
    lane.buffer.push(...tasks)
    if (this.#state === 'running') lane.feed()
    else this.#releaseBuffer(lane)
    if (tasks.length >= claim.limit) return
    lane.dry = true
    if (!lane.dueKnown) await this.#awaitDue(lane)
  }

  /** Wakes a dry lane when its next task becomes due. */
  async #awaitDue(lane: Lane): Promise<void> {
    const dueAt = await this.#backend.nextDueAt(lane.name)
    lane.cancelDue()
    lane.dueKnown = true
    if (dueAt === undefined || this.#state !== 'running') return
    const waitMs = Math.min(Math.max(dueAt - this.#clock.now(), 1), MAX_WAIT_MS)
    lane.cancelDue = this.#clock.after(waitMs, () => {
      lane.wake()
      this.#kick()
    })
  }

  #feed(name: string): void {
    if (this.#state !== 'running') return
    const lane = this.#lanes.get(name)
    lane?.feed()
    if (lane?.isStarving) this.#kick()
  }

  #kick(): void {
    if (this.#state === 'idle' || this.#state === 'failed') return
    this.#loop ??= this.#run()
  }

  async #run(): Promise<void> {
    try {
      while (await this.runOnce()) {
        if (!this.#isUrgent) await new Promise((resolve) => setTimeout(resolve, LINGER_MS))
      }
      await this.#checkDrained()
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#loop = undefined
      // Whatever came in since the last round found this loop still set.
      if (this.#hasWork) this.#kick()
    }
  }

  get #isUrgent(): boolean {
    if (this.#state !== 'running' || this.#acks.length >= FULL_ROUND) return true
    return [...this.#lanes.values()].some((lane) => lane.isStarving && lane.wants > 0)
  }

  get #hasWork(): boolean {
    if (this.#acks.length > 0) return true
    return this.#state === 'running' && [...this.#lanes.values()].some((lane) => lane.wants > 0)
  }

  async #checkDrained(): Promise<void> {
    if (this.#drains.length === 0 || this.#state !== 'running') return
    const lanes = [...this.#lanes.values()]
    if (lanes.some(({ inFlight }) => inFlight > 0) || this.#acks.length > 0) return
    await this.#outputs.settled()
    for (const lane of lanes) {
      const { pending, retry, processing } = await this.#backend.counts(lane.name)
      if (processing > 0 || (lane.isOpen && pending + retry > 0)) return
    }
    if (this.#hasWork) return
    for (const { resolve } of this.#drains.splice(0)) resolve()
  }

  async #stop(graceful: boolean): Promise<void> {
    const failed = this.#state === 'failed'
    if (!failed) this.#state = 'stopping'
    for (const lane of this.#lanes.values()) {
      lane.cancelDue()
      this.#releaseBuffer(lane)
    }
    await (graceful && !failed ? this.#stopRunners(true) : this.#kill())
    await this.#duties.stop()
    await this.#emissions.settled()
    await (failed ? this.#loop : this.#flush())
    await this.#outputs.settled()
    clearInterval(this.#keepAlive)
    this.#state = 'idle'
    const reason = this.#failure ?? new StoreClosedError('queue was stopped before it was drained')
    for (const { reject } of this.#drains.splice(0)) reject(reason)
  }

  /** What was emitted may wait for tasks that are killed here. */
  #kill(): Promise<void> {
    this.#emissions.abandon()
    return this.#stopRunners(false)
  }

  async #stopRunners(graceful: boolean): Promise<void> {
    await Promise.all([...this.#lanes.values()].map(({ runner }) => runner.stop({ graceful })))
  }

  /** Commits every end that is still at hand. */
  async #flush(): Promise<void> {
    while (this.#loop !== undefined || this.#acks.length > 0) {
      this.#kick()
      await this.#loop
      if (this.#failure !== undefined) return
    }
  }

  #releaseBuffer(lane: Lane): void {
    for (const claimed of lane.buffer.splice(0)) this.#ended(claimed, { outcome: 'released' })
  }

  async #renew(): Promise<void> {
    const held = [...this.#lanes.values()].flatMap((lane) => lane.held)
    if (held.length === 0) return
    const { lost } = await this.#backend.renew(
      held.map(({ lease }) => lease),
      this.#leaseMs,
    )
    if (lost.length === 0) return
    const taskIds = new Set(lost.map(({ taskId }) => taskId))
    for (const lane of this.#lanes.values()) lane.abandon(taskIds)
    this.#events.emit('lease.lost', { taskIds: [...taskIds] })
  }

  async #sweep(takeOver: boolean): Promise<void> {
    const { expired, released } = await this.#backend.sweep({ takeOver })
    if (expired.length + released.length === 0) return
    this.#events.emit('tasks.recovered', { expired, released })
    this.wake()
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#state = 'failed'
    this.#events.emit('queue.failed', { error })
    for (const { reject } of this.#drains.splice(0)) reject(error)
    void this.#kill()
  }

  #lane(name: string): Lane {
    const lane = this.#lanes.get(name)
    if (lane) return lane
    const names = [...this.#lanes.keys()].join(', ')
    throw new InvalidQueueOptionsError([`there is no lane ${JSON.stringify(name)}, only: ${names}`])
  }
}
