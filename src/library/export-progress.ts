/**
 * How far exports and uploads are, from counters that the database keeps by itself.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { prepared } from './statements.ts'

export interface ExportProgress {
  readonly name: string
  /** `planned`: everything in it is known, the work on it is not over. */
  readonly status: 'open' | 'planned' | 'finished'
  /** Epoch milliseconds. */
  readonly openedAt: number
  readonly finishedAt?: number
  /** Files by what became of them; `open` are still to be done. */
  readonly files: Readonly<Record<FileOutcome, number>>
  readonly totalBytes: number
  /** Of files that are not open any more. */
  readonly doneBytes: number
  /** Of the export as a whole: damaged archives and such. */
  readonly problems: readonly { readonly code: string; readonly message: string }[]
}

export type FileOutcome = 'open' | 'imported' | 'duplicate' | 'sidecar' | 'ignored' | 'failed'

/** Contents that a server was asked about, by what became of them. */
export interface UploadProgress {
  /** Without key. */
  readonly address: string
  /** Epoch milliseconds. */
  readonly usedAt: number
  readonly uploaded: number
  readonly present: number
  readonly trashed: number
  readonly unsupported: number
  readonly failed: number
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

const NO_FILES: Readonly<Record<FileOutcome, number>> = {
  open: 0,
  imported: 0,
  duplicate: 0,
  sidecar: 0,
  ignored: 0,
  failed: 0,
}

/** Problems that are shown of one export; the report has all of them. */
const PROBLEMS_SHOWN = 5

/** The exports that were opened last, newest first: some rows an export, however many files it has. */
export function readExportProgress(db: DatabaseSync, limit: number): ExportProgress[] {
  return prepared(db, 'SELECT * FROM exports ORDER BY opened_at DESC, id DESC LIMIT ?')
    .all(limit)
    .map((row) => {
      const finishedAt = row['finished_at']
      return {
        name: String(row['name']),
        status: row['status'] as ExportProgress['status'],
        openedAt: Number(row['opened_at']),
        ...(finishedAt === null || row['status'] !== 'finished' ? {} : { finishedAt: Number(finishedAt) }),
        ...countFiles(db, Number(row['id'])),
        problems: toProblems(String(row['problems'])),
      }
    })
}

function countFiles(
  db: DatabaseSync,
  exportId: number,
): Pick<ExportProgress, 'files' | 'totalBytes' | 'doneBytes'> {
  const files = { ...NO_FILES }
  let [totalBytes, doneBytes] = [0, 0]
  for (const row of prepared(db, 'SELECT * FROM file_counts WHERE export_id = ?').all(exportId)) {
    const outcome = row['outcome'] as FileOutcome
    files[outcome] = Number(row['files'])
    totalBytes += Number(row['bytes'])
    if (outcome !== 'open') doneBytes += Number(row['bytes'])
  }
  return { files, totalBytes, doneBytes }
}

function toProblems(json: string): ExportProgress['problems'] {
  const problems = JSON.parse(json) as readonly { readonly code: string; readonly message: string }[]
  return problems.slice(0, PROBLEMS_SHOWN).map(({ code, message }) => ({ code, message }))
}

/** Rows that are counted at a time: about 3 ms. */
const STEP = 20_000

/**
 * Counts what became of the contents on each server, the last used one first. These have no counters of their own, so
 * a million contents take a moment: the caller lets others have their turn at each `yield`.
 */
export function* countUploads(db: DatabaseSync): Generator<undefined, readonly UploadProgress[]> {
  const servers = prepared(db, 'SELECT id, address, used_at FROM servers ORDER BY used_at DESC, id').all()
  const counted: UploadProgress[] = []
  for (const server of servers) {
    const counts = { uploaded: 0, present: 0, trashed: 0, unsupported: 0, failed: 0 }
    for (let after: number | undefined = -1; after !== undefined; ) {
      after = countStep(db, Number(server['id']), after, counts)
      yield
    }
    const hasAny = Object.values(counts).some((count) => count > 0)
    if (hasAny)
      counted.push({ address: String(server['address']), usedAt: Number(server['used_at']), ...counts })
  }
  return counted
}

/** Answers where the next step begins; undefined behind the last row. */
function countStep(
  db: DatabaseSync,
  serverId: number,
  after: number,
  counts: Mutable<Omit<UploadProgress, 'address' | 'usedAt'>>,
): number | undefined {
  const rows = prepared(
    db,
    `SELECT state, count(*) AS count, max(asset_id) AS last FROM
       (SELECT state, asset_id FROM uploads WHERE server_id = ? AND asset_id > ? ORDER BY asset_id LIMIT ${STEP})
     GROUP BY state`,
  ).all(serverId, after)
  let [seen, last] = [0, after]
  for (const row of rows) {
    counts[row['state'] as keyof typeof counts] += Number(row['count'])
    seen += Number(row['count'])
    last = Math.max(last, Number(row['last']))
  }
  return seen < STEP ? undefined : last
}
