/**
 * The worker processes of one lane.
 *
 * Processes are started when there is work and ended when there has been none for a while. A process that dies
 * is replaced by the next task that needs one.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import type { ErrorRecord } from '../errors.ts'
import type { WorkerExitReason } from './events.ts'
import { MemoryBudget } from './memory-budget.ts'
import type { AttemptEnd, LaneRunner, RunnerHost, WorkerStatus } from './runner.ts'
import type { ClaimedTask } from './task.ts'
import { WorkerSlot } from './worker-slot.ts'

export interface WorkerPoolOptions {
  /** URL of a module that exports what {@link WorkerModule} says. */
  readonly module: string
  /** Name of the lane, told to the module's `prepare`. */
  readonly lane: string
  readonly concurrency: number
  /** Of one attempt, unless the task says otherwise; 0 or Infinity for none. */
  readonly timeoutMs: number
  /** See {@link LaneOptions}. Default none. */
  readonly memoryBudgetBytes?: number
  /** A cancelled task that has not ended by then is killed with its process. */
  readonly cancelGraceMs: number
  /** Node's own options for the processes, such as `--max-semi-space-size=1`. Default none. */
  readonly execArgv?: readonly string[]
  /** An idle process is ended after this long. Default 30 s. */
  readonly idleMs?: number
  readonly clock: Clock
  readonly host: RunnerHost
  /** Called whenever there may be room for more tasks. */
  readonly onRoom: () => void
}

const DEFAULT_IDLE_MS = 30_000

