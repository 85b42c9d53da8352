import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import {
  findLibrary,
  findNetworkFilesystem,
  libraryPaths,
  mountType,
  OtherStateError,
  prepareLibrary,
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

  test('remembers a state folder elsewhere, and refuses another one', async () => {
    const [library, state] = [join(root, 'library'), join(root, 'state')]
    const paths = await prepareLibrary(library, state)
    assert.equal(paths.database, join(state, 'library.db'))
    assert.equal(paths.tempFolder, join(library, '.heirloom', 'tmp'))
    assert.deepEqual(await findLibrary(library), paths)
    await assert.rejects(findLibrary(library, join(root, 'other')), OtherStateError)
  })

  test('a network path of Windows is remote, a local folder is not', async () => {
    assert.equal(await findNetworkFilesystem('\\\\nas\\photos'), 'network path')
    assert.equal(await findNetworkFilesystem(join(root, 'not', 'yet', 'there')), undefined)
  })

  test('paths are joined without looking', () => {
    assert.equal(libraryPaths('/l', '/s').lock, join('/s', 'coordinator.lock'))
  })
})
