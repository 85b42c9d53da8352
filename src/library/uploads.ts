/**
 * What a server is known to have of the library, by content: moving or renaming the library changes nothing of it.
 *
 * These are plain functions on the database handle: they run inside the caller's transaction. What is to be sent is
 * decided elsewhere.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { ErrorRecord } from '../errors.ts'
import { requireSha1, toBlob, toHex } from './asset-row.ts'
import { orNull, prepared, type Row } from './statements.ts'

/** As in the schema. */
export type UploadState = 'uploaded' | 'present' | 'trashed' | 'unsupported' | 'failed'

/** What can be changed on a server without sending the file. */
export interface ToldWords {
  readonly favourite: boolean
  readonly archived: boolean
  readonly caption?: string
  readonly rating?: number
}

export interface Upload {
  readonly assetId: number
  readonly state: UploadState
  readonly remoteId?: string
  /** 40 hexadecimal digits: under which the server has it. */
  readonly sha1?: string
  readonly told?: ToldWords
  readonly error?: ErrorRecord
}

/**
 * The row of a user on a server. The user's id tells the server too, so that another address of the same server is
 * the same row; without one, the address does.
 */
export function openServer(
  db: DatabaseSync,
  { address, userId, now }: { readonly address: string; readonly userId?: string; readonly now: number },
): number {
  const known =
    userId === undefined
      ? prepared(db, 'SELECT id FROM servers WHERE address = ? AND user_id IS NULL').get(address)
      : prepared(db, 'SELECT id FROM servers WHERE user_id = ?').get(userId)
  if (known !== undefined) {
    prepared(db, 'UPDATE servers SET address = ?, used_at = ? WHERE id = ?').run(
      address,
      now,
      Number(known['id']),
    )
    return Number(known['id'])
  }
  const { lastInsertRowid } = prepared(
    db,
    'INSERT INTO servers (address, user_id, used_at) VALUES (?, ?, ?)',
  ).run(address, orNull(userId), now)
  return Number(lastInsertRowid)
}

/**
 * Records what became of contents. A failure does not take away what is known to be there; what we sent stays ours
 * when a repeat finds it there; and what the server was told of it stays known.
 */
export function recordUploads(
  db: DatabaseSync,
  serverId: number,
  uploads: readonly Upload[],
  now: number,
): void {
  const { fresh, others } = splitKnown(db, serverId, uploads)
  insertUploads(db, serverId, fresh, now)
  for (const upload of others) {
    const before = findUpload(db, serverId, upload.assetId)
    if (upload.state === 'failed' && isThere(before)) continue
    putUpload(db, serverId, merge(before, upload), now)
    const isOther = before?.remoteId !== undefined && before.remoteId !== upload.remoteId
    if (isOther) reopen(db, serverId, upload.assetId)
  }
}

/** Of a server that is asked for the first time nothing is known: a page of what it has is recorded at once. */
function splitKnown(
  db: DatabaseSync,
  serverId: number,
  uploads: readonly Upload[],
): { readonly fresh: readonly Upload[]; readonly others: readonly Upload[] } {
  if (uploads.length < 2) return { fresh: [], others: uploads }
  const known = prepared(
    db,
    'SELECT asset_id FROM uploads WHERE server_id = ? AND asset_id IN (SELECT value FROM json_each(?))',
  ).all(serverId, JSON.stringify(uploads.map(({ assetId }) => assetId)))
  const seen = new Set(known.map((row) => Number(row['asset_id'])))
  const fresh: Upload[] = []
  const others: Upload[] = []
  for (const upload of uploads) {
    const { assetId, told, error } = upload
    const isFresh = !seen.has(assetId) && told === undefined && error === undefined
    if (isFresh) fresh.push(upload)
    else others.push(upload)
    // Named twice: the second is merged with the first.
    seen.add(assetId)
  }
  return { fresh, others }
}

/** One statement for all: half of the time of one for each. They have neither words nor errors. */
function insertUploads(db: DatabaseSync, serverId: number, uploads: readonly Upload[], now: number): void {
  if (uploads.length === 0) return
  const rows = uploads.map(({ assetId, state, remoteId, sha1 }) => [
    assetId,
    state,
    remoteId,
    sha1 === undefined ? null : requireSha1(sha1),
  ])
  prepared(
    db,
    // An asset that was lost meanwhile has no row to be recorded beside.
    `INSERT INTO uploads (server_id, asset_id, state, remote_id, sha1, settled_at)
     SELECT $serverId, assets.id, value ->> 1, value ->> 2, unhex(value ->> 3), $now
     FROM json_each($rows) JOIN assets ON assets.id = value ->> 0`,
  ).run({ rows: JSON.stringify(rows), serverId, now })
}

