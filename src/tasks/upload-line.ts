/**
 * The line to the server: one export sends, and the next one is planned ahead, so that the line does not idle while the
 * first one's albums are filled.
 *
 * Units of the one ahead are claimed before those of the one behind, because tasks are handed out in the order of their
 * creation. A content that both have is sent for the first one only.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import type { UploadUnit } from '../immich/upload-plan.ts'

/** One sends, one is planned ahead. */
export const EXPORTS_AT_ONCE = 2

/** How often the waiting looks by itself: tasks can also be ended from outside. */
const LOOK_MS = 1_000

/** The place of an export in the line. */
export interface LinePlace extends Disposable {
  /** Resolves when the export ahead has ended in whatever way; never rejects. */
  readonly ahead: Promise<void>
  /** Whether another export is in line behind this one by now. */
  readonly isFollowed: () => boolean
}

export class UploadLine {
  /** The export that a unit which is not settled yet was planned for, by the id of its primary asset. */
  readonly #units = new Map<number, string>()
  readonly #waiting = new Set<() => void>()
  #last: Promise<void> = Promise.resolve()

  /** Gets in line; disposing of the place lets the next one go on. */
  join(): LinePlace {
    const ahead = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    return { ahead, isFollowed: () => this.#last !== promise, [Symbol.dispose]: resolve }
  }

  /** True when the unit is this export's to send; false when the export ahead is about to. */
  take({ assetId }: UploadUnit, exportName: string): boolean {
    const holder = this.#units.get(assetId)
    if (holder !== undefined && holder !== exportName) return false
    this.#units.set(assetId, exportName)
    return true
  }

  /** The unit was sent, or failed for good. */
  settle({ assetId }: UploadUnit): void {
    this.#units.delete(assetId)
  }

  /** Some task of a file has ended: whoever waits looks again. */
  wake(): void {
    for (const look of this.#waiting) look()
  }

  /** Looks after each {@link wake}, and from time to time, until `isDone`; or until the signal is aborted. */
  async waitUntil(isDone: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !(await isDone())) await this.#next(signal)
  }

  async #next(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = systemClock.after(LOOK_MS, resolve)
    this.#waiting.add(resolve)
    signal.addEventListener('abort', () => resolve())
    try {
      if (!signal.aborted) await promise
    } finally {
      cancel()
      this.#waiting.delete(resolve)
    }
  }
}
