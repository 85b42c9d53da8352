import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { FakeClock } from '../../clock.ts'
import type { Backend, Settlement } from '../backend.ts'
import { conformanceProgram, describeBackend } from '../testing/backend-conformance.ts'
import { openSqliteBackend, openSqliteBackendInProcess, startSqliteBackend } from './index.ts'

const program = conformanceProgram<DatabaseSync>({
  migrate: (db) => db.exec('CREATE TABLE IF NOT EXISTS effects (effect TEXT NOT NULL)'),
  add: (db, effect) => db.prepare('INSERT INTO effects VALUES (?)').run(effect),
  all: (db) =>
    db
      .prepare('SELECT effect FROM effects ORDER BY rowid')
      .all()
      .map((row) => String(row['effect'])),
})

describeBackend('sqlite backend in the caller’s thread', async () => {
  const clock = new FakeClock()
  return { clock, backend: openSqliteBackendInProcess({ file: ':memory:', clock, program }) }
})

test('an addition of payloads that are too long for one statement keeps its order', async (t) => {
  const backend = openSqliteBackendInProcess({ file: ':memory:' })
  t.after(() => backend.close())
  const lengths = [1_500_000, 0, 2_600_000, 5_000_000, 1, 2]
  const tasks = lengths.map((length) => ({ kind: 'plain', lane: 'a', payload: '"'.repeat(length) }))
  const added = await backend.add(tasks)
  assert.deepEqual(
    added.map(({ id }) => id),
    [1, 2, 3, 4, 5, 6],
  )
  const stored = await backend.list({ lane: 'a', limit: 9 })
  assert.deepEqual(
    stored.map(({ payload }) => String(payload).length),
    lengths,
  )
  assert.equal((await backend.counts('a')).pending, 6)
})

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'queue-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const PLAIN = { kind: 'plain', lane: 'a', payload: null } as const

const PROGRAM = `
export const program = {
  migrate: (db) => db.exec('CREATE TABLE IF NOT EXISTS notes (note TEXT)'),
  calls: {
    note: ({ db }, note) => { db.prepare('INSERT INTO notes VALUES (?)').run(note); return note.length },
    refuse: () => { throw Object.assign(new Error('no room'), { code: 'ENOSPC', syscall: 'write' }) },
  },
}`

