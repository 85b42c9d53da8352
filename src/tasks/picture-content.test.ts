import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PictureBuffer, readPicture } from './picture-content.ts'

let folder: string
const { signal } = new AbortController()
const JPEG = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(10_000, 7)])

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-content-'))
})
after(() => rmSync(folder, { recursive: true }))

function put(name: string, content: Buffer): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

function sha1(content: Buffer): string {
  return createHash('sha1').update(content).digest('hex')
}

describe('readPicture', () => {
  test('reads a picture whole, with its hash, by its content and not by its name', async () => {
    const path = put('a.png', JPEG)
    const content = await readPicture(path, { fileName: 'a.png', isHashed: false, signal })
    assert.equal(content.format?.id, 'jpeg')
    assert.equal(content.sha1, sha1(JPEG))
    assert.deepEqual(content.bytes, JPEG)
    assert.deepEqual([content.file.path, content.file.sizeBytes], [path, JPEG.length])
  })

  test('hashes nothing when the hash is known', async () => {
    const content = await readPicture(put('b.jpg', JPEG), { fileName: 'b.jpg', isHashed: true, signal })
    assert.equal(content.sha1, undefined)
  })

  test('leaves large pictures, videos and unknown files to others, but for their hash', async () => {
    const size = 65 * 1024 * 1024
    const large = put('large.jpg', JPEG)
    truncateSync(large, size)
    const content = await readPicture(large, { fileName: 'large.jpg', isHashed: false, signal })
    const expected = Buffer.concat([JPEG, Buffer.alloc(size - JPEG.length)])
    assert.deepEqual([content.bytes, content.sha1], [undefined, sha1(expected)])
    const text = await readPicture(put('x.jpg', Buffer.from('text')), {
      fileName: 'x.jpg',
      isHashed: false,
      signal,
    })
    assert.deepEqual([text.format, text.bytes, text.sha1], [undefined, undefined, sha1(Buffer.from('text'))])
  })

  test('answers for an empty file', async () => {
    const content = await readPicture(put('empty.jpg', Buffer.alloc(0)), {
      fileName: 'x',
      isHashed: false,
      signal,
    })
    assert.deepEqual([content.file.sizeBytes, content.format], [0, undefined])
  })

  test('refuses a pipe instead of waiting for its other end', {
    skip: process.platform === 'win32' && 'no pipes',
  }, async () => {
    const pipe = join(folder, 'pipe.jpg')
    execFileSync('mkfifo', [pipe])
    await assert.rejects(readPicture(pipe, { fileName: 'pipe.jpg', isHashed: false, signal }), {
      code: 'file/special',
    })
  })
})

describe('PictureBuffer', () => {
  const MIB = 1024 * 1024

  test('lends the same memory to one picture after the other, and grows with them', async () => {
    const buffer = new PictureBuffer()
    const first = await buffer.lend(async (take) => take(100))
    const second = await buffer.lend(async (take) => take(2 * MIB))
    assert.equal(second.buffer, first.buffer)
    assert.equal(second.length, 2 * MIB)
    const large = await buffer.lend(async (take) => take(9 * MIB))
    assert.notEqual(large.buffer, first.buffer)
    assert.equal((await buffer.lend(async (take) => take(1))).buffer, large.buffer)
  })

  test('keeps nothing of a picture that is larger than most', async () => {
    const buffer = new PictureBuffer()
    const huge = await buffer.lend(async (take) => take(17 * MIB))
    assert.equal(huge.length, 17 * MIB)
    assert.notEqual((await buffer.lend(async (take) => take(1))).buffer, huge.buffer)
  })

  test('gives a second picture at the same time memory of its own, also after one that failed', async () => {
    const buffer = new PictureBuffer()
    await assert.rejects(
      buffer.lend(async () => {
        throw new Error('no picture')
      }),
      /no picture/u,
    )
    await buffer.lend(async (take) => {
      const outer = take(100)
      const inner = await buffer.lend(async (takeMore) => takeMore(100))
      assert.notEqual(inner.buffer, outer.buffer)
    })
  })

  test('a picture read into memory that had a longer one is that picture', async () => {
    const buffer = new PictureBuffer()
    const long = put('long.jpg', Buffer.concat([JPEG, JPEG]))
    const short = put('short.jpg', JPEG)
    for (const path of [long, short]) {
      await buffer.lend(async (take) => {
        const { bytes, sha1: hash } = await readPicture(path, {
          fileName: path,
          isHashed: false,
          signal,
          take,
        })
        const content = path === long ? Buffer.concat([JPEG, JPEG]) : JPEG
        assert.deepEqual(bytes, content)
        assert.equal(hash, sha1(content))
      })
    }
  })
})