function isThere(upload: Upload | undefined): boolean {
  return upload?.state === 'uploaded' || upload?.state === 'present'
}

function merge(before: Upload | undefined, upload: Upload): Upload {
  if (before === undefined || before.remoteId !== upload.remoteId) return upload
  const told = upload.told ?? before.told
  const state = isThere(upload) && before.state === 'uploaded' ? before.state : upload.state
  return { ...upload, state, ...(told === undefined ? {} : { told }) }
}

export function findUpload(db: DatabaseSync, serverId: number, assetId: number): Upload | undefined {
  const row = prepared(db, 'SELECT * FROM uploads WHERE server_id = ? AND asset_id = ?').get(
    serverId,
    assetId,
  )
  return row === undefined ? undefined : toUpload(row)
}

/** Of a row with the columns of `uploads`. */
export function toUpload(row: Row): Upload {
  const told = toldOf(row)
  return {
    assetId: Number(row['asset_id']),
    state: row['state'] as UploadState,
    ...(row['remote_id'] === null ? {} : { remoteId: String(row['remote_id']) }),
    ...(row['sha1'] === null ? {} : { sha1: toHex(row['sha1']) }),
    ...(told === undefined ? {} : { told }),
    ...(row['error'] === null ? {} : { error: JSON.parse(String(row['error'])) }),
  }
}

function toldOf(row: Row): ToldWords | undefined {
  if (row['told_favourite'] === null) return undefined
  return {
    favourite: row['told_favourite'] === 1,
    archived: row['told_archived'] === 1,
    ...(row['told_caption'] === null ? {} : { caption: String(row['told_caption']) }),
    ...(row['told_rating'] === null ? {} : { rating: Number(row['told_rating']) }),
  }
}

function putUpload(db: DatabaseSync, serverId: number, upload: Upload, now: number): void {
  const { assetId, state, remoteId, sha1, told, error } = upload
  prepared(
    db,
    // An asset that was lost meanwhile has no row to be recorded beside.
    `INSERT OR REPLACE INTO uploads (server_id, asset_id, state, remote_id, sha1, error, told_favourite,
       told_archived, told_caption, told_rating, settled_at)
     SELECT $serverId, id, $state, $remoteId, $sha1, $error, $favourite, $archived, $caption, $rating, $now
     FROM assets WHERE id = $assetId`,
  ).run({
    serverId,
    assetId,
    state,
    remoteId: orNull(remoteId),
    sha1: sha1 === undefined ? null : toBlob(sha1),
    error: error === undefined ? null : JSON.stringify(error),
    ...toldColumns(told),
    now,
  })
}

function toldColumns(told: ToldWords | undefined): Record<string, string | number | null> {
  return {
    favourite: told === undefined ? null : Number(told.favourite),
    archived: told === undefined ? null : Number(told.archived),
    caption: orNull(told?.caption),
    rating: orNull(told?.rating),
  }
}

/** The server has it under another id than before: what it was in, it is not in any more. */
function reopen(db: DatabaseSync, serverId: number, assetId: number): void {
  prepared(
    db,
    `UPDATE server_album_assets SET state = 'planned'
     WHERE asset_id = ? AND album_id IN (SELECT id FROM server_albums WHERE server_id = ?)`,
  ).run(assetId, serverId)
  prepared(
    db,
    `UPDATE server_stacks SET state = 'planned', remote_id = NULL
     WHERE server_id = $serverId AND asset_id IN (
       SELECT coalesce(primary_asset_id, id) FROM assets WHERE id = $assetId UNION SELECT $assetId)`,
  ).run({ serverId, assetId })
}

/** They are not on the server any more: what they were in is open again, for when they come back. */
export function forgetUploads(db: DatabaseSync, serverId: number, assetIds: readonly number[]): void {
  const forget = prepared(db, 'DELETE FROM uploads WHERE server_id = ? AND asset_id = ?')
  for (const assetId of assetIds) {
    forget.run(serverId, assetId)
    reopen(db, serverId, assetId)
  }
}

