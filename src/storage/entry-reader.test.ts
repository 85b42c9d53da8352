import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { appendFile, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { crc32, deflateRawSync } from 'node:zlib'
import { writeZip, type ZipEntrySpec } from '../../test/support/zip-writer.ts'
import type { EntrySource } from './entry.ts'
import { closeIdleArchives, type EntryReader, openEntry } from './entry-reader.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-reader-'))
})
after(async () => {
  closeIdleArchives()
  await rm(folder, { recursive: true, force: true })
})

/** Half of it shrinks, half does not; longer than two chunks. */
const BYTES = Buffer.concat([randomBytes(1_300_000), Buffer.alloc(1_300_000, 'abc')])

async function fileSource(name: string, bytes: Buffer): Promise<EntrySource> {
  const file = join(folder, name)
  await writeFile(file, bytes)
  return { kind: 'file', file }
}

/** An archive with one entry in front of the one that is meant. */
async function zipSource(
  name: string,
  spec: Partial<ZipEntrySpec>,
  data: Buffer = BYTES,
): Promise<Extract<EntrySource, { kind: 'zip' }>> {
  const file = join(folder, name)
  const bytes = writeZip([
    { name: 'first', data: 'first' },
    { name: 'a', data, extra: Buffer.from([9, 9, 2, 0, 0, 0]), ...spec },
  ])
  await writeFile(file, bytes)
  return {
    kind: 'zip',
    file,
    headerOffset: bytes.indexOf('PK\x03\x04', 4),
    compressedSize: spec.stored === true ? data.length : deflateRawSync(data).length,
    method: spec.stored === true ? 0 : 8,
    crc32: crc32(data),
  }
}

async function streamed(reader: EntryReader): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of reader.stream()) {
    assert.ok(chunk.length <= 1024 * 1024)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const forms: { form: string; source: () => Promise<EntrySource> }[] = [
  { form: 'a file', source: () => fileSource('plain.bin', BYTES) },
  { form: 'a stored entry', source: () => zipSource('stored.zip', { stored: true }) },
  { form: 'a deflated entry', source: () => zipSource('deflated.zip', {}) },
]

for (const { form, source } of forms) {
  describe(form, () => {
    test('is the same read whole, as a head and as a stream', async () => {
      const reader = await openEntry(await source(), BYTES.length)
      assert.equal(reader.sizeBytes, BYTES.length)
      assert.ok((await reader.readAll(BYTES.length)).equals(BYTES))
      assert.ok((await reader.head(5000)).equals(BYTES.subarray(0, 5000)))
      assert.ok((await reader.head(1e9)).equals(BYTES))
      assert.equal((await reader.head(0)).length, 0)
      assert.ok((await streamed(reader)).equals(BYTES))
      await reader.close()
      await reader.close()
    })

    test('is not read into memory beyond the limit', async () => {
      const reader = await openEntry(await source(), BYTES.length)
      await assert.rejects(reader.readAll(BYTES.length - 1), { code: 'storage/entry-too-large' })
      await reader.close()
    })

    test('stops when it is aborted, and when its reader leaves early', async () => {
      const reader = await openEntry(await source(), BYTES.length)
      const controller = new AbortController()
      await assert.rejects(
        async () => {
          for await (const _chunk of reader.stream(controller.signal)) controller.abort()
        },
        { name: 'AbortError' },
      )
      for await (const _chunk of reader.stream()) break
      assert.ok((await streamed(reader)).equals(BYTES))
      await reader.close()
    })
  })
}

test('an empty file and an empty entry are empty', async () => {
  const none = Buffer.alloc(0)
  for (const source of [
    await fileSource('none.bin', none),
    await zipSource('none-stored.zip', { stored: true }, none),
    await zipSource('none-deflated.zip', {}, none),
  ]) {
    const reader = await openEntry(source, 0)
    assert.equal((await reader.readAll(0)).length, 0)
    assert.equal((await streamed(reader)).length, 0)
    await reader.close()
  }
})

test('a wrong checksum or length is found by both ways of reading, before the last byte is handed out', async () => {
  const source = await zipSource('wrong.zip', {})
  const wrong: [EntrySource, number][] = [
    [{ ...source, crc32: 7 }, BYTES.length],
    [source, BYTES.length - 1],
    [source, BYTES.length + 1],
    [{ ...source, compressedSize: source.compressedSize - 10 }, BYTES.length],
  ]
  for (const [as, sizeBytes] of wrong) {
    const reader = await openEntry(as, sizeBytes)
    await assert.rejects(reader.readAll(1e9), { code: 'archive/corrupt-entry', recovery: 'discard' })
    let seen = 0
    await assert.rejects(
      async () => {
        for await (const chunk of reader.stream()) seen += chunk.length
      },
      { code: 'archive/corrupt-entry' },
    )
    assert.ok(seen < sizeBytes)
    await reader.close()
  }
})

test('an entry that is not there is refused when it is opened', async () => {
  const source = await zipSource('moved.zip', { stored: true })
  const open = (changes: object): Promise<EntryReader> => openEntry({ ...source, ...changes }, BYTES.length)
  await assert.rejects(open({ headerOffset: 1 }), { code: 'archive/corrupt-entry' })
  await assert.rejects(open({ headerOffset: 1e12 }), { code: 'archive/truncated-entry' })
  await assert.rejects(open({ compressedSize: BYTES.length - 1 }), { code: 'archive/corrupt-entry' })
  closeIdleArchives()
  await truncate(source.file, 1_000_000)
  await assert.rejects(open({}), { code: 'archive/truncated-entry' })
})

test('a file that is not as it was listed is refused', async () => {
  const source = await fileSource('changing.bin', BYTES)
  await assert.rejects(openEntry(source, 5), { code: 'storage/input-changed', recovery: 'discard' })
  const reader = await openEntry(source, BYTES.length)
  await appendFile(source.file, 'more')
  await assert.rejects(reader.readAll(1e9), { code: 'storage/input-changed' })
  await assert.rejects(streamed(reader), { code: 'storage/input-changed' })
  await truncate(source.file, 100)
  await assert.rejects(streamed(reader), { code: 'storage/input-changed' })
  await reader.close()
})

test('a link in the place of a file is not followed', async () => {
  const { file } = await fileSource('target.bin', Buffer.from('secret'))
  const link = join(folder, 'link.bin')
  await symlink(file, link)
  await assert.rejects(openEntry({ kind: 'file', file: link }, 6), { code: 'ELOOP' })
})

test('a member of a stream has to be spooled first', async () => {
  const source: EntrySource = { kind: 'stream', file: '/a.tgz', ordinal: 3 }
  await assert.rejects(openEntry(source, 1), { code: 'storage/not-spooled' })
})

test('open archives are bounded, and those in use stay open', {
  skip: process.platform !== 'linux' && 'counts descriptors in /proc',
}, async () => {
  closeIdleArchives()
  const openDescriptors = (): number => readdirSync('/proc/self/fd').length
  const small = Buffer.from('small')
  const sources = await Promise.all(
    Array.from({ length: 20 }, (_, index) => zipSource(`many-${index}.zip`, {}, small)),
  )
  const atFirst = openDescriptors()
  const held = await openEntry(sources[0]!, small.length)
  for (const source of sources) {
    const reader = await openEntry(source, small.length)
    assert.ok((await reader.readAll(100)).equals(small))
    await reader.close()
  }
  assert.ok(openDescriptors() <= atFirst + 9, `${openDescriptors() - atFirst} are open`)
  assert.ok((await held.readAll(100)).equals(small))
  await held.close()
  closeIdleArchives()
  assert.equal(openDescriptors(), atFirst)
})
