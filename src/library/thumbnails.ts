/**
 * Which thumbnails there are, by the content that they were made of, and of which contents there can be none.
 *
 * A set is the thumbnails of one content in one style (`jpeg-q85`); sizes are added to it as they are asked for. The
 * objects themselves lie in a store: that a row names one is no proof that it is still there.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { orNull, prepared, type Row } from './statements.ts'

/** Why a content has no thumbnails; or, of one that has, what is wrong with it. */
export interface ThumbnailError {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

export interface ThumbnailObject {
  /** Longest edge that was asked for, in pixels. */
  readonly size: number
  /** Address of the store that has it. */
  readonly store: string
  readonly objectName: string
  readonly mime: string
  readonly widthPx: number
  readonly heightPx: number
  readonly sizeBytes: number
}

/** `unsupported`: no thumbnail is made of such files. `failed`: this file's own fault. */
export type ThumbnailState = 'done' | 'failed' | 'unsupported'

export interface ThumbnailSet {
  /** Hex, of the content. */
  readonly sha1: string
  readonly style: string
  readonly state: ThumbnailState
  /** Of the upright picture. */
  readonly widthPx?: number
  readonly heightPx?: number
  /** Base64. */
  readonly thumbhash?: string
  /** With `done`: the picture is damaged, its thumbnails show what is left of it. */
  readonly error?: ThumbnailError
  /** Largest first. */
  readonly objects: readonly ThumbnailObject[]
}

export function findThumbnailSet(db: DatabaseSync, sha1: string, style: string): ThumbnailSet | undefined {
  const row = prepared(db, 'SELECT * FROM thumbnail_sets WHERE sha1 = ? AND style = ?').get(
    Buffer.from(sha1, 'hex'),
    style,
  )
  if (row === undefined) return undefined
  const objects = prepared(db, 'SELECT * FROM thumbnails WHERE set_id = ? ORDER BY size DESC')
    .all(Number(row['id']))
    .map(toThumbnailObject)
  return toSet(row, objects)
}

export interface MadeThumbnails {
  readonly sha1: string
  readonly style: string
  readonly widthPx: number
  readonly heightPx: number
  readonly thumbhash: string
  readonly error?: ThumbnailError
  readonly objects: readonly ThumbnailObject[]
}

/** Records a set; sizes that it has already and that were not made now stay. */
export function recordThumbnails(db: DatabaseSync, made: MadeThumbnails, now: number): void {
  const row = prepared(
    db,
    `INSERT INTO thumbnail_sets (sha1, style, state, width_px, height_px, thumbhash, error, settled_at)
     VALUES (?, ?, 'done', ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET state = excluded.state, width_px = excluded.width_px,
       height_px = excluded.height_px, thumbhash = excluded.thumbhash, error = excluded.error,
       settled_at = excluded.settled_at
     RETURNING id`,
  ).get(
    Buffer.from(made.sha1, 'hex'),
    made.style,
    made.widthPx,
    made.heightPx,
    Buffer.from(made.thumbhash, 'base64'),
    orNull(made.error && JSON.stringify(made.error)),
    now,
  )
  const setId = Number(row?.['id'])
  const insert = prepared(
    db,
    `INSERT INTO thumbnails (set_id, size, store, object_name, mime, width_px, height_px, size_bytes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET store = excluded.store, object_name = excluded.object_name,
       mime = excluded.mime, width_px = excluded.width_px, height_px = excluded.height_px,
       size_bytes = excluded.size_bytes`,
  )
  for (const { size, store, objectName, mime, widthPx, heightPx, sizeBytes } of made.objects)
    insert.run(setId, size, store, objectName, mime, widthPx, heightPx, sizeBytes)
}

/** Records that a content gets no thumbnails, unless it has some: then those stay what they are. */
export function recordNoThumbnails(
  db: DatabaseSync,
  refused: {
    readonly sha1: string
    readonly style: string
    readonly state: 'failed' | 'unsupported'
    readonly error: ThumbnailError
  },
  now: number,
): void {
  prepared(
    db,
    `INSERT INTO thumbnail_sets (sha1, style, state, error, settled_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET state = excluded.state, error = excluded.error, settled_at = excluded.settled_at
     WHERE state <> 'done'`,
  ).run(Buffer.from(refused.sha1, 'hex'), refused.style, refused.state, JSON.stringify(refused.error), now)
}

function toSet(row: Row, objects: readonly ThumbnailObject[]): ThumbnailSet {
  const { width_px, height_px, thumbhash, error } = row
  return {
    sha1: Buffer.from(row['sha1'] as Uint8Array).toString('hex'),
    style: String(row['style']),
    state: row['state'] as ThumbnailState,
    ...(width_px === null ? {} : { widthPx: Number(width_px) }),
    ...(height_px === null ? {} : { heightPx: Number(height_px) }),
    ...(thumbhash === null ? {} : { thumbhash: Buffer.from(thumbhash as Uint8Array).toString('base64') }),
    ...(error === null ? {} : { error: JSON.parse(String(error)) as ThumbnailError }),
    objects,
  }
}

/** A row of `thumbnails`. */
export function toThumbnailObject(row: Row): ThumbnailObject {
  return {
    size: Number(row['size']),
    store: String(row['store']),
    objectName: String(row['object_name']),
    mime: String(row['mime']),
    widthPx: Number(row['width_px']),
    heightPx: Number(row['height_px']),
    sizeBytes: Number(row['size_bytes']),
  }
}
