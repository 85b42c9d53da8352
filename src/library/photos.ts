/**
 * The photos that the server was given: one row for each different content, and what is being put and is none yet.
 *
 * An object is entered as intended before it is put, and becomes a photo in one transaction that takes the intent
 * away: what a crash leaves is exactly what is intended. A content that comes again keeps its first object. Plain
 * functions on the database handle, run inside the caller's transaction.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { toBlob, toHex } from './asset-row.ts'
import { prepared, type Row } from './statements.ts'

/** Where the bytes of a photo lie. */
export interface ObjectPlace {
  /** As `ObjectStore.address`: `local`, or `s3://bucket/prefix`. */
  readonly store: string
  readonly objectName: string
}

export interface NewPhoto extends ObjectPlace {
  /** 40 hexadecimal digits. */
  readonly sha1: string
  readonly sizeBytes: number
  /** As identified by content: `jpeg`. */
  readonly format: string
  readonly mime: string
  /** As the uploader called it. */
  readonly fileName: string
}

export interface Photo extends ObjectPlace {
  readonly id: number
  readonly sha1: string
  readonly sizeBytes: number
  readonly format: string
  readonly mime: string
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** Notes that an object is about to be put. */
export function intendObject(db: DatabaseSync, { store, objectName }: ObjectPlace, now: number): void {
  prepared(db, 'INSERT OR IGNORE INTO intended_objects VALUES (?, ?, ?)').run(store, objectName, now)
}

/** Objects that were put, or begun, and became nothing. Only when nobody puts any. */
export function listIntended(db: DatabaseSync, limit: number): ObjectPlace[] {
  return prepared(db, 'SELECT store, object_name FROM intended_objects ORDER BY store, object_name LIMIT ?')
    .all(limit)
    .map((row) => ({ store: String(row['store']), objectName: String(row['object_name']) }))
}

/** Those of the places that are still only intended: what has become a photo is none of them. */
export function filterIntended(db: DatabaseSync, places: readonly ObjectPlace[]): ObjectPlace[] {
  const find = prepared(db, 'SELECT 1 FROM intended_objects WHERE store = ? AND object_name = ?')
  return places.filter(({ store, objectName }) => find.get(store, objectName) !== undefined)
}

/** After the objects were removed. */
export function forgetIntended(db: DatabaseSync, places: readonly ObjectPlace[]): void {
  const forget = prepared(db, 'DELETE FROM intended_objects WHERE store = ? AND object_name = ?')
  for (const { store, objectName } of places) forget.run(store, objectName)
}

/**
 * Enters a photo, or answers the one of the same content, whose object stays the one that it has. The intent of an
 * object that was entered is gone; that of the second object of a content stays until it is removed.
 */
export function addPhoto(
  db: DatabaseSync,
  photo: NewPhoto,
  at: { readonly folderId: number; readonly now: number },
): { readonly added: boolean; readonly photo: Photo } {
  const before = findPhoto(db, photo.sha1)
  if (before === undefined) insertPhoto(db, photo, at.now)
  const entered = before ?? requirePhoto(db, photo.sha1)
  prepared(
    db,
    `INSERT INTO folder_photos (folder_id, photo_id, file_name, added_at) VALUES (?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  ).run(at.folderId, entered.id, photo.fileName, at.now)
  return { added: before === undefined, photo: entered }
}

function insertPhoto(db: DatabaseSync, photo: NewPhoto, now: number): void {
  prepared(
    db,
    `INSERT INTO photos (sha1, store, object_name, size_bytes, format, mime, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  ).run(toBlob(photo.sha1), photo.store, photo.objectName, photo.sizeBytes, photo.format, photo.mime, now)
  forgetIntended(db, [photo])
}

/**
 * Lets a photo have another object of the same content, because its own is gone. False when it has another one by now:
 * somebody else was quicker, and nothing was changed.
 */
export function replaceObject(
  db: DatabaseSync,
  sha1: string,
  { gone, place }: { readonly gone: ObjectPlace; readonly place: ObjectPlace },
): boolean {
  const { changes } = prepared(
    db,
    'UPDATE photos SET store = ?, object_name = ? WHERE sha1 = ? AND store = ? AND object_name = ?',
  ).run(place.store, place.objectName, toBlob(sha1), gone.store, gone.objectName)
  if (changes === 0) return false
  forgetIntended(db, [place])
  return true
}

/** By the SHA-1 of its bytes, 40 hexadecimal digits. */
export function findPhoto(db: DatabaseSync, sha1: string): Photo | undefined {
  const row = prepared(db, 'SELECT * FROM photos WHERE sha1 = ?').get(toBlob(sha1))
  return row === undefined ? undefined : toPhoto(row)
}

function requirePhoto(db: DatabaseSync, sha1: string): Photo {
  const photo = findPhoto(db, sha1)
  if (photo === undefined) throw new TypeError(`photo ${sha1} is not in the catalog`)
  return photo
}

/** A row of `photos`. */
export function toPhoto(row: Row): Photo {
  return {
    id: Number(row['id']),
    sha1: toHex(row['sha1']),
    store: String(row['store']),
    objectName: String(row['object_name']),
    sizeBytes: Number(row['size_bytes']),
    format: String(row['format']),
    mime: String(row['mime']),
    createdAt: Number(row['created_at']),
  }
}