describe('sqlite backend in its own thread', () => {
  test('stores what JSON makes of a payload and a result, whatever a thread could be sent', async (t) => {
    class Amount {
      readonly #cents: number
      constructor(cents: number) {
        this.#cents = cents
      }
      toJSON(): string {
        return `${this.#cents} ct`
      }
    }
    const backend = await openSqliteBackend({ file: join(await temporaryFolder(t), 'q.db') })
    t.after(() => backend.close())
    const values = [new Amount(5), { at: new Date(0), done: () => 1 }, new URL('http://a/b'), undefined]
    const texts = ['5 ct', { at: '1970-01-01T00:00:00.000Z' }, 'http://a/b', null]
    await backend.add(values.map((payload) => ({ kind: 'plain', lane: 'a', payload })))
    const claim = [{ lane: 'a', limit: 9, workerId: 'w', leaseMs: 9_000 }]
    const claimed = (await backend.exchange({ settle: [], claim })).claimed.flat()
    assert.deepEqual(
      claimed.map(({ task }) => task.payload),
      texts,
    )
    const settle = claimed.map(({ lease }, index): Settlement => {
      return { lease, outcome: 'completed', result: values[index] }
    })
    await backend.exchange({ settle, claim: [] })
    assert.deepEqual(
      (await backend.list({ limit: 9 })).map(({ result }) => result),
      texts,
    )
    await backend.putSchedule({ name: 's', cron: '* * * * *', task: { ...PLAIN, payload: values } })
    assert.deepEqual((await backend.schedules())[0]?.task.payload, texts)
  })

  test('a result that is not JSON ends its own attempt and no other, and so does a payload its addition', async (t) => {
    const backend = await openSqliteBackend({ file: join(await temporaryFolder(t), 'q.db') })
    t.after(() => backend.close())
    const ring: Record<string, unknown> = {}
    ring['ring'] = ring
    for (const payload of [5n, ring]) {
      await assert.rejects(backend.add([PLAIN, { ...PLAIN, payload }]), { code: 'queue/invalid-task' })
    }
    await backend.add(Array.from({ length: 3 }, () => ({ ...PLAIN, maxRetries: 0 })))
    const claim = [{ lane: 'a', limit: 9, workerId: 'w', leaseMs: 9_000 }]
    const claimed = (await backend.exchange({ settle: [], claim })).claimed.flat()
    const settle = claimed.map(({ lease }, index): Settlement => {
      return { lease, outcome: 'completed', result: [5n, 5, ring][index] }
    })
    const { settled } = await backend.exchange({ settle, claim: [] })
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['failed', 'completed', 'failed'],
    )
    assert.equal((await backend.get(1))?.error?.code, 'bug/TypeError')
    await assert.rejects(backend.call('nothing', () => 1))
    assert.equal((await backend.counts()).completed, 1)
  })

  test('keeps tasks and program tables in one file over a reopening', async (t) => {
    const folder = await temporaryFolder(t)
    const file = join(folder, 'q.db')
    const module = join(folder, 'program.mjs')
    await writeFile(module, PROGRAM)
    const options = { file, program: pathToFileURL(module), durability: 'process' } as const
    const first = await openSqliteBackend(options)
    await first.add([{ kind: 'plain', lane: 'a', payload: { name: 'ü' } }])
    assert.equal(await first.call('note', 'hello'), 5)
    await first.close()
    const second = await openSqliteBackend(options)
    const [task] = await second.list({ limit: 5 })
    await second.close()
    assert.deepEqual(task?.payload, { name: 'ü' })
    const db = new DatabaseSync(file, { readOnly: true })
    t.after(() => db.close())
    assert.equal(db.prepare('SELECT note FROM notes').get()?.['note'], 'hello')
    assert.equal(
      db.prepare("SELECT version FROM schema_versions WHERE component = 'queue'").get()?.['version'],
      1,
    )
  })

  test('a pause and taken tokens outlive a reopening', async (t) => {
    const file = join(await temporaryFolder(t), 'q.db')
    const rate = { limit: 2, perMs: 3_600_000 }
    const claim = [{ lane: 'a', limit: 9, workerId: 'w', leaseMs: 1_000, rate }]
    const first = await openSqliteBackend({ file })
    await first.add(Array.from({ length: 3 }, (_, payload) => ({ kind: 'plain', lane: 'a', payload })))
    await first.setPaused('b', true)
    assert.equal((await first.exchange({ settle: [], claim })).claimed[0]?.length, 2)
    await first.close()
    const second = await openSqliteBackend({ file })
    t.after(() => second.close())
    assert.deepEqual(await second.pausedLanes(), ['b'])
    assert.equal((await second.exchange({ settle: [], claim })).claimed[0]?.length, 0)
    assert.ok(((await second.nextDueAt('a', rate)) ?? 0) > Date.now() + 3_000_000)
  })

  test('errors keep their code over the thread', async (t) => {
    const folder = await temporaryFolder(t)
    const module = join(folder, 'program.mjs')
    await writeFile(module, PROGRAM)
    const backend = await openSqliteBackend({ file: join(folder, 'q.db'), program: pathToFileURL(module) })
    t.after(() => backend.close())
    await assert.rejects(backend.call('refuse', null), { code: 'system/ENOSPC', recovery: 'retry' })
    await assert.rejects(
      backend.add([{ kind: 'plain', lane: 'a', payload: null, dependsOn: [{ taskId: 7 }] }]),
      { code: 'queue/unknown-dependency', hint: 'Add a task before those that depend on it.' },
    )
  })

  test('a program without its export and a database from the future are refused', async (t) => {
    const folder = await temporaryFolder(t)
    const module = join(folder, 'empty.mjs')
    await writeFile(module, 'export const other = 1')
    const file = join(folder, 'q.db')
    await assert.rejects(openSqliteBackend({ file, program: pathToFileURL(module) }), {
      code: 'queue/invalid-module',
    })
    await (await openSqliteBackend({ file })).close()
    const db = new DatabaseSync(file)
    db.exec("UPDATE schema_versions SET version = 999 WHERE component = 'queue'")
    db.close()
    await assert.rejects(openSqliteBackend({ file }), { code: 'queue/newer-schema' })
  })

  test('what is asked while it is being opened is answered afterwards', async (t) => {
    const { backend, opened } = startSqliteBackend({ file: join(await temporaryFolder(t), 'q.db') })
    t.after(() => backend.close())
    const [[added]] = await Promise.all([backend.add([{ kind: 'plain', lane: 'a', payload: 1 }]), opened])
    assert.equal((await backend.get(added?.id ?? 0))?.payload, 1)
  })

  test('what is asked of a database that cannot be opened is refused', async (t) => {
    const { backend, opened } = startSqliteBackend({
      file: join(await temporaryFolder(t), 'missing', 'q.db'),
    })
    const asked = assert.rejects(backend.counts(), { code: 'queue/store-closed' })
    await assert.rejects(opened, /unable to open/u)
    await asked
    await backend.close()
  })

  test('a closed backend refuses, and closing twice is safe', async (t) => {
    const folder = await temporaryFolder(t)
    const backend = await openSqliteBackend({ file: join(folder, 'q.db') })
    await Promise.all([backend.close(), backend.close()])
    await assert.rejects(backend.counts(), { code: 'queue/store-closed' })
  })

  test('stores on one file never run two tasks with one key at a time', async (t) => {
    const folder = await temporaryFolder(t)
    const file = join(folder, 'q.db')
    const stores = [await openSqliteBackend({ file }), await openSqliteBackend({ file })]
    t.after(() => Promise.all(stores.map((store) => store.close())))
    const keyed = { kind: 'plain', payload: null, concurrencyKey: 'k' }
    const tasks = Array.from({ length: 40 }, (_, n) => ({ ...keyed, lane: n % 2 === 0 ? 'a' : 'b' }))
    await stores[0]?.add(tasks)
    let running = 0
    let done = 0
    const drain = async (store: Backend): Promise<void> => {
      for (let idle = 0; done < tasks.length && idle < 500; idle += 1) {
        const claim = ['a', 'b'].map((lane) => ({ lane, limit: 5, workerId: 'w', leaseMs: 60_000 }))
        const { claimed } = await store.exchange({ settle: [], claim })
        for (const { lease } of claimed.flat()) {
          assert.equal(++running, 1)
          // The other store gets its chance to claim the next one too early.
          await store.counts()
          running -= 1
          done += 1
          idle = 0
          await store.exchange({ settle: [{ lease, outcome: 'completed', result: null }], claim: [] })
        }
      }
    }
    await Promise.all(stores.map(drain))
    assert.equal(done, tasks.length)
  })

  test('two stores on one file share its tasks without claiming one twice', async (t) => {
    const folder = await temporaryFolder(t)
    const file = join(folder, 'q.db')
    const [one, two] = [await openSqliteBackend({ file }), await openSqliteBackend({ file })]
    t.after(() => Promise.all([one.close(), two.close()]))
    await one.add(Array.from({ length: 300 }, (_, payload) => ({ kind: 'plain', lane: 'a', payload })))
    const claim = [{ lane: 'a', limit: 10, workerId: 'w', leaseMs: 1_000 }]
    const rounds = Array.from({ length: 40 }, (_, round) =>
      (round % 2 === 0 ? one : two).exchange({ settle: [], claim }),
    )
    const ids = (await Promise.all(rounds)).flatMap(
      ({ claimed }) => claimed[0]?.map(({ task }) => task.id) ?? [],
    )
    assert.equal(ids.length, 300)
    assert.equal(new Set(ids).size, 300)
  })
})
