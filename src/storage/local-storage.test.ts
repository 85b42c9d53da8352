import assert from 'node:assert/strict'
import { existsSync, symlinkSync } from 'node:fs'
import { link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { LocalStorage } from './local-storage.ts'
import { tempName, UnsafeNameError } from './storage.ts'
import { type StorageUnderTest, testStorageConformance } from './testing/storage-conformance.ts'

/** As exFAT answers. */
function noLinks(from: string, to: string): Promise<void> {
  const error = Object.assign(new Error(`EPERM: ${from} -> ${to}`), { code: 'EPERM', syscall: 'link' })
  return Promise.reject(error)
}

function inFreshFolder(linkWith?: typeof noLinks): () => Promise<StorageUnderTest & { root: string }> {
  return async () => {
    const root = await mkdtemp(join(tmpdir(), 'heirloom-storage-'))
    const storage = new LocalStorage({ root, ...(linkWith === undefined ? {} : { link: linkWith }) })
    return { root, storage, dispose: () => rm(root, { recursive: true, force: true }) }
  }
}

testStorageConformance('a local folder', inFreshFolder())
testStorageConformance('a local folder without links', inFreshFolder(noLinks))

describe('a local folder', () => {
  test('a crash between link and unlink is replayed by the inode, without reading', async () => {
    const { root, dispose } = await inFreshFolder()()
    try {
      const storage = new LocalStorage({ root })
      await storage.writeTemp('1-1-0.part', [Buffer.from('photo')])
      await link(storage.tempPath('1-1-0.part'), join(root, 'a.jpg'))
      assert.equal(await storage.publish('1-1-0.part', 'a.jpg'), 'exists')
      assert.equal(existsSync(storage.tempPath('1-1-0.part')), false)
      assert.equal(await readFile(join(root, 'a.jpg'), 'utf8'), 'photo')
    } finally {
      await dispose()
    }
  })

  test('a symlinked folder below the root is refused, and nothing is written behind it', async () => {
    const { root, storage, dispose } = await inFreshFolder()()
    const outside = await mkdtemp(join(tmpdir(), 'heirloom-outside-'))
    try {
      symlinkSync(outside, join(root, 'anna'))
      await writeFile(join(outside, 'secret.jpg'), 'secret')
      await storage.writeTemp('1-1-0.part', [Buffer.from('photo')])
      await assert.rejects(storage.publish('1-1-0.part', 'anna/a.jpg'), UnsafeNameError)
      await assert.rejects(storage.stat('anna/secret.jpg'), UnsafeNameError)
      assert.equal(existsSync(join(outside, 'a.jpg')), false)
      for await (const file of storage.list()) assert.fail(`${file.name} is behind a link`)
    } finally {
      await dispose()
      await rm(outside, { recursive: true, force: true })
    }
  })

  test('a symlink is no file: it is a conflict to publish on and never read through', async () => {
    const { root, storage, dispose } = await inFreshFolder()()
    try {
      await mkdir(join(root, 'anna'))
      await writeFile(join(root, 'target'), 'photo')
      symlinkSync(join(root, 'target'), join(root, 'anna', 'a.jpg'))
      await storage.writeTemp('1-1-0.part', [Buffer.from('photo')])
      assert.equal(await storage.publish('1-1-0.part', 'anna/a.jpg'), 'conflict')
      const reading = async (): Promise<void> => {
        for await (const chunk of storage.read('anna/a.jpg')) assert.fail(`read ${chunk.length} bytes`)
      }
      await assert.rejects(reading, UnsafeNameError)
    } finally {
      await dispose()
    }
  })

  test('an error that is not about links is not hidden', async () => {
    const full = (): Promise<void> =>
      Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'link' }))
    const { storage, dispose } = await inFreshFolder(full)()
    try {
      await storage.writeTemp('1-1-0.part', [Buffer.from('photo')])
      await assert.rejects(storage.publish('1-1-0.part', 'a.jpg'), /ENOSPC/u)
    } finally {
      await dispose()
    }
  })

  test('a folder that was deleted meanwhile is made again', async () => {
    const { root, storage, dispose } = await inFreshFolder()()
    try {
      for (const name of ['anna/a.jpg', 'anna/b.jpg']) {
        await storage.writeTemp('1-1-0.part', [Buffer.from('photo')])
        assert.equal(await storage.publish('1-1-0.part', name), 'published')
        await rm(join(root, 'anna'), { recursive: true })
      }
    } finally {
      await dispose()
    }
  })

  test('sweeping touches only files of our own names', async () => {
    const { root, dispose } = await inFreshFolder()()
    try {
      const storage = new LocalStorage({ root })
      await mkdir(join(storage.tempFolder, 'holidays'), { recursive: true })
      const ours = ['7-1-0.part', '7-1-0x.part', '7-1-0.part_exiftool_tmp', 'spool-7-1-0']
      const others = ['holidays/a.jpg', 'a.jpg', '7-1-0.part.jpg', 'spool-notes.txt']
      for (const name of [...ours, ...others]) await writeFile(join(storage.tempFolder, name), name)
      await mkdir(join(storage.tempFolder, '8-1-0.part'))
      assert.equal(await storage.sweepTemps(new Set()), ours.length)
      for (const name of ours) assert.equal(existsSync(join(storage.tempFolder, name)), false, name)
      for (const name of others) assert.equal(await readFile(join(storage.tempFolder, name), 'utf8'), name)
    } finally {
      await dispose()
    }
  })

  for (const linked of ['.heirloom', '.heirloom/tmp']) {
    test(`nothing is swept where ${linked} is a link`, async () => {
      const { root, storage, dispose } = await inFreshFolder()()
      const outside = await mkdtemp(join(tmpdir(), 'heirloom-outside-'))
      try {
        await mkdir(join(outside, 'tmp'))
        for (const name of ['7-1-0.part', 'tmp/7-1-0.part']) await writeFile(join(outside, name), 'precious')
        await mkdir(dirname(join(root, linked)), { recursive: true })
        symlinkSync(outside, join(root, linked))
        await assert.rejects(storage.sweepTemps(new Set()), UnsafeNameError)
        assert.ok(existsSync(join(outside, '7-1-0.part')))
        assert.ok(existsSync(join(outside, 'tmp/7-1-0.part')))
      } finally {
        await dispose()
        await rm(outside, { recursive: true, force: true })
      }
    })
  }

  test('a temporary name carries task and attempt', () => {
    assert.equal(tempName({ taskId: 412, attempt: 2, index: 0 }), '412-2-0.part')
  })
})
