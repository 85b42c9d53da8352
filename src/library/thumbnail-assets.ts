/**
 * The library's files that can have thumbnails, page by page.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { prepared } from './statements.ts'
import { findThumbnailSet, type ThumbnailSet } from './thumbnails.ts'

export interface AssetPage {
  readonly style: string
  readonly afterId: number
  readonly limit: number
}

export interface PictureAsset {
  readonly assetId: number
  /** In the library. */
  readonly path: string
  /** Hex, of the file as it lies there: thumbnails are known by it. */
  readonly sha1: string
  readonly set?: ThumbnailSet
}

/** Sound has no picture, nor have instructions for an editor. */
const PICTURES = `role <> 'edit-instructions' AND mime NOT LIKE 'audio/%'`

/**
 * What is still to get its final name (it is in the outbox) is not there yet: pages end before it, so that whoever
 * goes on from the last id misses nothing. What cannot get its name is left out.
 */
const NAMED = `id < coalesce((SELECT min(asset_id) FROM outbox WHERE part = 'media' AND blocked IS NULL), ${Number.MAX_SAFE_INTEGER})
  AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.asset_id = assets.id AND outbox.part = 'media')`

export function listPictures(db: DatabaseSync, { style, afterId, limit }: AssetPage): PictureAsset[] {
  const rows = prepared(
    db,
    `SELECT id, path, written_sha1 FROM assets WHERE id > ? AND ${PICTURES} AND ${NAMED} ORDER BY id LIMIT ?`,
  ).all(afterId, limit)
  return rows.map((row) => {
    const sha1 = Buffer.from(row['written_sha1'] as Uint8Array).toString('hex')
    const set = findThumbnailSet(db, sha1, style)
    const asset = { assetId: Number(row['id']), path: String(row['path']), sha1 }
    return set === undefined ? asset : { ...asset, set }
  })
}

export function countPictures(db: DatabaseSync): number {
  return Number(prepared(db, `SELECT count(*) AS pictures FROM assets WHERE ${PICTURES}`).get()?.['pictures'])
}
