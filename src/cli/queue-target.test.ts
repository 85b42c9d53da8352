import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { openSqliteBackendInProcess } from '../queue/sqlite/index.ts'
import { openLibrarySession } from '../tasks/library-session.ts'
import { openQueue } from './queue-target.ts'
import { UsageError } from './usage-error.ts'

let cwd = ''
const looking = { withProgram: false, clock: systemClock }
const changing = { withProgram: true, clock: systemClock }

before(async () => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'heirloom-target-')))
  mkdirSync(join(cwd, 'empty'))
  writeFileSync(join(cwd, 'nothing.db'), '')
  writeFileSync(
    join(cwd, 'text.db'),
    'no database at all, only a longer line of text than a header has'.repeat(20),
  )
  await openSqliteBackendInProcess({ file: join(cwd, 'queue.db') }).close()
  for (const name of ['old.db', 'new.db']) {
    await openSqliteBackendInProcess({ file: join(cwd, name) }).close()
    const db = new DatabaseSync(join(cwd, name))
    db.exec(`UPDATE schema_versions SET version = ${name === 'old.db' ? 0 : 999} WHERE component = 'queue'`)
    db.close()
  }
  const queue = new DatabaseSync(join(cwd, 'queue.db'), { readOnly: true })
  const version = queue.prepare("SELECT version FROM schema_versions WHERE component = 'queue'").get()
  queue.close()
  const bare = new DatabaseSync(join(cwd, 'bare.db'))
  bare.exec(
    'PRAGMA journal_mode = WAL; CREATE TABLE schema_versions (component TEXT PRIMARY KEY, version INTEGER)',
  )
  bare.prepare("INSERT INTO schema_versions VALUES ('queue', ?)").run(Number(version?.['version']))
  bare.close()
  await (
    await openLibrarySession({ library: join(cwd, 'Photos'), state: undefined, command: 'ingest', now: 1 })
  ).close()
})
after(() => rmSync(cwd, { recursive: true }))

function target(path: string): { path: string; cwd: string; state: undefined } {
  return { path, cwd, state: undefined }
}

describe('openQueue', () => {
  test('opens a database file', async () => {
    const queue = await openQueue(target('queue.db'), looking)
    assert.deepEqual(queue.place, { database: join(cwd, 'queue.db') })
    assert.deepEqual(await queue.backend.list({ limit: 1 }), [])
    await queue.close()
  })

  test('opens a library by its folder, and knows its program', async () => {
    const queue = await openQueue(target('Photos'), changing)
    assert.deepEqual(queue.place, {
      database: join(cwd, 'Photos/.heirloom/library.db'),
      library: join(cwd, 'Photos'),
    })
    assert.equal(await queue.backend.call('library.bytes', null), 0)
    await queue.close()
  })

  test('knows a library by its file too, and loads no program that is not needed', async () => {
    const file = target('Photos/.heirloom/library.db')
    const queue = await openQueue(file, changing)
    assert.equal(await queue.backend.call('library.bytes', null), 0)
    await queue.close()
    const look = await openQueue(file, looking)
    await assert.rejects(look.backend.call('library.bytes', null), { code: 'queue/unknown-call' })
    await look.close()
  })

  test('opens a library beside its coordinator', async () => {
    const session = await openLibrarySession({
      library: join(cwd, 'Photos'),
      state: undefined,
      command: 'ingest',
      now: 1,
    })
    const queue = await openQueue(target('Photos'), changing)
    await queue.backend.setPaused('item', true)
    assert.deepEqual(await session.backend.pausedLanes(), ['item'])
    await queue.close()
    await session.close()
  })

  const refused: { fact: string; path: string; error: object; file?: string }[] = [
    { fact: 'a folder without a library', path: 'empty', error: { code: 'queue/not-a-queue' } },
    { fact: 'an empty file', path: 'nothing.db', error: { code: 'queue/not-a-queue' } },
    { fact: 'a file that is no database', path: 'text.db', error: { code: 'queue/not-a-queue' } },
    {
      fact: 'a database that only says that it is a queue',
      path: 'bare.db',
      error: { code: 'queue/not-a-queue' },
    },
    { fact: 'an older database', path: 'old.db', error: { code: 'queue/older-schema' } },
    { fact: 'a newer database', path: 'new.db', error: { code: 'queue/newer-schema' } },
  ]
  for (const { fact, path, error } of refused) {
    test(`refuses ${fact}, and leaves it as it is`, async () => {
      const file = join(cwd, path)
      const before = path === 'empty' ? undefined : readFileSync(file)
      await assert.rejects(openQueue(target(path), looking), error)
      if (before === undefined) assert.equal(existsSync(join(file, '.heirloom')), false)
      else assert.deepEqual(readFileSync(file), before)
    })
  }

  test('refuses the state of another library', async () => {
    const session = await openLibrarySession({
      library: join(cwd, 'Other'),
      state: undefined,
      command: 'ingest',
      now: 1,
    })
    await session.close()
    mkdirSync(join(cwd, 'Mixed/.heirloom'), { recursive: true })
    for (const [from, name] of [
      ['Other', 'library.db'],
      ['Photos', 'id'],
    ] as const)
      writeFileSync(join(cwd, 'Mixed/.heirloom', name), readFileSync(join(cwd, from, '.heirloom', name)))
    await assert.rejects(openQueue(target('Mixed'), looking), { code: 'library/other-library' })
  })

  test('a path that is not there is a usage error with the nearest name', async () => {
    await assert.rejects(openQueue(target('Photoz'), looking), (error) => {
      assert.ok(error instanceof UsageError)
      assert.match(error.message, /no such file or folder: Photoz, did you mean Photos\?/u)
      return true
    })
    assert.equal(existsSync(join(cwd, 'Photoz')), false)
  })
})
