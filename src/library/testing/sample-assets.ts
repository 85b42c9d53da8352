/**
 * A library in memory and things to put into it, for tests.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { NewAsset } from '../catalog.ts'
import { openExport, planFiles } from '../ledger.ts'
import { migrateLibrary } from '../schema.ts'

/** A fresh library database in memory, with one export: its id is 1. */
export function memoryLibrary(name = 'google-anna-20240101'): DatabaseSync {
  const db = new DatabaseSync(':memory:')
  migrateLibrary(db)
  openExport(db, { name, inputs: [`/exports/${name}`], now: 1 })
  return db
}

/** SHA-1 of a text, 40 hexadecimal digits. */
export function sha1Of(text: string | Uint8Array): string {
  return createHash('sha1').update(text).digest('hex')
}

/** A JPEG of one day in 2021 whose source bytes are `source` and whose written bytes are `<source>+`. */
export function sampleAsset(source: string, changes: Partial<NewAsset> = {}): NewAsset {
  return {
    exportId: 1,
    platform: 'Google Photos',
    sourceSha1: sha1Of(source),
    writtenSha1: sha1Of(`${source}+`),
    sizeBytes: source.length + 1,
    sourceSizeBytes: source.length,
    format: 'jpeg',
    mime: 'image/jpeg',
    taken: {
      local: '2021-07-04T22:30:05',
      at: Date.UTC(2021, 6, 4, 20, 30, 5),
      offsetMinutes: 120,
      precision: 'second',
      source: 'export',
      detail: 'photoTakenTime',
      zone: 'position',
    },
    folder: 'google-anna-20240101/photos',
    name: { stem: 'gphotos', account: 'anna', extension: 'jpg' },
    role: 'primary',
    now: 5,
    ...changes,
  }
}

/** Enters one open file; answers its id. */
export function planOne(db: DatabaseSync, path: string, sizeBytes = 10, exportId = 1): number {
  const [answer] = planFiles(db, exportId, [{ path, sizeBytes, fingerprint: `${sizeBytes}` }], 2)
  return answer?.fileId ?? 0
}
