import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { countFiles, type WalkedPage, walkPictures } from './picture-walk.ts'
import type { ThumbsInput } from './thumbnail-api.ts'

let root: string
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0])

before(() => {
  root = mkdtempSync(join(tmpdir(), 'heirloom-walk-'))
  const files = [
    'b/2.jpg',
    'b/1.jpg',
    'a.HEIC',
    'notes.txt',
    'song.mp3',
    '.hidden.jpg',
    '.git/x.jpg',
    'text.jpg',
  ]
  for (const name of files) put(name, 'no picture at all')
  put('nameless', JPEG)
  symlinkSync(join(root, 'b'), join(root, 'link'))
  symlinkSync(join(root, 'a.HEIC'), join(root, 'link.jpg'))
})
after(() => rmSync(root, { recursive: true }))

function put(name: string, content: Buffer | string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true })
  writeFileSync(join(root, name), content)
}

async function walk(
  inputs: readonly ThumbsInput[],
): Promise<{ pages: WalkedPage[]; labels: string[]; ignored: number }> {
  const pages = await Array.fromAsync(walkPictures(inputs))
  const labels = pages.flatMap(({ pictures }) => pictures.map(({ label }) => label))
  return { pages, labels, ignored: pages.reduce((sum, page) => sum + page.ignored, 0) }
}

describe('walkPictures', () => {
  test('finds pictures by their names, and others by their content, in the order of names', async () => {
    const { labels, ignored } = await walk([{ path: root, isFolder: true, prefix: 'p/' }])
    assert.deepEqual(labels, ['p/a.HEIC', 'p/nameless', 'p/text.jpg', 'p/b/1.jpg', 'p/b/2.jpg'])
    assert.equal(ignored, 2)
  })

  test('takes a file that was named as it is', async () => {
    const { labels } = await walk([{ path: join(root, 'notes.txt'), isFolder: false, prefix: '' }])
    assert.deepEqual(labels, ['notes.txt'])
  })

  test('names a folder that cannot be read', async () => {
    const { pages } = await walk([{ path: join(root, 'gone'), isFolder: true, prefix: '' }])
    assert.deepEqual(
      pages.flatMap(({ problems }) => problems.map(({ code }) => code)),
      ['system/ENOENT'],
    )
  })

  test('gives many files in pages, each once', async () => {
    const many = join(root, '.many')
    for (let index = 0; index < 600; index += 1) put(`.many/${index}.jpg`, '')
    const { pages, labels } = await walk([{ path: many, isFolder: true, prefix: '' }])
    assert.equal(new Set(labels).size, 600)
    assert.ok(pages.every(({ pictures }) => pictures.length <= 250))
  })

  test('counts beforehand what it will look at', async () => {
    const inputs = [{ path: root, isFolder: true, prefix: '' }]
    const { labels, ignored } = await walk(inputs)
    assert.equal(await countFiles(inputs, new AbortController().signal), labels.length + ignored)
  })
})
