import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { DamagedDatabaseError, explainSqlite, QueueDatabaseError } from './database-error.ts'
import { openSqliteBackend, openSqliteBackendInProcess } from './index.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-database-error-'))
})
after(() => rmSync(folder, { recursive: true }))

describe('explainSqlite', () => {
  test('says what to do about a lock that is held for long', () => {
    const file = join(folder, 'locked.db')
    using holder = new DatabaseSync(file)
    using other = new DatabaseSync(file, { timeout: 0 })
    holder.exec('BEGIN IMMEDIATE')
    const error = thrownBy(() => other.exec('BEGIN IMMEDIATE'))
    const explained = explainSqlite(error, file)
    assert.ok(explained instanceof QueueDatabaseError)
    assert.equal(explained.message, `${file}: database is locked`)
    assert.match(explained.hint ?? '', /try again in a moment/u)
    assert.equal(explained.cause, error)
  })

  test('answers every other error as it is, a wrong statement too', () => {
    using db = new DatabaseSync(':memory:')
    for (const error of [new TypeError('x'), 'text', thrownBy(() => db.exec('SELECT * FROM nothing'))]) {
      assert.equal(explainSqlite(error, '/q.db'), error)
    }
  })
})

describe('a database that cannot be opened', () => {
  const cases: { fact: string; name: string; make: (file: string) => unknown; error: object }[] = [
    {
      fact: 'another kind of file',
      name: 'text.db',
      make: (file) => writeFileSync(file, 'no database at all, only text. '.repeat(200)),
      error: { code: 'queue/database-damaged', recovery: 'discard', hint: /another kind of file/u },
    },
    {
      fact: 'half of a database',
      name: 'half.db',
      make: halfDatabase,
      error: { code: 'queue/database-damaged', recovery: 'discard', hint: /damaged/u },
    },
    {
      fact: 'a folder',
      name: 'folder.db',
      make: (file) => mkdirSync(file),
      error: { code: 'queue/database', recovery: 'retry', hint: /./u },
    },
    {
      fact: 'a file in a folder that is not there',
      name: 'missing/q.db',
      make: () => undefined,
      error: { code: 'queue/database', recovery: 'retry', hint: /its folder/u },
    },
  ]
  for (const { fact, name, make, error } of cases) {
    test(`is named, with a hint, when it is ${fact}; through the thread, too`, async () => {
      const file = join(folder, name)
      await make(file)
      const expected = { ...error, message: new RegExp(`^${file}: `, 'u') }
      assert.throws(() => openSqliteBackendInProcess({ file }), expected)
      await assert.rejects(openSqliteBackend({ file }), expected)
    })
  }

  test('is a damaged one by its class', () => {
    const file = join(folder, 'class.db')
    writeFileSync(file, 'text '.repeat(500))
    assert.throws(() => openSqliteBackendInProcess({ file }), DamagedDatabaseError)
  })
})

/** A queue's file, cut in the middle: its header promises more pages than there are. */
async function halfDatabase(file: string): Promise<void> {
  await openSqliteBackendInProcess({ file }).close()
  truncateSync(file, statSync(file).size / 2)
}

function thrownBy(work: () => void): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return assert.fail('nothing was thrown')
}
