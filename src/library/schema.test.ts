import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { LIBRARY_SCHEMA_VERSION, migrateLibrary, NewerSchemaError } from './schema.ts'
import { atomically } from './statements.ts'

describe('migrateLibrary', () => {
  test('may run again, also inside a transaction', () => {
    const db = new DatabaseSync(':memory:')
    migrateLibrary(db)
    db.exec('BEGIN')
    migrateLibrary(db)
    db.exec('COMMIT')
    const row = db.prepare("SELECT version FROM schema_versions WHERE component = 'library'").get()
    assert.equal(row?.['version'], LIBRARY_SCHEMA_VERSION)
  })

  test('leaves the versions of other components alone', () => {
    const db = new DatabaseSync(':memory:')
    db.exec(
      "CREATE TABLE schema_versions(component TEXT PRIMARY KEY, version INTEGER); INSERT INTO schema_versions VALUES ('queue', 7)",
    )
    migrateLibrary(db)
    const row = db.prepare("SELECT version FROM schema_versions WHERE component = 'queue'").get()
    assert.equal(row?.['version'], 7)
  })

  test('refuses a database that is ahead, and changes nothing', () => {
    const db = new DatabaseSync(':memory:')
    db.exec(
      "CREATE TABLE schema_versions(component TEXT PRIMARY KEY, version INTEGER); INSERT INTO schema_versions VALUES ('library', 99)",
    )
    assert.throws(() => migrateLibrary(db), NewerSchemaError)
    assert.deepEqual(db.prepare("SELECT name FROM sqlite_master WHERE name = 'files'").all(), [])
  })
})

test('atomically keeps nothing of work that throws, and the outer transaction stays', () => {
  const db = new DatabaseSync(':memory:')
  db.exec('CREATE TABLE t (n INTEGER); BEGIN; INSERT INTO t VALUES (1)')
  assert.throws(() =>
    atomically(db, () => {
      db.exec('INSERT INTO t VALUES (2)')
      throw new RangeError('planted')
    }),
  )
  db.exec('COMMIT')
  assert.deepEqual(
    db
      .prepare('SELECT n FROM t')
      .all()
      .map((row) => row['n']),
    [1],
  )
})
