/**
 * The plan's side of the ledger: enters the files of a listing, and tells which of them are still to do.
 *
 * A file that was placed is done for as long as its bytes, and what its export tells of it, are the same: the
 * JSON of a photo may lie in a part that is downloaded a week later. Plain functions on the database handle, run
 * inside the caller's transaction.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { orNull, prepared, type Row } from './statements.ts'

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
  /** Digest of what the export tells of it. Another than the last run's means: bring that to the library, too. */
  readonly knowledge?: string
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

/** What a listing tells of a file's content: its hash or CRC-32 where an archive has given one, else its time. */
export function fingerprintOf(file: {
  readonly sizeBytes: number
  readonly modifiedAt?: number
  readonly crc32?: number
  /** Hexadecimal. */
  readonly sha1?: string
}): string {
  const { sizeBytes, modifiedAt, crc32, sha1 } = file
  if (sha1 !== undefined) return `${sizeBytes}:s${sha1}`
  return `${sizeBytes}:${crc32 === undefined ? `m${modifiedAt ?? ''}` : `c${crc32.toString(16)}`}`
}

/**
 * Enters files of a listing (any number of calls, at most some hundred rows each). Idempotent: a placed file
 * keeps its outcome while its fingerprint and what the export tells of it are those of the last run; any other
 * becomes open again. A file that comes `settled` is done at once.
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
    `SELECT id, fingerprint, knowledge, outcome, prior_outcome, asset_id FROM files
     WHERE export_id = ? AND path = ?`,
  ).get(exportId, file.path)
  if (known === undefined) return insertFile(db, exportId, file, at)
  const fileId = Number(known['id'])
  const placed = placedBefore(known, file)
  if (placed && known['outcome'] !== null && known['knowledge'] === orNull(file.knowledge)) {
    prepared(db, 'UPDATE files SET run = ? WHERE id = ?').run(at.run, fileId)
    return { path: file.path, fileId, state: 'done' }
  }
  prepared(
    db,
    `UPDATE files SET size_bytes = ?, modified_at = ?, fingerprint = ?, knowledge = ?, run = ?, outcome = ?,
       reason_code = ?, reason = ?, platform = ?, pairing = ?, ambiguous = ?, settled_at = ?, task_id = NULL,
       asset_id = ?, prior_outcome = ? WHERE id = ?`,
  ).run(...columnsOf(file, at), orNull(placed?.assetId), orNull(placed?.outcome), fileId)
  return { path: file.path, fileId, state: file.settled === undefined ? 'open' : 'done' }
}

/** What became of these very bytes in an earlier run, when they were placed. */
function placedBefore(
  known: Row,
  { fingerprint, settled }: PlannedFile,
): { readonly outcome: string; readonly assetId: number | undefined } | undefined {
  const outcome = known['outcome'] ?? known['prior_outcome']
  if (settled !== undefined || known['fingerprint'] !== fingerprint) return undefined
  if (outcome !== 'imported' && outcome !== 'duplicate') return undefined
  const assetId = known['asset_id']
  return { outcome, assetId: assetId === null ? undefined : Number(assetId) }
}

function insertFile(
  db: DatabaseSync,
  exportId: number,
  file: PlannedFile,
  at: { readonly run: number; readonly now: number },
): PlanAnswer {
  const { lastInsertRowid } = prepared(
    db,
    `INSERT INTO files (size_bytes, modified_at, fingerprint, knowledge, run, outcome, reason_code, reason,
       platform, pairing, ambiguous, settled_at, export_id, path)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
    orNull(file.knowledge),
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

/**
 * Bytes of the different contents that the library holds, as their exports had them: all, or those of one export,
 * each once however many copies it has there.
 */
export function heldBytes(db: DatabaseSync, exportId?: number): number {
  const all = 'SELECT coalesce(sum(source_size_bytes), 0) AS bytes FROM assets'
  const row =
    exportId === undefined
      ? prepared(db, all).get()
      : prepared(db, `${all} WHERE id IN (SELECT asset_id FROM files WHERE export_id = ?)`).get(exportId)
  return Number(row?.['bytes'] ?? 0)
}

/** The number of the run that the export is in. */
export function runOf(db: DatabaseSync, exportId: number): number {
  const row = prepared(db, 'SELECT run FROM exports WHERE id = ?').get(exportId)
  if (row === undefined) throw new TypeError(`export ${exportId} is not in the database`)
  return Number(row['run'])
}
