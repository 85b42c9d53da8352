/**
 * The pictures whose thumbnails were made last, as a wall of them needs it: name, shape, a blur, an address.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { findPicture, findThumbnailSet } from '../library/photos-view.ts'
import { prepared } from '../library/statements.ts'

export interface WallPhoto {
  /** SHA-1 of the picture's bytes: its name in all addresses. */
  readonly id: string
  readonly fileName: string
  readonly origin: 'upload' | 'library'
  /** Longest edge that was asked for: the last part of the thumbnail's address. */
  readonly size: number
  /** The largest there is, for a closer look. */
  readonly largeSize: number
  /** Of the thumbnail of `size`. */
  readonly widthPx: number
  readonly heightPx: number
  /** Base64. */
  readonly thumbhash?: string
  /** Epoch milliseconds. */
  readonly madeAt: number
}

/** Pixels of a tile on a display with two for one. */
const WANTED_SIZE = 250

/** Remembers what it has shown, so that a second look only reads what is new. */
export class NewestThumbnails {
  readonly #limit: number
  #shown = new Map<string, WallPhoto | undefined>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Newest first. Thumbnails of plain files, which the server knows no photo of, are left out. */
  read(db: DatabaseSync): readonly WallPhoto[] {
    const rows = prepared(
      db,
      `SELECT lower(hex(sha1)) AS sha1, style, settled_at FROM thumbnail_sets INDEXED BY thumbnail_sets_newest
       WHERE state = 'done' ORDER BY settled_at DESC, id DESC LIMIT ?`,
    ).all(this.#limit)
    const shown = new Map<string, WallPhoto | undefined>()
    for (const row of rows) {
      const [sha1, style, madeAt] = [String(row['sha1']), String(row['style']), Number(row['settled_at'])]
      const key = `${sha1} ${style} ${madeAt}`
      shown.set(key, this.#shown.has(key) ? this.#shown.get(key) : findWallPhoto(db, { sha1, style, madeAt }))
    }
    this.#shown = shown
    const byId = new Map<string, WallPhoto>()
    for (const photo of shown.values())
      if (photo !== undefined && !byId.has(photo.id)) byId.set(photo.id, photo)
    return [...byId.values()]
  }
}

function findWallPhoto(
  db: DatabaseSync,
  { sha1, style, madeAt }: { readonly sha1: string; readonly style: string; readonly madeAt: number },
): WallPhoto | undefined {
  const picture = findPicture(db, sha1)
  const set = findThumbnailSet(db, sha1, style)
  const sizes = set?.thumbnails ?? []
  const thumbnail = sizes.find(({ size }) => size >= WANTED_SIZE) ?? sizes.at(-1)
  if (picture === undefined || thumbnail === undefined) return undefined
  const { size, widthPx, heightPx } = thumbnail
  const largeSize = sizes.at(-1)?.size ?? size
  const { fileName, origin } = picture
  const blur = set?.thumbhash === undefined ? {} : { thumbhash: set.thumbhash }
  return { id: sha1, fileName, origin, size, largeSize, widthPx, heightPx, madeAt, ...blur }
}
