/**
 * What has no thumbnails yet, page by page: of the server's photos, and of the library's own pictures.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { toBlob, toHex } from './asset-row.ts'
import type { ObjectPlace } from './photos.ts'
import { prepared } from './statements.ts'

/** What a set has to be like to count as made. */
export interface WantedThumbnails {
  /** See `thumbnailStyle`. */
  readonly style: string
  readonly sizes: readonly number[]
}

export interface BacklogPage extends WantedThumbnails {
  /** Row id that the page begins behind. */
  readonly after: number
  readonly limit: number
}

/** What became of the thumbnails of a content; `none`: nothing yet. */
export type ThumbnailState = 'none' | 'done' | 'failed' | 'unsupported'

/** A set that lacks one of the sizes was made under other settings, and is made anew. */
const SETTLED = `EXISTS (SELECT 1 FROM thumbnail_sets AS sets WHERE sets.sha1 = $column AND sets.style = $style
  AND (sets.state <> 'done' OR $sizeCount = (SELECT count(*) FROM thumbnails
    WHERE set_id = sets.id AND size IN (SELECT value FROM json_each($sizes)))))`

function settled(column: string): string {
  return SETTLED.replace('$column', column)
}

function wanted({ style, sizes }: WantedThumbnails): Record<string, string | number> {
  return { style, sizes: JSON.stringify(sizes), sizeCount: sizes.length }
}

/** Whether every wanted size is there, or it is known that there will be none. */
export function thumbnailState(db: DatabaseSync, sha1: string, sought: WantedThumbnails): ThumbnailState {
  const row = prepared(
    db,
    `SELECT state, (SELECT count(*) FROM thumbnails WHERE set_id = thumbnail_sets.id
       AND size IN (SELECT value FROM json_each($sizes))) = $sizeCount AS complete
     FROM thumbnail_sets WHERE sha1 = $sha1 AND style = $style`,
  ).get({ ...wanted(sought), sha1: toBlob(sha1) })
  if (row === undefined || (row['state'] === 'done' && row['complete'] === 0)) return 'none'
  return row['state'] as ThumbnailState
}

export interface BacklogPhoto extends ObjectPlace {
  readonly id: number
  readonly sha1: string
  readonly fileName: string
}

/** Photos without thumbnails, by id. */
export function listPhotosWithoutThumbnails(db: DatabaseSync, page: BacklogPage): BacklogPhoto[] {
  const { after, limit } = page
  return prepared(
    db,
    `SELECT id, sha1, store, object_name, coalesce(
       (SELECT file_name FROM folder_photos WHERE photo_id = photos.id ORDER BY added_at LIMIT 1), object_name
     ) AS file_name
     FROM photos WHERE id > $after AND NOT ${settled('photos.sha1')} ORDER BY id LIMIT $limit`,
  )
    .all({ after, limit, ...wanted(page) })
    .map((row) => ({
      id: Number(row['id']),
      sha1: toHex(row['sha1']),
      store: String(row['store']),
      objectName: String(row['object_name']),
      fileName: String(row['file_name']),
    }))
}

export interface BacklogAsset {
  readonly id: number
  /** Of the file as it lies in the library. */
  readonly sha1: string
  /** Relative to the library. */
  readonly path: string
}

/** Pictures and films of the library without thumbnails, by id; what belongs to another picture is left out. */
export function listAssetsWithoutThumbnails(db: DatabaseSync, page: BacklogPage): BacklogAsset[] {
  const { after, limit } = page
  return prepared(
    db,
    `SELECT id, written_sha1, path FROM assets
     WHERE id > $after AND role IN ('primary', 'edited', 'raw') AND mime GLOB '[iv]*'
       AND NOT ${settled('assets.written_sha1')} ORDER BY id LIMIT $limit`,
  )
    .all({ after, limit, ...wanted(page) })
    .map((row) => ({
      id: Number(row['id']),
      sha1: toHex(row['written_sha1']),
      path: String(row['path']),
    }))
}
