import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { ignoreState, treeChanges, treeDigest, treeFacts } from './tree-digest.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-tree-'))
  await mkdir(join(folder, 'photos'))
  await writeFile(join(folder, 'photos', 'a.jpg'), 'one')
  await utimes(join(folder, 'photos', 'a.jpg'), 1000, 1000)
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** Digest before = digest after the change. */
async function isSame(change: () => Promise<unknown>, options = {}): Promise<boolean> {
  const before = await treeDigest(folder, options)
  await change()
  return before === (await treeDigest(folder, options))
}

const photo = (): string => join(folder, 'photos', 'a.jpg')

async function rewrite(content: string): Promise<void> {
  await writeFile(`${photo()}.new`, content)
  await utimes(`${photo()}.new`, 1000, 1000)
  await rename(`${photo()}.new`, photo())
}

describe('the digest', () => {
  test('stays when nothing happens', async () => {
    assert.equal(await isSame(async () => undefined), true)
  })

  test('changes with one byte, even at the same size and time', async () => {
    assert.equal(await isSame(() => rewrite('two')), false)
  })

  test('changes with a time, unless times do not count', async () => {
    assert.equal(await isSame(() => utimes(photo(), 1000, 1001)), false)
    assert.equal(await isSame(() => utimes(photo(), 1000, 1002), { times: false }), true)
  })

  test('changes with permissions, unless they do not count', async () => {
    assert.equal(await isSame(() => chmod(photo(), 0o400)), false)
    assert.equal(await isSame(() => chmod(photo(), 0o600), { modes: false }), true)
  })

  test('changes with a new file, an empty folder and a link', async () => {
    assert.equal(await isSame(() => writeFile(join(folder, 'b'), '')), false)
    assert.equal(await isSame(() => mkdir(join(folder, 'c'))), false)
    assert.equal(await isSame(() => symlink('nowhere', join(folder, 'd'))), false)
  })

  test('tells a file rewritten with equal bytes only by its inode', async () => {
    assert.equal(await isSame(() => rewrite('one')), true)
    assert.equal(await isSame(() => rewrite('one'), { inodes: true }), false)
  })

  test('leaves state and reports of a library out when told', async () => {
    const change = async (): Promise<void> => {
      await mkdir(join(folder, '.heirloom'))
      await writeFile(join(folder, '.heirloom', 'library.db'), 'x')
      await writeFile(join(folder, 'report-latest.json'), '{}')
    }
    assert.equal(await isSame(change, { ignore: ignoreState }), true)
  })
})

test('changes are told by path and kind', async () => {
  const before = await treeFacts(folder, { times: false })
  await writeFile(join(folder, 'b'), '')
  await rewrite('three')
  const changes = treeChanges(before, await treeFacts(folder, { times: false }))
  assert.equal(changes.length, 2)
  assert.match(changes[0] ?? '', /^changed photos\/a\.jpg: file 3 .* → file 5 /)
  assert.equal(changes[1], 'added b')
  assert.deepEqual(treeChanges(await treeFacts(folder), new Map()).sort(), [
    'removed b',
    'removed photos',
    'removed photos/a.jpg',
  ])
})
