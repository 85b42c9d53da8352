/**
 * The worker processes of one lane.
 *
 * Processes are started when there is work and ended when there has been none for a while. A process that dies
 * is replaced by the next task that needs one.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import type { LaneRunner, RunnerHost } from './runner.ts'
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
  readonly #slots = new Set<WorkerSlot>()
  #concurrency: number
  #stopped = false
  #cancelIdle: () => void = () => undefined

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.#concurrency = options.concurrency
  }

  get tasks(): readonly ClaimedTask[] {
    return [...this.#slots].flatMap(({ tasks }) => tasks)
  }

  get running(): number {
    let running = 0
    for (const slot of this.#slots) running += slot.tasks.length
    return running
  }

  get hasIdleSlot(): boolean {
    const open = this.#open()
    return open.length < this.#concurrency || open.some(({ tasks }) => tasks.length === 0)
  }

  feed(buffer: ClaimedTask[], batchSize: number): void {
    this.#cancelIdle()
    this.#start(buffer.length)
    const lowWater = Math.floor(batchSize / 2)
    const open = this.#open().filter(({ tasks }) => tasks.length <= lowWater && !tasks[0]?.alone)
    const slots = open.sort((a, b) => a.tasks.length - b.tasks.length)
    for (const [index, slot] of slots.entries()) {
      const share = Math.ceil(buffer.length / (slots.length - index))
      const batch = takeBatch(buffer, slot.tasks.length, Math.min(share, batchSize))
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

  async stop({ graceful }: { readonly graceful: boolean }): Promise<void> {
    this.#stopped = true
    this.#cancelIdle()
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

  /** Starts as many processes as `wanted` tasks can use. */
  #start(wanted: number): void {
    const open = this.#open()
    const idle = open.filter(({ tasks }) => tasks.length === 0).length
    const missing = Math.min(this.#concurrency - open.length, wanted - idle)
    for (let started = 0; started < missing && !this.#stopped; started += 1) this.#startOne()
  }

  #startOne(): void {
    const { module, lane, execArgv = [], timeoutMs, clock, host, onRoom } = this.#options
    const slot = new WorkerSlot({ module, lane, execArgv, timeoutMs, clock, host, onChange: onRoom })
    this.#slots.add(slot)
    void slot.gone.then(() => {
      this.#slots.delete(slot)
      onRoom()
    })
  }

  #watchIdle(): void {
    if (this.#slots.size === 0 || this.#stopped) return
    this.#cancelIdle = this.#options.clock.after(this.#options.idleMs ?? DEFAULT_IDLE_MS, () => {
      for (const slot of this.#open()) if (slot.tasks.length === 0) slot.retire('idle')
      this.#watchIdle()
    })
  }
}

/** At most `limit` tasks for a process that has `given` already; one that is to run alone comes alone. */
function takeBatch(buffer: ClaimedTask[], given: number, limit: number): ClaimedTask[] {
  if (buffer[0]?.alone) return given === 0 ? buffer.splice(0, 1) : []
  const firstAlone = buffer.findIndex(({ alone }) => alone)
  const end = firstAlone === -1 ? buffer.length : firstAlone
  return buffer.splice(0, Math.min(end, limit - given))
}
