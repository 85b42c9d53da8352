/**
 * Folders of the server: what its photos are sorted into. A photo may lie in several.
 *
 * Plain functions on the database handle, run inside the caller's transaction. A folder's name is shown to people and
 * is never a path.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { HeirloomError } from '../errors.ts'
import { orNull, prepared, type Row } from './statements.ts'

/** Made with the tables: where an upload goes that names no folder. */
export const UPLOADS_FOLDER_ID = 1

/** UTF-16 units. */
export const MAX_FOLDER_NAME_LENGTH = 200

/** More than anybody has; the dashboard shows them all at once. */
export const MAX_FOLDERS = 10_000

export interface Folder {
  readonly id: number
  readonly name: string
  readonly parentId?: number
  readonly photoCount: number
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** Thrown for a folder that is not in the catalog. */
export class NoSuchFolderError extends HeirloomError {
  readonly code = 'library/no-such-folder'
  readonly recovery = 'discard'

  constructor(id: number) {
    super(`there is no folder ${id}`, { hint: 'List the folders with GET /api/folders.' })
  }
}

/** Thrown when a folder of this name is there already. */
export class FolderExistsError extends HeirloomError {
  readonly code = 'library/folder-exists'
  readonly recovery = 'discard'

  constructor(name: string) {
    super(`there is a folder ${JSON.stringify(name)} already`, { hint: 'Use it, or choose another name.' })
  }
}

/** Thrown when there are {@link MAX_FOLDERS}. */
export class TooManyFoldersError extends HeirloomError {
  readonly code = 'library/too-many-folders'
  readonly recovery = 'discard'

  constructor() {
    super(`there are ${MAX_FOLDERS} folders already`, { hint: 'Use one of them.' })
  }
}

const COLUMNS = `folders.id, folders.name, folders.parent_id, folders.created_at,
  (SELECT count(*) FROM folder_photos WHERE folder_id = folders.id) AS photo_count`

/** All of them, by name. */
export function listFolders(db: DatabaseSync): Folder[] {
  return prepared(db, `SELECT ${COLUMNS} FROM folders ORDER BY name, id`).all().map(toFolder)
}

/** @throws {@link NoSuchFolderError} */
export function requireFolder(db: DatabaseSync, id: number): Folder {
  const row = prepared(db, `SELECT ${COLUMNS} FROM folders WHERE id = ?`).get(id)
  if (row === undefined) throw new NoSuchFolderError(id)
  return toFolder(row)
}

export function hasFolder(db: DatabaseSync, id: number): boolean {
  return prepared(db, 'SELECT 1 FROM folders WHERE id = ?').get(id) !== undefined
}

/**
 * Makes a folder; names are unique among the children of one parent.
 *
 * @throws {@link NoSuchFolderError} for an unknown parent, {@link FolderExistsError}, {@link TooManyFoldersError}
 */
export function addFolder(
  db: DatabaseSync,
  { name, parentId, now }: { readonly name: string; readonly parentId?: number; readonly now: number },
): Folder {
  if (parentId !== undefined && !hasFolder(db, parentId)) throw new NoSuchFolderError(parentId)
  const { count } = prepared(db, 'SELECT count(*) AS count FROM folders').get() as { count: number }
  if (count >= MAX_FOLDERS) throw new TooManyFoldersError()
  const { changes, lastInsertRowid } = prepared(
    db,
    'INSERT INTO folders (parent_id, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  ).run(orNull(parentId), name, now)
  if (changes === 0) throw new FolderExistsError(name)
  return requireFolder(db, Number(lastInsertRowid))
}

function toFolder(row: Row): Folder {
  return {
    id: Number(row['id']),
    name: String(row['name']),
    photoCount: Number(row['photo_count']),
    createdAt: Number(row['created_at']),
    ...(row['parent_id'] === null ? {} : { parentId: Number(row['parent_id']) }),
  }
}
