import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { contents, freshFolder, opened, put } from '../../../test/support/archive-contents.ts'
import { writeTar, writeTgz } from '../../../test/support/tar-writer.ts'
import type { ArchiveEntry } from './archive.ts'
import { openArchive } from './open-archive.ts'

describe('a tgz', () => {
  test('is listed with hashes and gives its texts and, by spooling, its files', async () => {
    const path = await put(
      'a.tgz',
      await writeTgz([
        { name: './Takeout', type: 'directory' },
        { name: './Takeout/a.jpg', data: 'photo' },
        { name: 'Takeout/a.jpg.json', data: '{}' },
        { name: `Takeout/${'long/'.repeat(40)}b.jpg`, data: 'x'.repeat(3_000_000) },
        { name: 'Takeout/a copy.jpg', data: 'photo' },
      ]),
    )
    const target = await freshFolder()
    await opened(path, async (archive) => {
      const { entries } = archive
      assert.deepEqual(archive.problems, [])
      assert.equal(archive.randomAccess, false)
      assert.equal(entries[0]?.path, 'Takeout/a.jpg')
      assert.equal(entries[0]?.modifiedAt, Date.UTC(2024, 0, 1))
      assert.equal(entries[0]?.contentHint, entries[3]?.contentHint)
      assert.equal((await archive.readSmall(entries[1]!, 100)).toString(), '{}')
      assert.equal((await archive.readSmall(entries[3]!, 100)).toString(), 'photo')
      assert.equal((await archive.readSmall(entries[2]!, 1e7)).length, 3_000_000)
      const spooled: string[] = []
      const fileFor = (entry: ArchiveEntry): string => join(target, String(entries.indexOf(entry)))
      const wanted = ({ path: of }: ArchiveEntry): boolean => of.endsWith('.jpg')
      for await (const entry of archive.spool(wanted, fileFor, AbortSignal.timeout(10_000))) {
        spooled.push(entry.path)
        assert.equal((await readFile(fileFor(entry))).length, entry.sizeBytes)
        assert.ok(!existsSync(join(target, '3')) || spooled.length === 3, 'nothing is written ahead')
      }
      assert.deepEqual(
        spooled,
        entries.filter(wanted).map((entry) => entry.path),
      )
    })
  })

  test('refuses links, devices and hostile names, and goes on', async () => {
    const path = await put(
      'a.tgz',
      await writeTgz([
        { name: 'link', type: 'symlink', linkname: '/etc/passwd' },
        { name: 'hard', type: 'link', linkname: 'good.txt' },
        { name: 'pipe', type: 'fifo' },
        { name: '../up.txt', data: 'x' },
        { name: '/abs.txt', data: 'x' },
        { name: 'good.txt', data: 'good' },
      ]),
    )
    assert.deepEqual(await contents(path), {
      files: { 'good.txt': 'good' },
      problems: [
        'link link',
        'link hard',
        'special-file pipe',
        'unsafe-name ../up.txt',
        'unsafe-name /abs.txt',
      ],
    })
  })

  test('that is cut off keeps what came before', async () => {
    const whole = await writeTgz([
      { name: 'a.txt', data: 'a' },
      { name: 'b.jpg', data: randomBytes(200_000) },
      { name: 'c.txt', data: 'c' },
    ])
    const { files, problems } = await contents(await put('a.tgz', whole.subarray(0, 100_000)))
    assert.deepEqual(Object.keys(files), ['a.txt'])
    assert.deepEqual(problems, ['truncated', 'truncated b.jpg'])
  })

  test('that is cut off still gives what was not kept while listing', async () => {
    const whole = await writeTgz([
      { name: 'a.jpg', data: 'photo' },
      { name: 'big.json', data: `[${'1,'.repeat(800_000)}1]` },
      { name: 'b.jpg', data: randomBytes(200_000) },
    ])
    await opened(await put('a.tgz', whole.subarray(0, whole.length - 50_000)), async (archive) => {
      const [photo, json] = archive.entries
      assert.equal((await archive.readSmall(json!, 1e7)).length, 1_600_003)
      assert.equal((await archive.readSmall(photo!, 100)).toString(), 'photo')
      const target = join(await freshFolder(), 'out')
      const spool = archive.spool(
        () => true,
        () => target,
        AbortSignal.timeout(10_000),
      )
      assert.equal((await Array.fromAsync(spool)).length, 2)
    })
  })

  test('that is cut between two members, or damaged in the middle, is told', async () => {
    const tar = await writeTar([
      { name: 'a.txt', data: 'a' },
      { name: 'b.txt', data: 'b' },
    ])
    assert.deepEqual(await contents(await put('a.tar', tar.subarray(0, 1024))), {
      files: { 'a.txt': 'a' },
      problems: ['truncated'],
    })
    assert.deepEqual(await contents(await put('a.tgz', gzipSync(tar.subarray(0, 1024)))), {
      files: { 'a.txt': 'a' },
      problems: ['truncated'],
    })
    tar[512 + 512 + 20] = 1
    assert.deepEqual(await contents(await put('b.tar', tar)), {
      files: { 'a.txt': 'a' },
      problems: ['unreadable'],
    })
  })

  test('whose content is another than listed is not spooled', async () => {
    const path = await put('a.tar', await writeTar([{ name: 'a.jpg', data: 'photo' }]))
    await opened(path, async (archive) => {
      await writeFile(path, await writeTar([{ name: 'a.jpg', data: 'other' }]))
      const target = join(await freshFolder(), 'out')
      const spool = archive.spool(
        () => true,
        () => target,
        AbortSignal.timeout(10_000),
      )
      await assert.rejects(Array.fromAsync(spool), { code: 'storage/input-changed' })
    })
  })

  test('stops being listed when it is aborted', async () => {
    const path = await put('a.tgz', await writeTgz([{ name: 'a.jpg', data: 'photo' }]))
    await assert.rejects(openArchive([path], { signal: AbortSignal.abort() }), { name: 'AbortError' })
  })

  test('may be a plain tar, or none at all', async () => {
    const tar = await writeTar([{ name: 'a.txt', data: 'a' }])
    assert.deepEqual(await contents(await put('a.tar', tar)), { files: { 'a.txt': 'a' }, problems: [] })
    assert.deepEqual(await contents(await put('a.tgz', gzipSync('x'.repeat(2000)))), {
      files: {},
      problems: ['unreadable'],
    })
    assert.deepEqual(await contents(await put('a.tgz', '')), { files: {}, problems: ['unreadable'] })
  })

  test('that would unpack to too much is stopped', async () => {
    const block = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    const header = await writeTar([{ name: 'a.txt', data: 'a' }])
    const huge = await writeTar([{ name: 'zeros', data: '' }])
    // A member of 8 GiB of zeros: gzip members may be strung together.
    huge.write('77777777777', 124)
    const sum =
      huge.subarray(0, 148).reduce((a, b) => a + b, 0) +
      256 +
      huge.subarray(156, 512).reduce((a, b) => a + b, 0)
    huge.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    const start = gzipSync(Buffer.concat([header.subarray(0, 1024), huge.subarray(0, 512)]))
    const path = await put('a.tgz', Buffer.concat([start, ...Array.from({ length: 16 }, () => block)]))
    const { files, problems } = await contents(path)
    assert.deepEqual(Object.keys(files), ['a.txt'])
    assert.deepEqual(problems, ['bomb zeros'])
  })
})
