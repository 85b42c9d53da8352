/**
 * The coordinator's side of planning: commits each chunk that an `export` task sends ahead.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'
import { keepHeapSmall } from '../frugal-heap.ts'
import type { Backend } from '../queue/backend.ts'
import type { Storage } from '../storage/storage.ts'
import { formatBytes } from '../units.ts'
import type { PlaceOptions } from './item.ts'
import type { ListedAnswer, PlanChunk, PlannedItem } from './plan-chunk.ts'
import { reopenMissing } from './reopen-missing.ts'
import { spooledBytes, spooledFiles } from './spool-plan.ts'
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
  readonly #waiting: (() => void)[] = []
  readonly #closing = new AbortController()

  /** @param signal - Aborted: no more is planned. What is committed stays, the rest is planned by the next run. */
  constructor(backend: Backend, storage: Storage, options: PlaceOptions, signal: AbortSignal) {
    this.#signal = AbortSignal.any([signal, this.#closing.signal])
    this.#signal.addEventListener('abort', () => this.#resume())
    this.#backend = backend
    this.#storage = storage
    this.#options = options
    // Here and in the store's thread every chunk becomes garbage as soon as it is committed.
    keepHeapSmall('old')
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
      case 'items-text':
        return this.#plan(running, chunk.json, true)
      case 'items': {
        const open = await this.#plan(running, chunk.items, true)
        await this.#takeSpooled(chunk.items, new Set(open))
        return open
      }
    }
  }

  /** Spooled files have been dealt with: their room is free again. */
  release(bytes: number): void {
    if (bytes === 0) return
    this.#spooledBytes -= bytes
    this.#resume()
  }

  /** Takes no more, and holds nobody back: the run ends, and nothing is dealt with that would make room. */
  close(): void {
    this.#closing.abort()
  }

  #resume(): void {
    for (const resume of this.#waiting.splice(0)) resume()
  }

  async #listed(
    running: RunningExport,
    chunk: Extract<PlanChunk, { type: 'listed' }>,
  ): Promise<ListedAnswer> {
    const { name, inputs } = running
    await reopenMissing(this.#backend, this.#storage, name)
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
    const { name, exportId = 0, settledBytes } = running
    const free = await this.#storage.freeBytes()
    const needed = Math.max(0, placeBytes - settledBytes)
    const fits = (bytes: number): boolean => bytes <= 0 || free === undefined || bytes + RESERVE_BYTES <= free
    if (fits(needed)) return
    const room = `where ${formatBytes(free ?? 0)} are free and ${formatBytes(RESERVE_BYTES)} have to stay free`
    // What other exports have brought may be in this one, too, and takes no room then.
    const shared = (await callLibrary(this.#backend, 'library.bytes', null)) - settledBytes
    if (!fits(needed - shared)) {
      throw new NoSpaceError(`${name} needs ${formatBytes(needed)} in the library, ${room}`, {
        hint: 'Free some space or choose another library with -o, then run the same command again.',
      })
    }
    const message = `may need up to ${formatBytes(needed)}, ${room}: it fits if the library has enough of it already`
    const remarks = [{ code: 'low-space', message }]
    await callLibrary(this.#backend, 'plan.remarks', { exportId, remarks })
  }

  async #plan(
    running: RunningExport,
    items: readonly PlannedItem[] | string,
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

  /**
   * Counts what was unpacked for the items that became tasks, and holds the unpacking back while too much of it
   * lies there undone. No task will remove what was unpacked for the others.
   */
  async #takeSpooled(items: readonly PlannedItem[], open: ReadonlySet<number>): Promise<void> {
    const done = items.filter((_item, index) => !open.has(index))
    await Promise.all(done.flatMap(spooledFiles).map((temp) => this.#storage.discard(temp)))
    this.#spooledBytes += spooledBytes(items.filter((_item, index) => open.has(index)))
    while (this.#spooledBytes > SPOOL_BUDGET_BYTES && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
  }
}