/** What the server was told of contents that it has. */
export function recordTold(
  db: DatabaseSync,
  serverId: number,
  changes: readonly { readonly assetId: number; readonly told: ToldWords }[],
): void {
  const tell = prepared(
    db,
    `UPDATE uploads SET told_favourite = $favourite, told_archived = $archived, told_caption = $caption,
       told_rating = $rating WHERE server_id = $serverId AND asset_id = $assetId`,
  )
  for (const { assetId, told } of changes) tell.run({ serverId, assetId, ...toldColumns(told) })
}

/** After the last attempt of a unit: what of it is not on the server has failed. */
export function failUploads(
  db: DatabaseSync,
  failed: { readonly serverId: number; readonly assetIds: readonly number[]; readonly error: ErrorRecord },
  now: number,
): void {
  const { serverId, assetIds, error } = failed
  const uploads = assetIds.map((assetId): Upload => ({ assetId, state: 'failed', error }))
  recordUploads(db, serverId, uploads, now)
}

export interface UnknownWords {
  readonly assetId: number
  readonly remoteId: string
  readonly sha1?: string
  /** What the catalog says. */
  readonly words: ToldWords
  readonly told?: ToldWords
}

/** A page, by asset, of what the catalog knows and the server was not told. Nothing is ever taken back. */
export function listUntold(
  db: DatabaseSync,
  page: { readonly serverId: number; readonly after: number; readonly limit: number },
): UnknownWords[] {
  return prepared(
    db,
    `SELECT uploads.*, favourite, archived, caption, rating FROM uploads JOIN assets ON assets.id = asset_id
     WHERE server_id = $serverId AND asset_id > $after AND state IN ('uploaded', 'present')
       AND remote_id IS NOT NULL AND role NOT IN ('live-video', 'motion-video')
       AND ((favourite = 1 AND told_favourite IS NOT 1) OR (archived = 1 AND told_archived IS NOT 1)
         OR (caption IS NOT NULL AND caption IS NOT told_caption)
         OR (rating IS NOT NULL AND rating IS NOT told_rating))
     ORDER BY asset_id LIMIT $limit`,
  )
    .all({ ...page })
    .map((row) => {
      const { assetId, sha1, told, remoteId = '' } = toUpload(row)
      const words = {
        favourite: row['favourite'] === 1,
        archived: row['archived'] === 1,
        ...(row['caption'] === null ? {} : { caption: String(row['caption']) }),
        ...(row['rating'] === null ? {} : { rating: Number(row['rating']) }),
      }
      return {
        assetId,
        remoteId,
        words,
        ...(sha1 === undefined ? {} : { sha1 }),
        ...(told === undefined ? {} : { told }),
      }
    })
}

/** Contents on the server, by what became of them; of all exports, or of those that an export has a file of. */
export function countUploads(
  db: DatabaseSync,
  { serverId, exportName }: { readonly serverId: number; readonly exportName?: string },
): Readonly<Record<UploadState, number>> {
  const counts: Record<UploadState, number> = {
    uploaded: 0,
    present: 0,
    trashed: 0,
    unsupported: 0,
    failed: 0,
  }
  const rows = prepared(
    db,
    `SELECT state, count(*) AS count FROM uploads WHERE server_id = $serverId
       AND ($exportName IS NULL OR EXISTS (SELECT 1 FROM files INDEXED BY files_by_asset
         WHERE files.asset_id = uploads.asset_id AND export_id = (SELECT id FROM exports WHERE name = $exportName)))
     GROUP BY state`,
  ).all({ serverId, exportName: orNull(exportName) })
  for (const row of rows) counts[row['state'] as UploadState] = Number(row['count'])
  return counts
}

/** A page, by asset, of what could not be sent, for the report. */
export function listFailedUploads(
  db: DatabaseSync,
  page: { readonly serverId: number; readonly after: number; readonly limit: number },
): { readonly assetId: number; readonly path: string; readonly error?: ErrorRecord }[] {
  return prepared(
    db,
    `SELECT uploads.*, path FROM uploads JOIN assets ON assets.id = asset_id
     WHERE server_id = $serverId AND asset_id > $after AND state = 'failed' ORDER BY asset_id LIMIT $limit`,
  )
    .all({ ...page })
    .map((row) => {
      const { assetId, error } = toUpload(row)
      return { assetId, path: String(row['path']), ...(error === undefined ? {} : { error }) }
    })
}
