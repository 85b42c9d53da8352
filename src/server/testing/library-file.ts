/**
 * A file of the library as an ingest places it, beside a running server.
 *
 * @module
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { insertAsset } from '../../library/catalog.ts'
import { openExport } from '../../library/ledger.ts'
import { sampleAsset, sha1Of } from '../../library/testing/sample-assets.ts'
import type { TestServer } from './test-server.ts'

/** @param path - Its folder is taken; the name is the catalog's. */
export async function addLibraryFile(
  { folder, context }: Pick<TestServer, 'folder' | 'context'>,
  path: string,
  bytes: Buffer,
): Promise<{ readonly sha1: string; readonly path: string }> {
  const sha1 = sha1Of(bytes)
  using db = new DatabaseSync(context.paths.database, { timeout: 5_000 })
  const { id: exportId } = openExport(db, { name: 'takeout', inputs: ['/exports/takeout'], now: 1 })
  const placed = insertAsset(db, {
    ...sampleAsset(sha1),
    exportId,
    writtenSha1: sha1,
    sizeBytes: bytes.length,
    folder: dirname(path),
    now: Date.now(),
  })
  await mkdir(dirname(join(folder, placed.path)), { recursive: true })
  await writeFile(join(folder, placed.path), bytes)
  return { sha1, path: placed.path }
}
