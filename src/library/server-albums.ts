/**
 * Albums and stacks as a server shall have them, what was asked of it, and what is done.
 *
 * An intent is written before the server is asked to make something, because neither can be made twice without there
 * being two. Plain functions on the database handle, in the caller's transaction.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { orNull, prepared, type Row } from './statements.ts'

/** Of a row of `uploads`. */
export const IS_THERE: string = "uploads.state IN ('uploaded', 'present') AND uploads.remote_id IS NOT NULL"

export interface ServerPage {
  readonly serverId: number
  readonly after: number
  readonly limit: number
}

export interface PlannedAlbumMember {
  readonly name: string
  readonly description?: string
  readonly assetId: number
}

/** Idempotent. The first description that comes along is the album's. */
export function planMembers(
  db: DatabaseSync,
  serverId: number,
  members: readonly PlannedAlbumMember[],
): void {
  const put = prepared(
    db,
    `INSERT INTO server_albums (server_id, name, description, state) VALUES (?, ?, ?, 'planned')
     ON CONFLICT (server_id, name) DO UPDATE SET description = coalesce(description, excluded.description)
     RETURNING id`,
  )
  const add = prepared(
    db,
    `INSERT INTO server_album_assets (album_id, asset_id, state) SELECT ?, id, 'planned' FROM assets WHERE id = ?
     ON CONFLICT DO NOTHING`,
  )
  for (const { name, description, assetId } of members) {
    add.run(Number(put.get(serverId, name, orNull(description))?.['id']), assetId)
  }
}

export interface ServerAlbumRow {
  readonly id: number
  readonly name: string
  readonly description?: string
  readonly state: 'planned' | 'intended' | 'linked'
  readonly remoteId?: string
}

/** A page of the albums that lack something which is on the server. */
export function listOpenAlbums(db: DatabaseSync, page: ServerPage): ServerAlbumRow[] {
  return prepared(
    db,
    `SELECT * FROM server_albums AS album WHERE server_id = $serverId AND id > $after
       AND EXISTS (SELECT 1 FROM server_album_assets AS member
         JOIN uploads ON uploads.server_id = $serverId AND uploads.asset_id = member.asset_id
         WHERE album_id = album.id AND member.state = 'planned' AND ${IS_THERE})
     ORDER BY id LIMIT $limit`,
  )
    .all({ ...page })
    .map(toAlbum)
}

function toAlbum(row: Row): ServerAlbumRow {
  return {
    id: Number(row['id']),
    name: String(row['name']),
    state: row['state'] as ServerAlbumRow['state'],
    ...(row['description'] === null ? {} : { description: String(row['description']) }),
    ...(row['remote_id'] === null ? {} : { remoteId: String(row['remote_id']) }),
  }
}

/** The server is about to be asked to make it. */
export function intendAlbum(db: DatabaseSync, albumId: number): void {
  prepared(db, "UPDATE server_albums SET state = 'intended' WHERE id = ?").run(albumId)
}

/** Its id on the server. Another one than before is another album, with nothing of ours in it. */
export function linkAlbum(db: DatabaseSync, albumId: number, remoteId: string): void {
  prepared(
    db,
    `UPDATE server_album_assets SET state = 'planned' WHERE album_id = $albumId
       AND (SELECT remote_id FROM server_albums WHERE id = $albumId) IS NOT $remoteId`,
  ).run({ albumId, remoteId })
  prepared(db, "UPDATE server_albums SET state = 'linked', remote_id = ? WHERE id = ?").run(remoteId, albumId)
}

export interface RemoteMember {
  readonly assetId: number
  readonly remoteId: string
}

/** A page, by asset, of an album's members in a state that are on the server. */
export function listMembers(
  db: DatabaseSync,
  page: {
    readonly albumId: number
    readonly state: 'planned' | 'done'
    readonly after: number
    readonly limit: number
  },
): RemoteMember[] {
  return prepared(
    db,
    `SELECT member.asset_id, uploads.remote_id FROM server_album_assets AS member
       JOIN server_albums ON server_albums.id = album_id
       JOIN uploads ON uploads.server_id = server_albums.server_id AND uploads.asset_id = member.asset_id
     WHERE album_id = $albumId AND member.state = $state AND member.asset_id > $after AND ${IS_THERE}
     ORDER BY member.asset_id LIMIT $limit`,
  )
    .all({ ...page })
    .map((row) => ({ assetId: Number(row['asset_id']), remoteId: String(row['remote_id']) }))
}

export function settleMembers(
  db: DatabaseSync,
  albumId: number,
  members: readonly { readonly assetId: number; readonly state: 'done' | 'refused' }[],
): void {
  const settle = prepared(db, 'UPDATE server_album_assets SET state = ? WHERE album_id = ? AND asset_id = ?')
  for (const { assetId, state } of members) settle.run(state, albumId, assetId)
}

export interface ServerAlbumCount {
  readonly id: number
  readonly name: string
  readonly remoteId?: string
  /** Without what the server has in its trash or cannot take. */
  readonly planned: number
  readonly done: number
  readonly refused: number
  /** Not on the server (yet). */
  readonly waiting: number
}

/** A page of the albums, with the sums of all their members; only of those with something of an export. */
export function countAlbums(
  db: DatabaseSync,
  { exportName, ...page }: ServerPage & { readonly exportName?: string },
): ServerAlbumCount[] {
  return prepared(
    db,
    `SELECT album.id, album.name, album.remote_id,
       sum(uploads.state IS NOT 'trashed' AND uploads.state IS NOT 'unsupported') AS planned,
       sum(member.state = 'done' AND uploads.state IN ('uploaded', 'present')) AS done,
       sum(member.state = 'refused' AND uploads.state IN ('uploaded', 'present')) AS refused,
       sum(uploads.state IS NULL OR uploads.state = 'failed') AS waiting
     FROM server_albums AS album JOIN server_album_assets AS member ON member.album_id = album.id
       LEFT JOIN uploads ON uploads.server_id = album.server_id AND uploads.asset_id = member.asset_id
     WHERE album.server_id = $serverId AND album.id > $after
       AND ($exportName IS NULL OR EXISTS (SELECT 1 FROM server_album_assets AS one
         JOIN files INDEXED BY files_by_asset ON files.asset_id = one.asset_id
           AND files.export_id = (SELECT id FROM exports WHERE name = $exportName)
         WHERE one.album_id = album.id))
     GROUP BY album.id ORDER BY album.id LIMIT $limit`,
  )
    .all({ ...page, exportName: orNull(exportName) })
    .map((row) => ({
      id: Number(row['id']),
      name: String(row['name']),
      ...(row['remote_id'] === null ? {} : { remoteId: String(row['remote_id']) }),
      planned: Number(row['planned']),
      done: Number(row['done'] ?? 0),
      refused: Number(row['refused'] ?? 0),
      waiting: Number(row['waiting']),
    }))
}
