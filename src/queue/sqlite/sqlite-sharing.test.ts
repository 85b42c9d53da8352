/**
 * Several handles, threads and processes on one file: what one does, the others see, and nothing happens twice.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import { FakeClock } from '../../clock.ts'
import type { Backend, LaneStatistics, Settlement } from '../backend.ts'
import { openSqliteBackend, openSqliteBackendInProcess } from './index.ts'
import { SqliteStore } from './sqlite-store.ts'

const INDEX = new URL('./index.ts', import.meta.url)
const IDENTITY = new URL('../process-identity.ts', import.meta.url)
const TASK = { kind: 'plain', lane: 'a', payload: null } as const

async function temporaryFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'queue-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'q.db')
}

async function openThread(t: TestContext, file: string): Promise<Backend> {
  const backend = await openSqliteBackend({ file, durability: 'process' })
  t.after(() => backend.close())
  return backend
}

/** Changes what no request can. */
function edit(file: string, sql: string, ...values: readonly (string | number)[]): void {
  const db = new DatabaseSync(file)
  db.prepare(sql).run(...values)
  db.close()
}

async function completeTasks(backend: Backend, durations: readonly number[]): Promise<void> {
  await backend.add(durations.map(() => TASK))
  const claim = [{ lane: 'a', limit: durations.length, workerId: 'w', leaseMs: 1_000 }]
  const { claimed } = await backend.exchange({ settle: [], claim })
  const settle = (claimed[0] ?? []).map(({ lease }, index): Settlement => {
    return { lease, outcome: 'completed', result: null, durationMs: durations[index] ?? 0 }
  })
  await backend.exchange({ settle, claim: [] })
}

describe('schedules in one file', () => {
  test('two threads that fire at once add each task once', async (t) => {
    const file = await temporaryFile(t)
    const [one, two] = [await openThread(t, file), await openThread(t, file)]
    await one.putSchedule({ name: 'tick', cron: '* * * * * *', onMissed: 'all', task: TASK })
    const missedSince = Math.floor(Date.now() / 1_000) * 1_000 - 600_000
    edit(file, 'UPDATE queue_schedules SET next_at = ?', missedSince)
    const reports = await Promise.all(
      Array.from({ length: 10 }, (_, round) => (round % 2 === 0 ? one : two).fireSchedules()),
    )
    const times = reports.flatMap(({ fired }) => fired.map(({ at }) => at))
    assert.ok(times.length >= 600)
    assert.equal(new Set(times).size, times.length)
    assert.equal((await two.counts('a')).pending, times.length)
  })

  test('a fire time that passes while nobody runs is fired once after the restart', async (t) => {
    const file = await temporaryFile(t)
    const clock = new FakeClock(Date.UTC(2026, 2, 1, 12))
    const first = openSqliteBackendInProcess({ file, clock })
    await first.putSchedule({ name: 'tick', cron: '0 * * * *', task: TASK })
    await first.close()
    clock.advance(2.5 * 3_600_000)
    const fired = []
    for (let start = 0; start < 3; start += 1) {
      const backend = openSqliteBackendInProcess({ file, clock })
      await backend.putSchedule({ name: 'tick', cron: '0 * * * *', task: TASK })
      fired.push(...(await backend.fireSchedules()).fired)
      await backend.close()
    }
    assert.deepEqual(
      fired.map(({ at }) => at),
      [Date.UTC(2026, 2, 1, 14)],
    )
  })

  test('an expression that this version cannot read is told, and holds up no other', async (t) => {
    const file = await temporaryFile(t)
    const clock = new FakeClock(Date.UTC(2026, 2, 1, 12))
    const backend = openSqliteBackendInProcess({ file, clock })
    t.after(() => backend.close())
    await backend.putSchedule({ name: 'a strange one', cron: '* * * * *', task: TASK })
    await backend.putSchedule({ name: 'tick', cron: '* * * * *', task: TASK })
    edit(file, "UPDATE queue_schedules SET cron = 'tomorrow' WHERE name = 'a strange one'")
    clock.advance(60_000)
    const { fired, refused } = await backend.fireSchedules()
    assert.deepEqual(
      [fired.map(({ schedule }) => schedule), refused.map(({ schedule }) => schedule)],
      [['tick'], ['a strange one']],
    )
    assert.equal(refused[0]?.error.code, 'queue/invalid-schedule')
    clock.advance(60_000)
    assert.deepEqual((await backend.fireSchedules()).refused, [])
    await backend.putSchedule({ name: 'a strange one', cron: '* * * * *', task: TASK })
    clock.advance(60_000)
    assert.equal((await backend.fireSchedules()).fired.length, 2)
  })
})

describe('statistics in one file', () => {
  test('each handle adds its own, all see the sum, and it stays over a restart', async (t) => {
    const file = await temporaryFile(t)
    const clock = new FakeClock()
    const [one, two] = [
      openSqliteBackendInProcess({ file, clock }),
      openSqliteBackendInProcess({ file, clock }),
    ]
    await completeTasks(one, [10, 30])
    await completeTasks(two, [20, 40, 50])
    const seen = await one.statistics()
    assert.deepEqual(await two.statistics(), seen)
    await Promise.all([one.close(), two.close()])
    const again = openSqliteBackendInProcess({ file, clock })
    t.after(() => again.close())
    assert.deepEqual(await again.statistics(), seen)
    const [{ durations, throughput }] = seen as [LaneStatistics]
    assert.deepEqual([durations.count, durations.averageMs, durations.maxMs], [5, 30, 50])
    assert.ok(throughput.m1 > 0)
  })

  test('minutes are kept for a quarter of an hour, also after a clock was set back', async (t) => {
    const file = await temporaryFile(t)
    const clock = new FakeClock()
    const backend = openSqliteBackendInProcess({ file, clock })
    t.after(() => backend.close())
    for (let minute = 0; minute < 40; minute += 1) {
      await completeTasks(backend, [1])
      clock.advance(60_000)
    }
    clock.advance(-5 * 60_000)
    await completeTasks(backend, [1])
    const db = new DatabaseSync(file, { readOnly: true })
    t.after(() => db.close())
    const minutes = db.prepare('SELECT minute, ended FROM queue_minutes ORDER BY minute').all()
    assert.ok(minutes.length <= 17, `${minutes.length} minutes are kept`)
    const [{ throughput } = { throughput: { m15: 0 } }] = await backend.statistics()
    // Minutes 24 to 34 with one each and 35 with two: older ones went when the clock was ahead.
    assert.equal(throughput.m15, 13 / 900)
  })
})

