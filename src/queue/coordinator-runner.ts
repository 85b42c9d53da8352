/**
 * Runs the tasks of a lane inside the coordinator, asynchronously: for work that waits for a server.
 *
 * Nothing here can be killed: a handler that goes on after its signal is aborted keeps going, though its attempt
 * is settled and its slot is free, and a stop waits for it for a moment only. Work that can hang or burn CPU belongs into a worker process.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import { toErrorRecord } from '../errors.ts'
import { Deadline } from './deadline.ts'
import type { Handler, TaskContext } from './handler.ts'
import { MemoryBudget } from './memory-budget.ts'
import { plainValue } from './plain-value.ts'
import { attemptGivenUp, ForwardedError, taskTimedOut, unknownKind } from './queue-errors.ts'
import type { AttemptEnd, LaneRunner, RunnerHost, WorkerStatus } from './runner.ts'
import type { ClaimedTask } from './task.ts'

export interface CoordinatorRunnerOptions {
  /** By task kind. */
  readonly handlers: Readonly<Record<string, Handler>>
  readonly concurrency: number
  /** Of one attempt, unless the task says otherwise; 0 or Infinity for none. */
  readonly timeoutMs: number
  /** A stop waits this long for handlers whose attempts were given up. */
  readonly graceMs: number
  /** See {@link LaneOptions}. Default none. */
  readonly memoryBudgetBytes?: number
  readonly clock: Clock
  readonly host: RunnerHost
  /** Called whenever there may be room for more tasks. */
  readonly onRoom: () => void
}

export class CoordinatorRunner implements LaneRunner {
  readonly #options: CoordinatorRunnerOptions
  readonly #runs = new Map<number, Run>()
  /** Handlers that have not come back, also of attempts that were given up. */
  #alive = 0
  /** While a stop waits for them. */
  #allBack: PromiseWithResolvers<void> | undefined
  #cancelWait: (() => void) | undefined
  readonly #budget: MemoryBudget
  /** Of the run whose limit is reached first. */
  readonly #deadline: Deadline
  #nextLimitAt = Number.POSITIVE_INFINITY
  #concurrency: number

  constructor(options: CoordinatorRunnerOptions) {
    this.#options = options
    this.#concurrency = options.concurrency
    this.#budget = new MemoryBudget(options.memoryBudgetBytes)
    this.#deadline = new Deadline(options.clock, () => this.#endOverdue())
  }

