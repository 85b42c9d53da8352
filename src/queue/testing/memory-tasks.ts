/**
 * The tasks of the reference backend, and what the end of one means for the others.
 *
 * @module
 */

import type { ErrorRecord } from '../../errors.ts'
import type { TaskFilter } from '../backend.ts'
import type { PreparedTask } from '../new-task.ts'
import { WaitCycleError } from '../queue-errors.ts'
import type { Lease, OnDependencyFailure, Task } from '../task.ts'
import { matches, rowLimit } from '../task-filter.ts'
import { type Joining, wouldWaitForItself } from '../waiting.ts'
import { doomBy, type Entry, isOpen, replacedTask } from './memory-entry.ts'

export type FinalStatus = 'completed' | 'failed' | 'cancelled'

export interface End {
  readonly error?: ErrorRecord
  readonly result?: unknown
}

interface Ending {
  readonly id: number
  readonly status: FinalStatus
  readonly end: End
}

export interface MemoryTasksOptions {
  /** Called with each change of a task. */
  readonly onChange: (before: Task | undefined, after: Task) => void
  /** Called with each task that went to `failed` or `cancelled`; answers what its failure function returned. */
  readonly onUnlucky: (task: Task) => unknown
}

export class MemoryTasks {
  readonly #options: MemoryTasksOptions
  #entries: ReadonlyMap<number, Entry> = new Map()

  constructor(options: MemoryTasksOptions) {
    this.#options = options
  }

  /** What there is, for {@link MemoryTasks.restore}. */
  snapshot(): ReadonlyMap<number, Entry> {
    return this.#entries
  }

  restore(snapshot: ReadonlyMap<number, Entry>): void {
    this.#entries = snapshot
  }

