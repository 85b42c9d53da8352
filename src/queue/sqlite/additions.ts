/**
 * Stores new tasks: many that are alike with one statement, and those that depend on others, share a key with an
 * open task or wait for a group one by one.
 *
 * Runs inside a transaction that the caller has opened.
 *
 * @module
 */

import { additionOrder, usesRefs } from '../addition-order.ts'
import type { AddedTask } from '../backend.ts'
import { type PreparedTask, prepareTask } from '../new-task.ts'
import { UnknownDependencyError } from '../queue-errors.ts'
import { FINAL_STATUSES, type NewTask, type OnDependencyFailure } from '../task.ts'
import { type ConcurrencyKeys, readiness } from './concurrency-keys.ts'
import type { Counters } from './counters.ts'
import type { Statements } from './statements.ts'
import type { TaskRow } from './task-row.ts'
import { type Doom, doomOf, type TaskTable } from './task-table.ts'

/** How a new task is held back. */
interface Waits {
  readonly blockers: number
  readonly afterGroup: string | null
}

const WAITS_FOR_NOTHING: Waits = { blockers: 0, afterGroup: null }

export interface AdditionsOptions {
  readonly sql: Statements
  readonly counters: Counters
  readonly keys: ConcurrencyKeys
  readonly table: TaskTable
}

export class Additions {
  readonly #sql: Statements
  readonly #counters: Counters
  readonly #keys: ConcurrencyKeys
  readonly #table: TaskTable

  constructor({ sql, counters, keys, table }: AdditionsOptions) {
    this.#sql = sql
    this.#counters = counters
    this.#keys = keys
    this.#table = table
  }

  /** What it throws may leave some of the tasks behind: the caller undoes them. */
  add(tasks: readonly NewTask[], now: number): readonly AddedTask[] {
    if (usesRefs(tasks)) return this.#addOrdered(tasks, now)
    const prepared = tasks.map((task) => prepareTask(task, now))
    return runsOf(prepared).flatMap((run) => this.#addRun(run, now))
  }

  /** Ids are given out first, because a task may stand behind those that it is a dependency of. */
  #addOrdered(tasks: readonly NewTask[], now: number): readonly AddedTask[] {
    const order = additionOrder(tasks)
    const firstId = this.#reserveIds(tasks.length)
    const added: AddedTask[] = []
    const idByRef = new Map<string, number>()
    for (const index of order) {
      const task = tasks[index]
      if (task === undefined) continue
      const prepared = prepareTask(task, now, (ref) => idByRef.get(ref) ?? Number.NaN)
      const one = this.#addOne(prepared, now, firstId + index)
      if (task.ref !== undefined) idByRef.set(task.ref, one.id)
      added[index] = one
    }
    return added
  }

  #addRun(run: readonly PreparedTask[], now: number): readonly AddedTask[] {
    const [first] = run
    if (first === undefined) return []
    if (!isPlain(first)) return [this.#addOne(first, now, null)]
    const lastId = this.#insert(run, first, { id: null, waits: WAITS_FOR_NOTHING, now })
    return run.map((_, index) => ({ id: lastId - run.length + 1 + index, added: true }))
  }

