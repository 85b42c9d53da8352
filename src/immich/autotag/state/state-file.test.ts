import assert from 'node:assert/strict'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { openAutotagState, statePath } from './state-file.ts'

const USER = '5b2e9f0a-7a3d-4a4e-9a53-0d6a6a1f2c3d'
const OWNER = { address: 'http://nas.local:2283', userId: USER }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-state-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the state file', () => {
  test('is one a server and user, for its owner only, in a folder that is made', () => {
    const inner = join(folder, 'a', 'b')
    const state = openAutotagState({ folder: inner, ...OWNER })
    state.members.write('album', '1', [USER])
    state.close()
    assert.deepEqual(readdirSync(inner), [`nas.local-2283-${USER}.autotag.db`])
    assert.equal(statSync(inner).mode & 0o777, 0o700)
    assert.equal(statSync(statePath({ folder: inner, ...OWNER })).mode & 0o777, 0o600)
  })

  test('has a name of its own for each server and user, however odd they are', () => {
    const names = [
      OWNER,
      { ...OWNER, userId: 'other' },
      { ...OWNER, address: 'https://nas.local:2283/photos' },
      { ...OWNER, address: 'http://nas.local' },
      { ...OWNER, userId: '../../etc/passwd' },
      { ...OWNER, userId: '..-..-etc-passwd' },
      { ...OWNER, userId: 'ä'.repeat(500) },
    ].map((owner) => statePath({ folder, ...owner }))
    assert.equal(new Set(names).size, names.length)
    for (const name of names) {
      assert.ok(name.startsWith(`${folder}/`) && !name.slice(folder.length + 1).includes('/'), name)
      assert.ok(name.length - folder.length < 200)
    }
  })

  test('is the same one whether the server is reached with or without TLS', () => {
    assert.equal(
      statePath({ folder, ...OWNER }),
      statePath({ folder, address: 'https://nas.local:2283', userId: USER }),
    )
  })

  test('of a newer version is refused and left alone', () => {
    openAutotagState({ folder, ...OWNER }).close()
    const path = statePath({ folder, ...OWNER })
    const db = new DatabaseSync(path)
    db.exec('PRAGMA user_version = 99')
    db.close()
    assert.throws(() => openAutotagState({ folder, ...OWNER }), { code: 'autotag/newer-state' })
    const again = new DatabaseSync(path)
    assert.equal(again.prepare('PRAGMA user_version').get()?.['user_version'], 99)
    again.close()
  })

  test('with damage is an error that says what would be lost', () => {
    const path = statePath({ folder, ...OWNER })
    writeFileSync(path, 'this is a letter to my aunt, and no database at all'.repeat(100))
    const isExplained = (error: unknown): boolean => {
      assert.ok(error instanceof Error && 'code' in error && 'hint' in error)
      assert.equal(error.code, 'autotag/damaged-state')
      assert.match(String(error.hint), /lost/u)
      assert.match(error.message, /nas\.local/u)
      return true
    }
    assert.throws(() => openAutotagState({ folder, ...OWNER }), isExplained)
    assert.match(readFileSync(path, 'utf8'), /aunt/u)
    rmSync(path)

    const state = openAutotagState({ folder, ...OWNER })
    for (let album = 0; album < 300; album += 1) state.members.write(`a${album}`, '1', Array(20).fill(USER))
    state.close()
    truncateSync(path, statSync(path).size - 20_000)
    assert.throws(() => openAutotagState({ folder, ...OWNER }), isExplained)
  })

  test('of another program is not touched', () => {
    const path = statePath({ folder, ...OWNER })
    const db = new DatabaseSync(path)
    db.exec('CREATE TABLE recipes (name TEXT)')
    db.close()
    assert.throws(() => openAutotagState({ folder, ...OWNER }), { code: 'autotag/damaged-state' })
    const again = new DatabaseSync(path)
    assert.deepEqual(
      again
        .prepare('SELECT name FROM sqlite_schema')
        .all()
        .map((row) => row['name']),
      ['recipes'],
    )
    again.close()
  })

  test('is refused at once where no folder can be made', { skip: !existsSync('/proc/self') }, () => {
    assert.throws(() => openAutotagState({ folder: '/proc/self/none/at/all', ...OWNER }), {
      code: 'autotag/state-file',
    })
  })

  test('in a folder that cannot be written says so', () => {
    writeFileSync(join(folder, 'file'), '')
    assert.throws(() => openAutotagState({ folder: join(folder, 'file'), ...OWNER }), {
      code: 'autotag/state-file',
    })
  })

  test('copied from another user is refused', () => {
    openAutotagState({ folder, ...OWNER }).close()
    const other = { ...OWNER, userId: '00000000-0000-4000-8000-000000000000' }
    writeFileSync(statePath({ folder, ...other }), readFileSync(statePath({ folder, ...OWNER })))
    assert.throws(() => openAutotagState({ folder, ...other }), { code: 'autotag/other-state' })
  })
})
