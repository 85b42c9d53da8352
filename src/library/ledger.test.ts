import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { insertAsset } from './catalog.ts'
import {
  balance,
  closePlan,
  findFile,
  fingerprintOf,
  listExports,
  OUTCOMES,
  openExport,
  type PlannedFile,
  planFiles,
  settleFile,
  settleWithAsset,
} from './ledger.ts'
import { memoryLibrary, planOne, sampleAsset } from './testing/sample-assets.ts'

/** Sums by a scan, to hold the maintained counters against. */
function scanned(db: DatabaseSync, exportId: number): Record<string, { files: number; bytes: number }> {
  const rows = db
    .prepare(
      `SELECT coalesce(outcome, 'open') AS outcome, count(*) AS files, sum(size_bytes) AS bytes
       FROM files WHERE export_id = ? GROUP BY 1`,
    )
    .all(exportId)
  return Object.fromEntries(
    rows.map((row) => [String(row['outcome']), { files: Number(row['files']), bytes: Number(row['bytes']) }]),
  )
}

describe('planFiles', () => {
  const photo: PlannedFile = { path: 'a.jpg', sizeBytes: 10, fingerprint: '10:c1' }

  test('a file is open until it is settled, and done in the next run', () => {
    const db = memoryLibrary()
    const [first] = planFiles(db, 1, [photo], 1)
    assert.equal(first?.state, 'open')
    const { assetId } = insertAsset(db, sampleAsset('a'))
    settleWithAsset(db, { fileId: first?.fileId ?? 0, assetId, now: 2 })
    openExport(db, { name: 'google-anna-20240101', inputs: [], now: 3 })
    assert.deepEqual(planFiles(db, 1, [photo], 3), [{ ...first, state: 'done' }])
  })

  test('a changed file is open again, a failed one too', () => {
    const db = memoryLibrary()
    const fileId = planFiles(db, 1, [photo], 1)[0]?.fileId ?? 0
    const { assetId } = insertAsset(db, sampleAsset('a'))
    settleFile(db, { fileId, outcome: 'imported', assetId, now: 2 })
    const changed = { ...photo, fingerprint: '10:c2' }
    assert.equal(planFiles(db, 1, [changed], 3)[0]?.state, 'open')
    assert.equal(balance(db, 1).open, 1)
    settleFile(db, { fileId, outcome: 'failed', reasonCode: 'x/y', reason: 'broken', now: 4 })
    assert.equal(planFiles(db, 1, [changed], 5)[0]?.state, 'open')
  })

  /** Of `photo`, which is then settled with an asset, and planned again by a next run that knows more of it. */
  function learnMore(db: DatabaseSync): { fileId: number; assetId: number } {
    const fileId = planFiles(db, 1, [{ ...photo, knowledge: 'k1' }], 1)[0]?.fileId ?? 0
    const { assetId } = insertAsset(db, sampleAsset('a'))
    settleWithAsset(db, { fileId, assetId, now: 2 })
    assert.equal(planFiles(db, 1, [{ ...photo, knowledge: 'k1' }], 3)[0]?.state, 'done')
    openExport(db, { name: 'google-anna-20240101', inputs: [], now: 4 })
    assert.equal(planFiles(db, 1, [{ ...photo, knowledge: 'k2' }], 5)[0]?.state, 'open')
    return { fileId, assetId }
  }

  test('a file of which more is known is open until that is settled, however often it is planned', () => {
    const db = memoryLibrary()
    const { fileId, assetId } = learnMore(db)
    assert.equal(planFiles(db, 1, [{ ...photo, knowledge: 'k2' }], 6)[0]?.state, 'open')
    assert.equal(settleWithAsset(db, { fileId, assetId, now: 7 }), 'imported')
    assert.equal(planFiles(db, 1, [{ ...photo, knowledge: 'k2' }], 8)[0]?.state, 'done')
    assert.deepEqual([balance(db, 1).open, balance(db, 1).byOutcome.imported], [0, 1])
  })

  test('it stays the imported one, though an equal file is settled before it', () => {
    const db = memoryLibrary()
    const { fileId, assetId } = learnMore(db)
    assert.equal(settleWithAsset(db, { fileId: planOne(db, 'b.jpg'), assetId, now: 6 }), 'duplicate')
    assert.equal(settleWithAsset(db, { fileId, assetId, now: 7 }), 'imported')
  })

  test('it stays imported when the run is broken off and the file is gone', () => {
    const db = memoryLibrary()
    learnMore(db)
    openExport(db, { name: 'google-anna-20240101', inputs: [], now: 6 })
    assert.deepEqual(closePlan(db, 1, { now: 7 }), { vanished: 0 })
    assert.equal(findFile(db, 1, 'a.jpg')?.outcome, 'imported')
  })

  test('what the reading decides replaces what an earlier run did', () => {
    const db = memoryLibrary()
    planFiles(db, 1, [{ ...photo, settled: { outcome: 'ignored', reason: 'unknown' } }], 1)
    assert.equal(planFiles(db, 1, [{ ...photo, settled: { outcome: 'sidecar' } }], 2)[0]?.state, 'done')
    assert.equal(findFile(db, 1, 'a.jpg')?.outcome, 'sidecar')
    assert.equal(planFiles(db, 1, [photo], 3)[0]?.state, 'open')
  })

  test('names that differ only in case or normalization are different files', () => {
    const db = memoryLibrary()
    for (const path of ['a.jpg', 'A.jpg', '\u00fc.jpg', 'u\u0308.jpg']) planOne(db, path)
    assert.equal(balance(db, 1).found, 4)
  })
})

