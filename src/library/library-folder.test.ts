import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { UnsafeNameError } from '../storage/storage.ts'
import {
  findLibrary,
  findNetworkFilesystem,
  libraryPaths,
  mountType,
  OtherStateError,
  prepareLibrary,
  rememberState,
  StateMissingError,
} from './library-folder.ts'

const MOUNTINFO = `22 1 0:20 / / rw,relatime - ext4 /dev/sda1 rw
40 22 0:35 / /mnt/nas rw shared:3 - cifs //nas/photos rw
41 22 0:36 / /mnt/nas\\040two rw - fuse.sshfs user@host:/ rw
42 22 8:17 / /media/usb rw - fuseblk /dev/sdb1 rw
43 42 8:18 / /media/usb rw - exfat /dev/sdc1 rw
`

describe('mountType', () => {
  const cases: Record<string, string> = {
    '/home/anna': 'ext4',
    '/mnt/nas': 'cifs',
    '/mnt/nas/2021': 'cifs',
    '/mnt/nasty': 'ext4',
    '/mnt/nas two/x': 'fuse.sshfs',
    '/media/usb/x': 'exfat',
  }
  for (const [folder, type] of Object.entries(cases)) {
    test(`${folder} is on ${type}`, () => assert.equal(mountType(MOUNTINFO, folder), type))
  }
})

describe('a library folder', () => {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'heirloom-library-'))
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  test('keeps its state in itself unless told otherwise', async () => {
    const paths = await prepareLibrary(join(root, 'new', 'library'))
    assert.equal(paths.database, join(root, 'new', 'library', '.heirloom', 'library.db'))
    assert.ok(existsSync(paths.tempFolder))
  })

  test('is refused where no folder can be made, instead of waiting for ever', async (t) => {
    if (process.platform !== 'linux') return t.skip('only Linux has /proc')
    await assert.rejects(prepareLibrary('/proc/heirloom/library'), { code: 'library/no-folder' })
  })

  test('remembers a state folder elsewhere, and refuses another one', async () => {
    const [library, state] = [join(root, 'library'), join(root, 'state')]
    const paths = await prepareLibrary(library, state)
    assert.equal(paths.database, join(state, 'library.db'))
    assert.equal(paths.tempFolder, join(library, '.heirloom', 'tmp'))
    assert.equal((await findLibrary(library)).ownState, true)
    await writeFile(paths.database, '')
    await rememberState(paths)
    assert.deepEqual(await findLibrary(library), paths)
    await assert.rejects(findLibrary(library, join(root, 'other')), OtherStateError)
  })

  test('a database in the library is its state: another folder is refused', async () => {
    const library = join(root, 'library')
    const { database, stateFolder } = await prepareLibrary(library)
    await writeFile(database, '')
    await assert.rejects(prepareLibrary(library, join(root, 'state')), OtherStateError)
    assert.equal(existsSync(join(root, 'state')), false)
    assert.equal((await findLibrary(library, stateFolder)).database, database)
  })

  test('a state folder that is gone is not made anew', async () => {
    const [library, state] = [join(root, 'library'), join(root, 'state')]
    await rememberState(await prepareLibrary(library, state))
    await rm(state, { recursive: true })
    await assert.rejects(prepareLibrary(library), StateMissingError)
    await assert.rejects(prepareLibrary(library, state), StateMissingError)
    assert.equal(existsSync(state), false)
    await assert.rejects(findLibrary(library), StateMissingError)
  })

  test('an empty folder in the place of the state folder, as of a disk that is not connected, is refused', async () => {
    const [library, state] = [join(root, 'library'), join(root, 'state')]
    await rememberState(await prepareLibrary(library, state))
    await assert.rejects(prepareLibrary(library), StateMissingError)
    await assert.rejects(findLibrary(library, state), StateMissingError)
    assert.deepEqual(await readdir(state), [])
  })

  for (const linked of ['.heirloom', '.heirloom/tmp']) {
    test(`is refused where ${linked} is a link`, async () => {
      const [library, elsewhere] = [join(root, 'library'), join(root, 'elsewhere')]
      await mkdir(elsewhere)
      await mkdir(dirname(join(library, linked)), { recursive: true })
      await symlink(elsewhere, join(library, linked))
      await assert.rejects(prepareLibrary(library), UnsafeNameError)
      assert.deepEqual(await readdir(elsewhere), [])
    })
  }

  test('a network path of Windows is remote, a local folder is not', async () => {
    assert.equal(await findNetworkFilesystem('\\\\nas\\photos'), 'network path')
    assert.equal(await findNetworkFilesystem(join(root, 'not', 'yet', 'there')), undefined)
  })

  test('paths are joined without looking', () => {
    assert.deepEqual(libraryPaths('/l', '/s').lockFolders, [join('/l', '.heirloom'), '/s'])
    assert.deepEqual(libraryPaths('/l').lockFolders, [join('/l', '.heirloom')])
  })
})
