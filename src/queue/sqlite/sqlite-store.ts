/**
 * The queue on one SQLite file: synchronous, one transaction per public method.
 *
 * This class blocks whoever calls it for as long as the disk takes, so that the engine reaches it through a
 * thread (`sqlite-backend.ts`). It holds no timers and starts nothing.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type Clock, systemClock } from '../../clock.ts'
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
  StatusCounts,
  StoredSchedule,
  SweepOptions,
  SweepReport,
  TaskFilter,
} from '../backend.ts'
import type { StoreProgram } from '../commit.ts'
import { storedProgress } from '../new-task.ts'
import type { Lease, NewTask, Task } from '../task.ts'
import { requireCondition } from '../task-filter.ts'
import { Additions } from './additions.ts'
import { Claims } from './claims.ts'
import { CoordinatorTable } from './coordinator-table.ts'
import { explainSqlite } from './database-error.ts'
import { LaneRules } from './lane-rules.ts'
import { Listing } from './listing.ts'
import { Programs } from './programs.ts'
import { Pruner } from './prune.ts'
import { toStatusCounts } from './read-counts.ts'
import { retryFailed } from './retry-failed.ts'
import { ScheduleTable } from './schedule-table.ts'
import { migrateQueue } from './schema.ts'
import { Settling } from './settling.ts'
import { prepareStatements, type Statements } from './statements.ts'
import { Sweeper } from './sweep.ts'
import { taskOfRow } from './task-row.ts'
import { TaskTable } from './task-table.ts'
import { Transactions } from './transactions.ts'

export interface SqliteStoreOptions {
  /** Path of the database, made when missing; `:memory:` for tests. Never on a network share: WAL needs one host. */
  readonly file: string
  /**
   * What an accepted task survives. `process`: a crash of the program (SQLite `synchronous = NORMAL`, about 11
   * times faster for single additions, 1.7 times in batches of 100). `power`: also a power cut (`FULL`).
   * Default `power`.
   */
  readonly durability?: 'process' | 'power'
  readonly program?: StoreProgram<DatabaseSync>
  readonly clock?: Clock
  /** How long to wait while another process writes. Default 5 s. */
  readonly busyTimeoutMs?: number
}

/** The synchronous twin of {@link Backend}. */
export class SqliteStore {
  readonly #db: DatabaseSync
  readonly #sql: Statements
  readonly #table: TaskTable
  readonly #additions: Additions
  readonly #lanes: LaneRules
  readonly #claims: Claims
  readonly #settling: Settling
  readonly #listing: Listing
  readonly #programs: Programs
  readonly #transactions: Transactions
  readonly #sweeper: Sweeper
  readonly #schedules: ScheduleTable
  readonly #coordinators: CoordinatorTable
  readonly #pruner: Pruner
  readonly #dataVersion: StatementSync
  readonly #clock: Clock

