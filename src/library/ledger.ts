/**
 * The ledger: what was found in each export, and what became of it.
 *
 * Every found file has one row; a null outcome is still open, and the sums are kept by the schema's triggers.
 * These are plain functions on the database handle: they run inside the caller's transaction.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Outcome } from './balance.ts'
import { exportFolderName, foldPath } from './names.ts'
import { runOf } from './plan-files.ts'
import { orNull, prepared, type Row } from './statements.ts'

export { type Balance, balance, OUTCOMES, type Outcome } from './balance.ts'
export {
  fingerprintOf,
  heldBytes,
  type PairingRecord,
  type PlanAnswer,
  type PlannedFile,
  planFiles,
  type Reason,
} from './plan-files.ts'

export type ExportStatus = 'open' | 'planned' | 'finished'

/** A problem or remark: stable code, one sentence. */
export interface Note {
  readonly code: string
  readonly message: string
}

export interface ExportRow {
  readonly id: number
  readonly name: string
  /** Folder in the library. */
  readonly folder: string
  readonly inputs: readonly string[]
  readonly listingDigest?: string
  readonly status: ExportStatus
  /** 1 at first sight, one more each time that the export is opened. */
  readonly run: number
  readonly firstSeenAt: number
  readonly openedAt: number
  readonly finishedAt?: number
  /** Of the last complete listing. */
  readonly filesListed?: number
  readonly bytesListed?: number
  readonly problems: readonly Note[]
}

export interface SettleFile {
  readonly fileId: number
  readonly outcome: Outcome
  readonly reasonCode?: string
  readonly reason?: string
  readonly assetId?: number
  readonly taskId?: number
  readonly now: number
}

/**
 * Begins a run over an export, known by its name; the reading's remarks and problems of the last run are
 * forgotten.
 */
export function openExport(
  db: DatabaseSync,
  input: { readonly name: string; readonly inputs: readonly string[]; readonly now: number },
): ExportRow {
  const inputs = JSON.stringify(input.inputs)
  const known = findExport(db, input.name)
  if (known === undefined) {
    const folder = freeFolder(db, input.name)
    prepared(
      db,
      `INSERT INTO exports (name, folder, folder_folded, inputs, status, run, first_seen_at, opened_at)
       VALUES (?, ?, ?, ?, 'open', 1, ?, ?)`,
    ).run(input.name, folder, foldPath(folder), inputs, input.now, input.now)
  } else {
    prepared(
      db,
      `UPDATE exports SET inputs_changed = (inputs <> $inputs OR (status = 'open' AND inputs_changed)), inputs = $inputs, status = 'open', run = run + 1,
         opened_at = $now, finished_at = NULL, problems = '[]' WHERE id = $id`,
    ).run({ inputs, now: input.now, id: known.id })
    prepared(db, "DELETE FROM remarks WHERE export_id = ? AND origin = 'reading'").run(known.id)
  }
  return getExport(db, input.name)
}

function freeFolder(db: DatabaseSync, name: string): string {
  const wanted = exportFolderName(name)
  const taken = prepared(db, 'SELECT 1 FROM exports WHERE folder_folded = ?')
  let folder = wanted
  for (let count = 2; taken.get(foldPath(folder)) !== undefined; count += 1) folder = `${wanted} (${count})`
  return folder
}

function getExport(db: DatabaseSync, name: string): ExportRow {
  const row = findExport(db, name)
  if (row === undefined) throw new TypeError(`export ${name} is not in the database`)
  return row
}

export function findExport(db: DatabaseSync, name: string): ExportRow | undefined {
  const row = prepared(db, 'SELECT * FROM exports WHERE name = ?').get(name)
  return row === undefined ? undefined : toExport(row)
}

/** In the order in which they were first seen. */
export function listExports(db: DatabaseSync): ExportRow[] {
  return prepared(db, 'SELECT * FROM exports ORDER BY id').all().map(toExport)
}

function toExport(row: Row): ExportRow {
  return {
    id: Number(row['id']),
    name: String(row['name']),
    folder: String(row['folder']),
    inputs: JSON.parse(String(row['inputs'])),
    status: row['status'] as ExportStatus,
    run: Number(row['run']),
    firstSeenAt: Number(row['first_seen_at']),
    openedAt: Number(row['opened_at']),
    problems: JSON.parse(String(row['problems'])),
    ...(row['listing_digest'] === null ? {} : { listingDigest: String(row['listing_digest']) }),
    ...(row['finished_at'] === null ? {} : { finishedAt: Number(row['finished_at']) }),
    ...(row['files_listed'] === null ? {} : { filesListed: Number(row['files_listed']) }),
    ...(row['bytes_listed'] === null ? {} : { bytesListed: Number(row['bytes_listed']) }),
  }
}

/**
 * Ends the planning of a run: all of the listing has been entered. A file of an earlier run that was never
 * imported and is no longer listed becomes `ignored`, and is told of in a remark; but not when other inputs were
 * given than before: then it may be as it was, in the one that was left out.
 */
