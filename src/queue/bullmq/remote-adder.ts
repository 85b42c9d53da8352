/**
 * Adds the jobs of a remote lane to Redis, in order and in batches, for as long as it takes.
 *
 * @module
 */

import type { Clock } from '../../clock.ts'
import type { RemoteJob } from './remote-link.ts'
import type { Outstanding } from './remote-outstanding.ts'

/** Jobs in one addition: one write to the socket. */
const BATCH = 500

/** An addition that Redis refused (it has no memory left, say) is made again after this long. */
const REFUSED_MS = 1_000

export interface RemoteAdderOptions {
  readonly clock: Clock
  readonly jobOf: (entry: Outstanding) => RemoteJob
  /** Rejects when Redis refuses; waits for one that is away. */
  readonly add: (jobs: readonly RemoteJob[]) => Promise<void>
  /** Whether it is still to be run. */
  readonly isWanted: (entry: Outstanding) => boolean
  readonly onAdded: (entry: Outstanding) => void
  /** Those of a refused addition that are not wanted any more. */
  readonly onRefused: (entries: readonly Outstanding[]) => void
}

export class RemoteAdder {
  readonly #options: RemoteAdderOptions
  /** Not yet sent to Redis. */
  #unsent: Outstanding[] = []
  #adding: Promise<void> | undefined

  constructor(options: RemoteAdderOptions) {
    this.#options = options
  }

  push(entries: readonly Outstanding[]): void {
    for (const entry of entries) this.#unsent.push(entry)
    if (this.#unsent.length > 0) this.#adding ??= this.#run()
  }

  /** Keeps back those of `entries` that were not sent; answers them. */
  takeBack(entries: ReadonlySet<Outstanding>): readonly Outstanding[] {
    const back = this.#unsent.filter((entry) => entries.has(entry))
    if (back.length > 0) this.#unsent = this.#unsent.filter((entry) => !entries.has(entry))
    return back
  }

  /** Resolves when Redis has all that was pushed, whenever that is. Never rejects. */
  async settled(): Promise<void> {
    while (this.#adding !== undefined) await this.#adding
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (this.#unsent.length > 0) await this.#addBatch()
    this.#adding = undefined
  }

  async #addBatch(): Promise<void> {
    const { add, jobOf, isWanted, onAdded, onRefused } = this.#options
    const batch = this.#unsent.splice(0, BATCH)
    try {
      await add(batch.map(jobOf))
      for (const entry of batch) onAdded(entry)
    } catch {
      // Whoever adds has told why. Some may have been added: adding them again is harmless.
      this.#unsent.unshift(...batch.filter(isWanted))
      const unwanted = batch.filter((entry) => !isWanted(entry))
      if (unwanted.length > 0) onRefused(unwanted)
      if (this.#unsent.length > 0) await this.#pause()
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(REFUSED_MS, resolve)
    })
  }
}
