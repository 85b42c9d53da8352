/**
 * The coordinator's side of planning: commits each chunk that an `export` task sends ahead.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'
import type { Backend } from '../queue/backend.ts'
import type { Storage } from '../storage/storage.ts'
import { formatBytes } from '../units.ts'
import type { PlaceOptions } from './item.ts'
import type { ListedAnswer, PlanChunk, PlannedItem } from './plan-chunk.ts'
import { spooledBytes } from './spool-plan.ts'
import { callLibrary } from './store-calls.ts'

/** Room that stays free besides what is placed: the database, the report, metadata that makes files longer. */
const RESERVE_BYTES = 200_000_000

/** Disk space that unpacked entries of tgz archives may take at a time. */
const SPOOL_BUDGET_BYTES = 4_000_000_000

/** Thrown before the first byte is written, when the disk cannot hold what is to come. */
export class NoSpaceError extends HeirloomError {
  readonly code = 'library/no-space'
  readonly recovery = 'discard'
}

/** Thrown into an export task that is still planning when the user wants to stop. */
class InterruptedError extends HeirloomError {
  readonly code = 'ingest/interrupted'
  readonly recovery = 'retry'
}

/** What the run knows of one export while it is planned and placed. */
export interface RunningExport {
  readonly name: string
  readonly inputs: readonly string[]
  /** Items of a higher priority are placed first: the first export shall finish first. */
  readonly priority: number
  phase: 'waiting' | 'listing' | 'reading' | 'placing' | 'finished' | 'failed'
  exportId?: number
  exportFolder: string
  filesFound: number
  bytesFound: number
  settledBytes: number
  unchanged: boolean
  message?: string
}

export class ExportIntake {
  readonly #backend: Backend
  readonly #storage: Storage
  readonly #options: PlaceOptions
  readonly #signal: AbortSignal
  #spooledBytes = 0
  #waiting: (() => void)[] = []

  /** @param signal - Aborted: no more is planned. What is committed stays, the rest is planned by the next run. */
  constructor(backend: Backend, storage: Storage, options: PlaceOptions, signal: AbortSignal) {
    this.#signal = signal
    this.#backend = backend
    this.#storage = storage
    this.#options = options
  }

  /** Deals with one chunk; what it returns is the worker's answer. Idempotent: a chunk may come again. */
  async take(running: RunningExport, chunk: PlanChunk): Promise<unknown> {
    if (this.#signal.aborted) throw new InterruptedError('planning was interrupted')
    const exportId = running.exportId ?? 0
    switch (chunk.type) {
      case 'phase':
        running.phase = chunk.phase
        return null
      case 'listed':
        return this.#listed(running, chunk)
      case 'totals':
        await this.#requireSpace(running, chunk.placeBytes)
        running.phase = 'placing'
        return null
      case 'albums':
        return callLibrary(this.#backend, 'plan.albums', { exportId, albums: chunk.albums })
      case 'settled':
        return callLibrary(this.#backend, 'plan.settled', { exportId, files: chunk.files })
      case 'remarks':
        return callLibrary(this.#backend, 'plan.remarks', { exportId, remarks: chunk.remarks })
      case 'ask':
        return this.#plan(running, chunk.items, false)
      case 'items': {
        const open = await this.#plan(running, chunk.items, true)
        await this.#roomForSpool(chunk.items)
        return open
      }
    }
  }

  /** Spooled files have been dealt with: their room is free again. */
  release(bytes: number): void {
    if (bytes === 0) return
    this.#spooledBytes -= bytes
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }

  async #listed(
    running: RunningExport,
    chunk: Extract<PlanChunk, { type: 'listed' }>,
  ): Promise<ListedAnswer> {
    const { name, inputs } = running
    const answer = await callLibrary(this.#backend, 'export.listed', { name, inputs, digest: chunk.digest })
    running.exportId = answer.exportId
    running.exportFolder = answer.exportFolder
    running.settledBytes = answer.settledBytes
    running.unchanged = answer.unchanged
    running.filesFound = chunk.files
    running.bytesFound = chunk.bytes
    return { unchanged: answer.unchanged }
  }

  async #requireSpace(running: RunningExport, placeBytes: number): Promise<void> {
    const free = await this.#storage.freeBytes()
    const needed = Math.max(0, placeBytes - running.settledBytes)
    if (free === undefined || needed === 0 || needed + RESERVE_BYTES <= free) return
    throw new NoSpaceError(
      `${running.name} needs ${formatBytes(needed)} in the library, where ${formatBytes(free)} are free`,
      { hint: 'Free some space or choose another library with -o, then run the same command again.' },
    )
  }

  async #plan(
    running: RunningExport,
    items: readonly PlannedItem[],
    enqueue: boolean,
  ): Promise<readonly number[]> {
    const { open } = await callLibrary(this.#backend, 'plan.items', {
      exportId: running.exportId ?? 0,
      exportName: running.name,
      exportFolder: running.exportFolder,
      items,
      options: this.#options,
      priority: running.priority,
      enqueue,
    })
    return open
  }

  /** Holds the unpacking of a tgz back while too much of it lies there undone. */
  async #roomForSpool(items: readonly PlannedItem[]): Promise<void> {
    this.#spooledBytes += spooledBytes(items)
    while (this.#spooledBytes > SPOOL_BUDGET_BYTES && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
  }
}
