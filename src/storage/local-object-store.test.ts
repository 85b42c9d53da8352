import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { LocalObjectStore } from './local-object-store.ts'
import { nextTempName } from './local-object-store-temps.ts'
import { openObjectStore } from './open-object-store.ts'
import { UnsafeNameError } from './storage.ts'
import { bytesOf, testObjectStoreConformance } from './testing/object-store-conformance.ts'

const PLAIN = { contentType: 'text/plain' }

async function inFreshFolder(
  durable?: boolean,
): Promise<{ root: string; store: LocalObjectStore; dispose(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'heirloom-objects-'))
  const config = { kind: 'local', root, ...(durable === undefined ? {} : { durable }) } as const
  const store = await LocalObjectStore.open(config)
  return { root, store, dispose: () => rm(root, { recursive: true, force: true }) }
}

testObjectStoreConformance('a local folder', () => inFreshFolder())
testObjectStoreConformance('a local folder that is a cache', () => inFreshFolder(false))

describe('a folder of objects', () => {
  const fact = (
    name: string,
    check: (root: string, store: LocalObjectStore, outside: string) => Promise<void>,
  ): void => {
    test(name, async () => {
      const { root, store, dispose } = await inFreshFolder()
      const outside = await mkdtemp(join(tmpdir(), 'heirloom-outside-'))
      try {
        await check(root, store, outside)
      } finally {
        await dispose()
        await rm(outside, { recursive: true, force: true })
      }
    })
  }

  fact('it is made when it is not there, and an object has a path', async (root) => {
    const store = await openObjectStore({ kind: 'local', root: join(root, 'new/folder') })
    await store.put('anna/a.jpg', Buffer.from('photo'), PLAIN)
    assert.equal(store.localPath('anna/a.jpg'), join(root, 'new/folder/anna/a.jpg'))
    assert.equal(await readFile(join(root, 'new/folder/anna/a.jpg'), 'utf8'), 'photo')
    assert.equal(await store.temporaryUrl('anna/a.jpg', { expiresInSeconds: 60 }), undefined)
  })

  fact('nothing temporary is left of a put that ends well or badly', async (root, store) => {
    await store.put('a', Buffer.from('x'), PLAIN)
    await assert.rejects(store.put('b', Buffer.from('x'), { ...PLAIN, sizeBytes: 2 }))
    assert.deepEqual(await readdir(join(root, '.tmp')), [])
  })

  fact('a symlinked folder is neither written through nor read through', async (root, store, outside) => {
    symlinkSync(outside, join(root, 'anna'))
    await writeFile(join(outside, 'secret.jpg'), 'secret')
    await assert.rejects(store.put('anna/a.jpg', Buffer.from('x'), PLAIN), UnsafeNameError)
    await assert.rejects(store.stat('anna/secret.jpg'), UnsafeNameError)
    await assert.rejects(bytesOf(store.read('anna/secret.jpg')), UnsafeNameError)
    await assert.rejects(store.remove(['anna/secret.jpg']), UnsafeNameError)
    assert.throws(() => store.localPath('anna/secret.jpg'), UnsafeNameError)
    for (const prefix of ['', 'anna']) {
      for await (const { name } of store.list(prefix)) assert.fail(`${name} is behind a link`)
    }
    const listing = async (): Promise<void> => {
      for await (const { name } of store.list('anna/')) assert.fail(`${name} is behind a link`)
    }
    await assert.rejects(listing, UnsafeNameError)
    assert.deepEqual(await readdir(outside), ['secret.jpg'])
  })

  fact('a symlink under an object’s name is replaced, and never followed', async (root, store, outside) => {
    await writeFile(join(outside, 'secret.jpg'), 'secret')
    symlinkSync(join(outside, 'secret.jpg'), join(root, 'a.jpg'))
    assert.equal(await store.stat('a.jpg'), undefined)
    await assert.rejects(bytesOf(store.read('a.jpg')), UnsafeNameError)
    assert.throws(() => store.localPath('a.jpg'), UnsafeNameError)
    await store.put('a.jpg', Buffer.from('photo'), PLAIN)
    assert.equal((await bytesOf(store.read('a.jpg'))).toString(), 'photo')
    assert.equal(await readFile(join(outside, 'secret.jpg'), 'utf8'), 'secret')
  })

  fact('a folder of temporary files that is a link is refused', async (_root, _store, outside) => {
    const root = join(outside, 'objects')
    await mkdir(root)
    symlinkSync(outside, join(root, '.tmp'))
    await assert.rejects(openObjectStore({ kind: 'local', root }), UnsafeNameError)
  })

  fact('the storage’s own folders cannot be named', async (_root, store) => {
    for (const name of ['.tmp/a', '.TMP/a', '.heirloom/library.db', '.tmp']) {
      await assert.rejects(store.put(name, Buffer.from('x'), PLAIN), UnsafeNameError, name)
      await assert.rejects(bytesOf(store.read(name)), UnsafeNameError, name)
      await assert.rejects(store.remove([name]), UnsafeNameError, name)
    }
  })

  fact('folders that were deleted meanwhile are made again', async (root, store) => {
    for (const gone of ['anna', '.tmp']) {
      await store.put('anna/photos/a.jpg', Buffer.from('photo'), PLAIN)
      await rm(join(root, gone), { recursive: true })
    }
    await store.put('anna/photos/a.jpg', Buffer.from('photo'), PLAIN)
    assert.equal((await bytesOf(store.read('anna/photos/a.jpg'))).toString(), 'photo')
  })

  fact('an object cannot be named like a folder, nor the reverse', async (_root, store) => {
    await store.put('anna/a.jpg', Buffer.from('x'), PLAIN)
    await assert.rejects(store.put('anna', Buffer.from('y'), PLAIN), {
      code: 'storage/name-taken',
      recovery: 'discard',
    })
    await assert.rejects(store.put('anna/a.jpg/b', Buffer.from('y'), PLAIN), UnsafeNameError)
    assert.equal((await bytesOf(store.read('anna/a.jpg'))).toString(), 'x')
  })

  fact('opening sweeps what dead processes left, and nothing else', async (root) => {
    const temps = join(root, '.tmp')
    const dead = spawnSync(process.execPath, ['-e', '']).pid
    const mine = nextTempName()
    const host = mine.split('-')[1]
    const old = new Date(Date.now() - 25 * 60 * 60 * 1000)
    const swept = [
      `put-${host}-${dead}-0123abcd-1.part`,
      `put-ffffffff-${process.pid}-0123abcd-2.part`,
      `put-${host}-${process.pid}-0123abcd-3.part`,
    ]
    const kept = [
      mine,
      `put-${host}-${process.ppid}-0123abcd-1.part`,
      `put-ffffffff-${dead}-0123abcd-1.part`,
      'put-notes.part',
      `put-${host}-${dead}-0123abcd-1.part.txt`,
    ]
    for (const name of [...swept, ...kept]) await writeFile(join(temps, name), name)
    // By another host a day ago; by a process that had this one's id before it.
    for (const name of swept.slice(1)) await utimes(join(temps, name), old, old)
    await utimes(join(temps, 'put-notes.part'), old, old)
    await openObjectStore({ kind: 'local', root })
    assert.deepEqual((await readdir(temps)).sort(), kept.toSorted())
  })

  fact('a name that is too long for the disk is told', async (root, store) => {
    await assert.rejects(store.put('a'.repeat(300), Buffer.from('x'), PLAIN), {
      code: 'storage/name-too-long',
    })
    assert.deepEqual(await readdir(join(root, '.tmp')), [])
  })

  fact('a root that is a file is told', async (root) => {
    await writeFile(join(root, 'file'), '')
    await assert.rejects(openObjectStore({ kind: 'local', root: join(root, 'file') }), {
      code: 'storage/name-taken',
    })
  })
})

