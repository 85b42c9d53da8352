/**
 * What is shown of the pictures: the server's uploads and the library's own files as one list, with their thumbnails.
 *
 * Reads only, for a connection that never waits for a writer. Both tables are walked down their ids, which is the order
 * of arrival, and merged by time; so a page costs what it shows, however long the list is.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { type Asset, toAsset, toBlob } from './asset-row.ts'
import { findPhoto, type Photo, toPhoto } from './photos.ts'
import { prepared, type Row } from './statements.ts'
import { type ThumbnailObject, toThumbnailObject } from './thumbnails.ts'

/** One picture, by the hash of its bytes. */
export interface Picture {
  readonly sha1: string
  readonly origin: 'upload' | 'library'
  /** To be shown; never a path. */
  readonly fileName: string
  readonly sizeBytes: number
  readonly format: string
  readonly mime: string
  /** Epoch milliseconds: when it came. */
  readonly addedAt: number
  readonly place:
    | { readonly kind: 'object'; readonly store: string; readonly objectName: string }
    /** Relative to the library. */
    | { readonly kind: 'file'; readonly path: string }
  /** Folders of an upload. */
  readonly folderIds: readonly number[]
  /** What the library knows of its own. */
  readonly asset?: Asset
}

export interface ShownSet {
  readonly state: 'done' | 'failed' | 'unsupported'
  readonly style: string
  readonly widthPx?: number
  readonly heightPx?: number
  /** Base64. */
  readonly thumbhash?: string
  /** Smallest first. */
  readonly thumbnails: readonly ThumbnailObject[]
  readonly error?: { readonly code: string; readonly message: string }
}

/** Where a page begins: behind these row ids, going down. Infinity stands for the newest. */
export interface PicturePosition {
  readonly photoId: number
  readonly assetId: number
}

export const NEWEST: PicturePosition = Object.freeze({
  photoId: Number.MAX_SAFE_INTEGER,
  assetId: Number.MAX_SAFE_INTEGER,
})

export interface PicturePage {
  readonly pictures: readonly Picture[]
  /** Undefined at the end of the list. */
  readonly next?: PicturePosition
}

/** What can be looked at; a motion photo's film is part of its picture. */
const SHOWN_ROLES = `role IN ('primary', 'edited', 'raw') AND mime GLOB '[iv]*'`

/** Newest first. With a folder, only its uploads: files of the library lie in none. */
export function listPictures(
  db: DatabaseSync,
  page: { readonly from: PicturePosition; readonly limit: number; readonly folderId?: number },
): PicturePage {
  const { from, limit, folderId } = page
  const photos =
    folderId === undefined ? allPhotos(db, from, limit + 1) : photosIn(db, folderId, from, limit + 1)
  const assets = folderId === undefined ? allAssets(db, from, limit + 1) : []
  const pictures: Picture[] = []
  let { photoId, assetId } = from
  while (pictures.length < limit) {
    const [photo, asset] = [photos[0], assets[0]]
    if (photo !== undefined && (asset === undefined || photo.createdAt >= asset.createdAt)) {
      photos.shift()
      photoId = photo.id
      pictures.push(pictureOfPhoto(db, photo))
    } else if (asset !== undefined) {
      assets.shift()
      assetId = asset.id
      pictures.push(pictureOfAsset(asset))
    } else return { pictures }
  }
  return photos.length + assets.length === 0 ? { pictures } : { pictures, next: { photoId, assetId } }
}

function allPhotos(db: DatabaseSync, { photoId }: PicturePosition, limit: number): Photo[] {
  return prepared(db, 'SELECT * FROM photos WHERE id < ? ORDER BY id DESC LIMIT ?')
    .all(photoId, limit)
    .map(toPhoto)
}

function photosIn(db: DatabaseSync, folderId: number, { photoId }: PicturePosition, limit: number): Photo[] {
  return prepared(
    db,
    `SELECT photos.* FROM folder_photos JOIN photos ON photos.id = photo_id
     WHERE folder_id = ? AND photo_id < ? ORDER BY photo_id DESC LIMIT ?`,
  )
    .all(folderId, photoId, limit)
    .map(toPhoto)
}

