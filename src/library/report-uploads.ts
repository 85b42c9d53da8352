/**
 * What the report says of each server that the library was uploaded to.
 *
 * Every content counts once, for the export that it was imported from, so that the counts of the exports add up to
 * those of the library.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { ErrorRecord } from '../errors.ts'
import { prepared, type Row } from './statements.ts'

/** Contents by what became of them on a server. */
export interface UploadCounts {
  /** Sent by this program. */
  readonly uploaded: number
  /** The server had them. */
  readonly present: number
  /** Seen in the server's trash: they are not sent again, also when it is emptied. */
  readonly trashed: number
  /** Of formats that the server does not take. */
  readonly unsupported: number
  readonly failed: number
  /** Not for a server: overlays, edit instructions, and what lay in the trash of its platform. */
  readonly kept: number
  /** Nothing is known yet: not sent, or ignored by a pattern. */
  readonly open: number
}

export interface UploadReport {
  /** Without key. */
  readonly address: string
  /** Epoch milliseconds of the last run. */
  readonly usedAt: number
  readonly counts: UploadCounts
  readonly exports: readonly { readonly name: string; readonly counts: UploadCounts }[]
  readonly failures: readonly UploadFailure[]
  readonly trashed: readonly UploadedFile[]
  readonly unsupported: readonly UploadedFile[]
}

export interface UploadedFile {
  /** That the file was imported from. */
  readonly export: string
  /** In the library. */
  readonly path: string
}

export interface UploadFailure extends UploadedFile {
  readonly code: string
  readonly reason: string
  /** What may help. */
  readonly hint?: string
}

/** Servers that were asked about anything, the last used one first. */
export function collectUploads(db: DatabaseSync): UploadReport[] {
  return prepared(
    db,
    `SELECT id, address, used_at FROM servers
     WHERE EXISTS (SELECT 1 FROM uploads WHERE server_id = servers.id) ORDER BY used_at DESC, id`,
  )
    .all()
    .map((row) => serverReport(db, row))
}

function serverReport(db: DatabaseSync, row: Row): UploadReport {
  const serverId = Number(row['id'])
  const exports = countByExport(db, serverId)
  return {
    address: String(row['address']),
    usedAt: Number(row['used_at']),
    counts: sumOf(exports.map(({ counts }) => counts)),
    exports,
    failures: listFiles(db, serverId, 'failed').map(toFailure),
    trashed: listFiles(db, serverId, 'trashed').map(toFile),
    unsupported: listFiles(db, serverId, 'unsupported').map(toFile),
  }
}

type MutableCounts = { -readonly [Key in keyof UploadCounts]: number }

function emptyCounts(): MutableCounts {
  return { uploaded: 0, present: 0, trashed: 0, unsupported: 0, failed: 0, kept: 0, open: 0 }
}

function countByExport(db: DatabaseSync, serverId: number): UploadReport['exports'] {
  const rows = prepared(
    db,
    `SELECT exports.name, count(*) AS count,
       CASE WHEN uploads.state IS NOT NULL THEN uploads.state
         WHEN trashed = 1 OR role IN ('overlay', 'edit-instructions') THEN 'kept' ELSE 'open' END AS became
     FROM assets JOIN exports ON exports.id = assets.export_id
       LEFT JOIN uploads ON uploads.server_id = ? AND uploads.asset_id = assets.id
     GROUP BY assets.export_id, became ORDER BY assets.export_id`,
  ).all(serverId)
  const byName = new Map<string, MutableCounts>()
  for (const row of rows) {
    const name = String(row['name'])
    const counts = byName.get(name) ?? emptyCounts()
    counts[row['became'] as keyof UploadCounts] += Number(row['count'])
    byName.set(name, counts)
  }
  return [...byName].map(([name, counts]) => ({ name, counts }))
}

function sumOf(all: readonly UploadCounts[]): UploadCounts {
  const sum = emptyCounts()
  for (const counts of all) {
    for (const key of Object.keys(sum) as (keyof UploadCounts)[]) sum[key] += counts[key]
  }
  return sum
}

function listFiles(db: DatabaseSync, serverId: number, state: 'failed' | 'trashed' | 'unsupported'): Row[] {
  return prepared(
    db,
    `SELECT exports.name, assets.path, uploads.error FROM uploads JOIN assets ON assets.id = asset_id
       JOIN exports ON exports.id = assets.export_id
     WHERE server_id = ? AND state = ? ORDER BY asset_id`,
  ).all(serverId, state)
}

function toFile(row: Row): UploadedFile {
  return { export: String(row['name']), path: String(row['path']) }
}

function toFailure(row: Row): UploadFailure {
  const { code, message, hint }: Partial<ErrorRecord> =
    row['error'] === null ? {} : JSON.parse(String(row['error']))
  return {
    ...toFile(row),
    code: code ?? 'unknown',
    reason: message ?? 'no reason given',
    ...(hint === undefined ? {} : { hint }),
  }
}
