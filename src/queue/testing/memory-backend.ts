/**
 * The reference implementation of `Backend`: everything in a Map, every answer found by looking at all tasks.
 *
 * It is slow and plain on purpose. Groups are counted, due tasks are searched and counters are sums, so that it
 * shares no clever idea, and so no mistake, with the stores that are compared to it.
 *
 * @module
 */

import { type Clock, systemClock } from '../../clock.ts'
import { type ErrorRecord, toErrorRecord } from '../../errors.ts'
import type {
  AddedTask,
  Backend,
  CancelReport,
  Coordinator,
  CoordinatorReport,
  ExchangeRequest,
  ExchangeResult,
  FireReport,
  LaneStatistics,
  RateLimit,
  RenewReport,
  Schedule,
  Settlement,
  SettleResult,
  StatusCounts,
  StoredSchedule,
  SweepOptions,
  SweepReport,
  TaskFilter,
} from '../backend.ts'
import type { StoreProgram, Transaction } from '../commit.ts'
import { storedInstant, storedProgress, storedResult } from '../new-task.ts'
import { own, synchronous } from '../program-functions.ts'
import { leaseExpired, taskCancelled, UnknownCallError } from '../queue-errors.ts'
import type { Lease, NewTask, Task } from '../task.ts'
import { matches, requireCondition, rowLimit } from '../task-filter.ts'
import { MemoryAdditions } from './memory-additions.ts'
import { MemoryClaims } from './memory-claims.ts'
import { MemoryCoordinators } from './memory-coordinators.ts'
import { type Entry, isOpen } from './memory-entry.ts'
import { prunable } from './memory-prune.ts'
import { MemorySchedules } from './memory-schedules.ts'
import { MemoryStatistics } from './memory-statistics.ts'
import { MemoryTasks } from './memory-tasks.ts'

/** What a program for this backend keeps: it is rolled back by copying, so values are replaced, not changed. */
export type MemoryDatabase = Map<string, unknown>

export interface MemoryBackendOptions {
  readonly clock?: Clock
  readonly program?: StoreProgram<MemoryDatabase>
}

