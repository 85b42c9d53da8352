/**
 * A terminal and a job in memory, so that tests run whole command lines and read what a user would see.
 *
 * @module
 */

import { FakeClock } from '../../clock.ts'
import type {
  CheckSummary,
  ExportSummary,
  IngestOptions,
  IngestSummary,
  ReportSummary,
} from '../../tasks/ingest-api.ts'
import type { ThumbsSummary } from '../../tasks/thumbnail-api.ts'
import type { ExportUploadSummary, UploadSummary } from '../../tasks/upload-api.ts'
import type { Io, Output } from '../io.ts'
import type { Services } from '../services.ts'

export interface MemoryOutput extends Output {
  text(): string
  resize(columns: number, rows: number): void
}

export interface MemoryIo extends Io {
  readonly stdout: MemoryOutput
  readonly stderr: MemoryOutput
  readonly clock: FakeClock
  /** As a Ctrl-C would. */
  interrupt(): void
  /** Codes that `exit` was called with; the process goes on, unlike a real one. */
  readonly exits: readonly number[]
  /** Variables that were taken from the environment. */
  readonly hidden: readonly string[]
}

/** Nothing is read from the real environment. */
export function memoryIo(
  options: {
    cwd?: string
    env?: Record<string, string>
    terminal?: { columns: number; rows: number }
    /** What the user types when asked for a secret. */
    secret?: string
    /** What the user answers to yes-or-no questions; undefined: nobody can be asked. */
    answer?: boolean
  } = {},
): MemoryIo {
  const { cwd = '/nowhere', env = {}, terminal, secret, answer } = options
  const interrupts = new Set<() => void>()
  const atExit = new Set<() => void>()
  const exits: number[] = []
  const hidden: string[] = []
  return {
    stdout: memoryOutput(terminal),
    stderr: memoryOutput(terminal),
    // Without it, the config file of whoever runs the tests would be read.
    env: { XDG_CONFIG_HOME: '/nowhere/config', ...env },
    cwd,
    clock: new FakeClock(),
    onInterrupt: (callback) => {
      interrupts.add(callback)
      return () => interrupts.delete(callback)
    },
    interrupt: () => {
      for (const callback of interrupts) callback()
    },
    onExit: (callback) => {
      atExit.add(callback)
      return () => atExit.delete(callback)
    },
    exit: (code) => {
      exits.push(code)
      for (const callback of atExit) callback()
    },
    exits,
    askSecret: async () => secret,
    confirm: async () => answer,
    hideSecrets: (variables) => {
      hidden.push(...variables)
    },
    hidden,
  }
}

function memoryOutput(terminal: { columns: number; rows: number } | undefined): MemoryOutput {
  let written = ''
  let size = terminal ?? { columns: 80, rows: 24 }
  const listeners = new Set<() => void>()
  return {
    isTerminal: terminal !== undefined,
    size: () => size,
    write: (text) => {
      written += text
    },
    text: () => written,
    onResize: (callback) => {
      listeners.add(callback)
      return () => listeners.delete(callback)
    },
    resize: (columns, rows) => {
      size = { columns, rows }
      for (const listener of listeners) listener()
    },
  }
}

/** A finished export that went well, but for what is said otherwise. */
export function exportSummary(changes: Partial<ExportSummary> = {}): ExportSummary {
  return {
    name: 'Takeout',
    phase: 'finished',
    filesFound: 10,
    filesDone: 10,
    bytesFound: 1000,
    bytesDone: 1000,
    imported: 4,
    duplicates: 1,
    sidecars: 4,
    ignored: 1,
    failed: 0,
    balanced: true,
    unchanged: false,
    problems: [],
    problemCount: 0,
    ambiguousCount: 0,
    ...changes,
  }
}

export function ingestSummary(changes: Partial<IngestSummary> = {}): IngestSummary {
  return {
    status: 'complete',
    exports: [exportSummary()],
    library: '/photos',
    reportHtml: '/photos/report-1.html',
    durationMs: 4200,
    ...changes,
  }
}

export function checkSummary(changes: Partial<CheckSummary> = {}): CheckSummary {
  return {
    status: 'complete',
    library: { path: '/photos', filesChecked: 4, bytesChecked: 5000, damaged: 0, missing: 0 },
    exports: [
      {
        name: 'Takeout',
        filesFound: 10,
        safe: 5,
        sidecars: 5,
        notKept: 0,
        notKeptFiles: [],
        unsafe: 0,
        deletable: true,
      },
    ],
    problems: [],
    problemCount: 0,
    durationMs: 10,
    ...changes,
  }
}

export function reportSummary(changes: Partial<ReportSummary> = {}): ReportSummary {
  return {
    library: '/photos',
    exports: [exportSummary()],
    document: { exports: [{ name: 'Takeout' }] },
    reportHtml: '/photos/report-1.html',
    reportJson: '/photos/report-1.json',
    ...changes,
  }
}

export function uploadSummary(changes: Partial<UploadSummary> = {}): UploadSummary {
  return {
    status: 'complete',
    library: '/photos',
    address: 'http://nas.local:2283',
    serverVersion: '3.1.0',
    exports: [],
    problems: [],
    durationMs: 4200,
    ...changes,
  }
}

/** An upload that went well, but for what is said otherwise. */
export function exportUpload(changes: Partial<ExportUploadSummary> = {}): ExportUploadSummary {
  return {
    name: 'Takeout',
    phase: 'finished',
    filesFound: 4,
    filesDone: 4,
    bytesFound: 1000,
    bytesDone: 1000,
    created: 3,
    present: 1,
    failed: 0,
    left: 0,
    trashed: 0,
    unsupported: 0,
    problems: [],
    problemCount: 0,
    ...changes,
  }
}

export function thumbsSummary(changes: Partial<ThumbsSummary> = {}): ThumbsSummary {
  return {
    status: 'complete',
    output: '/thumbnails',
    made: 4,
    there: 1,
    unsupported: 0,
    failed: 0,
    damaged: 0,
    ignored: 0,
    problems: [],
    problemCount: 0,
    unsupportedReasons: [],
    durationMs: 4200,
    ...changes,
  }
}

/** Jobs that answer at once; `calls` has the options of each ingest. */
export function fakeServices(
  changes: Partial<Services> = {},
): Services & { readonly calls: IngestOptions[] } {
  const calls: IngestOptions[] = []
  const services: Services = {
    ingest: async () => ingestSummary(),
    reportLibrary: async () => reportSummary(),
    checkLibrary: async () => checkSummary(),
    uploadLibrary: async () => uploadSummary(),
    makeThumbs: async () => thumbsSummary(),
    runWorker: async () => ({ completed: 0, failed: 0, durationMs: 0 }),
    autotag: async () => {
      throw new TypeError('no library is kept in order in these tests')
    },
    startServer: async () => {
      throw new TypeError('no server is started in these tests')
    },
    checkServer: async ({ address }) => ({ address, ok: true, findings: [] }),
    listProcessors: async () => [
      { name: 'Google Photos', folder: 'photos', priority: 60 },
      { name: 'Folder', folder: 'photos', priority: 0 },
    ],
    ...changes,
  }
  return {
    ...services,
    calls,
    ingest: (options) => {
      calls.push(options)
      return services.ingest(options)
    },
  }
}
