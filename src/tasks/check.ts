/**
 * `heirloom check`: is every byte safe, may the export be deleted?
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { systemClock } from '../clock.ts'
import { toErrorRecord } from '../errors.ts'
import type { Archive, ArchiveEntry, ArchiveProblem } from '../exports/archive/archive.ts'
import { openArchive } from '../exports/archive/open-archive.ts'
import { type Asset, findAssetBySha1, listAssets } from '../library/catalog.ts'
import {
  checkExport,
  checkLibrary as checkLibraryFiles,
  type ExportCheck,
  type ExportFileToCheck,
  type LibraryCheck,
} from '../library/check.ts'
import { findExport, findFile } from '../library/ledger.ts'
import { formatByName } from '../media/formats.ts'
import { IDENTIFY_BYTES, identify } from '../media/identify.ts'
import { openEntry } from '../storage/entry-reader.ts'
import { LocalStorage } from '../storage/local-storage.ts'
import { fingerprintOfEntry } from './export-plan.ts'
import type { CheckOptions, CheckSummary, ExportInput } from './ingest-api.ts'
import { openLibraryForReading } from './library-session.ts'

/** Problems, and files of an export that are not kept, that are named. */
const SHOWN_PROBLEMS = 20
const PAGE_SIZE = 500

type CheckProblem = CheckSummary['problems'][number]

/** Re-hashes the library and the exports. Nothing is written. */
export async function checkLibrary(options: CheckOptions): Promise<CheckSummary> {
  const startedAt = systemClock.now()
  const { paths, db } = await openLibraryForReading(options.library, options.state)
  try {
    const library = await checkFiles(db, paths.root, options)
    const exports: { input: ExportInput; check: ExportCheck }[] = []
    for (const input of options.signal.aborted ? [] : options.exports) {
      exports.push({ input, check: await checkOneExport(db, input, library.safe, options) })
    }
    const problems = [
      ...libraryProblems(library),
      ...exports.flatMap(({ input, check }) => exportProblems(input, check)),
    ]
    return {
      status: options.signal.aborted ? 'interrupted' : 'complete',
      library: {
        path: paths.root,
        filesChecked: library.ok + library.changed.length + library.unreadable.length,
        bytesChecked: library.bytes,
        damaged: library.changed.length + library.unreadable.length,
        missing: library.missing.length,
      },
      exports: exports.map(({ input, check }) => summarize(input, check)),
      problems: problems.slice(0, SHOWN_PROBLEMS),
      problemCount: problems.length,
      durationMs: systemClock.now() - startedAt,
    }
  } finally {
    db.close()
  }
}

function checkFiles(db: DatabaseSync, root: string, options: CheckOptions): Promise<LibraryCheck> {
  const totals = db.prepare('SELECT count(*) AS files, total(size_bytes) AS bytes FROM assets').get()
  const storage = new LocalStorage({ root })
  return checkLibraryFiles(storage, assetsOf(db), {
    signal: options.signal,
    onProgress: ({ files, bytes }) =>
      options.onProgress({
        subject: 'library',
        filesDone: files,
        filesTotal: Number(totals?.['files'] ?? 0),
        bytesDone: bytes,
        bytesTotal: Number(totals?.['bytes'] ?? 0),
      }),
  })
}

function* assetsOf(db: DatabaseSync): Generator<Asset> {
  let afterId = 0
  for (;;) {
    const page = listAssets(db, { afterId, limit: PAGE_SIZE })
    if (page.length === 0) return
    yield* page
    afterId = page.at(-1)?.id ?? afterId
  }
}

async function checkOneExport(
  db: DatabaseSync,
  input: ExportInput,
  safe: ReadonlySet<string>,
  options: CheckOptions,
): Promise<ExportCheck> {
  const archive = await openArchive(input.inputs, { signal: options.signal })
  try {
    const files = filesOf(db, input, archive, options)
    return await checkExport(files, safe, (sha1) => findAssetBySha1(db, sha1) !== undefined)
  } finally {
    await archive.close()
  }
}

/** Every file of the export with its hash, then those that the container could not give. */
async function* filesOf(
  db: DatabaseSync,
  input: ExportInput,
  archive: Archive,
  options: CheckOptions,
): AsyncGenerator<ExportFileToCheck> {
  const exportId = findExport(db, input.name)?.id
  const bytesTotal = archive.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  let bytesDone = 0
  for (const [index, entry] of archive.entries.entries()) {
    if (options.signal.aborted) return
    const ledger = exportId === undefined ? undefined : findFile(db, exportId, entry.path)
    yield {
      path: entry.path,
      sizeBytes: entry.sizeBytes,
      fingerprint: fingerprintOfEntry(entry),
      ...(await readEntry(entry, options.signal)),
      ...(ledger === undefined ? {} : { ledger }),
    }
    bytesDone += entry.sizeBytes
    const filesTotal = archive.entries.length
    options.onProgress({ subject: input.name, filesDone: index + 1, filesTotal, bytesDone, bytesTotal })
  }
  for (const problem of archive.problems) yield* problemFile(problem)
}

