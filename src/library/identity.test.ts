import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import {
  CopiedLibraryError,
  claimLibrary,
  type Identity,
  OtherLibraryError,
  readIdentity,
  requireIdentity,
  writeIdentity,
} from './identity.ts'
import { prepareLibrary } from './library-folder.ts'
import { migrateLibrary } from './schema.ts'

describe('claimLibrary', () => {
  let base: string
  let state: string

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'heirloom-identity-'))
    state = join(base, 'state')
  })
  afterEach(() => rm(base, { recursive: true, force: true }))

  /** As each run does it. */
  async function open(name: string, stateFolder?: string): Promise<Identity> {
    const paths = await prepareLibrary(join(base, name), stateFolder)
    const db = new DatabaseSync(paths.database)
    try {
      migrateLibrary(db)
      await requireIdentity(paths, readIdentity(db))
      await claimLibrary(paths, {
        read: () => Promise.resolve(readIdentity(db)),
        write: (identity) => Promise.resolve(writeIdentity(db, identity)),
      })
      const identity = readIdentity(db)
      assert.ok(identity)
      assert.equal((await readFile(paths.idFile, 'utf8')).trim(), identity.id)
      return identity
    } finally {
      db.close()
    }
  }

  const idFile = (name: string): string => join(base, name, '.heirloom', 'id')

  test('a new library has an id, and keeps it', async () => {
    const { id, root } = await open('a')
    assert.match(id, /^[0-9a-f-]{36}$/u)
    assert.equal(root, join(base, 'a'))
    assert.deepEqual(await open('a'), { id, root })
    assert.notEqual((await open('b')).id, id)
  })

  test('a state folder is not used for a second library', async () => {
    await open('a', state)
    await assert.rejects(open('b', state), OtherLibraryError)
    // Nothing remembers the mistake.
    await open('b', join(base, 'state-b'))
    await open('c')
    await rm(join(base, 'c/.heirloom/library.db'))
    await assert.rejects(open('c', state), OtherLibraryError)
    await open('a', state)
  })

  test('a state folder whose library is not there begins no other one in its place', async () => {
    const { id } = await open('a', state)
    await rename(join(base, 'a'), join(base, 'gone'))
    await mkdir(join(base, 'a'))
    await assert.rejects(open('a', state), (error: Error & { hint?: string }) => {
      assert.ok(error instanceof OtherLibraryError)
      assert.ok(error.hint?.includes(id))
      return true
    })
  })

  for (const where of ['in itself', 'elsewhere']) {
    test(`a moved library with its state ${where} is the same one`, async () => {
      const { id } = await open('a', where === 'elsewhere' ? state : undefined)
      await rename(join(base, 'a'), join(base, 'b'))
      assert.deepEqual(await open('b'), { id, root: join(base, 'b') })
    })

    test(`a copy with its state ${where} is refused while the other is there`, async () => {
      const { id } = await open('a', where === 'elsewhere' ? state : undefined)
      await cp(join(base, 'a'), join(base, 'b'), { recursive: true })
      await assert.rejects(open('b'), CopiedLibraryError)
      assert.deepEqual(await open('a'), { id, root: join(base, 'a') })
    })
  }

  test('a copy without the id is a library of its own', async () => {
    const { id } = await open('a')
    await cp(join(base, 'a'), join(base, 'b'), { recursive: true })
    await rm(idFile('b'))
    const copy = await open('b')
    assert.notEqual(copy.id, id)
    assert.deepEqual(await open('b'), copy)
    assert.deepEqual((await open('a')).id, id)
  })

  test('a lost id is written again', async () => {
    const before = await open('a')
    await rm(idFile('a'))
    assert.deepEqual(await open('a'), before)
  })

  test('another way to the same folder is no copy', async () => {
    const before = await open('a')
    await symlink(join(base, 'a'), join(base, 'link'))
    assert.deepEqual(await open('link'), before)
  })
})
