/**
 * Plain files whose content is known: as long as size and time stay the same, nobody reads them to hash them again.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { prepared } from './statements.ts'

/** A file as the disk tells of it. */
export interface FileFacts {
  /** Absolute. */
  readonly path: string
  readonly sizeBytes: number
  /** Epoch milliseconds. */
  readonly modifiedAt: number
}

/** @param sha1 - Of the content, hex. */
export function recordHashedFile(db: DatabaseSync, file: FileFacts, sha1: string): void {
  prepared(
    db,
    `INSERT INTO hashed_files (path, size_bytes, modified_at, sha1) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET size_bytes = excluded.size_bytes, modified_at = excluded.modified_at,
       sha1 = excluded.sha1`,
  ).run(file.path, file.sizeBytes, file.modifiedAt, Buffer.from(sha1, 'hex'))
}

/** Hex SHA-1 of the file's content; undefined when it is not known, or the file was changed since. */
export function findHash(db: DatabaseSync, file: FileFacts): string | undefined {
  const row = prepared(db, 'SELECT size_bytes, modified_at, sha1 FROM hashed_files WHERE path = ?').get(
    file.path,
  )
  if (row === undefined) return undefined
  const isSame = row['size_bytes'] === file.sizeBytes && row['modified_at'] === file.modifiedAt
  return isSame ? Buffer.from(row['sha1'] as Uint8Array).toString('hex') : undefined
}

/** Hex SHA-1 of the content that the file had when it was read last. */
export function findLastHash(db: DatabaseSync, path: string): string | undefined {
  const row = prepared(db, 'SELECT sha1 FROM hashed_files WHERE path = ?').get(path)
  return row === undefined ? undefined : Buffer.from(row['sha1'] as Uint8Array).toString('hex')
}