  #addOne(task: PreparedTask, now: number, id: number | null): AddedTask {
    const open = task.dedupeKey === undefined ? undefined : this.#sql.openByKey.get(task.dedupeKey)
    const twin = open as unknown as TaskRow | undefined
    if (twin === undefined) return this.#addNew(task, now, id)
    if (task.onDuplicate === 'ignore') return { id: twin.id, added: false }
    if (twin.status !== 'processing') {
      this.#table.replace(twin, task, now)
      return { id: twin.id, added: false, replaced: true }
    }
    this.#sql.giveUpKey.run(twin.id)
    return this.#addNew(task, now, id)
  }

  #addNew(task: PreparedTask, now: number, givenId: number | null): AddedTask {
    const { edges, open, doom } = this.#judgeDependencies(task)
    // Kept only while it is awaited: a group that fills up again later holds nobody back a second time.
    const { afterGroup } = task
    const awaited = afterGroup !== undefined && this.#table.openInGroup(afterGroup) > 0 ? afterGroup : null
    this.#table.refuseCycle({ ...task, dependsOn: open })
    const waits = { blockers: open.length + Number(awaited !== null), afterGroup: awaited }
    const id = this.#insert([task], task, { id: givenId, waits, now })
    for (const [parent, rule] of edges) {
      this.#sql.addEdge.run(parent, id, rule)
      this.#sql.markParent.run(parent)
    }
    const row = doom && this.#table.get(id)
    if (doom && row) this.#table.finish({ row, ...doom }, now)
    return { id, added: true }
  }

  /**
   * Edges to parents that are open, or that failed it: those may be retried. And the fate that a parent which has
   * already failed decides.
   */
  #judgeDependencies(task: PreparedTask): {
    edges: readonly [parent: number, rule: OnDependencyFailure][]
    open: readonly number[]
    doom?: Doom
  } {
    const edges: [number, OnDependencyFailure][] = []
    const open: number[] = []
    let doom: Doom | undefined
    for (const [parentId, rule] of task.dependsOn) {
      const parent = this.#table.get(parentId)
      if (parent === undefined) throw new UnknownDependencyError(parentId)
      const decided = doomOf(parentId, parent.status, rule)
      doom ??= decided
      if (!FINAL_STATUSES.includes(parent.status)) open.push(parentId)
      else if (decided === undefined) continue
      edges.push([parentId, rule])
    }
    return doom === undefined ? { edges, open } : { edges, open, doom }
  }

  /** Stores `run`, whose tasks are alike but for their payloads, under consecutive ids; answers the last one. */
  #insert(
    run: readonly PreparedTask[],
    task: PreparedTask,
    { id, waits, now }: { id: number | null; waits: Waits; now: number },
  ): number {
    const status = waits.blockers > 0 ? 'waiting' : 'pending'
    const concurrencyKey = task.concurrencyKey ?? null
    const { lastInsertRowid } = this.#sql.insert.run({
      id,
      payloads: JSON.stringify(run.map(({ payload }) => payload)),
      kind: task.kind,
      lane: task.lane,
      status,
      ready: waits.blockers > 0 ? null : readiness(task.runAt, concurrencyKey, now),
      priority: task.priority,
      runAt: task.runAt,
      maxRetries: task.maxRetries,
      timeoutMs: task.timeoutMs ?? null,
      group: task.group ?? null,
      afterGroup: waits.afterGroup,
      blockers: waits.blockers,
      dedupeKey: task.dedupeKey ?? null,
      concurrencyKey,
      memoryBytes: task.memoryBytes ?? null,
      now,
    })
    this.#counters.add(task.lane, status, run.length)
    this.#keys.touch(concurrencyKey)
    if (task.group !== undefined) this.#sql.joinGroup.run(task.group, run.length)
    return Number(lastInsertRowid)
  }

  /** Takes `count` consecutive ids out of the sequence that SQLite keeps for the table; answers the first. */
  #reserveIds(count: number): number {
    const last = this.#sql.reserveIds.get(count)?.['seq']
    if (typeof last === 'number') return last - count + 1
    this.#sql.beginIds.run(count)
    return 1
  }
}

/** Whether nothing but its own fields decides what becomes of a new task. */
function isPlain({ dependsOn, afterGroup, dedupeKey }: PreparedTask): boolean {
  return dependsOn.size === 0 && afterGroup === undefined && dedupeKey === undefined
}

/** Payloads are handed to a statement as one text of about this length at most: a text of 512 MB is none. */
const MAX_RUN_LENGTH = 4_000_000

/** Cuts a list into runs of tasks that one statement can store. */
function runsOf(tasks: readonly PreparedTask[]): readonly (readonly PreparedTask[])[] {
  const runs: PreparedTask[][] = []
  let length = 0
  for (const task of tasks) {
    const run = runs.at(-1)
    const last = run?.at(-1)
    length += task.payload.length
    if (run && last && length <= MAX_RUN_LENGTH && areAlike(last, task)) {
      run.push(task)
    } else {
      runs.push([task])
      length = task.payload.length
    }
  }
  return runs
}

const SHAPE = [
  'kind',
  'lane',
  'priority',
  'runAt',
  'maxRetries',
  'timeoutMs',
  'group',
  'concurrencyKey',
  'memoryBytes',
] as const

function areAlike(a: PreparedTask, b: PreparedTask): boolean {
  return isPlain(a) && isPlain(b) && SHAPE.every((field) => a[field] === b[field])
}
