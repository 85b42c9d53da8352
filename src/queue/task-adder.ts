/**
 * Adds a caller's tasks: one by one, or a whole source at the pace of the queue.
 *
 * A source is read no further ahead than there is room for, so that a list of a million files needs the memory of
 * one chunk. What was added is committed and stays, whatever happens to the rest.
 *
 * @module
 */

import { type Admission, QueueFullError } from './admission.ts'
import type { AddedTask } from './backend.ts'
import type { Dependency, NewTask } from './task.ts'
import { type Source, TaskSource } from './task-source.ts'

/** Tasks of one transaction: long enough that its commit costs little, short enough that nobody waits for it. */
const CHUNK = 500

export interface TaskAdderOptions {
  readonly admission: Admission
  readonly queueSize: number
  /** Resolves to true when there may be room again, to false when there will be none by waiting. */
  readonly roomAgain: () => Promise<boolean>
  readonly onFull: () => void
}

export class TaskAdder {
  readonly #options: TaskAdderOptions

  constructor(options: TaskAdderOptions) {
    this.#options = options
  }

  /**
   * @throws {@link QueueFullError}
   */
  async add(task: NewTask): Promise<AddedTask> {
    const [added] = await this.#options.admission.admit([task])
    if (added === undefined) throw this.#full([])
    return added
  }

  /**
   * Adds all that `source` gives, and waits for room while somebody makes any. Answers ids, in order.
   *
   * An array in which tasks name each other by `ref` is added whole or not at all. Elsewhere a `ref` names a task
   * that came before.
   *
   * @throws {@link QueueFullError} with what was added, when waiting would not help; and what the source threw.
   */
  async addAll(source: Source<NewTask>): Promise<number[]> {
    const ids: number[] = []
    if (Array.isArray(source) && source.some(({ ref }: NewTask) => ref !== undefined)) {
      await this.#addWhole(source, ids)
      return ids
    }
    const reader = new TaskSource(source)
    try {
      await this.#addFrom(reader, ids)
    } finally {
      await reader.close()
    }
    return ids
  }

  async #addFrom(reader: TaskSource<NewTask>, ids: number[]): Promise<void> {
    const { admission } = this.#options
    const refs = new Map<string, number>()
    let held: readonly NewTask[] = []
    for (;;) {
      if (held.length === 0) held = await reader.read(Math.max(1, Math.min(CHUNK, await admission.room())))
      if (held.length === 0) return
      const added = await admission.admit(held.map((task) => withIds(task, refs)))
      for (const [index, { id }] of added.entries()) {
        ids.push(id)
        const ref = held[index]?.ref
        if (ref !== undefined) refs.set(ref, id)
      }
      held = held.slice(added.length)
      if (added.length === 0) await this.#waitForRoom(ids)
    }
  }

  async #addWhole(tasks: readonly NewTask[], ids: number[]): Promise<void> {
    const { admission, queueSize } = this.#options
    for (;;) {
      const added = await admission.admit(tasks, { whole: true })
      ids.push(...added.map(({ id }) => id))
      if (added.length > 0 || tasks.length === 0) return
      if (tasks.length > queueSize) throw this.#full(ids)
      await this.#waitForRoom(ids)
    }
  }

  async #waitForRoom(ids: readonly number[]): Promise<void> {
    const mayHaveRoom = await this.#options.roomAgain()
    if (!mayHaveRoom) throw this.#full(ids)
    this.#options.admission.recount()
  }

  #full(ids: readonly number[]): QueueFullError {
    this.#options.onFull()
    return new QueueFullError(this.#options.queueSize, ids)
  }
}

/** The task with the refs of earlier chunks replaced by the ids that those tasks were given. */
function withIds(task: NewTask, refs: ReadonlyMap<string, number>): NewTask {
  if (refs.size === 0 || task.dependsOn === undefined) return task
  return { ...task, dependsOn: task.dependsOn.map((dependency) => resolved(dependency, refs)) }
}

function resolved(dependency: Dependency, refs: ReadonlyMap<string, number>): Dependency {
  const taskId = 'ref' in dependency ? refs.get(dependency.ref) : undefined
  if (taskId === undefined) return dependency
  const { onFailure } = dependency
  return onFailure === undefined ? { taskId } : { taskId, onFailure }
}
