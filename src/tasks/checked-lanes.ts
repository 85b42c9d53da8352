/**
 * Remote lanes whose results are looked at before they are settled.
 *
 * While a result is looked at, its task still is this lane's: its lease is kept, a stop waits for it, and the queue
 * is not drained.
 *
 * @module
 */

import { type ErrorRecord, toErrorRecord } from '../errors.ts'
import type { RemoteLanes, RemoteRunnerOptions } from '../queue/remote.ts'
import type { AttemptEnd, LaneRunner, RunnerHost, WorkerStatus } from '../queue/runner.ts'
import type { ClaimedTask } from '../queue/task.ts'

/** Throws what is wrong with the result of a task; the signal is aborted when nobody wants to know any more. */
export type ResultCheck = (claimed: ClaimedTask, result: unknown, signal: AbortSignal) => Promise<void>

type Completed = Extract<AttemptEnd, { outcome: 'completed' }>

/** A result that is wrong makes its attempt fail. */
export function checkedLanes(lanes: RemoteLanes, check: ResultCheck): RemoteLanes {
  return { runner: (options) => new CheckedRunner(lanes, options, check) }
}

class CheckedRunner implements LaneRunner {
  readonly #inner: LaneRunner
  readonly #host: RunnerHost
  readonly #onRoom: () => void
  readonly #check: ResultCheck
  /** By task. */
  readonly #checking = new Map<number, { readonly claimed: ClaimedTask; readonly end: AbortController }>()
  #allChecked: PromiseWithResolvers<void> | undefined

  constructor(lanes: RemoteLanes, options: RemoteRunnerOptions, check: ResultCheck) {
    const { host, onRoom } = options
    this.#host = host
    this.#onRoom = onRoom
    this.#check = check
    this.#inner = lanes.runner({
      ...options,
      host: { ...host, ended: (claimed, end) => this.#ended(claimed, end) },
    })
  }

  get tasks(): readonly ClaimedTask[] {
    return [...this.#inner.tasks, ...[...this.#checking.values()].map(({ claimed }) => claimed)]
  }

  get running(): number {
    return this.#inner.running + this.#checking.size
  }

  get kept(): number {
    return this.#inner.kept
  }

  get hasIdleSlot(): boolean {
    return this.#inner.hasIdleSlot
  }

  feed(buffer: ClaimedTask[], batchSize: number): void {
    this.#inner.feed(buffer, batchSize)
  }

  resize(concurrency: number): void {
    this.#inner.resize(concurrency)
  }

  abandon(taskIds: ReadonlySet<number>): void {
    for (const [taskId, { end }] of [...this.#checking]) {
      if (!taskIds.has(taskId)) continue
      end.abort()
      this.#checking.delete(taskId)
    }
    this.#inner.abandon(taskIds)
    this.#tellChecked()
  }

  /** What is looked at has completed all the same. */
  cancel(taskIds: ReadonlySet<number>): void {
    this.#inner.cancel(taskIds)
  }

  withdraw(): void {
    this.#inner.withdraw?.()
  }

  workers(): readonly WorkerStatus[] {
    return this.#inner.workers()
  }

  retireWorker(...worker: Parameters<LaneRunner['retireWorker']>): boolean {
    return this.#inner.retireWorker(...worker)
  }

  killWorker(...worker: Parameters<LaneRunner['killWorker']>): boolean {
    return this.#inner.killWorker(...worker)
  }

  async stop(options: { readonly graceful: boolean }): Promise<void> {
    await this.#inner.stop(options)
    if (!options.graceful) this.#release()
    if (this.#checking.size === 0) return
    this.#allChecked ??= Promise.withResolvers()
    await this.#allChecked.promise
  }

  #release(): void {
    for (const [taskId, { claimed, end }] of [...this.#checking]) {
      end.abort()
      this.#checking.delete(taskId)
      this.#host.ended(claimed, { outcome: 'released' })
    }
    this.#tellChecked()
  }

  #ended(claimed: ClaimedTask, end: AttemptEnd): void {
    if (end.outcome === 'completed') void this.#look(claimed, end)
    else if (end.outcome === 'error') this.#host.ended(claimed, { ...end, error: fromElsewhere(end.error) })
    else this.#host.ended(claimed, end)
  }

  /** Never rejects. */
  async #look(claimed: ClaimedTask, completed: Completed): Promise<void> {
    const { id } = claimed.task
    const ending = new AbortController()
    const looked = { claimed, end: ending }
    this.#checking.set(id, looked)
    const end = await this.#endOf(claimed, completed, ending.signal)
    // It may have been given up meanwhile, and even have come again.
    if (this.#checking.get(id) !== looked) return
    this.#checking.delete(id)
    this.#host.ended(claimed, end)
    this.#onRoom()
    this.#tellChecked()
  }

  async #endOf(claimed: ClaimedTask, completed: Completed, signal: AbortSignal): Promise<AttemptEnd> {
    try {
      await this.#check(claimed, completed.result, signal)
      return completed
    } catch (error) {
      return { outcome: 'error', error: toErrorRecord(error), durationMs: completed.durationMs }
    }
  }

  #tellChecked(): void {
    if (this.#checking.size > 0) return
    this.#allChecked?.resolve()
    this.#allChecked = undefined
  }
}

/** What one machine refuses (a share that is not mounted there), another one may do. */
function fromElsewhere(error: ErrorRecord): ErrorRecord {
  return error.code.startsWith('system/') ? { ...error, recovery: 'retry' } : error
}
