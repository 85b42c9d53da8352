/**
 * The changes of state of tasks, each with all that follows from it: counters, groups, dependants.
 *
 * Everything here runs inside a transaction that the caller has opened. What follows from a finished task is
 * worked off in a list, not by recursion, because a chain of dependants may be as long as the table.
 *
 * @module
 */

import type { ErrorRecord } from '../../errors.ts'
import type { PreparedTask } from '../new-task.ts'
import { dependencyFailed, WaitCycleError } from '../queue-errors.ts'
import type { OnDependencyFailure, TaskStatus } from '../task.ts'
import { type Joining, wouldWaitForItself } from '../waiting.ts'
import { type ConcurrencyKeys, readiness } from './concurrency-keys.ts'
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
  /** Whether that attempt took its worker down, so that another chance is given to it alone. */
  readonly alone?: boolean
}

/** What follows from the end of a task. */
export type EndedRow = Pick<TaskRow, 'id' | 'task_group' | 'concurrency_key'>

/** How a task ends because one that it depends on did not complete. */
export interface Doom {
  readonly status: 'failed' | 'cancelled'
  readonly error: ErrorRecord
}

/** A task that goes back to wait for another attempt. */
export interface Requeue {
  readonly status: 'pending' | 'retry'
  readonly runAt: number
  readonly error?: ErrorRecord
  readonly alone?: boolean
  /** Whether a retry keeps its priority. */
  readonly keepsPriority?: boolean
}

export interface TaskTableOptions {
  readonly sql: Statements
  readonly counters: Counters
  readonly keys: ConcurrencyKeys
  /** Called with each task that went to `failed` or `cancelled`; answers what its failure function returned. */
  readonly onUnlucky: (taskId: number, kind: string) => unknown
}

export class TaskTable {
  readonly #sql: Statements
  readonly #counters: Counters
  readonly #keys: ConcurrencyKeys
  readonly #onUnlucky: (taskId: number, kind: string) => unknown

  constructor({ sql, counters, keys, onUnlucky }: TaskTableOptions) {
    this.#sql = sql
    this.#counters = counters
    this.#keys = keys
    this.#onUnlucky = onUnlucky
  }

  get(id: number): TaskRow | undefined {
    return this.#sql.get.get(id) as unknown as TaskRow | undefined
  }

