import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { explainSqlite } from './explain-sqlite.ts'

/** https://sqlite.org/rescode.html: SQLITE_IOERR_SHMSIZE, which is what opening a database in WAL mode on a full disk gives. */
const SHMSIZE = 4874

const ioError = Object.assign(new Error('disk I/O error'), { errcode: SHMSIZE })

describe('what SQLite cannot do', () => {
  test('is told as a full disk when it is one, though SQLite says otherwise', () => {
    const error = explainSqlite(ioError, '/memory/of.db', () => 0)
    assert.ok(error instanceof Error && 'hint' in error && 'code' in error)
    assert.deepEqual(
      [error.code, error.message, error.hint],
      [
        'autotag/state-file',
        '/memory/of.db: its disk is full (disk I/O error)',
        'Free some space and run the same command again.',
      ],
    )
  })

  test('is told as it is on a disk with room, or one that cannot be asked', () => {
    const ways = [() => 1e9, () => undefined]
    for (const roomOf of ways) {
      const error = explainSqlite(ioError, '/memory/of.db', roomOf)
      assert.ok(error instanceof Error && 'hint' in error)
      assert.equal(error.message, '/memory/of.db: disk I/O error')
      assert.match(String(error.hint), /connected, healthy and not full/u)
    }
  })

  test('is left alone when it is no error of SQLite', () => {
    const bug = new TypeError('x is undefined')
    assert.equal(explainSqlite(bug, '/memory/of.db'), bug)
  })
})
