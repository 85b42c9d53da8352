/**
 * What handlers send ahead, while the coordinator deals with it.
 *
 * Dealing may wait for the very tasks that a queue in trouble will never finish (for disk space that they would
 * free), so an emission can be abandoned: the handler gets an error, and nobody waits for it any more.
 *
 * @module
 */

import type { QueueEngineOptions } from './engine-options.ts'
import { StoreClosedError } from './queue-errors.ts'
import type { Task } from './task.ts'

export class Emissions {
  readonly #deal: QueueEngineOptions['onEmit']
  readonly #onDealt: () => void
  /** Each with the function that abandons it. */
  readonly #open = new Map<Promise<unknown>, (reason: unknown) => void>()
  #isAbandoned = false

  constructor(deal: QueueEngineOptions['onEmit'], onDealt: () => void) {
    this.#deal = deal
    this.#onDealt = onDealt
  }

  /**
   * Deals with one chunk and answers what came of it.
   *
   * @throws {@link StoreClosedError} when it was abandoned.
   */
  async take(task: Task, chunk: unknown): Promise<unknown> {
    if (this.#isAbandoned) throw stopped()
    if (this.#deal === undefined) return undefined
    const abandoned = Promise.withResolvers<never>()
    const dealing = Promise.race([this.#deal(task, chunk), abandoned.promise])
    this.#open.set(dealing, abandoned.reject)
    try {
      return await dealing
    } finally {
      this.#open.delete(dealing)
      this.#onDealt()
    }
  }

  /** Resolves when all were dealt with or abandoned. Never rejects. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#open.keys())
  }

  /** Ends all that are under way, and refuses more until {@link Emissions.reopen}. */
  abandon(): void {
    this.#isAbandoned = true
    for (const reject of this.#open.values()) reject(stopped())
  }

  reopen(): void {
    this.#isAbandoned = false
  }
}

function stopped(): StoreClosedError {
  return new StoreClosedError('queue was stopped before it had dealt with what a task sent')
}
