/**
 * How the reference backend takes new tasks.
 *
 * @module
 */

import { additionOrder, usesRefs } from '../addition-order.ts'
import type { AddedTask } from '../backend.ts'
import { type PreparedTask, prepareTask } from '../new-task.ts'
import { UnknownDependencyError } from '../queue-errors.ts'
import type { NewTask, OnDependencyFailure } from '../task.ts'
import { type Doom, doomBy, isOpen, newTask } from './memory-entry.ts'
import type { MemoryTasks } from './memory-tasks.ts'

export class MemoryAdditions {
  readonly #tasks: MemoryTasks
  #lastId = 0
  #now = 0

  constructor(tasks: MemoryTasks) {
    this.#tasks = tasks
  }

  /** The last id that was given out, for {@link MemoryAdditions.restore}. */
  snapshot(): number {
    return this.#lastId
  }

  restore(snapshot: number): void {
    this.#lastId = snapshot
  }

  add(tasks: readonly NewTask[], now: number): readonly AddedTask[] {
    this.#now = now
    if (!usesRefs(tasks)) {
      const prepared = tasks.map((task) => prepareTask(task, this.#now))
      return prepared.map((task) => this.#addOne(task, () => ++this.#lastId))
    }
    const order = additionOrder(tasks)
    const firstId = this.#lastId + 1
    this.#lastId += tasks.length
    const added: AddedTask[] = []
    const idOf = (ref: string): number => added[tasks.findIndex((task) => task.ref === ref)]?.id ?? Number.NaN
    for (const [index, task] of order.map((at) => [at, tasks[at]] as const)) {
      if (task) added[index] = this.#addOne(prepareTask(task, this.#now, idOf), () => firstId + index)
    }
    return added
  }

  #addOne(task: PreparedTask, takeId: () => number): AddedTask {
    const twin = this.#tasks.twinOf(task.dedupeKey)
    if (twin === undefined) return this.#addNew(task, takeId)
    if (task.onDuplicate === 'ignore') return { id: twin.task.id, added: false }
    if (twin.task.status === 'processing') {
      const { dedupeKey: _given, ...rest } = twin.task
      this.#tasks.put({ ...twin, task: rest })
      return this.#addNew(task, takeId)
    }
    this.#tasks.replace(twin, task)
    return { id: twin.task.id, added: false, replaced: true }
  }

  #addNew(task: PreparedTask, takeId: () => number): AddedTask {
    const { parents, open, doom } = this.#judge(task)
    this.#tasks.refuseCycle({ ...task, dependsOn: open })
    const awaited = this.#tasks.openIn(task.afterGroup) > 0
    const id = takeId()
    this.#tasks.put({
      task: newTask(id, task, open.length > 0 || awaited ? 'waiting' : 'pending', this.#now),
      alone: false,
      parents,
      ...(awaited && task.afterGroup !== undefined ? { afterGroup: task.afterGroup } : {}),
    })
    if (doom) this.#tasks.finish(id, doom.status, { error: doom.error }, this.#now)
    return { id, added: true }
  }

  #judge(task: PreparedTask): {
    parents: ReadonlyMap<number, OnDependencyFailure>
    open: readonly number[]
    doom: Doom | undefined
  } {
    const given = [...task.dependsOn].map(([id, rule]) => {
      const parent = this.#tasks.get(id)
      if (parent === undefined) throw new UnknownDependencyError(id)
      return { id, rule, isOpen: isOpen(parent), doom: doomBy(parent.task, rule) }
    })
    return {
      parents: new Map(given.filter((on) => on.isOpen || on.doom).map(({ id, rule }) => [id, rule])),
      open: given.filter((on) => on.isOpen).map(({ id }) => id),
      doom: given.find((on) => on.doom)?.doom,
    }
  }
}
