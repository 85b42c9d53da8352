/**
 * Hands tasks out: a handful of statements for a claim, however many tasks it gets.
 *
 * Runs inside a transaction that the caller has opened.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import type { ClaimRequest, RateLimit } from '../backend.ts'
import type { ClaimedTask } from '../task.ts'
import { rowLimit } from '../task-filter.ts'
import type { ConcurrencyKeys } from './concurrency-keys.ts'
import type { Counters } from './counters.ts'
import type { LaneRules } from './lane-rules.ts'
import type { Statements } from './statements.ts'
import { type ClaimableRow, taskOfClaimable } from './task-row.ts'

export interface ClaimsOptions {
  readonly sql: Statements
  readonly counters: Counters
  readonly keys: ConcurrencyKeys
  readonly lanes: LaneRules
}

export class Claims {
  readonly #sql: Statements
  readonly #counters: Counters
  readonly #keys: ConcurrencyKeys
  readonly #lanes: LaneRules

  constructor({ sql, counters, keys, lanes }: ClaimsOptions) {
    this.#sql = sql
    this.#counters = counters
    this.#keys = keys
    this.#lanes = lanes
  }

  claim(request: ClaimRequest, now: number): readonly ClaimedTask[] {
    const { lane, workerId, leaseMs, rate } = request
    const limit = rowLimit(Math.min(request.limit, this.#lanes.allowance(lane, rate, now)))
    if (limit === 0) return []
    this.#promote(lane, now)
    this.#keys.putInOrder()
    const rows = this.#sql.claimable.all(lane, limit) as unknown as ClaimableRow[]
    if (rows.length === 0) return []
    const token = randomUUID()
    const ids = JSON.stringify(rows.map(({ id }) => id))
    this.#sql.claim.run({ ids, now, workerId, token, leaseUntil: now + leaseMs })
    this.#lanes.take(lane, rate, rows.length, now)
    return rows.map((row) => this.#handOut(row, { token, workerId, now }))
  }

  /** From when on a claim gets something; undefined when that takes somebody's doing. */
  nextDueAt(lane: string, rate: RateLimit | undefined, now: number): number | undefined {
    const opensAt = this.#lanes.opensAt(lane, rate, now)
    if (opensAt === undefined) return undefined
    if (this.#sql.isReady.get(lane) !== undefined) return opensAt
    if (this.#sql.isDue.get(lane, now) !== undefined) return opensAt
    const runAt = this.#sql.nextDue.get(lane, now)?.['run_at']
    return typeof runAt === 'number' ? Math.max(runAt, opensAt) : undefined
  }

  /** Makes ready what has become due; most claims find nothing of the kind and write nothing. */
  #promote(lane: string, now: number): void {
    if (this.#sql.becomesDue.get(lane, now) === undefined) return
    for (const row of this.#sql.dueKeys.all(lane, now)) this.#keys.touch(String(row['concurrency_key']))
    this.#sql.promote.run(lane, now)
  }

  #handOut(row: ClaimableRow, by: { token: string; workerId: string; now: number }): ClaimedTask {
    this.#counters.add(row.lane, row.status, -1)
    this.#counters.add(row.lane, 'processing', 1)
    this.#keys.touch(row.concurrency_key)
    const task = taskOfClaimable(row)
    task.status = 'processing'
    task.attempt += 1
    task.startedAt = by.now
    task.workerId = by.workerId
    return { task, lease: { taskId: row.id, attempt: task.attempt, token: by.token }, alone: row.alone === 1 }
  }
}
