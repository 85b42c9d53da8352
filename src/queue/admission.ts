/**
 * Keeps the number of open tasks within `queueSize`.
 *
 * The store is asked how many are open, which is a counter there, and then not again for a moment: what is added
 * here is counted along, what ends meanwhile only makes more room. Several processes that add at the same moment
 * may together exceed the limit by what they add within that moment; one process never does.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'
import { formatCount, pluralize } from '../units.ts'
import type { AddedTask, Backend } from './backend.ts'
import type { NewTask } from './task.ts'

/** Thrown when more tasks would be open than the queue accepts. */
export class QueueFullError extends HeirloomError {
  readonly code = 'queue/full'
  readonly recovery = 'retry'
  /** Ids of the tasks that the same call had added before. They are committed, and stay. */
  readonly added: readonly number[]

  constructor(queueSize: number, added: readonly number[]) {
    super(
      `queue is full: ${formatCount(queueSize)} tasks may be open; ${pluralize(added.length, 'task')} added`,
      {
        hint: 'Call startProcessing first, so that addTasks waits for room, or raise queueSize.',
      },
    )
    this.added = added
  }
}

/** For how long a count is trusted. */
const FRESH_MS = 1_000

export interface AdmissionOptions {
  readonly backend: Pick<Backend, 'counts'>
  readonly add: (tasks: readonly NewTask[]) => Promise<readonly AddedTask[]>
  readonly queueSize: number
}

export class Admission {
  readonly #options: AdmissionOptions
  #room = 0
  #countedAt = Number.NEGATIVE_INFINITY
  #counting: Promise<void> | undefined
  /** Taken since the count that is under way was asked for, which therefore does not contain it. */
  #takenSince = 0

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** How many tasks may be added now. */
  async room(): Promise<number> {
    if (this.#options.queueSize === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
    if (this.#room <= 0 || !this.#isFresh) await this.#count()
    return Math.max(0, this.#room)
  }

  /**
   * Adds as many tasks from the front of `tasks` as there is room for; with `whole`, all or none.
   *
   * @returns what became of those that were added.
   */
  async admit(
    tasks: readonly NewTask[],
    { whole = false }: { readonly whole?: boolean } = {},
  ): Promise<readonly AddedTask[]> {
    const { queueSize, add } = this.#options
    if (queueSize === Number.POSITIVE_INFINITY) return add(tasks)
    if (this.#room < tasks.length || !this.#isFresh) await this.#count()
    const count = Math.min(tasks.length, this.#room)
    if (count <= 0 || (whole && count < tasks.length)) return []
    this.#take(count)
    try {
      const added = await add(tasks.slice(0, count))
      this.#take(-added.filter(({ added: isNew }) => !isNew).length)
      return added
    } catch (error) {
      this.#take(-count)
      throw error
    }
  }

  /** Forgets the count: tasks have ended, there may be room. */
  recount(): void {
    this.#countedAt = Number.NEGATIVE_INFINITY
  }

  get #isFresh(): boolean {
    return performance.now() - this.#countedAt < FRESH_MS
  }

  #take(count: number): void {
    this.#room -= count
    this.#takenSince += count
  }

  #count(): Promise<void> {
    this.#counting ??= this.#countOnce().finally(() => {
      this.#counting = undefined
    })
    return this.#counting
  }

  /** A backend answers in the order of asking: additions that were asked for before the count are in it. */
  async #countOnce(): Promise<void> {
    this.#takenSince = 0
    const { waiting, pending, processing, retry } = await this.#options.backend.counts()
    this.#room = this.#options.queueSize - (waiting + pending + processing + retry) - this.#takenSince
    this.#countedAt = performance.now()
  }
}
