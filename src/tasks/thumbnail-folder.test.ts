import assert from 'node:assert/strict'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { DEFAULT_THUMBNAIL_OPTIONS, thumbnailObjectName } from '../media/thumbnail/thumbnail.ts'
import { ThumbnailFolder, type ThumbnailFolderParts } from './thumbnail-folder.ts'

const SHA1 = 'ab'.repeat(20)
const OTHER = 'cd'.repeat(20)
const OPTIONS = { ...DEFAULT_THUMBNAIL_OPTIONS, sizes: [250] }

let root: string
let store: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'heirloom-folder-'))
  store = join(root, '.heirloom/thumbs')
  for (const [index, sha1] of [SHA1, OTHER].entries()) {
    const path = join(store, thumbnailObjectName(sha1, OPTIONS, 250))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, sha1)
    // Both could be written in the same millisecond, by which copies are told apart.
    utimesSync(path, 1_000 + index, 1_000 + index)
  }
})
afterEach(() => rmSync(root, { recursive: true }))

function folderOf(changes: Partial<ThumbnailFolderParts> = {}): ThumbnailFolder {
  const backend = { call: async () => null }
  const objects = { localPath: (name: string) => join(store, name) }
  return new ThumbnailFolder(root, { backend, objects, options: OPTIONS, ...changes })
}

/** As exFAT and some shares. */
function noLinks(): never {
  throw Object.assign(new Error('EPERM'), { code: 'EPERM', syscall: 'link' })
}

for (const [where, changes] of [
  ['with links', {}],
  ['where there are no links', { link: noLinks }],
] as const) {
  describe(`placing thumbnails, ${where}`, () => {
    const path = (): string => join(root, 'a/b-250.jpg')

    test('gives them their names, and replaces those of an earlier content', () => {
      folderOf(changes).place('a/b', SHA1, [])
      assert.equal(readFileSync(path(), 'utf8'), SHA1)
      folderOf(changes).place('a/b', OTHER, [250])
      assert.equal(readFileSync(path(), 'utf8'), OTHER)
    })

    test('leaves what is there as it is', () => {
      folderOf(changes).place('a/b', SHA1, [])
      const { ino, ctimeMs } = lstatSync(path())
      folderOf({ link: () => assert.fail('made again') }).place('a/b', SHA1, [])
      assert.deepEqual([lstatSync(path()).ino, lstatSync(path()).ctimeMs], [ino, ctimeMs])
    })
  })
}

test('nothing is placed behind a link', () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'heirloom-elsewhere-'))
  symlinkSync(elsewhere, join(root, 'a'))
  assert.throws(() => folderOf().place('a/b', SHA1, []), { code: 'storage/unsafe-name' })
  assert.equal(lstatSync(join(elsewhere, 'b-250.jpg'), { throwIfNoEntry: false }), undefined)
  rmSync(elsewhere, { recursive: true })
})

test('what somebody else has put there is not replaced', () => {
  mkdirSync(join(root, 'a'))
  const path = join(root, 'a/b-250.jpg')
  writeFileSync(path, 'mine')
  assert.throws(() => folderOf().place('a/b', SHA1, []), { code: 'thumbnail/name-taken' })
  assert.equal(readFileSync(path, 'utf8'), 'mine')
  rmSync(path)
  mkdirSync(path)
  assert.throws(() => folderOf().place('a/b', SHA1, [250]), { code: 'thumbnail/name-taken' })
})
