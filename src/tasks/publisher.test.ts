import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type Asset, findAssetBySha1, insertAsset, type NewAsset } from '../library/catalog.ts'
import { settleWithAsset } from '../library/ledger.ts'
import { addOutbox, listOutbox } from '../library/outbox.ts'
import { memoryLibrary, planOne, sampleAsset, sha1Of } from '../library/testing/sample-assets.ts'
import type { Backend } from '../queue/backend.ts'
import { LocalStorage } from '../storage/local-storage.ts'
import type { ItemCommit } from './commit-item.ts'
import { Publisher, PublishingRefusedError } from './publisher.ts'
import { CALLS } from './store-calls.ts'

describe('a publisher', () => {
  let root: string
  let storage: LocalStorage
  let db: DatabaseSync
  let publisher: Publisher

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'heirloom-publisher-'))
    storage = new LocalStorage({ root })
    db = memoryLibrary()
    const call: Backend['call'] = (name, request) =>
      Promise.resolve(CALLS[name]?.({ db, now: 5, add: () => [] }, request))
    publisher = new Publisher(storage, { call } as Backend)
  })

  afterEach(() => rm(root, { recursive: true, force: true }))

  /** As a commit leaves it. */
  async function commit(source: string, changes: Partial<NewAsset> = {}): Promise<ItemCommit> {
    const temp = `${source}-1-0.part`
    await storage.writeTemp(temp, [Buffer.from(`${source}+`)])
    const { assetId, path } = insertAsset(db, sampleAsset(source, changes))
    settleWithAsset(db, { fileId: planOne(db, `${source}.jpg`), assetId, now: 3 })
    const sizeBytes = source.length + 1
    const entry = {
      assetId,
      part: 'media' as const,
      temp,
      final: path,
      sizeBytes,
      sha1: sha1Of(`${source}+`),
    }
    const publish = [{ ...entry, id: addOutbox(db, entry) }]
    return { exportName: 'google', publish, discard: [], standIns: [], spooledBytes: 0 }
  }

  function assetOf(source: string): Asset {
    const asset = findAssetBySha1(db, sha1Of(source))
    assert.ok(asset)
    return asset
  }

  test('one refused name does not end the run', async () => {
    await symlink(tmpdir(), join(root, 'linked'))
    const commits = [await commit('1', { folder: 'linked' }), await commit('2')]
    await publisher.publish(commits)
    await publisher.flush()
    assert.equal(await readFile(join(root, assetOf('2').path), 'utf8'), '2+')
    assert.deepEqual(
      listOutbox(db).map(({ temp }) => temp),
      ['1-1-0.part'],
    )
    assert.match(String(db.prepare('SELECT blocked FROM outbox').get()?.['blocked']), /unsafe-name/u)
  })

  /** A copy of it that another export brings, its bytes not quite the same. */
  async function copyOf(source: string, temp = '9-1-0.part'): Promise<ItemCommit> {
    await storage.writeTemp(temp, [Buffer.from(`${source}++`)])
    const asset = assetOf(source)
    const media = { temp, sizeBytes: source.length + 2, sha1: sha1Of(`${source}++`) }
    const standIn = { assetId: asset.id, path: asset.path, sizeBytes: asset.sizeBytes, exportId: 1, media }
    return { exportName: 'google', publish: [], discard: [], standIns: [standIn], spooledBytes: 0 }
  }

  test('a copy of what the library has is discarded', async () => {
    await publisher.publish([await commit('1')])
    await publisher.publish([await copyOf('1')])
    assert.equal(await readFile(join(root, assetOf('1').path), 'utf8'), '1+')
    assert.equal(await storage.statTemp('9-1-0.part'), undefined)
  })

  const losses: Record<string, (file: string) => Promise<void>> = {
    deleted: (file) => rm(file),
    'deleted with its folder': (file) => rm(join(file, '../..'), { recursive: true }),
  }
  for (const [lost, lose] of Object.entries(losses)) {
    test(`a photo that was ${lost} is placed again from a copy`, async () => {
      await publisher.publish([await commit('1')])
      await publisher.flush()
      const { path } = assetOf('1')
      await lose(join(root, path))
      await publisher.publish([await copyOf('1'), await copyOf('1', '9-2-0.part')])
      await publisher.flush()
      const asset = assetOf('1')
      assert.equal(asset.path, path)
      assert.equal(await readFile(join(root, path), 'utf8'), '1++')
      assert.deepEqual([asset.writtenSha1, asset.sizeBytes], [sha1Of('1++'), 3])
      assert.deepEqual(listOutbox(db), [])
      for (const temp of ['9-1-0.part', '9-2-0.part']) assert.equal(await storage.statTemp(temp), undefined)
    })
  }

  test('a photo that was cut off is placed again beside what is left of it', async () => {
    await publisher.publish([await commit('1')])
    await publisher.flush()
    const { path } = assetOf('1')
    await writeFile(join(root, path), '')
    await publisher.publish([await copyOf('1')])
    assert.notEqual(assetOf('1').path, path)
    assert.equal(await readFile(join(root, assetOf('1').path), 'utf8'), '1++')
    assert.equal(await readFile(join(root, path), 'utf8'), '')
  })

  test('a file that waits for its name is not replaced', async () => {
    const first = await commit('1')
    await publisher.publish([await copyOf('1')])
    await publisher.publish([first])
    assert.equal(await readFile(join(root, assetOf('1').path), 'utf8'), '1+')
  })

  test('a disk that refuses one file after the other does', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'link' })
    storage.publish = () => Promise.reject(full)
    const run = async (): Promise<void> => {
      for (let index = 0; index < 100; index += 1) await publisher.publish([await commit(String(index))])
    }
    await assert.rejects(run(), PublishingRefusedError)
    assert.equal(listOutbox(db).length, 20)
  })
})