describe('closePlan', () => {
  test('a file that was never imported and is gone is ignored, and told', () => {
    const db = memoryLibrary()
    planOne(db, 'gone.jpg')
    planOne(db, 'kept.jpg')
    openExport(db, { name: 'google-anna-20240101', inputs: ['/exports/google-anna-20240101'], now: 3 })
    planOne(db, 'kept.jpg', 12)
    assert.deepEqual(closePlan(db, 1, { listingDigest: 'd', now: 4 }), { vanished: 1 })
    assert.equal(findFile(db, 1, 'gone.jpg')?.outcome, 'ignored')
    assert.equal(findFile(db, 1, 'kept.jpg')?.outcome, undefined)
    assert.equal(db.prepare('SELECT count(*) AS n FROM remarks').get()?.['n'], 1)
    const [row] = listExports(db)
    assert.deepEqual(
      [row?.status, row?.filesListed, row?.bytesListed, row?.listingDigest],
      ['planned', 1, 12, 'd'],
    )
  })

  test('a file that may lie in an input that was left out stays as it was', () => {
    const db = memoryLibrary()
    planOne(db, 'open.jpg')
    const fileId = planOne(db, 'failed.jpg')
    settleFile(db, { fileId, outcome: 'failed', reasonCode: 'x', reason: 'unreadable', now: 2 })
    const name = 'google-anna-20240101'
    // The second time stands for a planning that was tried again, or interrupted and begun anew.
    for (const now of [3, 4]) openExport(db, { name, inputs: ['/exports/part-1.zip'], now })
    assert.deepEqual(closePlan(db, 1, { now: 5 }), { vanished: 0 })
    assert.deepEqual(
      ['open.jpg', 'failed.jpg'].map((path) => findFile(db, 1, path)?.outcome),
      [undefined, 'failed'],
    )
    openExport(db, { name, inputs: ['/exports/part-1.zip'], now: 6 })
    assert.deepEqual(closePlan(db, 1, { now: 7 }), { vanished: 2 })
  })

  test('an imported file that is gone stays imported', () => {
    const db = memoryLibrary()
    const fileId = planOne(db, 'a.jpg')
    const { assetId } = insertAsset(db, sampleAsset('a'))
    settleWithAsset(db, { fileId, assetId, now: 2 })
    openExport(db, { name: 'google-anna-20240101', inputs: [], now: 3 })
    assert.deepEqual(closePlan(db, 1, { now: 4 }), { vanished: 0 })
    assert.equal(balance(db, 1).byOutcome.imported, 1)
  })
})

describe('settleWithAsset', () => {
  test('the first file of a content is imported, others are duplicates, in any repetition', () => {
    const db = memoryLibrary()
    const [one, two] = [planOne(db, 'a.jpg'), planOne(db, 'b.jpg')]
    const { assetId } = insertAsset(db, sampleAsset('a'))
    for (let time = 0; time < 2; time += 1) {
      assert.equal(settleWithAsset(db, { fileId: one, assetId, now: 3 }), 'imported')
      assert.equal(settleWithAsset(db, { fileId: two, assetId, now: 3 }), 'duplicate')
    }
    assert.deepEqual([balance(db, 1).balanced, balance(db, 1).found], [true, 2])
  })
})

describe('openExport', () => {
  test('folders are unique where case and normalization are not told apart', () => {
    const db = memoryLibrary('Photos')
    const folders = ['photos', 'PHOTOS', 'photos?', 'photos*'].map(
      (name) => openExport(db, { name, inputs: [], now: 1 }).folder,
    )
    assert.deepEqual(folders, ['photos (2)', 'PHOTOS (3)', 'photos_', 'photos_ (2)'])
  })
})

