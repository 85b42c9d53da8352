import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { MAX_SIDECAR_BYTES } from '../media/xmp/kept-sidecar.ts'
import type { ItemCopy } from './item.ts'
import { hashSource, readSidecar, readSource, SourceError } from './source-file.ts'

const BYTES = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251))

describe('reading a source', () => {
  const { signal } = new AbortController()
  let root: string
  let temp: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'heirloom-source-file-'))
    temp = join(root, 'temp.part')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function copyOf(bytes: Buffer, more: Partial<ItemCopy> = {}): ItemCopy {
    const file = join(root, 'a.jpg')
    writeFileSync(file, bytes)
    return {
      fileId: 1,
      path: 'a.jpg',
      sizeBytes: bytes.length,
      source: { kind: 'file', file },
      facts: 0,
      ...more,
    }
  }

  test('a small file comes whole, with its hash and its head', async () => {
    const content = await readSource(copyOf(BYTES), temp, signal)
    assert.deepEqual(content, {
      sha1: hash('sha1', BYTES),
      sizeBytes: BYTES.length,
      head: BYTES.subarray(0, 65_536),
      whole: BYTES,
    })
    assert.equal(existsSync(temp), false)
  })

  test('a file over the limit is streamed into the temporary file', async () => {
    const content = await readSource(copyOf(BYTES), temp, signal, BYTES.length - 1)
    assert.deepEqual(content, {
      sha1: hash('sha1', BYTES),
      sizeBytes: BYTES.length,
      head: BYTES.subarray(0, 65_536),
    })
    assert.ok(readFileSync(temp).equals(BYTES))
  })

  test('an empty file is an error of its own', async () => {
    await assert.rejects(readSource(copyOf(Buffer.alloc(0)), temp, signal), {
      code: 'item/empty',
      message: /a\.jpg/u,
    })
  })

  for (const limit of [undefined, 10]) {
    const how = limit === undefined ? 'read whole' : 'streamed'
    test(`an input that has gone is an error of the source (${how})`, async () => {
      const copy = copyOf(BYTES, { source: { kind: 'file', file: join(root, 'gone') } })
      await assert.rejects(readSource(copy, temp, signal, limit), SourceError)
    })

    test(`an input that was cut short since is an error of the source (${how})`, async () => {
      const copy = copyOf(BYTES)
      truncateSync(copy.source.file, 1000)
      await assert.rejects(readSource(copy, temp, signal, limit), SourceError)
    })
  }

  test('an error of writing is no error of the source', async () => {
    const copy = copyOf(BYTES)
    mkdirSync(temp)
    const error: unknown = await readSource(copy, temp, signal, 10).catch((reason: unknown) => reason)
    assert.ok(error instanceof Error && !(error instanceof SourceError))
    assert.equal((error as NodeJS.ErrnoException).code, 'EEXIST')
  })

  test('a hash that the listing has found is not computed again', async () => {
    const copy = copyOf(BYTES)
    assert.equal(await hashSource(copy, signal), hash('sha1', BYTES))
    const gone = { ...copy, source: { kind: 'file', file: join(root, 'gone') } } as const
    assert.equal(await hashSource({ ...gone, sha1: 'known' }, signal), 'known')
    await assert.rejects(hashSource(gone, signal), SourceError)
  })

  test('a sidecar is read up to its limit', async () => {
    const { path, source } = copyOf(BYTES)
    assert.deepEqual(await readSidecar({ path, source, sizeBytes: BYTES.length }), BYTES)
    await assert.rejects(readSidecar({ path, source, sizeBytes: MAX_SIDECAR_BYTES + 1 }), SourceError)
    const streamed = { kind: 'stream', file: join(root, 'a.tgz'), ordinal: 0 } as const
    await assert.rejects(readSidecar({ path, source: streamed, sizeBytes: 1 }), SourceError)
  })
})
