/**
 * The changes of state of tasks, each with all that follows from it: counters, groups, dependants.
 *
 * Everything here runs inside a transaction that the caller has opened. What follows from a finished task is
 * worked off in a list, not by recursion, because a chain of dependants may be as long as the table.
 *
 * @module
 */

import type { ErrorRecord } from '../../errors.ts'
import type { AddedTask } from '../backend.ts'
import { type PreparedTask, prepareTask } from '../new-task.ts'
import { dependencyFailed, UnknownDependencyError, WaitCycleError } from '../queue-errors.ts'
import type { NewTask, OnDependencyFailure, TaskStatus } from '../task.ts'
import { wouldWaitForItself } from '../waiting.ts'
import type { Counters } from './counters.ts'
import type { Statements } from './statements.ts'
import type { TaskRow } from './task-row.ts'

export type FinalStatus = 'completed' | 'failed' | 'cancelled'

/** A task that is about to end. */
export interface Ending {
  readonly row: TaskRow
  readonly status: FinalStatus
  readonly result?: string
  readonly error?: ErrorRecord
  /** Whether this end is a failed attempt. */
  readonly charge?: boolean
}

/** A task that goes back to wait for another attempt. */
export interface Requeue {
  readonly status: 'pending' | 'retry'
  readonly runAt: number
  readonly error?: ErrorRecord
  readonly alone?: boolean
}

const FINAL = new Set<TaskStatus>(['completed', 'failed', 'cancelled'])

export class TaskTable {
  readonly #sql: Statements
  readonly #counters: Counters
  /** Called with each task that went to `failed` or `cancelled`. */
  readonly #onUnlucky: (taskId: number, kind: string) => void

  constructor(sql: Statements, counters: Counters, onUnlucky: (taskId: number, kind: string) => void) {
    this.#sql = sql
    this.#counters = counters
    this.#onUnlucky = onUnlucky
  }

  get(id: number): TaskRow | undefined {
    return this.#sql.get.get(id) as unknown as TaskRow | undefined
  }

  add(task: NewTask, now: number): AddedTask {
    const prepared = prepareTask(task, now)
    const open = prepared.dedupeKey === undefined ? undefined : this.#sql.openByKey.get(prepared.dedupeKey)
    if (open !== undefined) return { id: Number(open['id']), added: false }
    const { edges, doom } = this.#judgeDependencies(prepared)
    const blockedByGroup = prepared.afterGroup !== undefined && this.openInGroup(prepared.afterGroup) > 0
    this.#refuseCycle(prepared, edges)
    const id = this.#insert(prepared, edges.length + Number(blockedByGroup), blockedByGroup, now)
    for (const [parent, rule] of edges) this.#sql.addEdge.run(parent, id, rule)
    const row = doom && this.get(id)
    if (doom && row) this.finish({ row, ...doom }, now)
    return { id, added: true }
  }

  claim(row: TaskRow, lease: { now: number; workerId: string; token: string; leaseUntil: number }): void {
    this.#sql.claim.run({ id: row.id, ...lease })
    this.#count(row.lane, row.status, 'processing')
  }