export class WorkerPool implements LaneRunner {
  readonly #options: WorkerPoolOptions
  readonly #host: RunnerHost
  readonly #slots = new Set<WorkerSlot>()
  readonly #budget: MemoryBudget
  #concurrency: number
  #stopped = false
  #cancelIdle: () => void = () => undefined
  #isIdleWatched = false

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.#concurrency = options.concurrency
    this.#budget = new MemoryBudget(options.memoryBudgetBytes)
    const { host } = options
    const ended = (claimed: ClaimedTask, end: AttemptEnd): void => {
      this.#budget.release(claimed)
      host.ended(claimed, end)
    }
    this.#host = this.#budget.isLimited ? { ...host, ended } : host
  }

  get tasks(): readonly ClaimedTask[] {
    return [...this.#slots].flatMap(({ tasks }) => tasks)
  }

  get running(): number {
    let running = 0
    for (const slot of this.#slots) running += slot.tasks.length
    return running
  }

  get kept(): number {
    return this.#budget.kept
  }

  get hasIdleSlot(): boolean {
    let alive = 0
    for (const slot of this.#slots) {
      if (slot.isOpen && slot.tasks.length === 0) return true
      if (isInUse(slot)) alive += 1
    }
    return alive < this.#concurrency
  }

  feed(buffer: ClaimedTask[], batchSize: number): void {
    this.#start(buffer.length)
    const lowWater = Math.floor(batchSize / 2)
    const open = this.#open().filter(({ tasks }) => tasks.length <= lowWater && !tasks[0]?.alone)
    const slots = open.sort((a, b) => a.tasks.length - b.tasks.length)
    for (const [index, slot] of slots.entries()) {
      const given = slot.tasks.length
      const share = Math.ceil(buffer.length / (slots.length - index))
      const batch = this.#takeBatch(buffer, given, Math.min(share, batchSize - given))
      if (batch.length > 0) slot.give(batch)
    }
    this.#watchIdle()
  }

  prestart(): void {
    this.#start(this.#concurrency)
    this.#watchIdle()
  }

  resize(concurrency: number): void {
    this.#concurrency = concurrency
    const busyFirst = this.#open().sort((a, b) => b.tasks.length - a.tasks.length)
    for (const slot of busyFirst.slice(concurrency)) slot.retire('surplus')
  }

  abandon(taskIds: ReadonlySet<number>): void {
    for (const slot of this.#slots) slot.abandon(taskIds)
  }

  cancel(taskIds: ReadonlySet<number>): void {
    for (const slot of this.#slots) slot.cancel(taskIds)
  }

  workers(): readonly WorkerStatus[] {
    return [...this.#slots].flatMap(({ status }) => status ?? [])
  }

  retireWorker(pid: number, reason: WorkerExitReason): boolean {
    const slot = this.#find(pid)
    slot?.retire(reason)
    return slot !== undefined
  }

  killWorker(pid: number, reason: WorkerExitReason, error: ErrorRecord): boolean {
    const slot = this.#find(pid)
    slot?.kill(reason, error)
    return slot !== undefined
  }

  async stop({ graceful }: { readonly graceful: boolean }): Promise<void> {
    this.#stopped = true
    this.#cancelIdle()
    this.#isIdleWatched = false
    for (const slot of this.#slots) {
      if (graceful) slot.retire('stopped')
      else slot.kill('killed')
    }
    await Promise.all([...this.#slots].map(({ gone }) => gone))
    this.#stopped = false
  }

  #open(): WorkerSlot[] {
    return [...this.#slots].filter(({ isOpen }) => isOpen)
  }

  #find(pid: number): WorkerSlot | undefined {
    return [...this.#slots].find((slot) => slot.pid === pid)
  }

  /** Starts as many processes as `wanted` tasks can use. */
  #start(wanted: number): void {
    let inUse = 0
    let idle = 0
    for (const slot of this.#slots) {
      if (isInUse(slot)) inUse += 1
      if (slot.isOpen && slot.tasks.length === 0) idle += 1
    }
    const missing = Math.min(this.#concurrency - inUse, wanted - idle)
    for (let started = 0; started < missing && !this.#stopped; started += 1) this.#startOne()
  }

  #startOne(): void {
    const { module, lane, execArgv = [], timeoutMs, cancelGraceMs, clock, onRoom } = this.#options
    const host = this.#host
    const limits = { timeoutMs, cancelGraceMs }
    const slot = new WorkerSlot({ module, lane, execArgv, ...limits, clock, host, onChange: onRoom })
    this.#slots.add(slot)
    void slot.gone.then(() => {
      this.#slots.delete(slot)
      onRoom()
    })
  }

  /**
   * At most `limit` tasks for a process that has `given` others. One that is to run alone comes alone, and so does
   * one that asks for memory: it is counted from here on, and must not wait behind others.
   */
  #takeBatch(buffer: ClaimedTask[], given: number, limit: number): ClaimedTask[] {
    if (!this.#budget.isLimited) return takeBatch(buffer, given, limit)
    const batch: ClaimedTask[] = []
    while (batch.length < limit) {
      const index = this.#budget.findFitting(buffer)
      const next = buffer[index]
      if (next === undefined) break
      const goesAlone = next.alone || (next.task.memoryBytes ?? 0) > 0
      if (goesAlone && given + batch.length > 0) break
      buffer.splice(index, 1)
      this.#budget.admit(next)
      batch.push(next)
      if (goesAlone) break
    }
    return batch
  }

  #watchIdle(): void {
    if (this.#isIdleWatched || this.#slots.size === 0 || this.#stopped) return
    this.#isIdleWatched = true
    const idleMs = this.#options.idleMs ?? DEFAULT_IDLE_MS
    this.#cancelIdle = this.#options.clock.after(idleMs, () => {
      this.#isIdleWatched = false
      for (const slot of this.#open()) if (slot.idleForMs >= idleMs) slot.retire('idle')
      this.#watchIdle()
    })
  }
}

/** Whether the process counts against the concurrency: also one that is to end, while it still has a task. */
function isInUse({ isOpen, tasks }: WorkerSlot): boolean {
  return isOpen || tasks.length > 0
}

function takeBatch(buffer: ClaimedTask[], given: number, limit: number): ClaimedTask[] {
  if (buffer[0]?.alone) return given === 0 ? buffer.splice(0, 1) : []
  const firstAlone = buffer.findIndex(({ alone }) => alone)
  const end = firstAlone === -1 ? buffer.length : firstAlone
  return buffer.splice(0, Math.min(end, limit))
}
