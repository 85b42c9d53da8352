/**
 * Albums and what is in them, by content: every copy's membership is kept, whichever file was placed.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Position } from '../media/metadata.ts'
import { orNull, prepared, type Row } from './statements.ts'

export interface NewAlbum {
  readonly exportId: number
  /** Unique in the export. */
  readonly key: string
  readonly title: string
  readonly description?: string
  readonly position?: Position
}

export interface AlbumRow extends NewAlbum {
  readonly id: number
}

/** Enters an album, or brings its title and words up to date; answers its id. */
export function putAlbum(db: DatabaseSync, album: NewAlbum): number {
  const row = prepared(
    db,
    `INSERT INTO albums (export_id, key, title, description, latitude, longitude, altitude_m)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (export_id, key) DO UPDATE SET title = excluded.title, description = excluded.description,
       latitude = excluded.latitude, longitude = excluded.longitude, altitude_m = excluded.altitude_m
     RETURNING id`,
  ).get(
    album.exportId,
    album.key,
    album.title,
    orNull(album.description),
    orNull(album.position?.latitude),
    orNull(album.position?.longitude),
    orNull(album.position?.altitudeM),
  )
  return Number(row?.['id'])
}

export function findAlbum(db: DatabaseSync, exportId: number, key: string): AlbumRow | undefined {
  const row = prepared(db, 'SELECT * FROM albums WHERE export_id = ? AND key = ?').get(exportId, key)
  return row === undefined ? undefined : toAlbum(row)
}

/** Idempotent. */
export function addToAlbum(db: DatabaseSync, albumId: number, assetId: number): void {
  prepared(db, 'INSERT INTO album_assets (album_id, asset_id) VALUES (?, ?) ON CONFLICT DO NOTHING').run(
    albumId,
    assetId,
  )
}

/** Of all exports, or of one. */
export function listAlbums(db: DatabaseSync, exportId?: number): AlbumRow[] {
  return prepared(db, 'SELECT * FROM albums WHERE export_id = $id OR $id IS NULL ORDER BY id')
    .all({ id: orNull(exportId) })
    .map(toAlbum)
}

/** The albums of one asset, over all exports. */
export function albumsOf(db: DatabaseSync, assetId: number): AlbumRow[] {
  return prepared(
    db,
    `SELECT albums.* FROM album_assets JOIN albums ON albums.id = album_id
     WHERE asset_id = ? ORDER BY albums.id`,
  )
    .all(assetId)
    .map(toAlbum)
}

function toAlbum(row: Row): AlbumRow {
  const position =
    row['latitude'] === null
      ? undefined
      : {
          latitude: Number(row['latitude']),
          longitude: Number(row['longitude']),
          ...(row['altitude_m'] === null ? {} : { altitudeM: Number(row['altitude_m']) }),
        }
  return {
    id: Number(row['id']),
    exportId: Number(row['export_id']),
    key: String(row['key']),
    title: String(row['title']),
    ...(row['description'] === null ? {} : { description: String(row['description']) }),
    ...(position === undefined ? {} : { position }),
  }
}
