/**
 * Watches memory and the lanes' depth while a queue runs, and has the pool follow what is decided.
 *
 * Only a shell: it measures, calls `decide` and `scale`, carries out what they say, and tells why. Checks do not
 * overlap; the pause is counted from the end of one to the start of the next.
 *
 * @module
 */

import { type Clock, systemClock } from '../../clock.ts'
import {
  type Decision,
  decide,
  type GovernorSample,
  type GovernorState,
  INITIAL_STATE,
  type Replacement,
} from './decide.ts'
import { type CpuTimes, idleCoresBetween, readCpuTimes } from './idle-cores.ts'
import { type Resize, reconcileLanes } from './lane-state.ts'
import { type MemoryLimits, toMemoryLimits, verifyFreeMemory } from './limits.ts'
import type { Pool } from './pool.ts'
import { readResidentBytes } from './resident.ts'
import { type MemorySample, readMemorySample } from './sample.ts'
import { type Surplus, scale } from './scale.ts'

/** What the governor tells, each with its reason in words and numbers. */
export interface GovernorEvents {
  'pool.resized': {
    readonly lane: string
    readonly from: number
    readonly to: number
    readonly cause: 'memory' | 'depth'
    readonly reason: string
  }
  /** Use went over the threshold, or work stands still for want of memory. Once, until it is relieved. */
  'memory.pressure': MemoryNews
  'memory.relieved': MemoryNews
  /** A worker that kept too much was told to end after its task, or was killed. */
  'worker.replaced': {
    readonly pid: number
    readonly lane: string
    readonly bytes: number
    readonly limitBytes: number
    readonly killed: boolean
    readonly reason: string
  }
}

export interface MemoryNews {
  readonly percent: number
  readonly usedBytes: number
  readonly limitBytes: number
  readonly source: MemorySample['source']
  readonly reason: string
}

/** Takes an event of the governor: the `emit` of a `TypedEmitter` whose events include {@link GovernorEvents}. */
export type EmitGovernorEvent = <Name extends keyof GovernorEvents>(
  name: Name,
  event: GovernorEvents[Name],
) => void

export interface MemoryGovernorOptions {
  readonly pool: Pool
  readonly emit: EmitGovernorEvent
  /** Gets what a check was rejected with, which is a bug; the governor has then stopped. */
  readonly onError: (error: unknown) => void
  /** Those that are not given are {@link DEFAULT_MEMORY_LIMITS}. */
  readonly limits?: Partial<MemoryLimits>
  /** From one check of memory to the next, while there is plenty. Default 30 s. */
  readonly checkIntervalMs?: number
  /** The same while memory is short, and before the first check. Default 1 s. */
  readonly pressedIntervalMs?: number
  /**
   * Given, lanes follow their depth, down to `minWorkers`; their most is what they are configured with. Absent, only
   * memory changes them.
   */
  readonly scaling?: {
    readonly minWorkers: number
    /** From one look at the lanes to the next. Default 1 s. */
    readonly intervalMs?: number
    /** A lane that has needed fewer workers for this long is made smaller. Default 30 s. */
    readonly shrinkIdleMs?: number
  }
  readonly clock?: Clock
  /** Default the container's or the machine's memory. */
  readonly readMemory?: () => MemorySample
  /** Bytes that each worker keeps, by pid. Default its process group's, from the system. */
  readonly readResident?: (pids: readonly number[]) => Promise<ReadonlyMap<number, number>>
  /** Default the machine's. */
  readonly readCpu?: () => CpuTimes
}

/** Checks come this often at least when use is near the threshold, or the pool is cut and waits to grow again. */
const NEAR_INTERVAL_MS = 5_000

const DEFAULT_SCALING = { intervalMs: 1_000, shrinkIdleMs: 30_000 } as const

type Settled = MemoryGovernorOptions &
  Required<
    Pick<
      MemoryGovernorOptions,
      'checkIntervalMs' | 'pressedIntervalMs' | 'clock' | 'readMemory' | 'readResident' | 'readCpu'
    >
  >

/** The governor of one pool, for the life of that pool: it alone knows how large the lanes that it cut were meant to be. */
export class MemoryGovernor {
  readonly #options: Settled
  readonly #limits: MemoryLimits
  #state: GovernorState = INITIAL_STATE
  #surplus: ReadonlyMap<string, Surplus> = new Map()
  #cpu: CpuTimes | undefined
  #started = false
  #checks = 0
  #running: Promise<unknown> = Promise.resolve()
  readonly #cancels = { check: (): void => undefined, scale: (): void => undefined }

