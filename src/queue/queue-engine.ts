/**
 * The engine: claims tasks lane by lane, has them run, and commits how they ended.
 *
 * This class is its life: options, start, drain, stop, and what may be asked of it. The work is done by others:
 * `rounds.ts` talks to the backend, a runner for each lane has the tasks run, `upkeep.ts` does what is due anyway.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type Clock, systemClock } from '../clock.ts'
import type { AddedTask, Backend, CancelReport, Schedule, StoredSchedule } from './backend.ts'
import { CommitOutputs } from './commit-outputs.ts'
import { createLane } from './create-lane.ts'
import { Emissions } from './emissions.ts'
import { type QueueEngineOptions, verifyQueueEngineOptions } from './engine-options.ts'
import { type Listener, type QueueEvents, TypedEmitter } from './events.ts'
import type { Lane, LaneStatus } from './lane.ts'
import { InvalidQueueOptionsError, StoreClosedError } from './queue-errors.ts'
import { MAX_WAIT_MS, Rounds } from './rounds.ts'
import type { WorkerStatus } from './runner.ts'
import type { ClaimedTask, NewTask } from './task.ts'
import { Upkeep } from './upkeep.ts'

type State = 'idle' | 'running' | 'stopping' | 'failed'

interface Drain {
  readonly waitForPaused: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class QueueEngine {
  readonly #backend: Backend
  readonly #options: QueueEngineOptions
  readonly #clock: Clock
  readonly #leaseMs: number
  readonly #workerId = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`
  readonly #lanes: ReadonlyMap<string, Lane>
  readonly #events = new TypedEmitter<QueueEvents>()
  readonly #outputs: CommitOutputs
  readonly #emissions: Emissions
  readonly #rounds: Rounds
  #upkeep: Upkeep | undefined
  #drains: Drain[] = []
  #state: State = 'idle'
  #failure: unknown
  #stopping: Promise<void> | undefined
  #keepAlive: NodeJS.Timeout | undefined

  constructor(options: QueueEngineOptions) {
    verifyQueueEngineOptions(options)
    this.#options = Object.freeze({ ...options })
    this.#backend = options.backend
    this.#clock = options.clock ?? systemClock
    this.#leaseMs = options.leaseMs ?? 15_000
    this.#emissions = new Emissions(options.onEmit, () => this.#wakeLanes())
    this.#outputs = new CommitOutputs(options.afterCommit, (error) => this.#fail(error))
    this.#lanes = this.#makeLanes()
    this.#rounds = new Rounds({
      backend: this.#backend,
      clock: this.#clock,
      lanes: this.#lanes,
      workerId: this.#workerId,
      leaseMs: this.#leaseMs,
      settling: this.#options,
      events: this.#events,
      outputs: this.#outputs,
      isActive: () => this.#state === 'running' || this.#state === 'stopping',
      isClaiming: () => this.#state === 'running',
      onIdle: () => this.#checkDrained(),
      onError: (error) => this.#fail(error),
    })
  }

  /** What this coordinator is called in the backend: the `workerId` of its tasks. */
  get id(): string {
    return this.#workerId
  }

  /** Calls back on every event of that name; the returned function ends it. */
  on<Name extends keyof QueueEvents>(name: Name, listener: Listener<QueueEvents[Name]>): () => void {
    return this.#events.on(name, listener)
  }

  /** Tells an event to all who listen: for those who steer the engine from outside, such as the memory governor. */
  announce<Name extends keyof QueueEvents>(name: Name, value: QueueEvents[Name]): void {
    this.#events.emit(name, value)
  }

  /** Adds tasks, all or none. Before or after `start`. */
  async add(tasks: readonly NewTask[]): Promise<readonly AddedTask[]> {
    const added = await this.#backend.add(tasks)
    if (this.#events.has('task.added')) this.#tellAdded(tasks, added)
    this.#wakeLanes()
    return added
  }

  /** {@link Backend.call}, after which the lanes look for tasks that it may have added. */
  async call(name: string, argument: unknown): Promise<unknown> {
    const value = await this.#backend.call(name, argument)
    this.#wakeLanes()
    return value
  }

  /**
   * Cancels tasks, also running ones: those of this engine at once, those of another process as soon as that sees
   * it. A running task is asked to end by its signal; a worker process that does not listen is killed after
   * `cancelGraceMs`. One that completes all the same is completed.
   */
  async cancel(taskIds: readonly number[]): Promise<CancelReport> {
    const report = await this.#backend.cancel(taskIds)
    this.#rounds.cancel(new Set(report.requested))
    // A task that is on its way here in this moment is found by the next look.
    if (report.requested.length > 0) this.#upkeep?.look()
    this.#wakeLanes()
    return report
  }

  async putSchedule(schedule: Schedule): Promise<StoredSchedule> {
    const stored = await this.#backend.putSchedule(schedule)
    this.#upkeep?.look()
    return stored
  }

  /** False when there was none of this name. */
  async removeSchedule(name: string): Promise<boolean> {
    return this.#backend.removeSchedule(name)
  }

  /**
   * Takes back what a vanished coordinator held, and begins to run tasks; anew after it has failed. Does nothing when
   * it runs.
   */
  async start(): Promise<void> {
    if (this.#state === 'failed') await this.stop({ graceful: false })
    if (this.#stopping) await this.#stopping
    if (this.#state !== 'idle') return
    this.#state = 'running'
    this.#failure = undefined
    this.#emissions.reopen()
    // Timers of the clock do not hold a process open; a queue that runs does.
    this.#keepAlive = setInterval(() => undefined, MAX_WAIT_MS)
    this.#upkeep = this.#makeUpkeep()
    try {
      await this.#upkeep.start()
    } catch (error) {
      this.#fail(error)
      throw error
    }
    this.#wakeLanes()
  }

  /**
   * Resolves when no task of these lanes is open that could ever run: all are final, or wait in a paused lane
   * or for one. Rejects when the queue fails.
   *
   * @param options.waitForPaused - Tasks of a paused lane are waited for, too, until it is resumed. Default false.
   */
  drain({ waitForPaused = false }: { readonly waitForPaused?: boolean } = {}): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const drained = new Promise<void>((resolve, reject) => {
      this.#drains.push({ resolve, reject, waitForPaused })
    })
    this.#wakeLanes()
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

  /** Lanes as they are now, in the order of the options. */
  lanes(): readonly LaneStatus[] {
    return [...this.#lanes.values()].map(({ status }) => status)
  }

  /** Worker processes that are alive, of all lanes. */
  workers(): readonly WorkerStatus[] {
    return [...this.#lanes.values()].flatMap(({ runner }) => runner.workers())
  }

  setConcurrency(lane: string, concurrency: number): void {
    const found = this.#lane(lane)
    found.concurrency = concurrency
    found.runner.resize(concurrency)
    this.#wakeLanes()
  }

  /** Ends a worker process after its current task; what it has not begun goes elsewhere. Unknown pids are ignored. */
  retireWorker(pid: number, reason: 'memory'): void {
    for (const { runner } of this.#lanes.values()) if (runner.retireWorker(pid, reason)) return
  }

  /**
   * Ends a worker process now. Its current task is charged and runs alone next; `why` becomes part of its error,
   * such as `900 MB resident, 512 MB allowed`.
   */
  killWorker(pid: number, reason: 'memory', why: string = ''): void {
    const message = `worker was killed at its memory limit${why === '' ? '' : `: ${why}`}`
    const error = { code: 'queue/memory-limit', message, recovery: 'retry' } as const
    for (const { runner } of this.#lanes.values()) if (runner.killWorker(pid, reason, error)) return
  }

  /**
   * Starts the lane's worker processes before there are tasks for them: while the queue runs, or before `start`, so
   * that they load while the backend is opened. {@link stop} ends them in either case.
   */
  prestart(lane: string): void {
    if (this.#state === 'running' || this.#state === 'idle') this.#lane(lane).runner.prestart?.()
  }

  /**
   * Has no coordinator hand out tasks of the lane until it is resumed, over restarts too; what runs goes on. Here it
   * holds at once, for others when it resolves.
   */
  async pause(lane: string): Promise<void> {
    await this.#setPaused(this.#lane(lane), true)
  }

  async resume(lane: string): Promise<void> {
    await this.#setPaused(this.#lane(lane), false)
  }

  /**
   * Has every lane look for tasks, and what else may have changed seen: cancellations, paused lanes, schedules.
   * Needed only after the backend was changed past this object.
   */
  wake(): void {
    this.#wakeLanes()
    this.#upkeep?.look()
  }

  /**
   * One round: settles what has ended and claims what there is room for, in one transaction.
   *
   * @returns false when there was nothing to do.
   */
  runOnce(): Promise<boolean> {
    return this.#rounds.runOnce()
  }

  #wakeLanes(): void {
    for (const lane of this.#lanes.values()) lane.wake()
    this.#rounds.kick()
  }

  #makeLanes(): ReadonlyMap<string, Lane> {
    const entries = Object.entries(this.#options.lanes).map(([name, options]): [string, Lane] => {
      const lane: Lane = createLane(name, options, {
        options: this.#options,
        clock: this.#clock,
        events: this.#events,
        ended: (claimed, end) => this.#rounds.ended(claimed, end),
        emit: ({ task }, chunk) => this.#emissions.take(task, chunk),
        progress: (claimed, value) => this.#noteProgress(claimed, value),
        onRoom: () => {
          if (this.#state === 'running') this.#rounds.feed(lane)
        },
      })
      return [name, lane]
    })
    return new Map(entries)
  }

  #makeUpkeep(): Upkeep {
    return new Upkeep({
      backend: this.#backend,
      clock: this.#clock,
      lanes: this.#lanes,
      rounds: this.#rounds,
      events: this.#events,
      workerId: this.#workerId,
      leaseMs: this.#leaseMs,
      sole: this.#options.sole ?? false,
      wake: () => this.#wakeLanes(),
      poll: async () => {
        // Whoever waits for the end also waits for what other coordinators run.
        if (this.#drains.length > 0) this.#wakeLanes()
        else await this.#rounds.poll()
      },
      onError: (error) => this.#fail(error),
    })
  }

  #tellAdded(tasks: readonly NewTask[], added: readonly AddedTask[]): void {
    const counts = new Map<string, number>()
    for (const [index, { lane }] of tasks.entries()) {
      if (added[index]?.added) counts.set(lane, (counts.get(lane) ?? 0) + 1)
    }
    for (const [lane, count] of counts) this.#events.emit('task.added', { lane, count })
  }

  #noteProgress(claimed: ClaimedTask, value: unknown): void {
    const { id, kind, lane } = claimed.task
    this.#upkeep?.noteProgress(claimed, value)
    this.#events.emit('task.progress', { task: { id, kind, lane }, value })
  }

  async #setPaused(lane: Lane, paused: boolean): Promise<void> {
    const note = (): void => {
      if (this.#upkeep) this.#upkeep.setPaused(lane, paused)
      else lane.paused = paused
    }
    note()
    await this.#backend.setPaused(lane.name, paused)
    // A look that was under way may have seen the state before.
    note()
  }

  async #checkDrained(): Promise<void> {
    if (this.#drains.length === 0 || this.#state !== 'running') return
    const lanes = [...this.#lanes.values()]
    if (lanes.some(({ inFlight }) => inFlight > 0) || this.#rounds.hasAcks) return
    await this.#outputs.settled()
    let open = await this.#openTasks()
    // Lanes are looked at one by one: meanwhile another coordinator may have ended a task that made one of them ready.
    if (!open.canRun && open.waiting > 0) open = await this.#openTasks()
    if (open.canRun || this.#rounds.hasWork) return
    const isHeldBack = open.heldBack > 0
    const drained = this.#drains.filter(({ waitForPaused }) => !(waitForPaused && isHeldBack))
    this.#drains = this.#drains.filter((drain) => !drained.includes(drain))
    for (const { resolve } of drained) resolve()
  }

  /** What the backend holds for these lanes. `canRun`: some task runs or could. `heldBack`: so many, but for a pause. */
  async #openTasks(): Promise<{ canRun: boolean; heldBack: number; waiting: number }> {
    const open = { canRun: false, heldBack: 0, waiting: 0 }
    for (const lane of this.#lanes.values()) {
      const { waiting, pending, retry, processing } = await this.#backend.counts(lane.name)
      open.canRun ||= processing > 0 || (lane.isOpen && pending + retry > 0)
      open.heldBack += pending + retry
      open.waiting += waiting
    }
    return open
  }

  async #stop(graceful: boolean): Promise<void> {
    const failed = this.#state === 'failed'
    if (!failed) this.#state = 'stopping'
    for (const lane of this.#lanes.values()) {
      lane.cancelDue()
      this.#rounds.releaseBuffer(lane)
    }
    await (graceful && !failed ? this.#stopRunners(true) : this.#kill())
    await this.#upkeep?.stop()
    await this.#emissions.settled()
    await (failed ? this.#rounds.settled() : this.#rounds.flush(() => this.#failure !== undefined))
    await this.#outputs.settled()
    // One that cannot say good-bye (its backend is gone, say) is found out by the others.
    await this.#backend.leave(this.#workerId).catch(() => undefined)
    this.#upkeep = undefined
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
