/**
 * A backend that is opened by the first call to it, so that what uses it can be made without waiting.
 *
 * @module
 */

import type {
  Backend,
  CoordinatorReport,
  ExchangeRequest,
  RateLimit,
  Schedule,
  SweepOptions,
  TaskFilter,
} from './backend.ts'
import { StoreClosedError } from './queue-errors.ts'
import type { SqliteBackendOptions } from './sqlite/index.ts'
import type { Lease, NewTask } from './task.ts'

export class LazyBackend implements Backend {
  readonly #open: () => Promise<Backend>
  #opened: Promise<Backend> | undefined
  #isClosed = false

  /** `open` is called once, unless it fails: then the next call tries again. */
  constructor(open: () => Promise<Backend>) {
    this.#open = open
  }

  async add(tasks: readonly NewTask[]): ReturnType<Backend['add']> {
    return (await this.#ready()).add(tasks)
  }

  async exchange(request: ExchangeRequest): ReturnType<Backend['exchange']> {
    return (await this.#ready()).exchange(request)
  }

  async renew(
    leases: readonly Lease[],
    leaseMs: number,
    progress?: Parameters<Backend['renew']>[2],
  ): ReturnType<Backend['renew']> {
    return (await this.#ready()).renew(leases, leaseMs, progress)
  }

  async report(coordinator: CoordinatorReport): Promise<void> {
    return (await this.#ready()).report(coordinator)
  }

  async leave(coordinatorId: string): Promise<void> {
    return (await this.#ready()).leave(coordinatorId)
  }

  async coordinators(): ReturnType<Backend['coordinators']> {
    return (await this.#ready()).coordinators()
  }

  async sweep(options?: SweepOptions): ReturnType<Backend['sweep']> {
    return (await this.#ready()).sweep(options)
  }

  async nextDueAt(lane: string, rate?: RateLimit): ReturnType<Backend['nextDueAt']> {
    return (await this.#ready()).nextDueAt(lane, rate)
  }

  async get(taskId: number): ReturnType<Backend['get']> {
    return (await this.#ready()).get(taskId)
  }

  async list(filter: Parameters<Backend['list']>[0]): ReturnType<Backend['list']> {
    return (await this.#ready()).list(filter)
  }

  async counts(lane?: string): ReturnType<Backend['counts']> {
    return (await this.#ready()).counts(lane)
  }

  async openInGroup(group: string): Promise<number> {
    return (await this.#ready()).openInGroup(group)
  }

  async statistics(): ReturnType<Backend['statistics']> {
    return (await this.#ready()).statistics()
  }

  async cancel(taskIds: readonly number[]): ReturnType<Backend['cancel']> {
    return (await this.#ready()).cancel(taskIds)
  }

  async retryFailed(filter: TaskFilter, limit: number): ReturnType<Backend['retryFailed']> {
    return (await this.#ready()).retryFailed(filter, limit)
  }

  async setPaused(lane: string, paused: boolean): Promise<void> {
    return (await this.#ready()).setPaused(lane, paused)
  }

  async pausedLanes(): ReturnType<Backend['pausedLanes']> {
    return (await this.#ready()).pausedLanes()
  }

  async prune(filter: Parameters<Backend['prune']>[0], limit: number): Promise<number> {
    return (await this.#ready()).prune(filter, limit)
  }

  async putSchedule(schedule: Schedule): ReturnType<Backend['putSchedule']> {
    return (await this.#ready()).putSchedule(schedule)
  }

  async removeSchedule(name: string): Promise<boolean> {
    return (await this.#ready()).removeSchedule(name)
  }

  async schedules(): ReturnType<Backend['schedules']> {
    return (await this.#ready()).schedules()
  }

  async fireSchedules(): ReturnType<Backend['fireSchedules']> {
    return (await this.#ready()).fireSchedules()
  }

  watch(onChange: () => void): () => void {
    let end: () => void = () => undefined
    let isEnded = false
    this.#ready().then(
      (backend) => {
        if (!isEnded) end = backend.watch(onChange)
      },
      // Whoever called for something gets the error; a watch of what could not be opened sees no change.
      () => undefined,
    )
    return () => {
      isEnded = true
      end()
    }
  }

  async call(name: string, argument: unknown): Promise<unknown> {
    return (await this.#ready()).call(name, argument)
  }

  /** Closes it if it was opened; it is not opened again. */
  async close(): Promise<void> {
    this.#isClosed = true
    const opened = await this.#opened?.catch(() => undefined)
    await opened?.close()
  }

  #ready(): Promise<Backend> {
    if (this.#isClosed) return Promise.reject(new StoreClosedError('queue is closed'))
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }
}

/** A database file. SQLite is loaded when it is needed: a queue on another backend does without. */
export function fileBackend(options: SqliteBackendOptions): Backend {
  return new LazyBackend(async () => {
    const { openSqliteBackend } = await import('./sqlite/index.ts')
    return openSqliteBackend(options)
  })
}
