import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { insertAsset } from '../library/catalog.ts'
import { balance, findFile, openExport, planFiles, settleWithAsset } from '../library/ledger.ts'
import { memoryLibrary, planOne, sampleAsset } from '../library/testing/sample-assets.ts'
import type { Backend } from '../queue/backend.ts'
import { LocalStorage } from '../storage/local-storage.ts'
import { reopenMissing } from './reopen-missing.ts'
import { CALLS } from './store-calls.ts'

test('files of deleted photos are open again in their export, and become what they were when placed', async () => {
  const root = await mkdtemp(join(tmpdir(), 'heirloom-reopen-'))
  try {
    const storage = new LocalStorage({ root })
    const db = memoryLibrary('a')
    openExport(db, { name: 'b', inputs: ['/b'], now: 1 })
    const paths = Array.from({ length: 1_100 }, (_, index) => {
      const { assetId, path } = insertAsset(db, sampleAsset(`${index}`))
      settleWithAsset(db, { fileId: planOne(db, `${index}.jpg`), assetId, now: 3 })
      return path
    })
    settleWithAsset(db, { fileId: planOne(db, 'copy.jpg'), assetId: 1_050, now: 3 })
    settleWithAsset(db, { fileId: planOne(db, 'other.jpg', 10, 2), assetId: 7, now: 3 })
    for (const [index, path] of paths.entries()) {
      if (index === 6 || index === 1_049) continue
      await storage.writeTemp('1-1-0.part', [Buffer.from('x')])
      await storage.publish('1-1-0.part', path)
    }
    const call: Backend['call'] = (name, request) =>
      Promise.resolve(CALLS[name]?.({ db, now: 5, add: () => [] }, request))
    assert.equal(await reopenMissing({ call } as Backend, storage, 'a'), 2)
    assert.equal(balance(db, 1).open, 3)
    assert.equal(balance(db, 2).open, 0)

    const file = { path: 'copy.jpg', sizeBytes: 10, fingerprint: '10' }
    assert.equal(planFiles(db, 1, [file], 6)[0]?.state, 'open')
    const fileId = findFile(db, 1, 'copy.jpg')?.fileId ?? 0
    assert.equal(settleWithAsset(db, { fileId, assetId: 1_050, now: 7 }), 'duplicate')
    assert.equal(await reopenMissing({ call } as Backend, storage, 'unknown'), 0)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})
