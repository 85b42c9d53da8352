/**
 * What a running engine does beside running tasks: keeps its leases, says that it lives, takes back what dead
 * coordinators held, fires schedules, and looks at what others have changed in the backend.
 *
 * @module
 */

import { hostname } from 'node:os'
import type { Clock } from '../clock.ts'
import type { Backend, CoordinatorLane } from './backend.ts'
import { COORDINATOR_GONE_MS } from './coordinator-life.ts'
import { Duties } from './duties.ts'
import type { QueueEvents, TypedEmitter } from './events.ts'
import type { Lane } from './lane.ts'
import { killGroupOf, processIdentity } from './process-identity.ts'
import { MAX_WAIT_MS, type Rounds } from './rounds.ts'
import type { ClaimedTask, Lease } from './task.ts'

/** How often dead coordinators are looked for, progress is stored, and lanes look for tasks added past the engine. */
const TICK_MS = 1_000

/** A coordinator of which there is nothing new to tell says that it lives this often: thrice before it is missed. */
const REPORT_MS = COORDINATOR_GONE_MS / 3

/** A worker that has just been started is told of so soon: should this process die, others end what hangs. */
const REPORT_GAP_MS = 100

/** After another process's change: lanes look for tasks at once, then at most this often. */
const WAKE_GAP_MS = 5

/** The same for what is asked more rarely and costs more: cancellations, paused lanes, schedules. */
const LOOK_GAP_MS = 500

/** Schedules are to the second. */
const FIRE_GAP_MS = 100

export interface UpkeepContext {
  readonly backend: Backend
  readonly clock: Clock
  readonly lanes: ReadonlyMap<string, Lane>
  readonly rounds: Rounds
  readonly events: TypedEmitter<QueueEvents>
  readonly workerId: string
  readonly leaseMs: number
  /** See `QueueEngineOptions`. */
  readonly sole: boolean
  /** Has every lane look for tasks. */
  readonly wake: () => void
  /** Finds what was added past the engine without a change that could be watched. */
  readonly poll: () => Promise<void>
  readonly onError: (error: unknown) => void
}

export class Upkeep {
  /** Asks for a look at cancellations, paused lanes and schedules, soon. */
  readonly look: () => void
  readonly #fireSoon: () => void
  readonly #context: UpkeepContext
  readonly #duties: Duties
  readonly #startedAt: number
  readonly #identity = processIdentity()
  readonly #progress = new Map<number, { readonly lease: Lease; readonly value: unknown }>()
  #cancelSchedule: () => void = () => undefined
  #endWatch: () => void = () => undefined
  #isStopped = false
  #reported = ''
  #reportedAt = 0

  constructor(context: UpkeepContext) {
    this.#context = context
    this.#startedAt = context.clock.now()
    this.#duties = new Duties(context.clock, context.onError)
    this.look = this.#duties.onDemand(LOOK_GAP_MS, () => this.#look())
    this.#fireSoon = this.#duties.onDemand(FIRE_GAP_MS, () => this.#fire())
  }

  /** Resolves when what a predecessor left is taken back, and what is stored about lanes is known. */
  async start(): Promise<void> {
    const { backend, events, leaseMs, sole, wake } = this.#context
    await this.#report()
    if (sole) await this.#sweep(true)
    await this.#sweep(false)
    await this.#seePauses()
    await this.#fire()
    // Whoever is impatient stops what is not quite started.
    if (this.#isStopped) return
    const wakeSoon = this.#duties.onDemand(WAKE_GAP_MS, async () => wake())
    // A moment later, when the worker's lane knows it.
    const reportSoon = this.#duties.onDemand(REPORT_GAP_MS, () =>
      Promise.resolve().then(() => this.#report()),
    )
    const endWatch = backend.watch(() => {
      wakeSoon()
      this.look()
    })
    const endReports = events.on('worker.started', reportSoon)
    this.#endWatch = () => {
      endWatch()
      endReports()
    }
    this.#duties.every(leaseMs / 3, () => this.#renew(this.#held()))
    this.#duties.every(Math.min(TICK_MS, leaseMs), () => this.#tick())
  }

  /** Keeps the newest progress of a task for the next time that progress is stored. */
  noteProgress({ task, lease }: ClaimedTask, value: unknown): void {
    this.#progress.set(task.id, { lease, value })
  }