/** One that was uploaded too is shown as the upload. */
function allAssets(db: DatabaseSync, { assetId }: PicturePosition, limit: number): Asset[] {
  return prepared(
    db,
    `SELECT * FROM assets WHERE id < ? AND ${SHOWN_ROLES}
       AND NOT EXISTS (SELECT 1 FROM photos WHERE photos.sha1 = assets.written_sha1)
     ORDER BY id DESC LIMIT ?`,
  )
    .all(assetId, limit)
    .map(toAsset)
}

/** By the SHA-1 of the bytes as they are stored here, 40 hexadecimal digits. */
export function findPicture(db: DatabaseSync, sha1: string): Picture | undefined {
  const photo = findPhoto(db, sha1)
  if (photo !== undefined) return pictureOfPhoto(db, photo)
  const row = prepared(db, `SELECT * FROM assets WHERE written_sha1 = ? ORDER BY id LIMIT 1`).get(
    toBlob(sha1),
  )
  return row === undefined ? undefined : pictureOfAsset(toAsset(row))
}

function pictureOfPhoto(db: DatabaseSync, photo: Photo): Picture {
  const folders = prepared(
    db,
    'SELECT folder_id, file_name FROM folder_photos WHERE photo_id = ? ORDER BY added_at, folder_id',
  ).all(photo.id)
  const { sha1, sizeBytes, format, mime, createdAt, store, objectName } = photo
  return {
    sha1,
    origin: 'upload',
    fileName: String(folders[0]?.['file_name'] ?? baseName(objectName)),
    sizeBytes,
    format,
    mime,
    addedAt: createdAt,
    place: { kind: 'object', store, objectName },
    folderIds: folders.map((row) => Number(row['folder_id'])),
  }
}

function pictureOfAsset(asset: Asset): Picture {
  return {
    sha1: asset.writtenSha1,
    origin: 'library',
    fileName: baseName(asset.path),
    sizeBytes: asset.sizeBytes,
    format: asset.format,
    mime: asset.mime,
    addedAt: asset.createdAt,
    place: { kind: 'file', path: asset.path },
    folderIds: [],
    asset,
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The set of that style, or the newest one of another; undefined when nothing is settled. */
export function findThumbnailSet(db: DatabaseSync, sha1: string, style: string): ShownSet | undefined {
  const row = prepared(
    db,
    `SELECT * FROM thumbnail_sets WHERE sha1 = ? ORDER BY style = ? DESC, settled_at DESC, id DESC LIMIT 1`,
  ).get(toBlob(sha1), style)
  if (row === undefined) return undefined
  const thumbnails = prepared(db, 'SELECT * FROM thumbnails WHERE set_id = ? ORDER BY size')
    .all(Number(row['id']))
    .map(toThumbnailObject)
  return toSet(row, thumbnails)
}

/** What a request for one thumbnail needs, in one look. */
export function findThumbnail(
  db: DatabaseSync,
  { sha1, style, size }: { readonly sha1: string; readonly style: string; readonly size: number },
):
  | { readonly state: ShownSet['state']; readonly style: string; readonly thumbnail?: ThumbnailObject }
  | undefined {
  const row = prepared(
    db,
    `SELECT sets.state, sets.style, thumbnails.* FROM thumbnail_sets AS sets
     LEFT JOIN thumbnails ON set_id = sets.id AND size = $size
     WHERE sha1 = $sha1
     ORDER BY size IS NOT NULL DESC, sets.style = $style DESC, settled_at DESC, sets.id DESC LIMIT 1`,
  ).get({ sha1: toBlob(sha1), style, size })
  if (row === undefined) return undefined
  const found = { state: row['state'] as ShownSet['state'], style: String(row['style']) }
  return row['size'] === null ? found : { ...found, thumbnail: toThumbnailObject(row) }
}

function toSet(row: Row, thumbnails: readonly ThumbnailObject[]): ShownSet {
  return {
    state: row['state'] as ShownSet['state'],
    style: String(row['style']),
    thumbnails,
    ...(row['width_px'] === null ? {} : { widthPx: Number(row['width_px']) }),
    ...(row['height_px'] === null ? {} : { heightPx: Number(row['height_px']) }),
    ...(row['thumbhash'] === null
      ? {}
      : { thumbhash: Buffer.from(row['thumbhash'] as Uint8Array).toString('base64') }),
    ...(row['error'] === null ? {} : { error: JSON.parse(String(row['error'])) }),
  }
}

/** The hexadecimal digits of a hash, when they are that. */
export function isSha1Hex(text: string): boolean {
  return /^[0-9a-f]{40}$/u.test(text)
}
