/**
 * How attempts end, by their holder or because it vanished, and how tasks are cancelled.
 *
 * Most attempts complete, and nothing depends on them: those are ended by one statement for all of a batch. Runs
 * inside a transaction that the caller has opened.
 *
 * @module
 */

import { type ErrorRecord, toErrorRecord } from '../../errors.ts'
import type { CancelReport, Settlement, SettleResult } from '../backend.ts'
import { storedInstant, storedResult } from '../new-task.ts'
import { leaseExpired, taskCancelled } from '../queue-errors.ts'
import type { Counters } from './counters.ts'
import type { Programs } from './programs.ts'
import type { Statements } from './statements.ts'
import type { StatisticsTable } from './statistics-table.ts'
import type { TaskRow } from './task-row.ts'
import type { EndedRow, FinalStatus, TaskTable } from './task-table.ts'

type Completion = Extract<Settlement, { readonly outcome: 'completed' }>

/** What the statement for completions answers of each. */
interface CompletedRow extends EndedRow {
  readonly lane: string
  readonly has_dependants: number
}

export interface SettlingOptions {
  readonly sql: Statements
  readonly counters: Counters
  readonly statistics: StatisticsTable
  readonly table: TaskTable
  readonly programs: Programs
}

export class Settling {
  readonly #sql: Statements
  readonly #counters: Counters
  readonly #statistics: StatisticsTable
  readonly #table: TaskTable
  readonly #programs: Programs
  readonly #kindsWithCommit: string

  constructor({ sql, counters, statistics, table, programs }: SettlingOptions) {
    this.#sql = sql
    this.#counters = counters
    this.#statistics = statistics
    this.#table = table
    this.#programs = programs
    this.#kindsWithCommit = JSON.stringify(programs.kindsWithCommit)
  }

  /** In the order of `settlements`. */
  settle(settlements: readonly Settlement[], now: number): readonly SettleResult[] {
    return runsOf(settlements).flatMap((run) => {
      const plain = this.#completePlain(run, now)
      return run.map((settlement) => {
        const taskId = settlement.lease.taskId
        return plain.has(taskId) ? { taskId, status: 'completed' } : this.#settleOne(settlement, now)
      })
    })
  }

  cancel(taskIds: readonly number[], now: number): CancelReport {
    const cancelled: number[] = []
    const requested: number[] = []
    for (const id of new Set(taskIds)) {
      const row = this.#table.get(id)
      if (row?.status === 'processing') {
        this.#sql.requestCancel.run(id)
        requested.push(id)
      } else if (row?.status === 'waiting' || row?.status === 'pending' || row?.status === 'retry') {
        this.#cancel(row, now)
        cancelled.push(id)
      }
    }
    return { cancelled, requested }
  }

  /** Its holder has vanished without a trace: charged. */
  expire(row: TaskRow, now: number): void {
    this.#fail(row, { error: leaseExpired(row.worker_id ?? undefined), retryAt: now }, now)
  }

  /** Back to the queue, uncharged; unless somebody wants its end. */
  release(row: TaskRow, runAt: number, now: number): SettleResult {
    if (row.cancel_requested === 1) return this.#cancel(row, now)
    this.#table.requeue(row, { status: 'pending', runAt }, now)
    return { taskId: row.id, status: 'pending' }
  }