  /** An open task that does not run takes payload and options of `task`; see `OnDuplicate`. */
  replace(open: TaskRow, task: PreparedTask, now: number): void {
    const group = task.group ?? null
    if (group !== null && group !== open.task_group) {
      const dependsOn = this.#openParents(open.id)
      this.refuseCycle({ group, dependsOn, ...awaitedGroup(open) })
    }
    const status = open.status === 'waiting' ? 'waiting' : 'pending'
    const runAt = task.onDuplicate === 'debounce' ? task.runAt : open.run_at
    const concurrencyKey = task.concurrencyKey ?? null
    this.#sql.replace.run({
      id: open.id,
      kind: task.kind,
      lane: task.lane,
      payload: task.payload,
      status,
      ready: status === 'waiting' ? null : readiness(runAt, concurrencyKey, now),
      priority: task.priority,
      runAt,
      maxRetries: task.maxRetries,
      timeoutMs: task.timeoutMs ?? null,
      group,
      concurrencyKey,
      memoryBytes: task.memoryBytes ?? null,
    })
    this.#counters.add(open.lane, open.status, -1)
    this.#counters.add(task.lane, status, 1)
    this.#keys.touch(open.concurrency_key)
    this.#keys.touch(concurrencyKey)
    if (group === open.task_group) return
    if (group !== null) this.#sql.joinGroup.run(group, 1)
    this.#leaveGroup(open.task_group, now)
  }

  /** Back to the queue: `retry` is charged and mostly loses one of its priority, `pending` is neither. */
  requeue(row: TaskRow, change: Requeue, now: number): void {
    const charged = Number(change.status === 'retry')
    this.#sql.requeue.run({
      id: row.id,
      status: change.status,
      ready: readiness(change.runAt, row.concurrency_key, now),
      runAt: change.runAt,
      demotion: change.keepsPriority ? 0 : charged,
      charge: charged,
      error: change.error === undefined ? null : JSON.stringify(change.error),
      alone: charged ? Number(change.alone ?? false) : row.alone,
    })
    this.#count(row.lane, row.status, change.status)
    this.#keys.touch(row.concurrency_key)
  }

  /** Ends a task, and whatever its end decides. Answers what its failure function returned, if that was called. */
  finish(ending: Ending, now: number): unknown {
    const endings = [ending]
    let output: unknown
    for (const next of endings) {
      // Two parents of one dependant may end in one go; it ends once.
      if (next !== ending && this.get(next.row.id)?.status !== 'waiting') continue
      this.#end(next, now)
      // One by one: as arguments of one call, many thousands overflow the stack.
      for (const doomed of this.#tellDependants(next.row.id, next.status, now)) endings.push(doomed)
      this.#leaveGroup(next.row.task_group, now)
      if (next.status === 'completed') continue
      const told = this.#onUnlucky(next.row.id, next.row.kind)
      if (next === ending) output = told
    }
    return output
  }

  /** What follows from a completion that was written already. */
  completed({ id, task_group, concurrency_key }: EndedRow, hasDependants: boolean, now: number): void {
    this.#keys.touch(concurrency_key)
    if (hasDependants) this.#tellDependants(id, 'completed', now)
    this.#leaveGroup(task_group, now)
  }

  /**
   * Gives a failed task all its attempts again. It waits for what it depended on and has not completed since.
   *
   * @returns false when it cannot have them: what it depends on is still failed or gone, an open task has its
   *   dedupe key, or it would wait for its own group.
   */
  revive(row: TaskRow, now: number): boolean {
    if (row.dedupe_key !== null && this.#sql.openByKey.get(row.dedupe_key) !== undefined) return false
    const parents = this.#sql.parentsOf.all(row.id) as unknown as ParentRow[]
    if (parents.some(({ status }) => status === null || status === 'failed' || status === 'cancelled')) {
      return false
    }
    const isAwaited = row.after_group !== null && this.openInGroup(row.after_group) > 0
    const afterGroup = isAwaited ? row.after_group : null
    const joining: Joining = {
      dependsOn: parents.map(({ parent }) => parent),
      ...(row.task_group === null ? {} : { group: row.task_group }),
      ...(afterGroup === null ? {} : { afterGroup }),
    }
    if (this.#isCycle(joining)) return false
    this.#revive(row, { blockers: parents.length + Number(isAwaited), afterGroup }, now)
    return true
  }

  openInGroup(group: string): number {
    return Number(this.#sql.openInGroup.get(group)?.['open'] ?? 0)
  }

  /** @throws {@link WaitCycleError} when a task that joins its group would wait for it. */
  refuseCycle(joining: Joining): void {
    if (this.#isCycle(joining)) throw new WaitCycleError(joining.group ?? '')
  }

  #isCycle(joining: Joining): boolean {
    return wouldWaitForItself(joining, {
      dependenciesOf: (id) => this.#openParents(id),
      groupOf: (id) => this.#groups(id)?.task_group ?? undefined,
      groupAwaitedBy: (id) => this.#groups(id)?.awaited ?? undefined,
      waitingIn: (name) => this.#sql.waitingIn.all(name).map((row) => Number(row['id'])),
      isAwaited: (name) => this.#sql.isAwaited.get(name) !== undefined,
    })
  }

  #groups(id: number): GroupsRow | undefined {
    return this.#sql.groupsOf.get(id) as unknown as GroupsRow | undefined
  }

  /** An open task has edges to open parents only. */
  #openParents(id: number): readonly number[] {
    return this.#sql.openParents.all(id).map((row) => Number(row['parent']))
  }

  #revive(row: TaskRow, waits: { blockers: number; afterGroup: string | null }, now: number): void {
    const status = waits.blockers > 0 ? 'waiting' : 'pending'
    this.#sql.revive.run({
      id: row.id,
      status,
      ready: waits.blockers > 0 ? null : readiness(row.run_at, row.concurrency_key, now),
      ...waits,
    })
    this.#count(row.lane, 'failed', status)
    this.#keys.touch(row.concurrency_key)
    if (row.task_group !== null) this.#sql.joinGroup.run(row.task_group, 1)
  }

  #end({ row, status, result, error, charge = false, alone }: Ending, now: number): void {
    this.#sql.finish.run({
      id: row.id,
      status,
      now,
      charge: Number(charge),
      result: result ?? null,
      error: error === undefined ? row.error : JSON.stringify(error),
      alone: alone === undefined ? row.alone : Number(alone),
    })
    this.#count(row.lane, row.status, status)
    this.#keys.touch(row.concurrency_key)
  }

  /** Frees the dependants of a finished task; answers those that end with it. */
  #tellDependants(id: number, status: FinalStatus, now: number): Ending[] {
    const edges = this.#sql.edgesOf.all(id) as unknown as EdgeRow[]
    if (edges.length === 0) return []
    const drop = status === 'completed' ? this.#sql.dropEdges : this.#sql.dropRunEdges
    drop.run(id)
    const endings: Ending[] = []
    for (const { child, on_failure: rule } of edges) {
      const doom = doomOf(id, status, rule)
      const dependant = this.get(child)
      if (dependant?.status !== 'waiting') continue
      if (doom === undefined) this.#freeIfUnblocked(this.#sql.unblock.get(child) as unknown as TaskRow, now)
      else endings.push({ row: dependant, ...doom })
    }
    return endings
  }

  #leaveGroup(group: string | null, now: number): void {
    if (group === null) return
    const left = this.#sql.leaveGroup.get(group)
    if (Number(left?.['open']) > 0) return
    this.#sql.dropGroup.run(group)
    const waiting = this.#sql.endGroupWait.all(group) as unknown as TaskRow[]
    for (const task of waiting) this.#freeIfUnblocked(task, now)
  }

  #freeIfUnblocked(row: TaskRow, now: number): void {
    if (row.blockers > 0) return
    this.#sql.free.run({ id: row.id, ready: readiness(row.run_at, row.concurrency_key, now) })
    this.#count(row.lane, 'waiting', 'pending')
    this.#keys.touch(row.concurrency_key)
  }

  #count(lane: string, from: TaskStatus, to: TaskStatus): void {
    this.#counters.add(lane, from, -1)
    this.#counters.add(lane, to, 1)
  }
}

/** What the end of a parent means for its dependant; undefined when it may go on. */
export function doomOf(parentId: number, status: TaskStatus, rule: OnDependencyFailure): Doom | undefined {
  if (rule === 'run' || (status !== 'failed' && status !== 'cancelled')) return undefined
  return { status: rule === 'fail' ? 'failed' : 'cancelled', error: dependencyFailed(parentId, status) }
}

interface EdgeRow {
  readonly child: number
  readonly on_failure: OnDependencyFailure
}

/** `awaited` only while it is waited for. */
interface GroupsRow {
  readonly task_group: string | null
  readonly awaited: string | null
}

/** `status` is null when the parent is no longer there. */
interface ParentRow {
  readonly parent: number
  readonly status: TaskStatus | null
}

function awaitedGroup(row: TaskRow): { readonly afterGroup?: string } {
  return row.status === 'waiting' && row.after_group !== null ? { afterGroup: row.after_group } : {}
}
