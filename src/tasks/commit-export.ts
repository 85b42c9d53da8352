/**
 * The commits of an export's own tasks: planned, and finished when its last file is settled.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { closePlan, findExport, finishExport, openExport } from '../library/ledger.ts'
import type { Transaction } from '../queue/commit.ts'
import type { Task } from '../queue/task.ts'
import type { ExportPayload, ExportResult } from './export-plan.ts'

type LibraryTransaction = Transaction<DatabaseSync>

/** The payload of `export-finish`: it becomes due when no task of the export is open. */
export interface ExportFinishPayload {
  readonly name: string
}

export function commitExport({ db, now }: LibraryTransaction, task: Task, result: unknown): undefined {
  const { name } = task.payload as ExportPayload
  const { digest, unchanged } = result as ExportResult
  const row = findExport(db, name)
  if (row !== undefined && !unchanged) closePlan(db, row.id, { listingDigest: digest, now })
}

/** The export could not be read as a whole. What is in the library of it stays. */
export function failExport({ db, now }: LibraryTransaction, task: Task): undefined {
  const { name, inputs } = task.payload as ExportPayload
  const row = findExport(db, name) ?? openExport(db, { name, inputs, now })
  const { code = 'export/failed', message = 'the export could not be read' } = task.error ?? {}
  finishExport(db, row.id, { problems: [{ code, message }], now })
}

/** What follows the end of an export. */
export interface ExportFinishCommit {
  readonly name: string
  /** It did not fail as a whole; single files of it may have. */
  readonly isWhole: boolean
}

export function commitExportFinish({ db, now }: LibraryTransaction, task: Task): ExportFinishCommit {
  const { name } = task.payload as ExportFinishPayload
  const row = findExport(db, name)
  if (row?.status === 'planned') finishExport(db, row.id, { now })
  return { name, isWhole: row !== undefined && row.status !== 'open' && row.problems.length === 0 }
}

/** Nothing is left half done by it: the export stays `planned`, and the next run finishes it. */
export function failExportFinish(_transaction: LibraryTransaction, task: Task): ExportFinishCommit {
  return { name: (task.payload as ExportFinishPayload).name, isWhole: false }
}
