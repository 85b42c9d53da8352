/**
 * Gives committed files their final names, and tells the database when that is durable.
 *
 * The commit has decided; this is the part that a crash may interrupt, and that start-up replays from the outbox.
 *
 * @module
 */

import { HeirloomError, systemCode } from '../errors.ts'
import type { OutboxEntry } from '../library/outbox.ts'
import { publishEntries, type Replay } from '../library/recover.ts'
import type { Backend } from '../queue/backend.ts'
import { type Storage, UnsafeNameError } from '../storage/storage.ts'
import type { ItemCommit, PlacedStandIn } from './commit-item.ts'
import { callLibrary } from './store-calls.ts'

/** Outbox rows that are cleared in one transaction. */
const CLEAR_BATCH = 200

/** What is not the matter of one file; see `toErrorRecord`. */
const DISK_TROUBLE: ReadonlySet<string> = new Set(
  ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'].map((code) => `system/${code}`),
)

/** Files that such a disk is given the chance to take. */
const MAX_REFUSED_IN_A_ROW = 20

/** Thrown when the disk refuses every name. What has been decided is published by the next run. */
export class PublishingRefusedError extends HeirloomError {
  readonly code = 'library/refused'
  readonly recovery = 'discard'
}

export class Publisher {
  readonly #storage: Storage
  readonly #backend: Backend
  #done: number[] = []
  #refusedInARow = 0

  constructor(storage: Storage, backend: Backend) {
    this.#storage = storage
    this.#backend = backend
  }

  /** Publishes what one batch of commits has decided, and removes what it has no use for. */
  async publish(commits: readonly ItemCommit[]): Promise<void> {
    await this.#publish(commits.flatMap((commit) => commit.publish))
    await this.#standIn(commits.flatMap(({ standIns }) => standIns))
    await this.#discard(commits.flatMap(({ discard }) => discard))
  }

  async #discard(temps: readonly string[]): Promise<void> {
    await Promise.all(temps.map((temp) => this.#storage.discard(temp)))
  }

  /** A photo that was deleted from the library, or cut off, is placed again where a copy of it comes along. */
  async #standIn(standIns: readonly PlacedStandIn[]): Promise<void> {
    const gone = await Promise.all(standIns.map((standIn) => this.#isGone(standIn)))
    const wanted = standIns.filter((_, index) => gone[index])
    const entries = wanted.length === 0 ? [] : await callLibrary(this.#backend, 'assets.replace', wanted)
    const used = new Set(entries.map(({ temp }) => temp))
    await this.#discard(standIns.flatMap(tempsOf).filter((temp) => !used.has(temp)))
    if (entries.length > 0) await this.#publish(entries)
  }

  /** False where there is no telling, such as behind a link: nothing could be published there either. */
  async #isGone({ path, sizeBytes }: PlacedStandIn): Promise<boolean> {
    try {
      return (await this.#storage.stat(path))?.sizeBytes !== sizeBytes
    } catch (error) {
      if (error instanceof UnsafeNameError || systemCode(error) !== undefined) return false
      throw error
    }
  }

  async #publish(entries: readonly OutboxEntry[]): Promise<void> {
    const replay = await publishEntries(this.#storage, entries, true)
    this.#done.push(...replay.done)
    if (this.#done.length >= CLEAR_BATCH) await this.flush()
    const { contested, lost, blocked } = replay
    if (contested.length + lost.length + blocked.length > 0) await this.#settleTrouble(replay)
    this.#countRefusals(replay)
  }

  /** Clears the outbox of all that is durable. What is not cleared is replayed harmlessly at the next start. */
  async flush(): Promise<void> {
    const ids = this.#done
    if (ids.length === 0) return
    this.#done = []
    await callLibrary(this.#backend, 'outbox.clear', ids)
  }

  /** One refused name is that file's problem; a disk that refuses one after the other ends the run. */
  #countRefusals({ done, blocked }: Replay): void {
    const refused = blocked.filter(({ why }) => DISK_TROUBLE.has(why.code))
    if (done.length > 0) this.#refusedInARow = 0
    this.#refusedInARow += refused.length
    const last = refused.at(-1)
    if (last !== undefined && this.#refusedInARow >= MAX_REFUSED_IN_A_ROW) {
      throw new PublishingRefusedError(last.why.message, {
        hint: 'See that the disk has room and can be written, then run the same command again.',
      })
    }
  }

  /**
   * A file that is not ours has the name: ours gets another one. A lost one is placed again by the next run, and
   * a blocked one is named in the report.
   */
  async #settleTrouble(replay: Replay): Promise<void> {
    await callLibrary(this.#backend, 'recovery.apply', { ...replay, done: [] })
    const contested = new Set(replay.contested)
    const outbox = await callLibrary(this.#backend, 'outbox.list', null)
    const publish = outbox.filter(({ assetId }) => contested.has(assetId))
    if (publish.length > 0) await this.#publish(publish)
  }
}

function tempsOf({ media, sidecar }: PlacedStandIn): string[] {
  return sidecar === undefined ? [media.temp] : [media.temp, sidecar.temp]
}