  /** By id. */
  all(): Entry[] {
    return [...this.#entries.values()].sort((a, b) => a.task.id - b.task.id)
  }

  get(id: number): Entry | undefined {
    return this.#entries.get(id)
  }

  put(entry: Entry): void {
    this.#options.onChange(this.get(entry.task.id)?.task, entry.task)
    this.#entries = new Map(this.#entries).set(entry.task.id, entry)
  }

  forget(ids: readonly number[]): void {
    this.#entries = new Map([...this.#entries].filter(([id]) => !ids.includes(id)))
  }

  openIn(group: string | undefined): number {
    return this.all().filter((entry) => group !== undefined && entry.task.group === group && isOpen(entry))
      .length
  }

  /** The open task with this dedupe key. */
  twinOf(key: string | undefined): Entry | undefined {
    return this.all().find((entry) => key !== undefined && entry.task.dedupeKey === key && isOpen(entry))
  }

  held({ taskId, token, attempt }: Lease): Entry | undefined {
    const entry = this.get(taskId)
    const current =
      entry?.task.status === 'processing' && entry.token === token && entry.task.attempt === attempt
    return current ? entry : undefined
  }

  isKeyHeld(key: string | undefined): boolean {
    if (key === undefined) return false
    return this.all().some(({ task }) => task.status === 'processing' && task.concurrencyKey === key)
  }

  refuseCycle(joining: Joining): void {
    if (this.#isCycle(joining)) throw new WaitCycleError(joining.group ?? '')
  }

  replace(entry: Entry, task: PreparedTask): void {
    const { group } = task
    const awaited = entry.afterGroup === undefined ? {} : { afterGroup: entry.afterGroup }
    if (group !== undefined && group !== entry.task.group) {
      this.refuseCycle({ group, dependsOn: [...entry.parents.keys()], ...awaited })
    }
    this.put({ ...entry, task: replacedTask(entry.task, task), alone: false })
    if (group !== entry.task.group) this.#leaveGroup(entry.task.group)
  }

  /**
   * Ends a task, and what its end decides: all that depend on it, then all that depend on those. Answers what the
   * failure function of the first returned.
   */
  finish(id: number, status: FinalStatus, end: End, now: number): unknown {
    const first: Ending = { id, status, end }
    const endings = [first]
    let output: unknown
    for (const next of endings) {
      const { doomed, output: told } = this.#endOne(next, now)
      for (const ending of doomed) endings.push(ending)
      if (next === first) output = told
    }
    return output
  }

  /** Oldest first, each followed by those of its dependants that match. */
  retryFailed(filter: TaskFilter, limit: number): readonly number[] {
    const failed = (): Entry[] =>
      this.all().filter(({ task }) => task.status === 'failed' && matches(task, filter))
    const retried: number[] = []
    for (const { task } of failed()) {
      const family = [task.id]
      for (const id of family) {
        if (retried.length >= rowLimit(limit) || retried.includes(id) || !this.#revive(id)) continue
        retried.push(id)
        family.push(...failed().flatMap((entry) => (entry.parents.has(id) ? entry.task.id : [])))
      }
    }
    return retried.sort((a, b) => a - b)
  }

  #revive(id: number): boolean {
    const entry = this.get(id)
    if (entry === undefined || this.twinOf(entry.task.dedupeKey)) return false
    const parents = [...entry.parents.keys()].map((parent) => this.get(parent))
    if (!parents.every((parent) => parent !== undefined && isOpen(parent))) return false
    const { afterGroup, ...rest } = entry
    const awaited = afterGroup !== undefined && this.openIn(afterGroup) > 0 ? { afterGroup } : {}
    const { group } = entry.task
    const joining = { dependsOn: [...entry.parents.keys()], ...awaited, ...(group ? { group } : {}) }
    if (this.#isCycle(joining)) return false
    const { finishedAt: _end, result: _result, workerId: _worker, ...task } = entry.task
    const waits = entry.parents.size > 0 || 'afterGroup' in awaited
    this.put({ ...rest, ...awaited, task: { ...task, failures: 0, status: waits ? 'waiting' : 'pending' } })
    return true
  }

  #isCycle(joining: Joining): boolean {
    const waiting = this.all().filter(({ task }) => task.status === 'waiting')
    return wouldWaitForItself(joining, {
      dependenciesOf: (id) => [...(this.get(id)?.parents.keys() ?? [])],
      groupOf: (id) => this.get(id)?.task.group,
      groupAwaitedBy: (id) => waiting.find(({ task }) => task.id === id)?.afterGroup,
      waitingIn: (name) => waiting.filter(({ task }) => task.group === name).map(({ task }) => task.id),
      isAwaited: (name) => waiting.some((entry) => entry.afterGroup === name),
    })
  }

  #endOne(
    { id, status, end }: Ending,
    now: number,
  ): { readonly doomed: Ending[]; readonly output?: unknown } {
    const entry = this.get(id)
    if (entry === undefined || !isOpen(entry)) return { doomed: [] }
    const { cancelRequested: _asked, ...ended } = entry.task
    const task: Task = { ...ended, status, finishedAt: now, ...end }
    // A failed task may be retried, and waits for the same again.
    const waits =
      status === 'failed' && entry.afterGroup !== undefined ? { afterGroup: entry.afterGroup } : {}
    const parents: Entry['parents'] = status === 'failed' ? entry.parents : new Map()
    this.put({ task, alone: entry.alone, parents, ...waits })
    const doomed = this.all().flatMap((child) => this.#tellDependant(child, task))
    this.#leaveGroup(task.group)
    return { doomed, output: status === 'completed' ? undefined : this.#options.onUnlucky(task) }
  }

  #tellDependant(child: Entry, parent: Task): Ending[] {
    const rule: OnDependencyFailure | undefined = child.parents.get(parent.id)
    if (rule === undefined) return []
    const doom = doomBy(parent, rule)
    if (doom) {
      const ends = child.task.status === 'waiting'
      return ends ? [{ id: child.task.id, status: doom.status, end: { error: doom.error } }] : []
    }
    const parents = new Map(child.parents)
    parents.delete(parent.id)
    this.#freeIfUnblocked({ ...child, parents })
    return []
  }

  #leaveGroup(group: string | undefined): void {
    if (group === undefined || this.openIn(group) > 0) return
    for (const entry of this.all()) {
      if (entry.task.status !== 'waiting' || entry.afterGroup !== group) continue
      const { afterGroup: _awaited, ...rest } = entry
      this.#freeIfUnblocked(rest)
    }
  }

  #freeIfUnblocked(entry: Entry): void {
    const free = entry.task.status === 'waiting' && entry.parents.size === 0 && entry.afterGroup === undefined
    this.put(free ? { ...entry, task: { ...entry.task, status: 'pending' } } : entry)
  }
}