  /** @throws {@link InvalidQueueOptionsError} when limits contradict each other. */
  constructor(options: MemoryGovernorOptions) {
    this.#options = Object.freeze({
      checkIntervalMs: 30_000,
      pressedIntervalMs: 1_000,
      clock: systemClock,
      readMemory: readMemorySample,
      readResident: readResidentBytes,
      readCpu: readCpuTimes,
      ...options,
    })
    this.#limits = toMemoryLimits(options.limits ?? {})
  }

  /**
   * Begins to watch. Does nothing when it does already.
   *
   * @throws {@link InsufficientMemoryError} when less is free than one worker needs.
   */
  start(): void {
    if (this.#started) return
    verifyFreeMemory(this.#options.readMemory(), this.#limits)
    this.#started = true
    // A lane that is cut keeps its ceiling: its concurrency alone would not say what it was meant to be.
    this.#state = { ...INITIAL_STATE, lanes: this.#state.lanes }
    this.#surplus = new Map()
    this.#checks = 0
    this.#cpu = undefined
    this.#scheduleCheck()
    this.#scheduleScale()
  }

  /** Resolves when no check runs and none will. Lanes stay as they are, and grow on after the next `start`. Safe twice, and before `start`. */
  async stop(): Promise<void> {
    this.#started = false
    this.#cancels.check()
    this.#cancels.scale()
    await this.#running
  }

  /** Whether memory is short, as of the last check. */
  get isPressed(): boolean {
    return this.#state.pressed
  }

  /** One check of memory: measures, decides, and carries it out. Answers what was decided. */
  async runOnce(): Promise<readonly Decision[]> {
    const { pool, clock, readMemory, readResident } = this.#options
    const wasStarted = this.#started
    const residents = await readResident(pool.workers().map(({ pid }) => pid))
    if (wasStarted && !this.#started) return []
    // After the wait: the pool as it is now, of which some may not have been measured.
    const workers = pool.workers().map((worker) => {
      const residentBytes = residents.get(worker.pid)
      return residentBytes === undefined ? worker : { ...worker, residentBytes }
    })
    const sample: GovernorSample = { now: clock.now(), memory: readMemory(), workers, lanes: pool.lanes() }
    const { decisions, state } = decide(sample, this.#limits, this.#state)
    this.#state = state
    this.#checks += 1
    for (const decision of decisions) this.#apply(decision)
    return decisions
  }

  /** One look at the lanes' depth: decides their sizes, and sets them. Does nothing without `scaling`. */
  scaleOnce(): readonly Resize[] {
    const { pool, clock, readMemory, readCpu, scaling } = this.#options
    if (scaling === undefined) return []
    const lanes = pool.lanes()
    // A queue without tasks grows nowhere: nothing is measured for it.
    const idle = lanes.every(({ buffered, running }) => buffered + running === 0)
    const cpu = idle ? undefined : readCpu()
    const sample = {
      now: clock.now(),
      lanes,
      freeBytes: idle ? 0 : readMemory().freeBytes,
      idleCores: cpu === undefined ? 0 : idleCoresBetween(this.#cpu ?? cpu, cpu),
      pressed: this.#state.pressed,
    }
    this.#cpu = cpu
    const known = reconcileLanes(lanes, this.#state.lanes)
    const verdict = scale(sample, { ...DEFAULT_SCALING, ...this.#limits, ...scaling }, known, this.#surplus)
    this.#state = { ...this.#state, lanes: verdict.lanes }
    this.#surplus = verdict.surplus
    for (const decision of verdict.decisions) this.#resize(decision, 'depth')
    return verdict.decisions
  }

  #scheduleCheck(): void {
    this.#cancels.check()
    this.#cancels.check = this.#options.clock.after(this.#checkDelayMs, () => {
      this.#running = this.runOnce().then(() => {
        if (this.#started) this.#scheduleCheck()
      }, this.#fail)
    })
  }

  #scheduleScale(): void {
    const { scaling, clock } = this.#options
    if (scaling === undefined) return
    this.#cancels.scale()
    this.#cancels.scale = clock.after(scaling.intervalMs ?? DEFAULT_SCALING.intervalMs, () => {
      try {
        this.scaleOnce()
        this.#scheduleScale()
      } catch (error) {
        this.#fail(error)
      }
    })
  }

  get #checkDelayMs(): number {
    const { checkIntervalMs, pressedIntervalMs } = this.#options
    const { pressed, relaxedChecks, lanes } = this.#state
    if (pressed || this.#checks === 0) return Math.min(pressedIntervalMs, checkIntervalMs)
    const isCapped = [...lanes.values()].some(({ cap }) => Number.isFinite(cap))
    return isCapped || relaxedChecks === 0 ? Math.min(NEAR_INTERVAL_MS, checkIntervalMs) : checkIntervalMs
  }

  readonly #fail = (error: unknown): void => {
    this.#started = false
    this.#cancels.check()
    this.#cancels.scale()
    this.#options.onError(error)
  }

  #apply(decision: Decision): void {
    switch (decision.type) {
      case 'resize':
        this.#resize(decision, 'memory')
        break
      case 'retire':
      case 'kill':
        this.#replace(decision)
        break
      case 'pressure':
      case 'relief': {
        const { percent, reason } = decision
        const { usedBytes, limitBytes, source } = decision.memory
        const name = decision.type === 'pressure' ? 'memory.pressure' : 'memory.relieved'
        this.#options.emit(name, { percent, usedBytes, limitBytes, source, reason })
        break
      }
    }
  }

  #resize({ lane, from, to, reason }: Resize, cause: 'memory' | 'depth'): void {
    this.#options.pool.setConcurrency(lane, to)
    this.#options.emit('pool.resized', { lane, from, to, cause, reason })
  }

  #replace({ type, pid, lane, bytes, limitBytes, reason }: Replacement): void {
    const killed = type === 'kill'
    if (killed) this.#options.pool.killWorker(pid, 'memory', reason)
    else this.#options.pool.retireWorker(pid, 'memory')
    this.#options.emit('worker.replaced', { pid, lane, bytes, limitBytes, killed, reason })
  }
}