const VICTIM = `
import { openSqliteBackend } from ${JSON.stringify(INDEX.href)}
import { processIdentity } from ${JSON.stringify(IDENTITY.href)}
const backend = await openSqliteBackend({ file: process.argv[1], durability: 'process' })
const identity = processIdentity()
await backend.report({ id: 'victim', host: 'here', pid: process.pid, identity, startedAt: 1, lanes: {} })
await backend.add(Array.from({ length: 700 }, () => ({ kind: 'plain', lane: 'a', payload: null, maxRetries: 0 })))
await backend.exchange({ settle: [], claim: [{ lane: 'a', limit: 700, workerId: 'victim', leaseMs: 600_000 }] })
console.log('ready')
setInterval(() => {}, 1_000)
`

test('the tasks of a coordinator that was killed are free again at the next sweep', async (t) => {
  const file = await temporaryFile(t)
  const victim = spawn(process.execPath, ['--input-type=module', '-e', VICTIM, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => victim.kill('SIGKILL'))
  await once(victim.stdout, 'data')
  const backend = await openThread(t, file)
  assert.deepEqual(await backend.sweep(), { expired: [], released: [] })
  assert.deepEqual(
    (await backend.coordinators()).map(({ id }) => id),
    ['victim'],
  )
  victim.kill('SIGKILL')
  await once(victim, 'exit')
  const { expired, released } = await backend.sweep()
  assert.deepEqual([expired.length, released.length], [0, 700])
  assert.equal((await backend.counts('a')).pending, 700)
  assert.deepEqual(await backend.coordinators(), [])
})

describe('watch', () => {
  test('calls back when another handle has changed the file', async (t) => {
    const file = await temporaryFile(t)
    const [one, two] = [await openThread(t, file), await openThread(t, file)]
    const changed = new Promise<void>((resolve) => {
      one.watch(resolve)
    })
    await two.add([TASK])
    await changed
  })

  test('what changed while a thread began to watch is not missed: it calls back once at the start', async (t) => {
    const one = await openThread(t, await temporaryFile(t))
    await new Promise<void>((resolve) => {
      one.watch(resolve)
    })
  })

  test('a handle’s own changes are none to it', async (t) => {
    const file = await temporaryFile(t)
    const [one, two] = [new SqliteStore({ file }), new SqliteStore({ file })]
    t.after(() => [one, two].map((store) => store.close()))
    const before = one.dataVersion()
    one.add([TASK])
    one.counts()
    assert.equal(one.dataVersion(), before)
    two.add([TASK])
    assert.notEqual(one.dataVersion(), before)
  })

  test('one that has ended is not called, the others are', async (t) => {
    const file = await temporaryFile(t)
    const backend = openSqliteBackendInProcess({ file })
    const other = await openThread(t, file)
    let calls = 0
    const end = backend.watch(() => {
      calls += 1
    })
    const changed = new Promise<void>((resolve) => {
      backend.watch(resolve)
    })
    end()
    end()
    await other.add([TASK])
    await changed
    assert.equal(calls, 0)
    await backend.close()
    backend.watch(() => assert.fail('closed'))()
  })

  test('does not keep a process alive, and closing ends it', async (t) => {
    const file = await temporaryFile(t)
    const script = `
      import { openSqliteBackend, openSqliteBackendInProcess } from ${JSON.stringify(INDEX.href)}
      openSqliteBackendInProcess({ file: process.argv[1] }).watch(() => {})
      const thread = await openSqliteBackend({ file: process.argv[1] })
      thread.watch(() => {})
      await thread.close()`
    const { status, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script, file], {
      timeout: 20_000,
      stdio: 'inherit',
    })
    assert.deepEqual({ status, signal }, { status: 0, signal: null })
  })
})

test('what is asked again and again is found by an index', async (t) => {
  const file = await temporaryFile(t)
  await openSqliteBackendInProcess({ file }).close()
  const db = new DatabaseSync(file)
  t.after(() => db.close())
  const planOf = (sql: string): string => JSON.stringify(db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all())
  const final = "status IN ('completed', 'failed', 'cancelled')"
  const prune = `SELECT id FROM queue_tasks WHERE finished_at < 5 AND ${final} ORDER BY finished_at, id LIMIT 5`
  assert.match(planOf(prune), /USING INDEX queue_tasks_ended \(finished_at<\?\)/u)
  assert.doesNotMatch(planOf(prune), /TEMP B-TREE/u)
  const heldBy = `SELECT * FROM queue_tasks WHERE status = 'processing' AND worker_id = 'w' ORDER BY lease_until`
  assert.match(planOf(heldBy), /USING INDEX queue_tasks_lease/u)
})
