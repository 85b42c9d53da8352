/**
 * How far the uploads are: counted here as it happens, since most of it is never stored.
 *
 * @module
 */

import type { ExportUpload, UploadPhase, UploadProgress } from './upload-api.ts'

/** Rates are over this long, so that they follow what happens now without flickering. */
const WINDOW_MS = 10_000

/** Before that, an estimate would be a guess from a handful of small files. */
const ESTIMATE_AFTER_MS = 3_000

/** What became of one file. */
export type FileOutcome = 'created' | 'present' | 'failed'

interface Row {
  readonly name: string
  phase: UploadPhase
  filesFound: number
  bytesFound: number
  bytesSettled: number
  created: number
  /** By an earlier attempt of the export: the later one finds them there. */
  createdBefore: number
  present: number
  failed: number
  message: string | undefined
  /** Bytes of files that are on their way, by file. */
  readonly underway: Map<number, number>
}

interface Sample {
  readonly at: number
  readonly files: number
  readonly bytes: number
}

export class UploadMeter {
  readonly #rows = new Map<string, Row>()
  readonly #startedAt: number
  /** Over the line, whether it was of use or not. */
  #bytesSent = 0
  /** Answered for over the line; not what a check found to be there. */
  #filesSettled = 0
  #samples: Sample[]
  #trouble: string | undefined
  #lastProgressAt: number

  constructor(startedAt: number) {
    this.#startedAt = startedAt
    this.#lastProgressAt = startedAt
    this.#samples = [{ at: startedAt, files: 0, bytes: 0 }]
  }

  /** When a byte was sent or a file settled for the last time. */
  get lastProgressAt(): number {
    return this.#lastProgressAt
  }

  setPhase(name: string, phase: UploadPhase, message?: string): void {
    const row = this.#row(name)
    row.phase = phase
    row.message = message
  }

  /** More is known to be sent. */
  addFound(name: string, files: number, bytes: number): void {
    const row = this.#row(name)
    row.filesFound += files
    row.bytesFound += bytes
  }

  /** The server had them, which says nothing about the line. */
  addPresent(name: string, files: number, bytes: number): void {
    const row = this.#row(name)
    row.present += files
    row.bytesSettled += bytes
  }

  /** The export is planned anew: what was counted of it will be counted again. */
  forget(name: string): void {
    const { phase, message, created, createdBefore } = this.#row(name)
    this.#rows.set(name, { ...emptyRow(name), phase, message, createdBefore: created + createdBefore })
  }

  /** An attempt begins anew: what the last one sent is void. */
  begin(name: string, file: number): void {
    this.#row(name).underway.set(file, 0)
  }

  addSent(name: string, file: number, bytes: number, now: number): void {
    const { underway } = this.#row(name)
    underway.set(file, (underway.get(file) ?? 0) + bytes)
    this.#bytesSent += bytes
    this.#lastProgressAt = now
  }

  /** An attempt ended without a result: there may be another one. */
  abandon(name: string, file: number): void {
    this.#row(name).underway.delete(file)
  }

  settle(name: string, outcome: FileOutcome, bytes: number, now: number, file?: number): void {
    const row = this.#row(name)
    row[outcome] += 1
    row.bytesSettled += bytes
    this.#filesSettled += 1
    if (file !== undefined) row.underway.delete(file)
    this.#lastProgressAt = now
  }

  /** Of the server, in one line; undefined when there is none any more. */
  setTrouble(trouble: string | undefined): void {
    this.#trouble = trouble
  }

  /** In the order of their turns. */
  exports(): readonly ExportUpload[] {
    return [...this.#rows.values()].map(toExportUpload)
  }

  exportOf(name: string): ExportUpload {
    return toExportUpload(this.#rows.get(name) ?? emptyRow(name))
  }

  read(now: number): UploadProgress {
    const exports = this.exports()
    const files = this.#filesSettled
    const bytes = this.#bytesSent
    this.#samples = [...this.#samples.filter(({ at }) => at > now - WINDOW_MS), { at: now, files, bytes }]
    const first = this.#samples[0] ?? { at: now, files, bytes }
    const seconds = (now - first.at) / 1000
    const bytesPerSecond = seconds > 0 ? (bytes - first.bytes) / seconds : 0
    const left = sum(exports.map(({ bytesFound, bytesDone }) => Math.max(0, bytesFound - bytesDone)))
    const isKnown = left > 0 && bytesPerSecond > 0 && now - first.at >= ESTIMATE_AFTER_MS
    return {
      exports,
      startedAt: this.#startedAt,
      now,
      filesPerSecond: seconds > 0 ? (files - first.files) / seconds : 0,
      bytesPerSecond,
      ...(isKnown ? { etaMs: (left / bytesPerSecond) * 1000 } : {}),
      ...(this.#trouble === undefined ? {} : { trouble: this.#trouble }),
    }
  }

  #row(name: string): Row {
    const known = this.#rows.get(name)
    if (known !== undefined) return known
    const row = emptyRow(name)
    this.#rows.set(name, row)
    return row
  }
}

function emptyRow(name: string): Row {
  const files = { filesFound: 0, created: 0, createdBefore: 0, present: 0, failed: 0 }
  const bytes = { bytesFound: 0, bytesSettled: 0, underway: new Map<number, number>() }
  return { name, phase: 'waiting', ...files, ...bytes, message: undefined }
}

function toExportUpload(row: Row): ExportUpload {
  const { name, phase, filesFound, bytesFound, bytesSettled, createdBefore, failed, message } = row
  const created = row.created + createdBefore
  const present = Math.max(0, row.present - createdBefore)
  return {
    name,
    phase,
    filesFound,
    filesDone: created + present + failed,
    bytesFound,
    bytesDone: bytesSettled + sum([...row.underway.values()]),
    created,
    present,
    failed,
    ...(message === undefined ? {} : { message }),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
