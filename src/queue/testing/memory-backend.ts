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
  ClaimRequest,
  ExchangeRequest,
  ExchangeResult,
  Settlement,
  SettleResult,
  StatusCounts,
  SweepOptions,
  SweepReport,
} from '../backend.ts'
import type { StoreProgram, Transaction } from '../commit.ts'
import { type PreparedTask, prepareTask, storedResult } from '../new-task.ts'
import {
  leaseExpired,
  taskCancelled,
  UnknownCallError,
  UnknownDependencyError,
  WaitCycleError,
} from '../queue-errors.ts'
import type { ClaimedTask, Lease, NewTask, OnDependencyFailure, Task } from '../task.ts'
import { wouldWaitForItself } from '../waiting.ts'
import { canBeClaimed, type Doom, doomBy, type Entry, isOpen, newTask } from './memory-entry.ts'

/** What a program for this backend keeps: it is rolled back by copying, so values are replaced, not changed. */
export type MemoryDatabase = Map<string, unknown>

type FinalStatus = 'completed' | 'failed' | 'cancelled'

interface End {
  readonly error?: ErrorRecord
  readonly result?: unknown
}

interface Ending {
  readonly id: number
  readonly status: FinalStatus
  readonly end: End
}

export interface MemoryBackendOptions {
  readonly clock?: Clock
  readonly program?: StoreProgram<MemoryDatabase>
}

export class MemoryBackend implements Backend {
  readonly #clock: Clock
  readonly #program: StoreProgram<MemoryDatabase>
  #entries = new Map<number, Entry>()
  #database: MemoryDatabase = new Map()
  #lastId = 0
  #lastToken = 0
  #now = 0

  constructor({ clock = systemClock, program = {} }: MemoryBackendOptions = {}) {
    this.#clock = clock
    this.#program = program
    program.migrate?.(this.#database)
  }

  async add(tasks: readonly NewTask[]): Promise<readonly AddedTask[]> {
    return this.#transaction(() => tasks.map((task) => this.#add(task)))
  }

  async exchange({ settle, claim }: ExchangeRequest): Promise<ExchangeResult> {
    return this.#transaction(() => ({
      settled: settle.map((settlement) => this.#settle(settlement)),
      claimed: claim.map((request) => this.#claim(request)),
    }))
  }

  async renew(leases: readonly Lease[], leaseMs: number): Promise<{ readonly lost: readonly Lease[] }> {
    const lost = leases.filter((lease) => {
      const entry = this.#held(lease)
      if (entry) this.#put({ ...entry, leaseUntil: this.#clock.now() + leaseMs })
      return entry === undefined
    })
    return { lost }
  }