  /** Ends the attempts of `run` whose kinds have no commit function; answers their tasks. */
  #completePlain(run: readonly Settlement[], now: number): ReadonlySet<number> {
    const completions = run.filter((settlement) => settlement.outcome === 'completed')
    if (completions.length === 0) return new Set()
    const ends = JSON.stringify(completions.flatMap(endOf))
    const answered = this.#sql.completePlain.all({ now, ends, exceptKinds: this.#kindsWithCommit })
    const rows = new Map((answered as unknown as CompletedRow[]).map((row) => [row.id, row]))
    for (const { lease, durationMs } of completions) {
      const row = rows.get(lease.taskId)
      if (row === undefined) continue
      this.#counters.add(row.lane, 'processing', -1)
      this.#counters.add(row.lane, 'completed', 1)
      this.#statistics.took(row.lane, durationMs)
      this.#table.completed(row, row.has_dependants === 1, now)
    }
    return new Set(rows.keys())
  }

  #settleOne(settlement: Settlement, now: number): SettleResult {
    const { taskId, token, attempt } = settlement.lease
    const row = this.#table.get(taskId)
    const current = row?.status === 'processing' && row.token === token && row.attempt === attempt
    if (!current) return { taskId, status: 'stale' }
    if ('durationMs' in settlement) this.#statistics.took(row.lane, settlement.durationMs)
    switch (settlement.outcome) {
      case 'completed':
        return this.#complete(row, settlement, now)
      case 'error':
        return this.#fail(row, settlement, now)
      case 'released':
        return this.release(row, row.run_at, now)
      case 'snoozed':
        return this.release(row, storedInstant(settlement.runAt, now), now)
      case 'cancelled':
        return this.#cancel(row, now)
    }
  }

  #complete(row: TaskRow, { result, retryAt }: Completion, now: number): SettleResult {
    const part = this.#programs.commit(row, result)
    if ('error' in part) {
      const error = toErrorRecord(part.error)
      return { ...this.#fail(row, { error, retryAt: retryAt ?? now }, now), error }
    }
    this.#table.finish({ row, status: 'completed', result: part.stored }, now)
    return settled(row.id, 'completed', part.value)
  }

  #fail(
    row: TaskRow,
    { error, retryAt, crashed = false }: { error: ErrorRecord; retryAt: number; crashed?: boolean },
    now: number,
  ): SettleResult {
    if (row.cancel_requested === 1) return this.#cancel(row, now)
    if (error.recovery === 'retry' && row.failures < row.max_retries) {
      // Most often somebody else was to blame for the first crash: it does not go behind its equals for that.
      const keepsPriority = crashed && row.failures === 0
      const runAt = storedInstant(retryAt, now)
      this.#table.requeue(row, { status: 'retry', runAt, error, alone: crashed, keepsPriority }, now)
      return { taskId: row.id, status: 'retry' }
    }
    const output = this.#table.finish({ row, status: 'failed', error, charge: true, alone: crashed }, now)
    return settled(row.id, 'failed', output)
  }

  #cancel(row: TaskRow, now: number): SettleResult {
    const output = this.#table.finish({ row, status: 'cancelled', error: taskCancelled(row.id) }, now)
    return settled(row.id, 'cancelled', output)
  }
}

/** As a list of one; empty when the result cannot be stored. */
function endOf({ lease, result }: Completion): readonly (readonly unknown[])[] {
  const stored = resultText(result)
  return stored === undefined ? [] : [[lease.taskId, lease.token, lease.attempt, stored]]
}

/** Undefined for a result that is not JSON: that is the end of its own attempt only, not of all that are settled. */
function resultText(result: unknown): string | undefined {
  try {
    return storedResult(result)
  } catch {
    return undefined
  }
}

function settled(taskId: number, status: FinalStatus, output: unknown): SettleResult {
  return { taskId, status, ...(output === undefined ? {} : { output }) }
}

/** Cuts the list where the order matters: a run is completions of different tasks, or one other settlement. */
function runsOf(settlements: readonly Settlement[]): readonly (readonly Settlement[])[] {
  const runs: Settlement[][] = []
  let seen: Set<number> | undefined
  for (const settlement of settlements) {
    const { outcome, lease } = settlement
    if (outcome !== 'completed') {
      runs.push([settlement])
      seen = undefined
    } else if (seen === undefined || seen.has(lease.taskId)) {
      runs.push([settlement])
      seen = new Set([lease.taskId])
    } else {
      runs.at(-1)?.push(settlement)
      seen.add(lease.taskId)
    }
  }
  return runs
}
