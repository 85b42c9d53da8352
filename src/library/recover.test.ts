import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { link, mkdir, mkdtemp, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { LocalStorage } from '../storage/local-storage.ts'
import { findAsset, insertAsset } from './catalog.ts'
import { balance, findFile, settleWithAsset } from './ledger.ts'
import { addOutbox, listOutbox } from './outbox.ts'
import { applyReplay, beginRecovery, publishEntries, type RecoveryStore, recoverLibrary } from './recover.ts'
import { collectReport } from './report.ts'
import { memoryLibrary, planOne, sampleAsset, sha1Of } from './testing/sample-assets.ts'

const TEMP = '7-1-0.part'

describe('recoverLibrary', () => {
  let root: string
  let storage: LocalStorage
  let db: DatabaseSync
  let store: RecoveryStore

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'heirloom-recover-'))
    storage = new LocalStorage({ root })
    db = memoryLibrary()
    store = {
      begin: () => Promise.resolve(beginRecovery(db)),
      apply: (replay) => Promise.resolve(applyReplay(db, replay)),
      list: () => Promise.resolve(listOutbox(db)),
    }
  })

  afterEach(() => rm(root, { recursive: true, force: true }))

  /** As a commit leaves it: temp written, asset decided, nothing linked yet. */
  async function commit(source: string, temp = TEMP): Promise<{ assetId: number; final: string }> {
    await storage.writeTemp(temp, [Buffer.from(`${source}+`)])
    const fileId = planOne(db, `${source}.jpg`)
    const { assetId, path: final } = insertAsset(db, sampleAsset(source))
    settleWithAsset(db, { fileId, assetId, now: 3 })
    const sizeBytes = source.length + 1
    addOutbox(db, { assetId, part: 'media', temp, final, sizeBytes, sha1: sha1Of(`${source}+`) })
    return { assetId, final }
  }

  async function assertPlaced(source: string, final: string): Promise<void> {
    assert.equal(await readFile(join(root, final), 'utf8'), `${source}+`)
    assert.deepEqual(listOutbox(db), [])
    assert.equal(await storage.statTemp(TEMP), undefined)
    assert.equal(balance(db, 1).balanced, true)
  }

  test('a crash before the link: the file gets its name', async () => {
    const { final } = await commit('a')
    assert.deepEqual(await recoverLibrary(storage, store), { completed: 1, lost: 0, blocked: 0, swept: 0 })
    await assertPlaced('a', final)
  })

  test('a crash between link and unlink: the second name goes', async () => {
    const { final } = await commit('a')
    await mkdir(join(root, final, '..'), { recursive: true })
    await link(storage.tempPath(TEMP), join(root, final))
    assert.deepEqual(await recoverLibrary(storage, store), { completed: 1, lost: 0, blocked: 0, swept: 0 })
    await assertPlaced('a', final)
  })

  test('a crash before the outbox was cleared: nothing is left to do', async () => {
    const { final } = await commit('a')
    await storage.publish(TEMP, final)
    assert.deepEqual(await recoverLibrary(storage, store), { completed: 1, lost: 0, blocked: 0, swept: 0 })
    await assertPlaced('a', final)
    assert.deepEqual(await recoverLibrary(storage, store), { completed: 0, lost: 0, blocked: 0, swept: 0 })
  })

  test('bytes that are nowhere: the asset is taken back, its files are open, and a remark says so', async () => {
    const { assetId } = await commit('a')
    await unlink(storage.tempPath(TEMP))
    assert.deepEqual(await recoverLibrary(storage, store), { completed: 0, lost: 1, blocked: 0, swept: 0 })
    assert.equal(findAsset(db, assetId), undefined)
    assert.equal(findFile(db, 1, 'a.jpg')?.outcome, undefined)
    assert.equal(balance(db, 1).open, 1)
    assert.equal(db.prepare('SELECT path FROM remarks').get()?.['path'], 'a.jpg')
    assert.deepEqual(listOutbox(db), [])
  })

  test('a torn temporary file never gets a final name', async () => {
    const { assetId, final } = await commit('a')
    await writeFile(storage.tempPath(TEMP), 'a')
    assert.deepEqual(await recoverLibrary(storage, store), { completed: 0, lost: 1, blocked: 0, swept: 1 })
    assert.equal(findAsset(db, assetId), undefined)
    assert.equal(existsSync(join(root, final)), false)
  })

  test('a file that is not ours has the name: it stays, and ours gets another one', async () => {
    const { assetId, final } = await commit('a')
    await mkdir(join(root, final, '..'), { recursive: true })
    await writeFile(join(root, final), 'not ours')
    assert.deepEqual(await recoverLibrary(storage, store), { completed: 1, lost: 0, blocked: 0, swept: 0 })
    assert.equal(await readFile(join(root, final), 'utf8'), 'not ours')
    await assertPlaced('a', findAsset(db, assetId)?.path ?? '')
  })

  test('temporary files of nobody are swept, those that are still needed stay', async () => {
    for (const temp of ['1-1-0.part', '2-1-0.part']) await storage.writeTemp(temp, [Buffer.from('x')])
    await mkdir(join(storage.tempFolder, 'folder'))
    assert.deepEqual(await recoverLibrary(storage, store, new Set(['2-1-0.part'])), {
      completed: 0,
      lost: 0,
      blocked: 0,
      swept: 1,
    })
    assert.ok(existsSync(join(storage.tempFolder, 'folder')), 'a folder is not ours')
    assert.ok(await storage.statTemp('2-1-0.part'))
  })

  test('a lost sidecar takes its asset back, and the photo is placed again under the same name', async () => {
    const { assetId, final } = await commit('a')
    const xmp = { assetId, part: 'sidecar' as const, temp: '7-1-1.part', final: `${final}.xmp` }
    addOutbox(db, { ...xmp, sizeBytes: 3, sha1: sha1Of('xmp') })
    assert.equal((await recoverLibrary(storage, store)).lost, 1)
    const again = await commit('a')
    assert.equal(again.final, final)
    await recoverLibrary(storage, store)
    await assertPlaced('a', final)
  })

  test('a stranger under the name of the xmp renames photo and xmp together', async () => {
    const { assetId, final } = await commit('a')
    await storage.writeTemp('7-1-1.part', [Buffer.from('xmp')])
    const xmp = { assetId, part: 'sidecar' as const, temp: '7-1-1.part', final: `${final}.xmp` }
    db.prepare('UPDATE assets SET sidecar_path = ?, sidecar_sha1 = written_sha1').run(xmp.final)
    addOutbox(db, { ...xmp, sizeBytes: 3, sha1: sha1Of('xmp') })
    await mkdir(join(root, final, '..'), { recursive: true })
    await writeFile(join(root, xmp.final), 'not ours')
    assert.deepEqual(await recoverLibrary(storage, store), { completed: 2, lost: 0, blocked: 0, swept: 0 })
    const asset = findAsset(db, assetId)
    assert.notEqual(asset?.path, final)
    await assertPlaced('a', asset?.path ?? '')
    assert.equal(await readFile(join(root, asset?.sidecarPath ?? ''), 'utf8'), 'xmp')
    assert.equal(existsSync(join(root, final)), false)
  })

  test('a name behind a link is refused: its file waits with the reason, the others are placed', async () => {
    const [a, b] = [await commit('a'), await commit('b', '8-1-0.part')]
    db.prepare('UPDATE outbox SET final = ? WHERE asset_id = ?').run('linked/a.jpg', a.assetId)
    await symlink(tmpdir(), join(root, 'linked'))
    assert.deepEqual(await recoverLibrary(storage, store), { completed: 1, lost: 0, blocked: 1, swept: 0 })
    assert.equal(await readFile(join(root, b.final), 'utf8'), 'b+')
    assert.ok(await storage.statTemp(TEMP), 'the bytes wait')
    const [problem, ...more] = collectReport(db, 9).problems
    assert.deepEqual(
      [problem?.kind, problem?.path, problem?.code],
      ['unpublished', 'a.jpg', 'storage/unsafe-name'],
    )
    assert.match(problem?.reason ?? '', /^cannot be linked\/a\.jpg .* is a link/u)
    assert.deepEqual(more, [])

    await unlink(join(root, 'linked'))
    assert.deepEqual(await recoverLibrary(storage, store), { completed: 1, lost: 0, blocked: 0, swept: 0 })
    assert.equal(await readFile(join(root, 'linked/a.jpg'), 'utf8'), 'a+')
    assert.deepEqual(collectReport(db, 9).problems, [])
  })

  test('an error of the system at one file blocks that file only, a bug is thrown', async () => {
    const { assetId } = await commit('a')
    await commit('b', '8-1-0.part')
    const publish = storage.publish.bind(storage)
    const failing = (error: Error): void => {
      storage.publish = (temp, final) => (temp === TEMP ? Promise.reject(error) : publish(temp, final))
    }
    failing(Object.assign(new Error('EIO: i/o error'), { code: 'EIO', syscall: 'link' }))
    const replay = await publishEntries(storage, listOutbox(db), true)
    const [entry] = listOutbox(db)
    assert.deepEqual(replay.blocked, [
      { id: entry?.id, why: { code: 'system/EIO', message: 'EIO: i/o error' } },
    ])
    assert.equal(entry?.assetId, assetId)
    assert.equal(replay.done.length, 1)
    failing(new TypeError('planted'))
    await assert.rejects(publishEntries(storage, listOutbox(db), true), TypeError)
  })

  test('names that could not be made durable are not done', async () => {
    await commit('a')
    storage.syncFolders = () =>
      Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'fsync' }))
    const replay = await publishEntries(storage, listOutbox(db), true)
    assert.deepEqual([replay.done.length, replay.blocked.length], [0, 1])
  })

  test('after a commit, all entries of a batch are published at once', async () => {
    const finals = await Promise.all(
      Array.from({ length: 20 }, (_, index) => commit(`photo ${index}`, `${index}-1-0.part`)),
    )
    const replay = await publishEntries(storage, listOutbox(db), true)
    assert.equal(replay.done.length, 20)
    assert.deepEqual(applyReplay(db, replay), { left: false })
    assert.deepEqual(listOutbox(db), [])
    for (const { final } of finals) assert.ok(existsSync(join(root, final)))
  })
})
