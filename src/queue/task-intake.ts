/**
 * Makes of what a caller gives a task that the engine takes: with a lane, a number of retries, and a payload.
 *
 * @module
 */

import { laneFor, type ResolvedOptions } from './manager-options.ts'
import { InvalidTaskError } from './queue-errors.ts'
import type { NewTask } from './task.ts'
import type { Source } from './task-source.ts'
import type { HandlerMap, TaskOf } from './typed-tasks.ts'

export class TaskIntake<Handlers extends HandlerMap> {
  readonly #options: ResolvedOptions<Handlers>
  readonly #lanes: readonly string[]

  /** `lanes` are those that this process knows; none when it runs no tasks, and any is right. */
  constructor(options: ResolvedOptions<Handlers>, lanes: readonly string[]) {
    this.#options = options
    this.#lanes = lanes
  }

  /**
   * @throws {@link InvalidTaskError} for a lane that nobody here knows: its tasks would wait for ever.
   */
  toNewTask(task: TaskOf<Handlers>): NewTask {
    // What is common to the tasks of all kinds.
    const given = task as Partial<NewTask> & { readonly kind: string }
    const lane = given.lane ?? laneFor(given.kind, this.#options)
    if (this.#lanes.length > 0 && !this.#lanes.includes(lane)) {
      throw new InvalidTaskError(`lane ${JSON.stringify(lane)} is none of: ${this.#lanes.join(', ')}`, {
        hint: 'Name it in the option lanes, with concurrency 0 if another process runs it.',
      })
    }
    return { maxRetries: this.#options.maxRetries, payload: null, ...given, lane }
  }

  /** The same for all that a source will give. */
  toNewTasks(tasks: Source<TaskOf<Handlers>>): Source<NewTask> {
    const toNewTask = (task: TaskOf<Handlers>): NewTask => this.toNewTask(task)
    if (Array.isArray(tasks)) return tasks.map(toNewTask)
    return Symbol.asyncIterator in tasks ? mapAsync(tasks, toNewTask) : Iterator.from(tasks).map(toNewTask)
  }
}

async function* mapAsync<From, To>(items: AsyncIterable<From>, map: (item: From) => To): AsyncGenerator<To> {
  for await (const item of items) yield map(item)
}