export function closePlan(
  db: DatabaseSync,
  exportId: number,
  plan: { readonly listingDigest?: string; readonly now: number },
): { readonly vanished: number } {
  const run = runOf(db, exportId)
  // Opened again only to learn more of it, which nobody will now: it is in the library all the same.
  prepared(
    db,
    `UPDATE files SET outcome = prior_outcome, prior_outcome = NULL, settled_at = ?
     WHERE export_id = ? AND run < ? AND outcome IS NULL AND prior_outcome IS NOT NULL
       AND asset_id IS NOT NULL`,
  ).run(plan.now, exportId, run)
  const vanished = Number(
    prepared(
      db,
      `UPDATE files SET outcome = 'ignored', reason_code = 'vanished', settled_at = ?,
         reason = 'was listed by an earlier run, never imported, and is no longer in the export'
       WHERE export_id = ? AND run < ? AND (outcome IS NULL OR outcome = 'failed')
         AND NOT (SELECT inputs_changed FROM exports WHERE exports.id = export_id)`,
    ).run(plan.now, exportId, run).changes,
  )
  if (vanished > 0) {
    const message = `${vanished} files of an earlier run were never imported and are no longer in the export`
    addRemark(db, { exportId, code: 'vanished', message })
  }
  prepared(
    db,
    `UPDATE exports SET status = 'planned', inputs_changed = 0, listing_digest = $digest,
       (files_listed, bytes_listed) =
         (SELECT count(*), coalesce(sum(size_bytes), 0) FROM files WHERE export_id = $id AND run = $run)
     WHERE id = $id`,
  ).run({ id: exportId, run, digest: orNull(plan.listingDigest) })
  return { vanished }
}

/** Ends a run. It does not check the balance: see {@link balance}. */
export function finishExport(
  db: DatabaseSync,
  exportId: number,
  end: { readonly problems?: readonly Note[]; readonly now: number },
): void {
  prepared(db, "UPDATE exports SET status = 'finished', finished_at = ?, problems = ? WHERE id = ?").run(
    end.now,
    JSON.stringify(end.problems ?? []),
    exportId,
  )
}

/** The ledger's id of a file, and its outcome (undefined while it is open). */
export function findFile(
  db: DatabaseSync,
  exportId: number,
  path: string,
):
  | {
      readonly fileId: number
      readonly outcome: Outcome | undefined
      readonly sizeBytes: number
      readonly fingerprint: string
      readonly reasonCode: string | undefined
      readonly reason: string | undefined
    }
  | undefined {
  const row = prepared(
    db,
    `SELECT id, outcome, size_bytes, fingerprint, reason_code, reason FROM files
     WHERE export_id = ? AND path = ?`,
  ).get(exportId, path)
  if (row === undefined) return undefined
  return {
    fileId: Number(row['id']),
    outcome: row['outcome'] === null ? undefined : (row['outcome'] as Outcome),
    sizeBytes: Number(row['size_bytes']),
    fingerprint: String(row['fingerprint']),
    reasonCode: row['reason_code'] === null ? undefined : String(row['reason_code']),
    reason: row['reason'] === null ? undefined : String(row['reason']),
  }
}

/** Records what became of a file. A later settlement replaces an earlier one. */
export function settleFile(db: DatabaseSync, settlement: SettleFile): void {
  const { changes } = prepared(
    db,
    `UPDATE files SET outcome = ?, reason_code = ?, reason = ?, asset_id = ?, task_id = ?, settled_at = ?,
       prior_outcome = NULL WHERE id = ?`,
  ).run(
    settlement.outcome,
    orNull(settlement.reasonCode),
    orNull(settlement.reason),
    orNull(settlement.assetId),
    orNull(settlement.taskId),
    settlement.now,
    settlement.fileId,
  )
  if (changes === 0) throw new TypeError(`file ${settlement.fileId} is not in the ledger`)
}

/**
 * Records that a file's bytes are those of an asset: `imported` when no other file is the one that it was
 * imported from, else `duplicate`. So the same file committed twice gives the same outcome, and so does one that
 * was opened again.
 */
export function settleWithAsset(
  db: DatabaseSync,
  settlement: {
    readonly fileId: number
    readonly assetId: number
    readonly taskId?: number
    readonly now: number
  },
): 'imported' | 'duplicate' {
  const other = prepared(
    db,
    "SELECT 1 FROM files WHERE asset_id = ? AND coalesce(outcome, prior_outcome) = 'imported' AND id <> ? LIMIT 1",
  ).get(settlement.assetId, settlement.fileId)
  const outcome = other === undefined ? 'imported' : 'duplicate'
  settleFile(db, { ...settlement, outcome })
  return outcome
}

export interface Remark extends Note {
  /** Undefined: of the library as a whole. */
  readonly exportId?: number
  readonly path?: string
}

/**
 * `reading` remarks are replaced by the export's next run, `recovery` ones by the next start; those of `placing`
 * a file stay, since that is not repeated.
 */
export function addRemark(
  db: DatabaseSync,
  remark: Remark,
  origin: 'reading' | 'placing' | 'recovery' = 'reading',
): void {
  prepared(db, 'INSERT INTO remarks (export_id, origin, code, message, path) VALUES (?, ?, ?, ?, ?)').run(
    orNull(remark.exportId),
    origin,
    remark.code,
    remark.message,
    orNull(remark.path),
  )
}
