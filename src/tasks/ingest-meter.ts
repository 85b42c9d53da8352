/**
 * How far an ingest is: read from the ledger's own counters, so that what is shown is what is committed.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import type { Balance } from '../library/ledger.ts'
import type { Backend } from '../queue/backend.ts'
import type { RunningExport } from './export-intake.ts'
import type { ExportProgress, IngestProgress } from './ingest-api.ts'
import { callLibrary } from './store-calls.ts'

const INTERVAL_MS = 250

/** Rates are over this long, so that they follow what happens now without flickering. */
const WINDOW_MS = 10_000

/** Before that, an estimate would be a guess from a handful of small files. */
const ESTIMATE_AFTER_MS = 3_000

interface Sample {
  readonly at: number
  readonly files: number
  readonly bytes: number
}

export class IngestMeter {
  readonly #backend: Backend
  readonly #exports: readonly RunningExport[]
  readonly #startedAt: number
  readonly #report: (progress: IngestProgress) => void
  readonly #balances = new Map<RunningExport, Balance>()
  #samples: Sample[] = []
  #timer: NodeJS.Timeout | undefined
  #reading: Promise<void> | undefined

  constructor(
    backend: Backend,
    exports: readonly RunningExport[],
    startedAt: number,
    report: (progress: IngestProgress) => void,
  ) {
    this.#backend = backend
    this.#exports = exports
    this.#startedAt = startedAt
    this.#report = report
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#reading ??= this.runOnce().finally(() => {
        this.#reading = undefined
      })
    }, INTERVAL_MS)
  }

  /** Tells the last state; safe before `start`. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#reading
    await this.runOnce()
  }

  async runOnce(): Promise<void> {
    for (const running of this.#exports) {
      const { exportId } = running
      if (exportId === undefined) continue
      this.#balances.set(running, await callLibrary(this.#backend, 'export.balance', { exportId }))
    }
    this.#report(this.#progress(systemClock.now()))
  }

  #progress(now: number): IngestProgress {
    const exports = this.#exports.map((running) => toExportProgress(running, this.#balances.get(running)))
    const files = sum(exports.map(({ filesDone }) => filesDone))
    const bytes = sum(exports.map(({ bytesDone }) => bytesDone))
    this.#samples = [...this.#samples.filter(({ at }) => at > now - WINDOW_MS), { at: now, files, bytes }]
    const first = this.#samples[0] ?? { at: now, files, bytes }
    const seconds = (now - first.at) / 1000
    const bytesPerSecond = seconds > 0 ? (bytes - first.bytes) / seconds : 0
    const left = sum(exports.map(({ bytesFound, bytesDone }) => Math.max(0, bytesFound - bytesDone)))
    const isListed = exports.every(({ phase }) => phase !== 'waiting' && phase !== 'listing')
    const isKnown = isListed && bytesPerSecond > 0 && now - first.at >= ESTIMATE_AFTER_MS
    return {
      exports,
      startedAt: this.#startedAt,
      now,
      filesPerSecond: seconds > 0 ? (files - first.files) / seconds : 0,
      bytesPerSecond,
      ...(isKnown ? { etaMs: (left / bytesPerSecond) * 1000 } : {}),
    }
  }
}

function toExportProgress(running: RunningExport, balance: Balance | undefined): ExportProgress {
  const { name, phase, filesFound, bytesFound, message } = running
  const found = Math.max(filesFound, balance?.found ?? 0)
  const settled = balance?.bytesByOutcome
  return {
    name,
    phase,
    filesFound: found,
    bytesFound: Math.max(bytesFound, balance?.bytesFound ?? 0),
    filesDone: (balance?.found ?? 0) - (balance?.open ?? 0),
    bytesDone: settled === undefined ? 0 : sum(Object.values(settled)),
    imported: balance?.byOutcome.imported ?? 0,
    duplicates: balance?.byOutcome.duplicate ?? 0,
    sidecars: balance?.byOutcome.sidecar ?? 0,
    ignored: balance?.byOutcome.ignored ?? 0,
    failed: balance?.byOutcome.failed ?? 0,
    ...(message === undefined ? {} : { message }),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
