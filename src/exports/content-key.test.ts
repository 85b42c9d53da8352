import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ArchiveEntry } from './archive/archive.ts'
import { sampleContentKey, sharedContentKeys } from './content-key.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-key-'))
})
after(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function entry(path: string, bytes: Buffer): Promise<ArchiveEntry> {
  const file = join(folder, path)
  await writeFile(file, bytes)
  return { path, sizeBytes: bytes.length, source: { kind: 'file', file } }
}

function changed(bytes: Buffer, position: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[position] = (copy[position] ?? 0) ^ 1
  return copy
}

describe('sampleContentKey', () => {
  for (const sizeBytes of [0, 1, 4096, 12_288, 12_289, 100_000]) {
    test(`of ${sizeBytes} bytes is equal for equal bytes and sees a change at either end`, async () => {
      const bytes = randomBytes(sizeBytes)
      const key = sampleContentKey(await entry('a', bytes))
      assert.match(key ?? '', new RegExp(`^${sizeBytes}:[0-9a-f]{40}$`, 'u'))
      assert.equal(sampleContentKey(await entry('b', bytes)), key)
      for (const position of sizeBytes === 0 ? [] : [0, Math.floor(sizeBytes / 2), sizeBytes - 1]) {
        assert.notEqual(sampleContentKey(await entry('c', changed(bytes, position))), key)
      }
    })
  }

  test('of a file that is gone or has changed is none', async () => {
    const listed = await entry('d', Buffer.from('abc'))
    await writeFile(join(folder, 'd'), 'longer')
    assert.equal(sampleContentKey(listed), undefined)
    await rm(join(folder, 'd'))
    assert.equal(sampleContentKey(listed), undefined)
  })
})

test('sharedContentKeys samples only sizes that occur twice, and takes the hints of archives', async () => {
  const single = await entry('single', Buffer.from('single'))
  const one = await entry('one', Buffer.from('same'))
  const two = await entry('two', Buffer.from('same'))
  const other = await entry('other', Buffer.from('diff'))
  const hinted = (path: string): ArchiveEntry => ({ ...single, path, sizeBytes: 99, contentHint: 'abcd:99' })
  const [first, second] = [hinted('first'), hinted('second')]
  const keys = sharedContentKeys([single, one, first, two, other, second])
  assert.deepEqual(new Set(keys.keys()), new Set([one, two, first, second]))
  assert.equal(keys.get(one), keys.get(two))
  assert.deepEqual([keys.get(first), keys.get(second)], ['abcd:99', 'abcd:99'])
})