/** Puts onto a disk of 256 KiB, in a namespace of its own; prints what came of it. */
const FULL_DISK_PROGRAM = `
  const { openObjectStore } = await import(process.argv[1])
  const root = process.argv[2]
  const store = await openObjectStore({ kind: 'local', root })
  const error = await store.put('anna/a', Buffer.alloc(1024 * 1024), { contentType: 'x' }).catch((thrown) => thrown)
  await store.put('b', Buffer.alloc(100 * 1024), { contentType: 'x' })
  const { readdirSync } = await import('node:fs')
  const { code, recovery, hint, message } = error
  process.stdout.write(JSON.stringify({ code, recovery, hint, message, left: readdirSync(root + '/.tmp') }))
`

test('a full disk is told, and nothing is left of the put', { skip: noNamespaces() }, async () => {
  const root = await mkdtemp(join(tmpdir(), 'heirloom-full-'))
  try {
    const mountAndRun =
      'mount -t tmpfs -o size=256k none "$1" && exec "$2" --input-type=module -e "$3" "$4" "$1"'
    const module = new URL('open-object-store.ts', import.meta.url).href
    const run = spawnSync(
      'unshare',
      ['-rm', 'sh', '-c', mountAndRun, 'sh', root, process.execPath, FULL_DISK_PROGRAM, module],
      { encoding: 'utf8', timeout: 20_000 },
    )
    assert.equal(run.status, 0, run.stderr)
    const { hint, ...told } = JSON.parse(run.stdout)
    assert.deepEqual(told, {
      code: 'storage/full',
      recovery: 'retry',
      message: 'no space left for anna/a',
      left: [],
    })
    assert.match(hint, /^Free space/u)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})

function noNamespaces(): string | false {
  const able = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
  return able ? false : 'a small disk cannot be mounted here: unshare is not allowed'
}
