/**
 * The names that thumbnails of plain files have in the folder that the user named.
 *
 * A picture's name there is decided once, so that it does not change when a neighbour of the same name comes along
 * (`IMG_1.jpg` beside `IMG_1.heic`); and it is written down, so that a file of that name which is not in here is
 * known to be somebody else's, and never replaced.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { foldPath } from './names.ts'
import { prepared } from './statements.ts'

/** Of the picture at `path`: relative, `/` between segments, without size and extension. */
export function findThumbnailStem(db: DatabaseSync, path: string): string | undefined {
  const row = prepared(db, 'SELECT stem FROM thumbnail_names WHERE path = ?').get(path)
  return row === undefined ? undefined : String(row['stem'])
}

/** Gives the picture the first of the names that no other picture has; undefined when all are taken. */
export function claimThumbnailStem(
  db: DatabaseSync,
  path: string,
  candidates: readonly string[],
): string | undefined {
  const known = findThumbnailStem(db, path)
  if (known !== undefined) return known
  const claim = prepared(
    db,
    'INSERT INTO thumbnail_names (path, stem, stem_folded) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  )
  return candidates.find((stem) => claim.run(path, stem, foldPath(stem)).changes === 1)
}
