import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import sharp from 'sharp'
import { tinyMovie } from '../../test/support/tiny-mp4.ts'
import { exiftoolTool } from './exiftool/exiftool-tool.ts'
import { identify } from './identify.ts'
import type { MetadataTool } from './metadata-file.ts'
import { applyPatch, type ReadResult, readEmbedded } from './place.ts'

/** A tool that must not be asked. */
const NO_TOOL: MetadataTool = {
  read: () => Promise.reject(new Error('read was called')),
  write: () => Promise.reject(new Error('write was called')),
  close: () => Promise.resolve(),
}

describe('place', () => {
  let folder: string
  let tool: MetadataTool
  const missing = exiftoolTool({ command: ['heirloom-test-no-such-program'] })

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heirloom-place-'))
    tool = exiftoolTool()
  })
  after(async () => {
    await tool.close()
    await rm(folder, { recursive: true })
  })

  const picture = (format: 'jpeg' | 'png' | 'webp' | 'gif' | 'avif'): Promise<Buffer> =>
    sharp({ create: { width: 40, height: 30, channels: 3, background: 'teal' } })
      .toFormat(format)
      .toBuffer()

  async function read(content: Buffer, by: MetadataTool, onDisk = true): Promise<ReadResult> {
    const format = identify(content)!
    const file = join(folder, 'read.part')
    await writeFile(file, content)
    const head = content.subarray(0, 4096)
    return readEmbedded({ format, head, sizeBytes: content.length, tool: by, ...(onDisk && { file }) })
  }

  test('reads a plain movie without the tool, from disk or from memory', async () => {
    const movie = tinyMovie({ createdAt: Date.UTC(2020, 0, 1), samplesFirst: true })
    const fromDisk = await read(movie, NO_TOOL)
    assert.equal(fromDisk.embedded.taken[0]?.at, Date.UTC(2020, 0, 1))
    assert.deepEqual(fromDisk.problems, [])
    const format = identify(movie)!
    const request = { format, head: movie.subarray(0, 64), whole: movie, sizeBytes: movie.length }
    assert.deepEqual(await readEmbedded({ ...request, tool: NO_TOOL }), fromDisk)
  })

  test('asks the tool for a movie that holds more than our reader knows', async () => {
    const { embedded } = await read(
      tinyMovie({ keys: { title: 'x', creationdate: '2020-01-01T00:00:00Z' } }),
      tool,
    )
    assert.equal(embedded.taken[0]?.detail, 'Keys:CreationDate')
  })

  test('names a truncated file of every format that tells its end', async () => {
    const files = await Promise.all((['jpeg', 'png', 'webp', 'gif', 'avif'] as const).map(picture))
    for (const content of [...files, tinyMovie(), tinyMovie({ samplesFirst: true })]) {
      const format = identify(content)!
      const check = async (bytes: Buffer): Promise<readonly string[]> => {
        const request = { format, head: bytes, whole: bytes, sizeBytes: bytes.length, tool: NO_TOOL }
        return (await readEmbedded(request)).problems.filter((problem) => problem === 'truncated')
      }
      assert.deepEqual(await check(content), [], `${format.id} as it is`)
      assert.deepEqual(
        await check(content.subarray(0, content.length - 20)),
        ['truncated'],
        `${format.id} cut`,
      )
    }
  })

  test('what lies only in memory is not passed off as read', async () => {
    const { problems } = await read(await picture('png'), NO_TOOL, false)
    assert.deepEqual(problems, ['metadata-unreadable'])
  })

  test('without the tool a file still has a reading, and a problem', async () => {
    const { embedded, problems } = await read(await picture('png'), missing)
    assert.deepEqual(embedded, { taken: [], people: [], keywords: [] })
    assert.deepEqual(problems, ['metadata-unreadable'])
  })

  test('without the tool a patch is refused, saying what is missing, and the bytes stay', async () => {
    const file = join(folder, 'missing.part')
    const content = await picture('png')
    await writeFile(file, content)
    const request = { format: identify(content)!, file, patch: { caption: 'x' }, tool: missing }
    await assert.rejects(applyPatch(request), { code: 'media/exiftool-missing', recovery: 'discard' })
    assert.deepEqual(await readFile(file), content)
  })

  test('a failed write leaves the bytes and no half-written file', async () => {
    const file = join(folder, 'broken.part')
    const whole = tinyMovie({ samplesFirst: true })
    const content = whole.subarray(0, whole.length - 30)
    await writeFile(file, content)
    await writeFile(`${file}_exiftool_tmp`, 'of an exiftool that was killed')
    const request = { format: identify(content)!, file, patch: { caption: 'x' }, tool }
    await assert.rejects(applyPatch(request), { code: 'media/metadata-unwritable' })
    assert.deepEqual(await readFile(file), content)
    assert.equal(existsSync(`${file}_exiftool_tmp`), false)
  })

  test('a format that keeps its bytes is not even shown to the tool', async () => {
    const format = identify(Buffer.from('RIFF\x10\0\0\0AVI LIST', 'latin1'))!
    const outcome = await applyPatch({ format, file: 'unused', patch: { caption: 'x' }, tool: NO_TOOL })
    assert.equal(outcome, 'sidecar')
  })

  test('writes what it is given and reads it again', async () => {
    const file = join(folder, 'avif.part')
    const content = await picture('avif')
    await writeFile(file, content)
    const format = identify(content)!
    assert.equal(await applyPatch({ format, file, patch: { caption: 'At the lake' }, tool }), 'embedded')
    const written = await readFile(file)
    const request = { format, head: written, file, sizeBytes: written.length, tool }
    assert.equal((await readEmbedded(request)).embedded.caption, 'At the lake')
  })
})
