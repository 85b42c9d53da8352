/**
 * What commit functions returned, on its way to whoever acts on it after the commit.
 *
 * @module
 */

import type { TaskRef } from './events.ts'

export interface CommittedOutput {
  readonly task: TaskRef
  readonly output: unknown
}

/** Outputs gather for this long before each call, so that what a call costs as a whole (a synced folder) is shared. */
const GATHER_MS = 100

/** This many are enough to go at once. */
const ENOUGH = 100

/** The queue claims no more while this many wait: their follower is slower than the workers. */
const MAX_WAITING = 2_000

/** Hands outputs to `follow`, one call at a time, each with everything since the last. */
export class CommitOutputs {
  readonly #follow: ((outputs: readonly CommittedOutput[]) => Promise<void>) | undefined
  readonly #onError: (error: unknown) => void
  #waiting: CommittedOutput[] = []
  #following: Promise<void> | undefined
  #hurry: () => void = () => undefined

  constructor(
    follow: ((outputs: readonly CommittedOutput[]) => Promise<void>) | undefined,
    onError: (error: unknown) => void,
  ) {
    this.#follow = follow
    this.#onError = onError
  }

  push(output: CommittedOutput): void {
    if (this.#follow === undefined) return
    this.#waiting.push(output)
    this.#following ??= this.#run(this.#follow)
  }

  /** Resolves when there is room for another round. */
  async room(): Promise<void> {
    while (this.#waiting.length >= MAX_WAITING && this.#following !== undefined) await this.#following
  }

  /** Resolves when everything was dealt with. Never rejects. */
  async settled(): Promise<void> {
    this.#hurry()
    while (this.#following !== undefined) await this.#following
  }

  /** Waits for more outputs, unless somebody waits for these. */
  async #gather(): Promise<void> {
    // Lets the round that pushes finish pushing.
    await Promise.resolve()
    if (this.#waiting.length >= ENOUGH) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#hurry = () => undefined
  }

  async #run(follow: (outputs: readonly CommittedOutput[]) => Promise<void>): Promise<void> {
    try {
      do {
        await this.#gather()
        await follow(this.#waiting.splice(0))
      } while (this.#waiting.length > 0)
    } catch (error) {
      this.#waiting = []
      this.#onError(error)
    } finally {
      this.#following = undefined
    }
  }
}
