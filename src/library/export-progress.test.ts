import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { insertAsset } from './catalog.ts'
import { countUploads, readExportProgress, type UploadProgress } from './export-progress.ts'
import { openExport } from './ledger.ts'
import { memoryLibrary, sampleAsset } from './testing/sample-assets.ts'
import { openServer, recordUploads, type UploadState } from './uploads.ts'

function addFile(db: DatabaseSync, path: string, outcome: string | null, sizeBytes: number): void {
  db.prepare(
    `INSERT INTO files (export_id, path, size_bytes, fingerprint, run, outcome) VALUES (1, ?, ?, 'f', 1, ?)`,
  ).run(path, sizeBytes, outcome)
}

describe('the progress of exports', () => {
  test('is what became of the files', () => {
    using db = memoryLibrary()
    addFile(db, 'a.jpg', 'imported', 100)
    addFile(db, 'b.jpg', 'duplicate', 20)
    addFile(db, 'a.json', 'sidecar', 3)
    addFile(db, 'c.jpg', null, 1_000)
    const [progress] = readExportProgress(db, 10)
    assert.deepEqual(progress?.files, {
      open: 1,
      imported: 1,
      duplicate: 1,
      sidecar: 1,
      ignored: 0,
      failed: 0,
    })
    assert.deepEqual([progress?.doneBytes, progress?.totalBytes], [123, 1_123])
    assert.deepEqual(
      [progress?.name, progress?.status, progress?.finishedAt],
      ['google-anna-20240101', 'open', undefined],
    )
  })

  test('follows a file that is settled', () => {
    using db = memoryLibrary()
    addFile(db, 'a.jpg', null, 100)
    db.exec(`UPDATE files SET outcome = 'failed'`)
    const [progress] = readExportProgress(db, 10)
    assert.deepEqual([progress?.files.open, progress?.files.failed, progress?.doneBytes], [0, 1, 100])
  })

  test('has the export that was opened last first, and its problems', () => {
    using db = memoryLibrary()
    openExport(db, { name: 'newer', inputs: ['/exports/newer'], now: 2 })
    const problems = Array.from({ length: 9 }, (_, at) => ({
      code: 'archive/damaged',
      message: `part ${at}`,
      at,
    }))
    db.prepare(
      `UPDATE exports SET problems = ?, status = 'finished', finished_at = 7 WHERE name = 'newer'`,
    ).run(JSON.stringify(problems))
    const all = readExportProgress(db, 10)
    assert.deepEqual(
      all.map(({ name }) => name),
      ['newer', 'google-anna-20240101'],
    )
    assert.deepEqual([all[0]?.finishedAt, all[0]?.problems.length], [7, 5])
    assert.deepEqual(all[0]?.problems[0], { code: 'archive/damaged', message: 'part 0' })
    assert.equal(readExportProgress(db, 1).length, 1)
  })
})

describe('the progress of uploads', () => {
  const STATES: readonly UploadState[] = ['uploaded', 'uploaded', 'present', 'failed']

  function counted(db: DatabaseSync): { steps: number; uploads: readonly UploadProgress[] } {
    const counting = countUploads(db)
    for (let steps = 0; ; steps += 1) {
      const { done, value } = counting.next()
      if (done) return { steps, uploads: value }
    }
  }

  test('is counted for each server, and not for one that was asked about nothing', () => {
    using db = memoryLibrary()
    const ids = STATES.map(
      (_, index) => insertAsset(db, { ...sampleAsset(`photo ${index}`), now: 1 }).assetId,
    )
    const [silent, busy] = ['http://a', 'http://b'].map((address) => openServer(db, { address, now: 5 }))
    assert.ok(silent !== undefined && busy !== undefined)
    recordUploads(
      db,
      busy,
      STATES.map((state, index) => ({ assetId: ids[index]!, state })),
      6,
    )
    assert.deepEqual(counted(db).uploads, [
      { address: 'http://b', usedAt: 5, uploaded: 2, present: 1, trashed: 0, unsupported: 0, failed: 1 },
    ])
  })

  test('is counted in steps when there are many', () => {
    using db = memoryLibrary()
    const server = openServer(db, { address: 'http://a', now: 5 })
    db.exec('PRAGMA foreign_keys = OFF')
    db.prepare(
      `WITH RECURSIVE numbers (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM numbers WHERE id < 45000)
       INSERT INTO uploads (server_id, asset_id, state, settled_at) SELECT ?, id, 'present', 1 FROM numbers`,
    ).run(server)
    const { steps, uploads } = counted(db)
    assert.deepEqual([steps, uploads[0]?.present], [3, 45_000])
  })
})