  /** Back to the queue: `retry` is charged and loses one of its priority, `pending` is neither. */
  requeue(row: TaskRow, change: Requeue, now: number): void {
    const charged = Number(change.status === 'retry')
    this.#sql.requeue.run({
      id: row.id,
      status: change.status,
      ready: Number(change.runAt <= now),
      runAt: change.runAt,
      demotion: charged,
      charge: charged,
      error: change.error === undefined ? null : JSON.stringify(change.error),
      alone: charged ? Number(change.alone ?? false) : row.alone,
    })
    this.#count(row.lane, row.status, change.status)
  }

  /** Ends a task, and whatever its end decides. */
  finish(ending: Ending, now: number): void {
    const endings = [ending]
    for (const next of endings) {
      // Two parents of one dependant may end in one go; it ends once.
      if (next !== ending && this.get(next.row.id)?.status !== 'waiting') continue
      this.#end(next, now)
      endings.push(...this.#tellDependants(next, now))
      this.#leaveGroup(next.row, now)
      if (next.status !== 'completed') this.#onUnlucky(next.row.id, next.row.kind)
    }
  }

  openInGroup(group: string): number {
    return Number(this.#sql.openInGroup.get(group)?.['open'] ?? 0)
  }

  /** Edges to open parents, and the fate that a parent which has already failed decides. */
  #judgeDependencies(task: PreparedTask): {
    edges: [parent: number, rule: OnDependencyFailure][]
    doom?: { status: FinalStatus; error: ErrorRecord }
  } {
    const edges: [number, OnDependencyFailure][] = []
    let doom: { status: FinalStatus; error: ErrorRecord } | undefined
    for (const [parentId, rule] of task.dependsOn) {
      const parent = this.get(parentId)
      if (parent === undefined) throw new UnknownDependencyError(parentId)
      if (FINAL.has(parent.status)) doom ??= doomOf(parentId, parent.status, rule)
      else edges.push([parentId, rule])
    }
    return doom === undefined ? { edges } : { edges, doom }
  }

  #refuseCycle(task: PreparedTask, edges: readonly [number, OnDependencyFailure][]): void {
    if (task.group === undefined) return
    const { group, afterGroup } = task
    const joining = { group, dependsOn: edges.map(([id]) => id), ...(afterGroup ? { afterGroup } : {}) }
    const cycle = wouldWaitForItself(joining, {
      dependenciesOf: (id) => this.#sql.openParents.all(id).map((row) => Number(row['parent'])),
      groupAwaitedBy: (id) => awaitedGroup(this.get(id)),
      waitingIn: (name) => this.#sql.waitingIn.all(name).map((row) => Number(row['id'])),
      isAwaited: (name) => this.#sql.isAwaited.get(name) !== undefined,
    })
    if (cycle) throw new WaitCycleError(group)
  }

  #insert(task: PreparedTask, blockers: number, blockedByGroup: boolean, now: number): number {
    const status = blockers > 0 ? 'waiting' : 'pending'
    const { lastInsertRowid } = this.#sql.insert.run({
      kind: task.kind,
      lane: task.lane,
      payload: task.payload,
      status,
      ready: blockers > 0 ? null : Number(task.runAt <= now),
      priority: task.priority,
      runAt: task.runAt,
      maxRetries: task.maxRetries,
      timeoutMs: task.timeoutMs ?? null,
      group: task.group ?? null,
      // Kept only while it is awaited: a group that fills up again later holds nobody back a second time.
      afterGroup: blockedByGroup ? (task.afterGroup ?? null) : null,
      blockers,
      dedupeKey: task.dedupeKey ?? null,
      now,
    })
    this.#counters.add(task.lane, status, 1)
    if (task.group !== undefined) this.#sql.joinGroup.run(task.group)
    return Number(lastInsertRowid)
  }

  #end({ row, status, result, error, charge = false }: Ending, now: number): void {
    this.#sql.finish.run({
      id: row.id,
      status,
      now,
      charge: Number(charge),
      result: result ?? null,
      error: error === undefined ? row.error : JSON.stringify(error),
    })
    this.#count(row.lane, row.status, status)
  }

  /** Frees the dependants of a finished task; answers those that end with it. */
  #tellDependants({ row, status }: Ending, now: number): Ending[] {
    const edges = this.#sql.edgesOf.all(row.id) as unknown as {
      child: number
      on_failure: OnDependencyFailure
    }[]
    if (edges.length === 0) return []
    this.#sql.dropEdges.run(row.id)
    const endings: Ending[] = []
    for (const { child, on_failure: rule } of edges) {
      const doom = doomOf(row.id, status, rule)
      const dependant = this.get(child)
      if (dependant?.status !== 'waiting') continue
      if (doom === undefined) this.#freeIfUnblocked(this.#sql.unblock.get(child) as unknown as TaskRow, now)
      else endings.push({ row: dependant, ...doom })
    }
    return endings
  }

  #leaveGroup(row: TaskRow, now: number): void {
    if (row.task_group === null) return
    const left = this.#sql.leaveGroup.get(row.task_group)
    if (Number(left?.['open']) > 0) return
    this.#sql.dropGroup.run(row.task_group)
    const waiting = this.#sql.endGroupWait.all(row.task_group) as unknown as TaskRow[]
    for (const task of waiting) this.#freeIfUnblocked(task, now)
  }

  #freeIfUnblocked(row: TaskRow, now: number): void {
    if (row.blockers > 0) return
    this.#sql.free.run({ id: row.id, ready: Number(row.run_at <= now) })
    this.#count(row.lane, 'waiting', 'pending')
  }

  #count(lane: string, from: TaskStatus, to: TaskStatus): void {
    this.#counters.add(lane, from, -1)
    this.#counters.add(lane, to, 1)
  }
}

/** What the end of a parent means for its dependant; undefined when it may go on. */
export function doomOf(
  parentId: number,
  status: TaskStatus,
  rule: OnDependencyFailure,
): { status: FinalStatus; error: ErrorRecord } | undefined {
  if (rule === 'run' || (status !== 'failed' && status !== 'cancelled')) return undefined
  return { status: rule === 'fail' ? 'failed' : 'cancelled', error: dependencyFailed(parentId, status) }
}

function awaitedGroup(row: TaskRow | undefined): string | undefined {
  return row?.status === 'waiting' ? (row.after_group ?? undefined) : undefined
}
