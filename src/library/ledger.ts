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
import { orNull, prepared, type Row } from './statements.ts'

export { type Balance, balance, OUTCOMES, type Outcome } from './balance.ts'

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

/** Why a sidecar was taken for a file, as the platform's reading says it. */
export interface PairingRecord {
  readonly sidecar: string
  readonly rule: string
  readonly runnerUp?: { readonly sidecar: string; readonly rule: string }
  readonly ambiguous: boolean
}

export interface PlannedFile {
  /** In the export, exactly as it spells it. */
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedAt?: number
  /** Equal to the last run's means that the file need not be read again; see {@link fingerprintOf}. */
  readonly fingerprint: string
  readonly platform?: string
  readonly pairing?: PairingRecord
  /** For a file that needs no task: what the reading decided. Replaces what an earlier run decided. */
  readonly settled?: { readonly outcome: 'sidecar' | 'ignored' | 'failed' } & Partial<Reason>
}

export interface Reason {
  readonly reasonCode: string
  readonly reason: string
}

export interface PlanAnswer {
  readonly path: string
  readonly fileId: number
  /** `done`: settled by an earlier run or just now, nothing is left to do. */
  readonly state: 'open' | 'done'
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

/** What a listing tells of a file's content without reading it: the CRC-32 where an archive has one. */
export function fingerprintOf(file: {
  readonly sizeBytes: number
  readonly modifiedAt?: number
  readonly crc32?: number
}): string {
  const mark = file.crc32 === undefined ? `m${file.modifiedAt ?? ''}` : `c${file.crc32.toString(16)}`
  return `${file.sizeBytes}:${mark}`
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
      `UPDATE exports SET inputs = ?, status = 'open', run = run + 1, opened_at = ?, finished_at = NULL,
         problems = '[]' WHERE id = ?`,
    ).run(inputs, input.now, known.id)
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
 * Enters files of a listing (any number of calls, at most some hundred rows each). Idempotent: a file whose
 * fingerprint is that of its last settlement keeps its outcome, unless that was `failed`; any other becomes
 * open again. A file that comes `settled` is done at once.
 */
export function planFiles(
  db: DatabaseSync,
  exportId: number,
  files: readonly PlannedFile[],
  now: number,
): PlanAnswer[] {
  const run = runOf(db, exportId)
  return files.map((file) => planFile(db, exportId, file, { run, now }))
}

function planFile(
  db: DatabaseSync,
  exportId: number,
  file: PlannedFile,
  at: { readonly run: number; readonly now: number },
): PlanAnswer {
  const known = prepared(
    db,
    'SELECT id, fingerprint, outcome FROM files WHERE export_id = ? AND path = ?',
  ).get(exportId, file.path)
  if (known === undefined) return insertFile(db, exportId, file, at)
  const fileId = Number(known['id'])
  const stays =
    file.settled === undefined &&
    known['fingerprint'] === file.fingerprint &&
    (known['outcome'] === 'imported' || known['outcome'] === 'duplicate')
  if (stays) {
    prepared(db, 'UPDATE files SET run = ? WHERE id = ?').run(at.run, fileId)
    return { path: file.path, fileId, state: 'done' }
  }
  prepared(
    db,
    `UPDATE files SET size_bytes = ?, modified_at = ?, fingerprint = ?, run = ?, outcome = ?, reason_code = ?,
       reason = ?, asset_id = NULL, platform = ?, task_id = NULL, pairing = ?, ambiguous = ?, settled_at = ?
     WHERE id = ?`,
  ).run(...columnsOf(file, at), fileId)
  return { path: file.path, fileId, state: file.settled === undefined ? 'open' : 'done' }
}

function insertFile(
  db: DatabaseSync,
  exportId: number,
  file: PlannedFile,
  at: { readonly run: number; readonly now: number },
): PlanAnswer {
  const { lastInsertRowid } = prepared(
    db,
    `INSERT INTO files (size_bytes, modified_at, fingerprint, run, outcome, reason_code, reason, platform,
       pairing, ambiguous, settled_at, export_id, path) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(...columnsOf(file, at), exportId, file.path)
  return {
    path: file.path,
    fileId: Number(lastInsertRowid),
    state: file.settled === undefined ? 'open' : 'done',
  }
}

/** In the order of the columns in both statements above. */
function columnsOf(
  file: PlannedFile,
  at: { readonly run: number; readonly now: number },
): (string | number | null)[] {
  return [
    file.sizeBytes,
    orNull(file.modifiedAt),
    file.fingerprint,
    at.run,
    orNull(file.settled?.outcome),
    orNull(file.settled?.reasonCode),
    orNull(file.settled?.reason),
    orNull(file.platform),
    file.pairing === undefined ? null : JSON.stringify(file.pairing),
    file.pairing?.ambiguous === true ? 1 : 0,
    file.settled === undefined ? null : at.now,
  ]
}

function runOf(db: DatabaseSync, exportId: number): number {
  const row = prepared(db, 'SELECT run FROM exports WHERE id = ?').get(exportId)
  if (row === undefined) throw new TypeError(`export ${exportId} is not in the database`)
  return Number(row['run'])
}

/**
 * Ends the planning of a run: all of the listing has been entered. A file of an earlier run that was never
 * imported and is no longer listed becomes `ignored`, and is told of in a remark.
 */
export function closePlan(
  db: DatabaseSync,
  exportId: number,
  plan: { readonly listingDigest?: string; readonly now: number },
): { readonly vanished: number } {
  const run = runOf(db, exportId)
  const vanished = Number(
    prepared(
      db,
      `UPDATE files SET outcome = 'ignored', reason_code = 'vanished', settled_at = ?,
         reason = 'was listed by an earlier run, never imported, and is no longer in the export'
       WHERE export_id = ? AND run < ? AND (outcome IS NULL OR outcome = 'failed')`,
    ).run(plan.now, exportId, run).changes,
  )
  if (vanished > 0) {
    const message = `${vanished} files of an earlier run were never imported and are no longer in the export`
    addRemark(db, { exportId, code: 'vanished', message })
  }
  prepared(
    db,
    `UPDATE exports SET status = 'planned', listing_digest = $digest,
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
      readonly reason: string | undefined
    }
  | undefined {
  const row = prepared(
    db,
    'SELECT id, outcome, size_bytes, reason FROM files WHERE export_id = ? AND path = ?',
  ).get(exportId, path)
  if (row === undefined) return undefined
  return {
    fileId: Number(row['id']),
    outcome: row['outcome'] === null ? undefined : (row['outcome'] as Outcome),
    sizeBytes: Number(row['size_bytes']),
    reason: row['reason'] === null ? undefined : String(row['reason']),
  }
}

/** Records what became of a file. A later settlement replaces an earlier one. */
export function settleFile(db: DatabaseSync, settlement: SettleFile): void {
  const { changes } = prepared(
    db,
    `UPDATE files SET outcome = ?, reason_code = ?, reason = ?, asset_id = ?, task_id = ?, settled_at = ?
     WHERE id = ?`,
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
 * imported from, else `duplicate`. So the same file committed twice gives the same outcome.
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
    "SELECT 1 FROM files WHERE asset_id = ? AND outcome = 'imported' AND id <> ? LIMIT 1",
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

/** `recovery` remarks stay; `reading` ones are replaced by the export's next run. */
export function addRemark(
  db: DatabaseSync,
  remark: Remark,
  origin: 'reading' | 'recovery' = 'reading',
): void {
  prepared(db, 'INSERT INTO remarks (export_id, origin, code, message, path) VALUES (?, ?, ?, ?, ?)').run(
    orNull(remark.exportId),
    origin,
    remark.code,
    remark.message,
    orNull(remark.path),
  )
}
