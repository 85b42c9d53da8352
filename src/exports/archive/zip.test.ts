import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32, deflateRawSync } from 'node:zlib'
import { contents, opened, put } from '../../../test/support/archive-contents.ts'
import { writeZip, type ZipEntrySpec } from '../../../test/support/zip-writer.ts'

async function zipContents(entries: readonly ZipEntrySpec[], spec = {}): ReturnType<typeof contents> {
  return contents(await put('a.zip', writeZip(entries, spec)))
}

const GOOD: ZipEntrySpec = { name: 'good.jpg', data: 'good' }

describe('a zip', () => {
  test('gives stored and deflated entries with size, time and hint', async () => {
    const modifiedAtSeconds = 1_600_000_000
    const path = await put(
      'a.zip',
      writeZip([
        { name: 'Takeout/a.jpg', data: 'x'.repeat(5000), modifiedAtSeconds },
        { name: 'Takeout/b.jpg', data: 'stored', stored: true },
        { name: 'Takeout/', data: '', stored: true, unixMode: 0o040755 },
        { name: 'empty.txt', data: '', stored: true },
      ]),
    )
    await opened(path, async ({ entries, problems, randomAccess, readSmall }) => {
      assert.deepEqual(problems, [])
      assert.equal(randomAccess, true)
      assert.deepEqual(
        entries.map((entry) => [entry.path, entry.sizeBytes, entry.modifiedAt]),
        [
          ['Takeout/a.jpg', 5000, modifiedAtSeconds * 1000],
          ['Takeout/b.jpg', 6, undefined],
          ['empty.txt', 0, undefined],
        ],
      )
      assert.match(entries[1]?.contentHint ?? '', /^[\da-f]{8}:6$/u)
      assert.equal((await readSmall(entries[1]!, 6)).toString(), 'stored')
      await assert.rejects(readSmall(entries[1]!, 5), { code: 'storage/entry-too-large' })
    })
  })

  test('with Zip64 numbers, a comment, bytes before and bytes behind is read', async () => {
    const entries: ZipEntrySpec[] = [GOOD, { name: 'wide.jpg', data: 'wide', zip64: true }]
    for (const spec of [
      { zip64: true },
      { comment: 'c'.repeat(65_535) },
      { prefix: Buffer.from('#!/bin/sh\n') },
      { prefix: Buffer.from('#!/bin/sh\n'), zip64: true },
      { suffix: Buffer.from('appended by a download') },
    ]) {
      assert.deepEqual(await zipContents(entries, spec), {
        files: { 'good.jpg': 'good', 'wide.jpg': 'wide' },
        problems: [],
      })
    }
  })

  test('decodes UTF-8, CP437 and Info-ZIP names', async () => {
    const raw = Buffer.from([0x81, 0x2e, 0x6a, 0x70, 0x67])
    const unicode = Buffer.from('日本.jpg')
    const extra = Buffer.alloc(9)
    extra.writeUInt16LE(0x7075, 0)
    extra.writeUInt16LE(5 + unicode.length, 2)
    extra.writeUInt8(1, 4)
    extra.writeUInt32LE(crc32(raw), 5)
    const { files } = await zipContents([
      { name: 'Größe 😀.jpg', data: '1' },
      { name: raw, data: '2' },
      { name: raw, data: '3', extra: Buffer.concat([extra, unicode]) },
    ])
    assert.deepEqual(files, { 'Größe 😀.jpg': '1', 'ü.jpg': '2', '日本.jpg': '3' })
  })

  const refused: { what: string; entry: ZipEntrySpec; code: string }[] = [
    { what: 'path traversal', entry: { name: '../../etc/passwd', data: 'x' }, code: 'unsafe-name' },
    { what: 'hidden traversal', entry: { name: 'a/../../b', data: 'x' }, code: 'unsafe-name' },
    { what: 'traversal by backslash', entry: { name: 'a\\..\\..\\b', data: 'x' }, code: 'unsafe-name' },
    { what: 'an absolute name', entry: { name: '/etc/passwd', data: 'x' }, code: 'unsafe-name' },
    { what: 'a network name', entry: { name: '\\\\host\\share', data: 'x' }, code: 'unsafe-name' },
    { what: 'a drive letter', entry: { name: 'C:\\a.jpg', data: 'x' }, code: 'unsafe-name' },
    { what: 'a NUL', entry: { name: 'a\0.jpg', data: 'x' }, code: 'unsafe-name' },
    { what: 'no name', entry: { name: '', data: 'x' }, code: 'unsafe-name' },
    { what: 'a name that is too long', entry: { name: 'a'.repeat(5000), data: 'x' }, code: 'unsafe-name' },
    { what: 'a folder with content', entry: { name: 'a/', data: 'x' }, code: 'unsafe-name' },
    { what: 'a link', entry: { name: 'a', data: '/etc/passwd', unixMode: 0o120777 }, code: 'link' },
    { what: 'a pipe', entry: { name: 'a', data: '', unixMode: 0o010644 }, code: 'special-file' },
    { what: 'encryption', entry: { name: 'a', data: 'x', flags: 1 }, code: 'encrypted' },
    { what: 'strong encryption', entry: { name: 'a', data: 'x', flags: 0x41 }, code: 'encrypted' },
    { what: 'another method', entry: { name: 'a', data: 'x', method: 93 }, code: 'unsupported-method' },
    {
      what: 'an impossible ratio',
      entry: { name: 'a', data: 'x', sizeBytes: 200_000_000 },
      code: 'bomb',
    },
    {
      what: 'data beyond the end',
      entry: { name: 'a', data: 'x', compressedSize: 1_000_000 },
      code: 'truncated',
    },
    {
      what: 'data that reaches into the next entry',
      entry: { name: 'a', data: 'xxxx', compressedSize: 60 },
      code: 'bomb',
    },
  ]
  for (const { what, entry, code } of refused) {
    test(`refuses ${what} and goes on`, async () => {
      const { files, problems } = await zipContents([entry, GOOD, { name: 'c.jpg', data: 'c'.repeat(99) }])
      assert.deepEqual(Object.keys(files), ['good.jpg', 'c.jpg'])
      assert.equal(files['good.jpg'], 'good')
      assert.deepEqual(
        problems.map((problem) => problem.split(' ')[0]),
        [code],
      )
    })
  }

  test('reads backslashes as folders, and says so', async () => {
    assert.deepEqual(await zipContents([{ name: 'Takeout\\a.jpg', data: 'a' }]), {
      files: { 'Takeout/a.jpg': 'a' },
      problems: ['unsafe-name Takeout/a.jpg'],
    })
  })

  test('stops handing out entries that would unpack to too much', async () => {
    const big = Buffer.alloc(99_000_000)
    const packed = deflateRawSync(big)
    // The same deflated bytes eleven times, written as what they are.
    const entries = Array.from(
      { length: 11 },
      (_, index): ZipEntrySpec => ({
        name: `${index}.bmp`,
        data: packed,
        stored: true,
        method: 8,
        sizeBytes: big.length,
        crc32: crc32(big),
      }),
    )
    const path = await put('a.zip', writeZip(entries))
    await opened(path, async (archive) => {
      assert.equal(archive.entries.length, 10)
      assert.deepEqual(
        archive.problems.map(({ code, path: of }) => `${code} ${of}`),
        ['bomb 10.bmp'],
      )
    })
  })

  test('gives a wrong checksum and a wrong length as errors of that entry', async () => {
    const { files } = await zipContents([
      { name: 'crc.jpg', data: 'abc', crc32: 1 },
      { name: 'crc-stored.jpg', data: 'abc', stored: true, crc32: 1 },
      { name: 'longer.jpg', data: 'x'.repeat(5000), sizeBytes: 4000 },
      { name: 'shorter.jpg', data: 'x'.repeat(5000), sizeBytes: 6000 },
      { name: 'not-deflated.jpg', data: 'plain', stored: true, method: 8 },
      GOOD,
    ])
    assert.deepEqual(files, {
      'crc.jpg': 'archive/corrupt-entry',
      'crc-stored.jpg': 'archive/corrupt-entry',
      'longer.jpg': 'archive/corrupt-entry',
      'shorter.jpg': 'archive/corrupt-entry',
      'not-deflated.jpg': 'archive/corrupt-entry',
      'good.jpg': 'good',
    })
  })

  test('keeps both of two different files of one name, and one of two equal ones', async () => {
    const result = await zipContents([
      { name: 'a/b.jpg', data: 'one' },
      { name: 'a/b.jpg', data: 'two' },
      { name: 'a/b (copy 2).jpg', data: 'three' },
      { name: 'c.jpg', data: 'same' },
      { name: 'c.jpg', data: 'same', stored: true },
    ])
    assert.deepEqual(result, {
      files: { 'a/b.jpg': 'one', 'a/b (copy 2).jpg': 'three', 'a/b (copy 3).jpg': 'two', 'c.jpg': 'same' },
      problems: ['duplicate-name a/b (copy 3).jpg', 'duplicate-name c.jpg'],
    })
  })

  for (const [form, options] of Object.entries({
    'sizes in front': {},
    'sizes behind the data': { descriptor: true },
    'wide sizes behind the data': { descriptor: true, zip64: true },
    'stored, sizes behind the data': { descriptor: true, stored: true },
  })) {
    test(`that is cut off still gives its whole entries (${form})`, async () => {
      const entries = ['a', 'b', 'c'].map((name) => ({
        name: `${name}.jpg`,
        data: `${name}PK\x07\x08${'z'.repeat(70_000)}${name}`,
        ...options,
      }))
      const whole = writeZip(entries, { directory: false })
      const cut = await contents(await put('a.zip', whole.subarray(0, whole.length - 30)))
      assert.deepEqual(Object.keys(cut.files), ['a.jpg', 'b.jpg'])
      assert.equal(cut.files['b.jpg'], entries[1]?.data)
      assert.deepEqual(cut.problems, ['truncated', 'truncated c.jpg'])
      const uncut = await contents(await put('a.zip', whole))
      assert.deepEqual(Object.keys(uncut.files), ['a.jpg', 'b.jpg', 'c.jpg'])
      assert.deepEqual(uncut.problems, ['truncated'])
    })
  }

  test('with a broken directory gives the entries that it does not name', async () => {
    const whole = writeZip([GOOD, { name: 'b.jpg', data: 'b' }, { name: 'c.jpg', data: 'c' }])
    const second = whole.indexOf('PK\x01\x02', whole.indexOf('PK\x01\x02') + 1)
    whole.fill(0, second, second + 46)
    assert.deepEqual(await contents(await put('a.zip', whole)), {
      files: { 'good.jpg': 'good', 'b.jpg': 'b', 'c.jpg': 'c' },
      problems: ['unreadable'],
    })
  })

  test('that is none, or empty, is one problem', async () => {
    assert.deepEqual(await contents(await put('a.zip', 'not a zip')), { files: {}, problems: ['unreadable'] })
    assert.deepEqual(await contents(await put('a.zip', '')), { files: {}, problems: ['unreadable'] })
    assert.deepEqual(await zipContents([]), { files: {}, problems: [] })
  })
})