export class MemoryBackend implements Backend {
  readonly #clock: Clock
  readonly #program: StoreProgram<MemoryDatabase>
  readonly #statistics = new MemoryStatistics()
  readonly #schedules = new MemorySchedules()
  readonly #coordinators = new MemoryCoordinators()
  readonly #tasks = new MemoryTasks({
    onChange: (before, after) => this.#statistics.note(before, after, this.#now),
    onUnlucky: (task) => this.#tellFailure(task),
  })
  readonly #additions = new MemoryAdditions(this.#tasks)
  readonly #claims = new MemoryClaims(this.#tasks)
  #database: MemoryDatabase = new Map()
  #now = 0

  constructor({ clock = systemClock, program = {} }: MemoryBackendOptions = {}) {
    this.#clock = clock
    this.#program = program
    program.migrate?.(this.#database)
  }

  async add(tasks: readonly NewTask[]): Promise<readonly AddedTask[]> {
    return this.#transaction(() => this.#additions.add(tasks, this.#now))
  }

  async exchange({ settle, claim }: ExchangeRequest): Promise<ExchangeResult> {
    return this.#transaction(() => ({
      settled: settle.map((settlement) => this.#settle(settlement)),
      claimed: claim.map((request) => this.#claims.claim(request, this.#now)),
    }))
  }

  async renew(
    leases: readonly Lease[],
    leaseMs: number,
    progress: Parameters<Backend['renew']>[2] = [],
  ): Promise<RenewReport> {
    const lost: Lease[] = []
    const cancelRequested: Lease[] = []
    for (const lease of leases) {
      const entry = this.#tasks.held(lease)
      if (entry === undefined) {
        lost.push(lease)
        continue
      }
      const told = progress.findLast(({ taskId }) => taskId === lease.taskId)
      const text = storedProgress(told?.value)
      const news = told === undefined || text === undefined ? {} : { progress: JSON.parse(text) as unknown }
      const leaseUntil = this.#clock.now() + leaseMs
      this.#tasks.put({ ...entry, leaseUntil, task: { ...entry.task, ...news } })
      if (entry.task.cancelRequested) cancelRequested.push(lease)
    }
    return { lost, cancelRequested }
  }

  async sweep({ takeOver = false }: SweepOptions = {}): Promise<SweepReport> {
    const dead = takeOver ? new Set<string>() : this.#coordinators.removeDead()
    return this.#transaction(() => {
      const held = this.#tasks.all().filter(({ task }) => task.status === 'processing')
      held.sort((a, b) => (a.leaseUntil ?? 0) - (b.leaseUntil ?? 0))
      const abandoned = held.filter(({ task }) => takeOver || dead.has(task.workerId ?? ''))
      const late = held.filter((entry) => !abandoned.includes(entry) && (entry.leaseUntil ?? 0) <= this.#now)
      for (const entry of abandoned) this.#release(entry, entry.task.runAt)
      for (const entry of late) this.#fail(entry, leaseExpired(entry.task.workerId), this.#now, false)
      const ids = (entries: readonly Entry[]) => entries.map(({ task }) => task.id)
      return { expired: ids(late), released: ids(abandoned) }
    })
  }

  async report(coordinator: CoordinatorReport): Promise<void> {
    this.#coordinators.report(coordinator, this.#clock.now())
  }

  async leave(coordinatorId: string): Promise<void> {
    this.#coordinators.leave(coordinatorId)
  }

  async coordinators(): Promise<readonly Coordinator[]> {
    return this.#coordinators.alive(this.#clock.now())
  }

  async nextDueAt(lane: string, rate?: RateLimit): Promise<number | undefined> {
    return this.#claims.nextDueAt(lane, rate, this.#clock.now())
  }

  async get(taskId: number): Promise<Task | undefined> {
    return this.#tasks.get(taskId)?.task
  }

  async list(filter: Parameters<Backend['list']>[0]): Promise<readonly Task[]> {
    const { afterId = 0, beforeId = Number.MAX_SAFE_INTEGER, newestFirst = false, limit } = filter
    const tasks = this.#tasks
      .all()
      .map(({ task }) => task)
      .filter((task) => task.id > afterId && task.id < beforeId && matches(task, filter))
    return (newestFirst ? tasks.toReversed() : tasks).slice(0, rowLimit(limit))
  }

  async counts(lane?: string): Promise<StatusCounts> {
    return this.#counts(lane)
  }

  #counts(lane?: string): StatusCounts {
    const counts = { waiting: 0, pending: 0, processing: 0, retry: 0, completed: 0, failed: 0, cancelled: 0 }
    for (const { task } of this.#tasks.all())
      if (lane === undefined || task.lane === lane) counts[task.status] += 1
    return counts
  }

  async openInGroup(group: string): Promise<number> {
    return this.#tasks.openIn(group)
  }

  async cancel(taskIds: readonly number[]): Promise<CancelReport> {
    return this.#transaction(() => {
      const open = [...new Set(taskIds)].filter((id) => {
        const entry = this.#tasks.get(id)
        return entry !== undefined && isOpen(entry)
      })
      const requested = open.filter((id) => this.#tasks.get(id)?.task.status === 'processing')
      // One that is cancelled may take others of the list with it.
      const cancelled = open.filter((id) => !requested.includes(id) && this.#cancel(id))
      for (const id of requested) {
        const entry = this.#tasks.get(id)
        if (entry) this.#tasks.put({ ...entry, task: { ...entry.task, cancelRequested: true } })
      }
      return { cancelled, requested }
    })
  }

  async retryFailed(filter: TaskFilter, limit: number): Promise<readonly number[]> {
    requireCondition(filter)
    return this.#transaction(() => this.#tasks.retryFailed(filter, limit))
  }

  async setPaused(lane: string, paused: boolean): Promise<void> {
    this.#claims.setPaused(lane, paused)
  }

  async pausedLanes(): Promise<readonly string[]> {
    return this.#claims.pausedLanes()
  }

  async statistics(): Promise<readonly LaneStatistics[]> {
    const countsOf = (lane: string) => this.#counts(lane)
    return this.#statistics.all(await this.pausedLanes(), countsOf, this.#clock.now())
  }

  async prune(filter: Parameters<Backend['prune']>[0], limit: number): Promise<number> {
    const ids = prunable(this.#tasks.all(), filter, limit)
    this.#tasks.forget(ids)
    return ids.length
  }

  async putSchedule(schedule: Schedule): Promise<StoredSchedule> {
    return this.#schedules.put(schedule, this.#clock.now())
  }

  async removeSchedule(name: string): Promise<boolean> {
    return this.#schedules.remove(name)
  }

  async schedules(): Promise<readonly StoredSchedule[]> {
    return this.#schedules.all()
  }

  async fireSchedules(): Promise<FireReport> {
    return this.#schedules.fire(this.#clock.now(), (task) => {
      try {
        return { value: this.#transaction(() => this.#additions.add([task], this.#now)[0]?.id ?? Number.NaN) }
      } catch (error) {
        return { error }
      }
    })
  }

  /** Nobody else can change it. */
  watch(): () => void {
    return () => undefined
  }

  async call(name: string, argument: unknown): Promise<unknown> {
    const call = own(this.#program.calls, name)
    if (call === undefined) throw new UnknownCallError(name, Object.keys(this.#program.calls ?? {}))
    return this.#transaction(() => synchronous(call(this.#handle(), argument)))
  }

  async close(): Promise<void> {
    this.#tasks.restore(new Map())
  }

  /** Runs `work`, a whole transaction or a part of one; when it throws, everything is as it was before it. */
  #transaction<Result>(work: () => Result): Result {
    this.#now = this.#clock.now()
    const before = {
      tasks: this.#tasks.snapshot(),
      database: new Map(this.#database),
      additions: this.#additions.snapshot(),
      statistics: this.#statistics.snapshot(),
    }
    try {
      return work()
    } catch (error) {
      this.#tasks.restore(before.tasks)
      this.#database = before.database
      this.#additions.restore(before.additions)
      this.#statistics.restore(before.statistics)
      throw error
    }
  }

  #handle(): Transaction<MemoryDatabase> {
    return {
      db: this.#database,
      now: this.#now,
      add: (tasks) => this.#transaction(() => this.#additions.add(tasks, this.#now)),
    }
  }

  #settle(settlement: Settlement): SettleResult {
    const { taskId } = settlement.lease
    const entry = this.#tasks.held(settlement.lease)
    if (entry === undefined) return { taskId, status: 'stale' }
    if ('durationMs' in settlement) this.#statistics.took(entry.task.lane, settlement.durationMs, this.#now)
    switch (settlement.outcome) {
      case 'completed':
        return this.#complete(entry, settlement.result, settlement.retryAt ?? this.#now)
      case 'error':
        return this.#fail(entry, settlement.error, settlement.retryAt, settlement.crashed ?? false)
      case 'released':
        return this.#release(entry, entry.task.runAt)
      case 'snoozed':
        return this.#release(entry, storedInstant(settlement.runAt, this.#now))
      case 'cancelled':
        return this.#cancelRunning(entry)
    }
  }

  #complete(entry: Entry, result: unknown, retryAt: number): SettleResult {
    const { id: taskId, kind } = entry.task
    try {
      const stored: unknown = JSON.parse(storedResult(result))
      const { cancelRequested: _late, ...held } = entry.task
      const task: Task = { ...held, status: 'completed', finishedAt: this.#now, result: stored }
      const output = this.#transaction(() =>
        synchronous(own(this.#program.commits, kind)?.(this.#handle(), task, result)),
      )
      this.#tasks.finish(taskId, 'completed', { result: stored }, this.#now)
      return output === undefined ? { taskId, status: 'completed' } : { taskId, status: 'completed', output }
    } catch (thrown) {
      const error = toErrorRecord(thrown)
      return { ...this.#fail(entry, error, retryAt, false), error }
    }
  }

  #fail(entry: Entry, error: ErrorRecord, retryAt: number, alone: boolean): SettleResult {
    if (entry.task.cancelRequested) return this.#cancelRunning(entry)
    const { task, ...rest } = entry
    const failures = task.failures + 1
    const demotion = Number(!(alone && failures === 1))
    if (error.recovery === 'retry' && failures <= task.maxRetries) {
      const charged = { ...task, failures, priority: task.priority - demotion, error }
      return this.#requeue(
        { ...rest, task: charged, alone },
        { status: 'retry', runAt: storedInstant(retryAt, this.#now) },
      )
    }
    this.#tasks.put({ ...rest, alone, task: { ...task, failures } })
    const output = this.#tasks.finish(task.id, 'failed', { error }, this.#now)
    return { taskId: task.id, status: 'failed', ...(output === undefined ? {} : { output }) }
  }

  #release(entry: Entry, runAt: number): SettleResult {
    if (entry.task.cancelRequested) return this.#cancelRunning(entry)
    return this.#requeue(entry, { status: 'pending', runAt })
  }

  #requeue(entry: Entry, change: { status: 'pending' | 'retry'; runAt: number }): SettleResult {
    const { workerId: _none, ...task } = entry.task
    const { token: _token, leaseUntil: _lease, ...rest } = entry
    this.#tasks.put({ ...rest, task: { ...task, ...change } })
    return { taskId: task.id, status: change.status }
  }

  /** Answers what the failure function returned. */
  #tellFailure(task: Task): unknown {
    const failure = own(this.#program.failures, task.kind)
    if (failure === undefined) return undefined
    try {
      return this.#transaction(() => synchronous(failure(this.#handle(), task)))
    } catch (thrown) {
      const entry = this.#tasks.get(task.id)
      if (entry === undefined || task.error === undefined) return undefined
      const message = `${task.error.message}; recording that went wrong too: ${toErrorRecord(thrown).message}`
      this.#tasks.put({ ...entry, task: { ...task, error: { ...task.error, message } } })
      return undefined
    }
  }

  #cancel(id: number): boolean {
    const entry = this.#tasks.get(id)
    if (entry === undefined || !isOpen(entry)) return false
    this.#cancelRunning(entry)
    return true
  }

  #cancelRunning({ task: { id } }: Entry): SettleResult {
    const output = this.#tasks.finish(id, 'cancelled', { error: taskCancelled(id) }, this.#now)
    return { taskId: id, status: 'cancelled', ...(output === undefined ? {} : { output }) }
  }
}