  constructor(options: SqliteStoreOptions) {
    const { file, durability = 'power', program = {}, clock = systemClock, busyTimeoutMs = 5_000 } = options
    this.#clock = clock
    this.#db = openDatabase(file, busyTimeoutMs)
    try {
      this.#db.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`,
      )
      migrateQueue(this.#db)
      this.#sql = prepareStatements(this.#db)
      this.#transactions = new Transactions(this.#db, this.#sql, clock)
      if (program.migrate) this.#transaction(() => program.migrate?.(this.#db))
    } catch (error) {
      this.#db.close()
      throw explainSqlite(error, file)
    }
    this.#schedules = new ScheduleTable(this.#db, this.#transactions)
    this.#coordinators = new CoordinatorTable(this.#db)
    this.#pruner = new Pruner(this.#db, this.#transactions)
    this.#dataVersion = this.#db.prepare('PRAGMA data_version')
    const { counters, keys, statistics } = this.#transactions
    const [db, sql, transactions] = [this.#db, this.#sql, this.#transactions]
    this.#programs = new Programs({ db, sql, transactions, program, add: (tasks) => this.#add(tasks) })
    const onUnlucky = (id: number, kind: string): unknown => this.#programs.tellFailure(id, kind)
    this.#table = new TaskTable({ sql, counters, keys, onUnlucky })
    this.#additions = new Additions({ sql, counters, keys, table: this.#table })
    this.#lanes = new LaneRules(sql)
    this.#claims = new Claims({ sql, counters, keys, lanes: this.#lanes })
    this.#settling = new Settling({ sql, counters, statistics, table: this.#table, programs: this.#programs })
    this.#listing = new Listing(db)
    this.#sweeper = new Sweeper({
      transactions: this.#transactions,
      sql: this.#sql,
      settling: this.#settling,
      coordinators: this.#coordinators,
    })
  }

  add(tasks: readonly NewTask[]): readonly AddedTask[] {
    return this.#transaction(() => this.#add(tasks))
  }

  exchange({ settle, claim }: ExchangeRequest): ExchangeResult {
    return this.#transaction(() => ({
      settled: this.#settling.settle(settle, this.#now),
      claimed: claim.map((request) => this.#claims.claim(request, this.#now)),
    }))
  }

  renew(
    leases: readonly Lease[],
    leaseMs: number,
    progress: Parameters<Backend['renew']>[2] = [],
  ): RenewReport {
    const values = new Map(progress.map(({ taskId, value }) => [taskId, storedProgress(value)]))
    return this.#transaction(() => {
      const leaseUntil = this.#now + leaseMs
      const lost: Lease[] = []
      const cancelRequested: Lease[] = []
      for (const lease of leases) {
        const { taskId: id, token, attempt } = lease
        const row = this.#sql.renew.get({ id, token, attempt, leaseUntil, progress: values.get(id) ?? null })
        if (row === undefined) lost.push(lease)
        else if (row['cancel_requested'] === 1) cancelRequested.push(lease)
      }
      return { lost, cancelRequested }
    })
  }

  sweep(options: SweepOptions = {}): SweepReport {
    return this.#sweeper.sweep(options, this.#clock.now())
  }

  report(coordinator: CoordinatorReport): void {
    this.#transaction(() => this.#coordinators.report(coordinator, this.#now))
  }

  leave(coordinatorId: string): void {
    this.#transaction(() => this.#coordinators.leave(coordinatorId))
  }

  coordinators(): readonly Coordinator[] {
    return this.#coordinators.alive(this.#clock.now())
  }

  nextDueAt(lane: string, rate?: RateLimit): number | undefined {
    return this.#claims.nextDueAt(lane, rate, this.#clock.now())
  }

  get(taskId: number): Task | undefined {
    const row = this.#table.get(taskId)
    return row && taskOfRow(row)
  }

  list(filter: Parameters<Backend['list']>[0]): readonly Task[] {
    return this.#listing.list(filter)
  }

  counts(lane?: string): StatusCounts {
    const rows = lane === undefined ? this.#sql.allCounts.all() : this.#sql.counts.all(lane)
    return toStatusCounts(rows)
  }

  openInGroup(group: string): number {
    return this.#table.openInGroup(group)
  }

  cancel(taskIds: readonly number[]): CancelReport {
    return this.#transaction(() => this.#settling.cancel(taskIds, this.#now))
  }

  retryFailed(filter: TaskFilter, limit: number): readonly number[] {
    requireCondition(filter)
    return this.#transaction(() => {
      return retryFailed({ db: this.#db, table: this.#table, now: this.#now }, filter, limit)
    })
  }

  setPaused(lane: string, paused: boolean): void {
    this.#transaction(() => this.#lanes.setPaused(lane, paused))
  }

  pausedLanes(): readonly string[] {
    return this.#lanes.pausedLanes()
  }

  /** Of every lane there is. */
  statistics(): readonly LaneStatistics[] {
    const paused = new Set(this.pausedLanes())
    const lanes = new Set([...this.#sql.lanes.all().map(({ lane }) => String(lane)), ...paused])
    const now = this.#clock.now()
    return [...lanes].sort().map((lane) => {
      return {
        lane,
        paused: paused.has(lane),
        counts: this.counts(lane),
        ...this.#transactions.statistics.of(lane, now),
      }
    })
  }

  prune(filter: Parameters<Backend['prune']>[0], limit: number): number {
    return this.#pruner.prune(filter, limit)
  }

  putSchedule(schedule: Schedule): StoredSchedule {
    return this.#transaction(() => this.#schedules.put(schedule, this.#now))
  }

  removeSchedule(name: string): boolean {
    return this.#transaction(() => this.#schedules.remove(name))
  }

  schedules(): readonly StoredSchedule[] {
    return this.#schedules.all()
  }

  fireSchedules(): FireReport {
    return this.#schedules.fire(this.#clock.now(), (task) => this.#add([task])[0]?.id ?? Number.NaN)
  }

  /** Changes when another connection has committed something. */
  dataVersion(): number {
    return Number(this.#dataVersion.get()?.['data_version'])
  }

  call(name: string, argument: unknown): unknown {
    return this.#programs.call(name, argument)
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close()
  }

  get #now(): number {
    return this.#transactions.now
  }

  #transaction<Result>(work: () => Result): Result {
    return this.#transactions.run(work)
  }

  #add(tasks: readonly NewTask[]): readonly AddedTask[] {
    return this.#additions.add(tasks, this.#now)
  }
}

function openDatabase(file: string, busyTimeoutMs: number): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: busyTimeoutMs })
  } catch (error) {
    throw explainSqlite(error, file)
  }
}
