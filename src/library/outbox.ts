/**
 * The outbox: links that are decided ("temp" becomes "final") but perhaps not yet done.
 *
 * A row is written in the transaction that enters the asset, and cleared when the file has its final name and
 * the folder is synced. What is left in it at start-up is what a crash interrupted, or what the system refused
 * (see `recover.ts`).
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { toBlob, toHex } from './asset-row.ts'
import type { Note } from './ledger.ts'
import { prepared } from './statements.ts'

export interface NewOutboxEntry {
  readonly assetId: number
  readonly part: 'media' | 'sidecar'
  /** Object names of the storage. */
  readonly temp: string
  readonly final: string
  readonly sizeBytes: number
  /** 40 hexadecimal digits, of the temp's bytes. */
  readonly sha1: string
}

export interface OutboxEntry extends NewOutboxEntry {
  readonly id: number
}

/** Answers the entry's id, for {@link clearOutbox}. */
export function addOutbox(db: DatabaseSync, entry: NewOutboxEntry): number {
  const { lastInsertRowid } = prepared(
    db,
    'INSERT INTO outbox (asset_id, part, temp, final, size_bytes, sha1) VALUES (?, ?, ?, ?, ?, ?)',
  ).run(entry.assetId, entry.part, entry.temp, entry.final, entry.sizeBytes, toBlob(entry.sha1))
  return Number(lastInsertRowid)
}

/** Idempotent. */
export function clearOutbox(db: DatabaseSync, ids: readonly number[]): void {
  for (const id of ids) prepared(db, 'DELETE FROM outbox WHERE id = ?').run(id)
}

/** Records why an entry could not be done; it stays. */
export function blockOutbox(db: DatabaseSync, id: number, why: Note): void {
  prepared(db, 'UPDATE outbox SET blocked = ? WHERE id = ?').run(JSON.stringify(why), id)
}

/** In the order of decision. */
export function listOutbox(
  db: DatabaseSync,
  page: { readonly afterId?: number; readonly limit?: number } = {},
): OutboxEntry[] {
  return prepared(db, 'SELECT * FROM outbox WHERE id > ? ORDER BY id LIMIT ?')
    .all(page.afterId ?? 0, page.limit ?? -1)
    .map((row) => ({
      id: Number(row['id']),
      assetId: Number(row['asset_id']),
      part: row['part'] as NewOutboxEntry['part'],
      temp: String(row['temp']),
      final: String(row['final']),
      sizeBytes: Number(row['size_bytes']),
      sha1: toHex(row['sha1']),
    }))
}