function* problemFile({
  path,
  sizeBytes = 0,
  delivered,
  code,
  message,
}: ArchiveProblem): Generator<ExportFileToCheck> {
  if (path === undefined || delivered === true) return
  const error = { code: `archive/${code}`, message, recovery: 'discard' } as const
  yield { path, sizeBytes, error, fingerprint: '', isMedia: isMedia(path) }
}

function isMedia(path: string, head: Buffer = Buffer.alloc(0)): boolean {
  return formatByName(path) !== undefined || identify(head, path) !== undefined
}

async function readEntry(
  entry: ArchiveEntry,
  signal: AbortSignal,
): Promise<Pick<ExportFileToCheck, 'sha1' | 'error' | 'isMedia'>> {
  const { path, source, sizeBytes, contentHint } = entry
  // Listing a tgz has just read and hashed all of it.
  if (source.kind === 'stream') {
    return { isMedia: isMedia(path), ...(contentHint === undefined ? {} : { sha1: contentHint }) }
  }
  try {
    const reader = await openEntry(source, sizeBytes)
    try {
      const digest = createHash('sha1')
      let head = Buffer.alloc(0)
      for await (const chunk of reader.stream(signal)) {
        digest.update(chunk)
        const missing = IDENTIFY_BYTES - head.length
        if (missing > 0) head = Buffer.concat([head, chunk.subarray(0, missing)])
      }
      return { sha1: digest.digest('hex'), isMedia: isMedia(path, head) }
    } finally {
      await reader.close()
    }
  } catch (error) {
    return { error: toErrorRecord(error), isMedia: isMedia(path) }
  }
}

function summarize({ name }: ExportInput, check: ExportCheck): CheckSummary['exports'][number] {
  const { safe, sidecars, notKept, unsafe, mayDelete } = check
  return {
    name,
    filesFound: safe + sidecars + notKept.length + unsafe.length,
    safe,
    sidecars,
    notKept: notKept.length,
    notKeptFiles: notKept.slice(0, SHOWN_PROBLEMS),
    unsafe: unsafe.length,
    deletable: mayDelete,
  }
}

const INGEST_AGAIN = 'ingest the export that it came from again'
const CURES = {
  media: {
    missing: 'Ingest the export that it came from again: it is placed anew.',
    changed: `Unless you changed it yourself, move it away, and ${INGEST_AGAIN}: it is placed anew.`,
  },
  sidecar: {
    missing: `Move the file that it describes away, and ${INGEST_AGAIN}: both are placed anew.`,
    changed: `Unless you changed it yourself, move it and the file that it describes away, and ${INGEST_AGAIN}: both are placed anew.`,
  },
} as const

/** An ingest places anew what is gone of its export's photos and videos; it neither reads them nor looks for sidecars. */
export function cureOf(trouble: 'missing' | 'changed', path: string): string {
  return CURES[path.endsWith('.xmp') ? 'sidecar' : 'media'][trouble]
}

function libraryProblems({ missing, changed, unreadable }: LibraryCheck): CheckProblem[] {
  return [
    ...missing.map((path) => ({
      path,
      code: 'missing',
      message: 'the catalog has it, the disk has not',
      hint: cureOf('missing', path),
    })),
    ...changed.map((path) => ({
      path,
      code: 'changed',
      message: 'other bytes than were written',
      hint: cureOf('changed', path),
    })),
    ...unreadable.map(({ name, error }) => ({ path: name, code: error.code, message: error.message })),
  ]
}

function exportProblems({ name }: ExportInput, { unsafe }: ExportCheck): CheckProblem[] {
  return unsafe.map(({ path, reason, detail }) => ({
    export: name,
    path,
    code: reason,
    message: detail ?? UNSAFE_MESSAGES[reason],
  }))
}

const UNSAFE_MESSAGES: Readonly<Record<ExportCheck['unsafe'][number]['reason'], string>> = {
  unreadable: 'cannot be read',
  'never-ingested': 'was never ingested',
  'not-finished': 'was found, but its ingest did not finish',
  failed: 'could not be imported',
  'set-aside': 'is a photo or video by its name or content, and was left out',
  'changed-since': 'has changed since it was ingested',
  'damaged-in-library': 'is in the catalog, but its file in the library is missing or damaged',
}