  async sweep({ takeOver = false }: SweepOptions = {}): Promise<SweepReport> {
    return this.#transaction(() => {
      const held = this.#all().filter(({ task }) => task.status === 'processing')
      const swept = held.filter(({ leaseUntil = 0 }) => takeOver || leaseUntil <= this.#now)
      for (const entry of swept.sort((a, b) => (a.leaseUntil ?? 0) - (b.leaseUntil ?? 0))) {
        if (takeOver) this.#requeue(entry, { status: 'pending', runAt: entry.task.runAt })
        else this.#fail(entry, leaseExpired(entry.task.workerId), this.#now, false)
      }
      const ids = swept.map(({ task }) => task.id)
      return takeOver ? { expired: [], released: ids } : { expired: ids, released: [] }
    })
  }

  async nextDueAt(lane: string): Promise<number | undefined> {
    const due = this.#all().filter((entry) => entry.task.lane === lane && canBeClaimed(entry))
    if (due.length === 0) return undefined
    return Math.max(this.#clock.now(), Math.min(...due.map(({ task }) => task.runAt)))
  }

  async get(taskId: number): Promise<Task | undefined> {
    return this.#entries.get(taskId)?.task
  }

  async list(filter: Parameters<Backend['list']>[0]): Promise<readonly Task[]> {
    const { afterId = 0, limit, ...wanted } = filter
    return this.#all()
      .map(({ task }) => task)
      .filter((task) => task.id > afterId)
      .filter((task) => Object.entries(wanted).every(([name, value]) => task[name as keyof Task] === value))
      .slice(0, limit)
  }

  async counts(lane?: string): Promise<StatusCounts> {
    const counts = { waiting: 0, pending: 0, processing: 0, retry: 0, completed: 0, failed: 0, cancelled: 0 }
    for (const { task } of this.#all()) if (lane === undefined || task.lane === lane) counts[task.status] += 1
    return counts
  }

  async openInGroup(group: string): Promise<number> {
    return this.#openIn(group)
  }

  async cancel(taskIds: readonly number[]): Promise<readonly number[]> {
    return this.#transaction(() => taskIds.filter((id) => this.#cancel(id)))
  }

  async call(name: string, argument: unknown): Promise<unknown> {
    const call = this.#program.calls?.[name]
    if (call === undefined) throw new UnknownCallError(name, Object.keys(this.#program.calls ?? {}))
    return this.#transaction(() => call(this.#handle(), argument))
  }

  async close(): Promise<void> {
    this.#entries.clear()
  }

  /** Runs `work`, a whole transaction or a part of one; when it throws, everything is as it was before it. */
  #transaction<Result>(work: () => Result): Result {
    this.#now = this.#clock.now()
    const before = {
      entries: new Map(this.#entries),
      database: new Map(this.#database),
      lastId: this.#lastId,
    }
    try {
      return work()
    } catch (error) {
      this.#entries = before.entries
      this.#database = before.database
      this.#lastId = before.lastId
      throw error
    }
  }

  #handle(): Transaction<MemoryDatabase> {
    return { db: this.#database, now: this.#now, add: (tasks) => tasks.map((task) => this.#add(task)) }
  }

  #all(): Entry[] {
    return [...this.#entries.values()]
  }

  #put(entry: Entry): void {
    this.#entries.set(entry.task.id, entry)
  }

  #openIn(group: string): number {
    return this.#all().filter((entry) => entry.task.group === group && isOpen(entry)).length
  }

  #held({ taskId, token, attempt }: Lease): Entry | undefined {
    const entry = this.#entries.get(taskId)
    const current =
      entry?.task.status === 'processing' && entry.token === token && entry.task.attempt === attempt
    return current ? entry : undefined
  }

  #add(given: NewTask): AddedTask {
    const task = prepareTask(given, this.#now)
    const twin = this.#all().find(
      (entry) => isOpen(entry) && task.dedupeKey !== undefined && entry.task.dedupeKey === task.dedupeKey,
    )
    if (twin) return { id: twin.task.id, added: false }
    const { parents, doom } = this.#judge(task)
    this.#refuseCycle(task, parents)
    const awaited = task.afterGroup !== undefined && this.#openIn(task.afterGroup) > 0
    const id = ++this.#lastId
    this.#put({
      task: newTask(id, task, parents.size > 0 || awaited ? 'waiting' : 'pending', this.#now),
      alone: false,
      parents,
      ...(awaited && task.afterGroup !== undefined ? { afterGroup: task.afterGroup } : {}),
    })
    if (doom) this.#finish(id, doom.status, { error: doom.error })
    return { id, added: true }
  }

  #judge(task: PreparedTask): {
    parents: Map<number, OnDependencyFailure>
    doom?: Doom
  } {
    const parents = new Map<number, OnDependencyFailure>()
    let doom: Doom | undefined
    for (const [id, rule] of task.dependsOn) {
      const parent = this.#entries.get(id)
      if (parent === undefined) throw new UnknownDependencyError(id)
      if (isOpen(parent)) parents.set(id, rule)
      else doom ??= doomBy(parent.task, rule)
    }
    return doom ? { parents, doom } : { parents }
  }

  #refuseCycle({ group, afterGroup }: PreparedTask, parents: ReadonlyMap<number, unknown>): void {
    if (group === undefined) return
    const joining = {
      group,
      dependsOn: [...parents.keys()],
      ...(afterGroup === undefined ? {} : { afterGroup }),
    }
    const waiting = this.#all().filter(({ task }) => task.status === 'waiting')
    const cycle = wouldWaitForItself(joining, {
      dependenciesOf: (id) => [...(this.#entries.get(id)?.parents.keys() ?? [])],
      groupAwaitedBy: (id) => waiting.find(({ task }) => task.id === id)?.afterGroup,
      waitingIn: (name) => waiting.filter(({ task }) => task.group === name).map(({ task }) => task.id),
      isAwaited: (name) => waiting.some((entry) => entry.afterGroup === name),
    })
    if (cycle) throw new WaitCycleError(group)
  }

  #claim({ lane, limit, workerId, leaseMs }: ClaimRequest): readonly ClaimedTask[] {
    const token = `token-${++this.#lastToken}`
    return this.#all()
      .filter((entry) => entry.task.lane === lane && canBeClaimed(entry) && entry.task.runAt <= this.#now)
      .sort((a, b) => b.task.priority - a.task.priority || a.task.id - b.task.id)
      .slice(0, Math.max(0, limit))
      .map((entry) => {
        const attempt = entry.task.attempt + 1
        const task: Task = { ...entry.task, status: 'processing', attempt, startedAt: this.#now, workerId }
        this.#put({ ...entry, task, token, leaseUntil: this.#now + leaseMs })
        return { task, lease: { taskId: task.id, attempt, token }, alone: entry.alone }
      })
  }

  #settle(settlement: Settlement): SettleResult {
    const { taskId } = settlement.lease
    const entry = this.#held(settlement.lease)
    if (entry === undefined) return { taskId, status: 'stale' }
    switch (settlement.outcome) {
      case 'completed':
        return this.#complete(entry, settlement.result, settlement.retryAt ?? this.#now)
      case 'error':
        return this.#fail(entry, settlement.error, settlement.retryAt, settlement.crashed ?? false)
      case 'released':
        return this.#requeue(entry, { status: 'pending', runAt: entry.task.runAt })
      case 'snoozed':
        return this.#requeue(entry, { status: 'pending', runAt: Math.ceil(settlement.runAt) })
    }
  }

  #complete(entry: Entry, result: unknown, retryAt: number): SettleResult {
    const { id: taskId, kind } = entry.task
    try {
      const stored: unknown = JSON.parse(storedResult(result))
      const task: Task = { ...entry.task, status: 'completed', finishedAt: this.#now, result: stored }
      const output = this.#transaction(() => this.#program.commits?.[kind]?.(this.#handle(), task, result))
      this.#finish(taskId, 'completed', { result: stored })
      return output === undefined ? { taskId, status: 'completed' } : { taskId, status: 'completed', output }
    } catch (thrown) {
      const error = toErrorRecord(thrown)
      return { ...this.#fail(entry, error, retryAt, false), error }
    }
  }

  #fail({ task, ...rest }: Entry, error: ErrorRecord, retryAt: number, alone: boolean): SettleResult {
    const failures = task.failures + 1
    if (error.recovery === 'retry' && failures <= task.maxRetries) {
      const charged = { ...task, failures, priority: task.priority - 1, error }
      return this.#requeue({ ...rest, task: charged, alone }, { status: 'retry', runAt: Math.ceil(retryAt) })
    }
    this.#put({ ...rest, task: { ...task, failures } })
    this.#finish(task.id, 'failed', { error })
    return { taskId: task.id, status: 'failed' }
  }

  #requeue(entry: Entry, change: { status: 'pending' | 'retry'; runAt: number }): SettleResult {
    const { workerId: _none, ...task } = entry.task
    const { token: _token, leaseUntil: _lease, ...rest } = entry
    this.#put({ ...rest, task: { ...task, ...change } })
    return { taskId: task.id, status: change.status }
  }

  /** Ends a task, and what its end decides: all that depend on it, then all that depend on those. */
  #finish(id: number, status: FinalStatus, end: End): void {
    const endings: Ending[] = [{ id, status, end }]
    for (const next of endings) endings.push(...this.#endOne(next))
  }

  #endOne({ id, status, end }: Ending): Ending[] {
    const entry = this.#entries.get(id)
    if (entry === undefined || !isOpen(entry)) return []
    const task: Task = { ...entry.task, status, finishedAt: this.#now, ...end }
    this.#put({ task, alone: entry.alone, parents: new Map() })
    const doomed = this.#all().flatMap((child) => this.#tellDependant(child, task))
    if (task.group !== undefined && this.#openIn(task.group) === 0) this.#endGroup(task.group)
    if (status !== 'completed') this.#tellFailure(task)
    return doomed
  }

  #tellDependant(child: Entry, parent: Task): Ending[] {
    const rule = child.parents.get(parent.id)
    if (rule === undefined || child.task.status !== 'waiting') return []
    const doom = doomBy(parent, rule)
    if (doom) return [{ id: child.task.id, status: doom.status, end: { error: doom.error } }]
    const parents = new Map(child.parents)
    parents.delete(parent.id)
    this.#freeIfUnblocked({ ...child, parents })
    return []
  }

  #endGroup(group: string): void {
    for (const entry of this.#all()) {
      if (entry.task.status !== 'waiting' || entry.afterGroup !== group) continue
      const { afterGroup: _awaited, ...rest } = entry
      this.#freeIfUnblocked(rest)
    }
  }

  #freeIfUnblocked(entry: Entry): void {
    const free = entry.parents.size === 0 && entry.afterGroup === undefined
    this.#put(free ? { ...entry, task: { ...entry.task, status: 'pending' } } : entry)
  }

  #tellFailure(task: Task): void {
    const failure = this.#program.failures?.[task.kind]
    if (failure === undefined) return
    try {
      this.#transaction(() => failure(this.#handle(), task))
    } catch (thrown) {
      const entry = this.#entries.get(task.id)
      if (entry === undefined || task.error === undefined) return
      const message = `${task.error.message}; recording that went wrong too: ${toErrorRecord(thrown).message}`
      this.#put({ ...entry, task: { ...task, error: { ...task.error, message } } })
    }
  }

  #cancel(id: number): boolean {
    const entry = this.#entries.get(id)
    if (entry === undefined || !isOpen(entry) || entry.task.status === 'processing') return false
    this.#finish(id, 'cancelled', { error: taskCancelled(id) })
    return true
  }
}
