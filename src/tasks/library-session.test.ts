import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { openLibraryForReading, openLibrarySession } from './library-session.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'heirloom-session-'))
})
after(() => rmSync(folder, { recursive: true }))

const open = (library: string): ReturnType<typeof openLibrarySession> =>
  openLibrarySession({ library, state: undefined, command: 'ingest', now: 1 })

/** An empty library whose database something has happened to. */
async function library(name: string, happen: (database: string) => void): Promise<string> {
  const root = join(folder, name)
  await (await open(root)).close()
  happen(databaseOf(root))
  return root
}

function databaseOf(root: string): string {
  return join(root, '.heirloom', 'library.db')
}

function execute(sql: string): (database: string) => void {
  return (database) => {
    using db = new DatabaseSync(database)
    db.exec(sql)
  }
}

describe('a library opened for reading', () => {
  test('is what an ingest has made', async () => {
    const root = await library('whole', () => undefined)
    const { paths, db } = await openLibraryForReading(root, undefined)
    using _ = db
    assert.equal(paths.database, databaseOf(root))
  })

  test('is refused when a newer version has written it', async () => {
    const root = await library(
      'newer',
      execute("UPDATE schema_versions SET version = 999 WHERE component = 'library'"),
    )
    await assert.rejects(openLibraryForReading(root, undefined), {
      code: 'library/newer-schema',
      message: /999/u,
    })
  })

  test('may be of a version before', async () => {
    const root = await library(
      'older',
      execute("UPDATE schema_versions SET version = 1 WHERE component = 'library'"),
    )
    const { db } = await openLibraryForReading(root, undefined)
    db.close()
  })

  for (const [fact, happen] of [
    ['empty', (database: string) => writeFileSync(database, '')],
    ["without the library's tables", execute("DELETE FROM schema_versions WHERE component = 'library'")],
  ] as const) {
    test(`is none when its database is ${fact}`, async () => {
      const root = await library(fact, happen)
      await assert.rejects(openLibraryForReading(root, undefined), { code: 'library/none' })
    })
  }
})

const damages = [
  ['another kind of file', (database: string) => writeFileSync(database, 'only text. '.repeat(900))],
  ['cut in the middle', (database: string) => truncateSync(database, statSync(database).size / 2)],
] as const
for (const [fact, happen] of damages) {
  test(`a library whose database is ${fact} is called damaged, for reading and for writing`, async () => {
    const root = await library(fact, happen)
    const refusal = {
      code: 'library/damaged',
      message: new RegExp(`^${databaseOf(root)}: `, 'u'),
      hint: /Put a backup of that file in its place/u,
    }
    await assert.rejects(openLibraryForReading(root, undefined), refusal)
    await assert.rejects(open(root), refusal)
    // The lease was given back: the same refusal, not that it is in use.
    await assert.rejects(open(root), refusal)
  })
}
