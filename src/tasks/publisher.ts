/**
 * Gives committed files their final names, and tells the database when that is durable.
 *
 * The commit has decided; this is the part that a crash may interrupt, and that start-up replays from the outbox.
 *
 * @module
 */

import { publishEntries } from '../library/recover.ts'
import type { Backend } from '../queue/backend.ts'
import type { Storage } from '../storage/storage.ts'
import type { ItemCommit } from './commit-item.ts'
import { callLibrary } from './store-calls.ts'

/** Outbox rows that are cleared in one transaction. */
const CLEAR_BATCH = 200

export class Publisher {
  readonly #storage: Storage
  readonly #backend: Backend
  #done: number[] = []

  constructor(storage: Storage, backend: Backend) {
    this.#storage = storage
    this.#backend = backend
  }

  /** Publishes what one batch of commits has decided, and removes what it has no use for. */
  async publish(commits: readonly ItemCommit[]): Promise<void> {
    const replay = await publishEntries(
      this.#storage,
      commits.flatMap((commit) => commit.publish),
      true,
    )
    await Promise.all(commits.flatMap(({ discard }) => discard.map((temp) => this.#storage.discard(temp))))
    this.#done.push(...replay.done)
    if (this.#done.length >= CLEAR_BATCH) await this.flush()
    if (replay.contested.length > 0 || replay.lost.length > 0) await this.#settleTrouble(replay)
  }

  /** Clears the outbox of all that is durable. What is not cleared is replayed harmlessly at the next start. */
  async flush(): Promise<void> {
    const ids = this.#done
    if (ids.length === 0) return
    this.#done = []
    await callLibrary(this.#backend, 'outbox.clear', ids)
  }

  /** A file that is not ours has the name: ours gets another one. A lost one is placed again by the next run. */
  async #settleTrouble(replay: Awaited<ReturnType<typeof publishEntries>>): Promise<void> {
    await callLibrary(this.#backend, 'recovery.apply', { ...replay, done: [] })
    const contested = new Set(replay.contested)
    const outbox = await callLibrary(this.#backend, 'outbox.list', null)
    const publish = outbox.filter(({ assetId }) => contested.has(assetId))
    if (publish.length > 0) await this.publish([{ exportName: '', publish, discard: [], spooledBytes: 0 }])
  }
}