test('a fingerprint is by hash or checksum where there is one, else by time', () => {
  assert.equal(fingerprintOf({ sizeBytes: 5, sha1: 'ab', modifiedAt: 9 }), '5:sab')
  assert.equal(fingerprintOf({ sizeBytes: 5, crc32: 255, modifiedAt: 9 }), '5:cff')
  assert.notEqual(
    fingerprintOf({ sizeBytes: 5, modifiedAt: 9 }),
    fingerprintOf({ sizeBytes: 5, modifiedAt: 8 }),
  )
})

describe('balance', () => {
  test('an empty ledger balances', () => {
    assert.deepEqual([balance(memoryLibrary(), 1).balanced, balance(memoryLibrary()).found], [true, 0])
  })

  test('the counters are what a scan finds, and add up, after any sequence of plans and settlements', () => {
    const path = fc.constantFrom('a', 'b', 'c', 'd')
    const size = fc.integer({ min: 0, max: 5 })
    const step = fc.oneof(
      fc.record({ do: fc.constant('plan' as const), path, size, knowledge: fc.constantFrom('k', 'l') }),
      fc.record({
        do: fc.constant('aside' as const),
        path,
        size,
        to: fc.constantFrom('sidecar', 'ignored', 'failed'),
      }),
      fc.record({ do: fc.constant('settle' as const), path, to: fc.constantFrom(...OUTCOMES) }),
      fc.record({ do: fc.constant('asset' as const), path, content: fc.constantFrom('x', 'y') }),
      fc.record({ do: fc.constant('reopen' as const) }),
      fc.record({ do: fc.constant('close' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const db = memoryLibrary()
        const paths = new Set<string>()
        for (const [now, each] of steps.entries()) {
          perform(db, each as Step, now)
          if (each.do === 'plan' || each.do === 'aside') paths.add(each.path)
        }
        assertBalanced(db, paths.size)
        db.close()
      }),
    )
  })
})

type Settling =
  | { do: 'settle'; path: string; to: (typeof OUTCOMES)[number] }
  | { do: 'asset'; path: string; content: string }
type Planning =
  | { do: 'plan'; path: string; size: number; knowledge: string }
  | { do: 'aside'; path: string; size: number; to: 'sidecar' | 'ignored' | 'failed' }
type Step = Planning | Settling | { do: 'reopen' } | { do: 'close' }

function perform(db: DatabaseSync, step: Step, now: number): void {
  const name = 'google-anna-20240101'
  switch (step.do) {
    case 'reopen':
      openExport(db, { name, inputs: [], now })
      break
    case 'close':
      closePlan(db, 1, { now })
      break
    case 'plan': {
      const { path, size: sizeBytes, knowledge } = step
      planFiles(db, 1, [{ path, sizeBytes, knowledge, fingerprint: `${sizeBytes}` }], now)
      break
    }
    case 'aside': {
      const { path, size: sizeBytes, to: outcome } = step
      planFiles(db, 1, [{ path, sizeBytes, fingerprint: 'x', settled: { outcome } }], now)
      break
    }
    case 'settle':
    case 'asset':
      settle(db, step, now)
  }
}

function settle(db: DatabaseSync, step: Settling, now: number): void {
  const fileId = findFile(db, 1, step.path)?.fileId
  if (fileId === undefined) return
  if (step.do === 'settle') settleFile(db, { fileId, outcome: step.to, now })
  else settleWithAsset(db, { fileId, assetId: insertAsset(db, sampleAsset(step.content)).assetId, now })
}

function eachAssetImportedOnce(db: DatabaseSync): boolean {
  const rows = db
    .prepare(
      "SELECT 1 FROM files WHERE outcome = 'imported' AND asset_id IS NOT NULL GROUP BY asset_id HAVING count(*) > 1",
    )
    .all()
  return rows.length === 0
}

/** The counters against a scan of the rows. */
function assertBalanced(db: DatabaseSync, found: number): void {
  const sums = balance(db, 1)
  const scan = scanned(db, 1)
  assert.equal(sums.found, found)
  assert.equal(sums.open, scan['open']?.files ?? 0)
  for (const outcome of OUTCOMES) {
    assert.equal(sums.byOutcome[outcome], scan[outcome]?.files ?? 0, outcome)
    assert.equal(sums.bytesByOutcome[outcome], scan[outcome]?.bytes ?? 0, outcome)
  }
  assert.equal(sums.balanced, sums.open === 0)
  assert.ok(eachAssetImportedOnce(db))
}