  /** Notes what the backend says of a lane. */
  setPaused(lane: Lane, paused: boolean): void {
    if (lane.paused === paused) return
    const { events, rounds } = this.#context
    lane.paused = paused
    events.emit(paused ? 'lane.paused' : 'lane.resumed', { lane: lane.name })
    if (paused) {
      rounds.releaseBuffer(lane)
      lane.runner.withdraw?.()
    } else lane.wake()
    rounds.kick()
  }

  /** Resolves when nothing of this is under way, and nothing will be. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#endWatch()
    this.#cancelSchedule()
    await this.#duties.stop()
  }

  async #tick(): Promise<void> {
    await this.#sweep(false)
    await this.#report()
    if (this.#progress.size > 0) await this.#renew([...this.#progress.values()].map(({ lease }) => lease))
    await this.#context.poll()
  }

  async #look(): Promise<void> {
    await this.#renew(this.#held())
    await this.#seePauses()
    this.#fireSoon()
  }

  #held(): readonly Lease[] {
    return [...this.#context.lanes.values()].flatMap((lane) => lane.held).map(({ lease }) => lease)
  }

  /** Extends leases, with the progress of their tasks; ends the work on those that are lost or to be cancelled. */
  async #renew(leases: readonly Lease[]): Promise<void> {
    if (leases.length === 0) return
    const { backend, leaseMs, lanes, rounds, events } = this.#context
    const progress = leases.flatMap(({ taskId, attempt }) => {
      const noted = this.#progress.get(taskId)
      return noted?.lease.attempt === attempt ? [{ taskId, value: noted.value }] : []
    })
    this.#progress.clear()
    const { lost, cancelRequested } = await backend.renew(leases, leaseMs, progress)
    if (cancelRequested.length > 0) rounds.cancel(new Set(cancelRequested.map(({ taskId }) => taskId)))
    const taskIds = new Set(lost.map(({ taskId }) => taskId))
    const held = this.#held().filter(({ taskId }) => taskIds.has(taskId))
    const gone = new Set(held.filter((lease) => lost.some(isSame(lease))).map(({ taskId }) => taskId))
    if (gone.size === 0) return
    for (const lane of lanes.values()) lane.abandon(gone)
    events.emit('lease.lost', { taskIds: [...gone] })
  }

  async #sweep(takeOver: boolean): Promise<void> {
    const { backend, events, wake } = this.#context
    const { expired, released, orphans = [] } = await backend.sweep({ takeOver })
    // A worker whose coordinator is gone ends by itself, unless its handler blocks its event loop.
    for (const worker of orphans) killGroupOf(worker)
    if (expired.length + released.length === 0) return
    events.emit('tasks.recovered', { expired, released })
    wake()
  }

  /** Tells of this coordinator when there is something new, or nothing was told for a while. */
  async #report(): Promise<void> {
    const { backend, clock, lanes, workerId } = this.#context
    const ofLanes = Object.fromEntries(
      [...lanes.values()].map(({ name, concurrency, runner }): [string, CoordinatorLane] => {
        const workers = runner.workers()
        const processes = workers.map(({ pid }) => processIdentity(pid))
        const told = processes.length === 0 ? {} : { processes }
        return [name, { concurrency, workers: workers.length, ...told }]
      }),
    )
    const now = clock.now()
    const text = JSON.stringify(ofLanes)
    if (text === this.#reported && now - this.#reportedAt < REPORT_MS) return
    this.#reported = text
    this.#reportedAt = now
    await backend.report({
      id: workerId,
      host: hostname(),
      pid: process.pid,
      identity: this.#identity,
      startedAt: this.#startedAt,
      lanes: ofLanes,
    })
  }

  async #seePauses(): Promise<void> {
    const paused = new Set(await this.#context.backend.pausedLanes())
    for (const lane of this.#context.lanes.values()) this.setPaused(lane, paused.has(lane.name))
  }

  async #fire(): Promise<void> {
    const { backend, clock, events, wake } = this.#context
    const { fired, refused, nextAt } = await backend.fireSchedules()
    for (const one of fired) events.emit('schedule.fired', one)
    for (const one of refused) events.emit('schedule.refused', one)
    if (fired.length > 0) wake()
    this.#cancelSchedule()
    if (nextAt === undefined) return
    const waitMs = Math.min(Math.max(nextAt - clock.now(), 1), MAX_WAIT_MS)
    this.#cancelSchedule = this.#duties.after(waitMs, this.#fireSoon)
  }
}

function isSame(lease: Lease): (other: Lease) => boolean {
  return ({ taskId, attempt, token }) =>
    taskId === lease.taskId && attempt === lease.attempt && token === lease.token
}