  get tasks(): readonly ClaimedTask[] {
    return [...this.#runs.values()].map(({ claimed }) => claimed)
  }

  get running(): number {
    return this.#runs.size
  }

  get kept(): number {
    return this.#budget.kept
  }

  get hasIdleSlot(): boolean {
    return this.#runs.size < this.#concurrency
  }

  feed(buffer: ClaimedTask[]): void {
    const room = Math.min(this.#concurrency - this.#runs.size, buffer.length)
    if (!this.#budget.isLimited) {
      if (room > 0) for (const claimed of buffer.splice(0, room)) this.#start(claimed)
      return
    }
    for (let started = 0; started < room; started += 1) {
      const index = this.#budget.findFitting(buffer)
      const claimed = buffer[index]
      if (claimed === undefined) return
      buffer.splice(index, 1)
      this.#budget.admit(claimed)
      this.#start(claimed)
    }
  }

  resize(concurrency: number): void {
    this.#concurrency = concurrency
  }

  abandon(taskIds: ReadonlySet<number>): void {
    this.#end(taskIds, () => ({ outcome: 'lost' }))
  }

  cancel(taskIds: ReadonlySet<number>): void {
    this.#end(taskIds, released)
  }

  workers(): readonly WorkerStatus[] {
    return []
  }

  retireWorker(): boolean {
    return false
  }

  killWorker(): boolean {
    return false
  }

  async stop({ graceful }: { readonly graceful: boolean }): Promise<void> {
    if (!graceful) this.#end(new Set(this.#runs.keys()), released)
    this.#allBack ??= Promise.withResolvers()
    const { promise } = this.#allBack
    this.#checkBack()
    await promise
    this.#deadline.stop()
    this.#nextLimitAt = Number.POSITIVE_INFINITY
  }

  /** Ends the wait of a stop: when all handlers have come back, or those that were given up do not for a while. */
  #checkBack(): void {
    if (this.#allBack === undefined || this.#runs.size > 0) return
    if (this.#alive === 0) this.#endWait()
    else this.#cancelWait ??= this.#options.clock.after(this.#options.graceMs, () => this.#endWait())
  }

  #endWait(): void {
    this.#cancelWait?.()
    this.#cancelWait = undefined
    this.#allBack?.resolve()
    this.#allBack = undefined
  }

  /** Gives these tasks up; their handlers are told. */
  #end(taskIds: ReadonlySet<number>, endOf: (run: Run) => AttemptEnd): void {
    for (const run of [...this.#runs.values()]) {
      if (!taskIds.has(run.taskId)) continue
      run.abort()
      this.#settle(run, endOf(run))
    }
  }

  #start(claimed: ClaimedTask): void {
    const run = new Run(claimed, this.#options.host)
    this.#runs.set(run.taskId, run)
    this.#options.host.started(claimed)
    const timeoutMs = claimed.task.timeoutMs ?? this.#options.timeoutMs
    if (timeoutMs > 0 && Number.isFinite(timeoutMs)) this.#limit(run, timeoutMs)
    this.#alive += 1
    void this.#handle(run)
  }

  /** Never rejects. */
  async #handle(run: Run): Promise<void> {
    const { kind, payload } = run.claimed.task
    const { handlers } = this.#options
    let end: AttemptEnd
    try {
      const handler = Object.hasOwn(handlers, kind) ? handlers[kind] : undefined
      if (handler === undefined) throw new ForwardedError(unknownKind(kind))
      const result = plainValue(await handler(payload as never, run))
      end = { outcome: 'completed', result, durationMs: run.elapsedMs }
    } catch (error) {
      end = { outcome: 'error', error: toErrorRecord(error), durationMs: run.elapsedMs }
    }
    this.#alive -= 1
    this.#settle(run, end)
    this.#checkBack()
  }

  #settle(run: Run, end: AttemptEnd): void {
    if (this.#runs.get(run.taskId) !== run) return
    this.#runs.delete(run.taskId)
    this.#budget.release(run.claimed)
    this.#options.host.ended(run.claimed, end)
    this.#options.onRoom()
    this.#checkBack()
  }

  #limit(run: Run, timeoutMs: number): void {
    run.timeoutMs = timeoutMs
    const limitAt = run.startedAt + timeoutMs
    if (limitAt >= this.#nextLimitAt) return
    this.#nextLimitAt = limitAt
    this.#deadline.set(timeoutMs)
  }

  #endOverdue(): void {
    const now = performance.now()
    this.#nextLimitAt = Number.POSITIVE_INFINITY
    for (const run of [...this.#runs.values()]) {
      const leftMs = run.startedAt + run.timeoutMs - now
      if (leftMs > 1) {
        this.#nextLimitAt = Math.min(this.#nextLimitAt, now + leftMs)
        continue
      }
      run.abort()
      this.#settle(run, {
        outcome: 'error',
        error: taskTimedOut(run.timeoutMs),
        durationMs: run.elapsedMs,
      })
    }
    if (Number.isFinite(this.#nextLimitAt)) this.#deadline.set(this.#nextLimitAt - now)
  }
}

/** One attempt, and the context that its handler gets. */
class Run implements TaskContext {
  readonly claimed: ClaimedTask
  readonly taskId: number
  readonly kind: string
  readonly attempt: number
  /** By `performance.now()`. */
  readonly startedAt: number = performance.now()
  timeoutMs = Number.POSITIVE_INFINITY
  readonly #host: RunnerHost
  #abort: AbortController | undefined
  #isAborted = false

  constructor(claimed: ClaimedTask, host: RunnerHost) {
    this.claimed = claimed
    this.taskId = claimed.task.id
    this.kind = claimed.task.kind
    this.attempt = claimed.task.attempt
    this.#host = host
  }

  get elapsedMs(): number {
    return performance.now() - this.startedAt
  }

  /** Made when it is asked for: that is the dearest part of starting a task. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#isAborted) this.#abort.abort()
    return this.#abort.signal
  }

  // Getters of functions, not methods: handlers take them off the context, and most take none.
  get emit(): TaskContext['emit'] {
    return async (chunk) => {
      if (this.#isAborted) throw new ForwardedError(attemptGivenUp(this.taskId))
      return this.#host.emit(this.claimed, chunk)
    }
  }

  get progress(): TaskContext['progress'] {
    return (value) => this.#host.progress(this.claimed, plainValue(value))
  }

  get yieldTurn(): TaskContext['yieldTurn'] {
    return doNothing
  }

  abort(): void {
    this.#isAborted = true
    this.#abort?.abort()
  }
}

function released({ elapsedMs }: Run): AttemptEnd {
  return { outcome: 'released', durationMs: elapsedMs }
}

function doNothing(): void {
  // Tasks run side by side here: there is no turn to yield.
}
