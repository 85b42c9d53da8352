import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openAhead, readInto } from './small-file.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-small-file-'))
})
after(() => rmSync(folder, { recursive: true }))

function fileOf(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function read(path: string): Promise<string> {
  let buffer = Buffer.alloc(0)
  const readBytes = await readInto(path, ({ size }) => {
    buffer = Buffer.alloc(size)
    return buffer
  })
  return buffer.subarray(0, readBytes).toString()
}

describe('openAhead', () => {
  test('tells what the file is', async () => {
    using opened = await openAhead(fileOf('told.jpg', 'four'))
    assert.equal(opened.stats.size, 4)
    assert.ok(opened.stats.isFile())
  })

  test('has the next read take the file that was opened, and the one after it that which is there then', async () => {
    const path = fileOf('taken.jpg', 'old')
    using opened = await openAhead(path)
    renameSync(fileOf('other.jpg', 'newer'), path)
    assert.equal(await read(path), 'old')
    assert.equal(await read(path), 'newer')
    assert.equal(opened.stats.size, 3)
  })

  test('is over when it is disposed of', async () => {
    const path = fileOf('disposed.jpg', 'old')
    const opened = await openAhead(path)
    opened[Symbol.dispose]()
    opened[Symbol.dispose]()
    renameSync(fileOf('other.jpg', 'newer'), path)
    assert.equal(await read(path), 'newer')
  })

  test('does not close what another one has opened of the same path', async () => {
    const path = fileOf('twice.jpg', 'old')
    const first = await openAhead(path)
    await read(path)
    using second = await openAhead(path)
    first[Symbol.dispose]()
    renameSync(fileOf('other.jpg', 'newer'), path)
    assert.equal(await read(path), 'old')
    assert.equal(second.stats.size, 3)
  })

  test('of a file that is not there is refused by the system', async () => {
    await assert.rejects(openAhead(join(folder, 'gone.jpg')), { code: 'ENOENT' })
  })

  test('leaves nothing open', { skip: process.platform !== 'linux' && 'counted in /proc' }, async () => {
    const path = fileOf('counted.jpg', 'some')
    const before = readdirSync('/proc/self/fd').length
    for (let turn = 0; turn < 10; turn += 1) {
      using first = await openAhead(path)
      using second = await openAhead(path)
      if (turn % 2 === 0) await read(path)
      assert.equal(first.stats.size, second.stats.size)
    }
    assert.equal(readdirSync('/proc/self/fd').length, before)
  })

  test('does not wait for who writes into a pipe', {
    skip: process.platform !== 'linux' && 'no mkfifo',
  }, async () => {
    const { execFileSync } = await import('node:child_process')
    const path = join(folder, 'pipe.jpg')
    execFileSync('mkfifo', [path])
    using opened = await openAhead(path)
    assert.ok(opened.stats.isFIFO())
  })
})

test('readInto fills no more than the file has, and is refused by its target', async () => {
  const path = fileOf('short.jpg', 'four')
  const buffer = Buffer.alloc(10)
  assert.equal(await readInto(path, () => buffer), 4)
  assert.equal(buffer.toString('utf8', 0, 4), 'four')
  const refusal = new Error('not this one')
  await assert.rejects(
    readInto(path, () => {
      throw refusal
    }),
    refusal,
  )
})
