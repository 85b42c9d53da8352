import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readPicture } from './picture-content.ts'

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
