/**
 * The soak: two coordinators share one database, and somebody kills one process after the other, coordinators and
 * workers alike, while tasks keep coming. Then everything is done, once, and nothing is left running.
 *
 * `HEIRLOOM_SOAK_KILLS` sets how many; the default is what a test run has the time for.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Backend } from '../../src/queue/index.ts'
import { openSqliteBackend } from '../../src/queue/sqlite/index.ts'

const KILLS = Number(process.env['HEIRLOOM_SOAK_KILLS'] ?? 12)
const COORDINATORS = 2
/** Tasks are added whenever fewer than this are ready. */
const LOW_WATER = 200
const DRAIN_LIMIT_MS = 60_000
const FIXTURES = new URL('../fixtures/queue/', import.meta.url)

interface Herd {
  readonly coordinators: Set<ChildProcess>
  readonly workers: Set<number>
  readonly everyWorker: Set<number>
}

function startCoordinator(t: TestContext, file: string, herd: Herd): void {
  const script = new URL('soak-coordinator.ts', FIXTURES)
  const child = spawn(process.execPath, [script.pathname, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { NODE_COMPILE_CACHE: join(dirname(file), 'compiled'), ...process.env },
  })
  t.after(() => child.kill('SIGKILL'))
  herd.coordinators.add(child)
  createInterface({ input: child.stdout }).on('line', (line) => {
    const pid = Number(line.slice('worker '.length))
    herd.workers.add(pid)
    herd.everyWorker.add(pid)
  })
  child.once('exit', () => herd.coordinators.delete(child))
}

/** Kills one process of the herd; false when there was none to kill. */
function killOne({ coordinators, workers }: Herd): boolean {
  const isCoordinator = Math.random() < 0.3
  const victims = isCoordinator ? [...coordinators].map(({ pid }) => pid ?? 0) : [...workers]
  const victim = victims[Math.floor(Math.random() * victims.length)]
  if (victim === undefined || victim === 0) return false
  workers.delete(victim)
  try {
    return process.kill(victim, 'SIGKILL')
  } catch {
    return false
  }
}

/** Keeps `LOW_WATER` tasks ready, besides those that a dead coordinator holds; answers how many it added. */
async function feed(backend: Backend): Promise<number> {
  const { pending } = await backend.counts('w')
  if (pending >= LOW_WATER) return 0
  const task = { kind: 'step', lane: 'w', payload: { children: 1 }, maxRetries: 1_000 }
  await backend.add(Array.from({ length: LOW_WATER }, () => task))
  return LOW_WATER
}

/** Waits for a task to end after those `before`; answers how many have. So a kill finds work on its way. */
async function untilMore(backend: Backend, before: number): Promise<number> {
  const deadline = performance.now() + DRAIN_LIMIT_MS
  for (;;) {
    const { completed } = await backend.counts('w')
    if (completed > before) return completed
    assert.ok(performance.now() < deadline, `no task ends after ${before}`)
    await delay(10)
  }
}

async function drain(backend: Backend): Promise<void> {
  const deadline = performance.now() + DRAIN_LIMIT_MS
  for (;;) {
    const { waiting, pending, processing, retry } = await backend.counts('w')
    const open = waiting + pending + processing + retry
    if (open === 0) return
    assert.ok(performance.now() < deadline, `${open} tasks are still open, ${processing} of them processing`)
    await delay(50)
  }
}

function assertWhole(file: string, tasks: number): void {
  const db = new DatabaseSync(file, { readOnly: true })
  const number = (sql: string) => Number(Object.values(db.prepare(sql).get() ?? {})[0])
  try {
    assert.equal(number("SELECT count(*) FROM queue_tasks WHERE status = 'completed'"), tasks)
    assert.equal(number('SELECT count(*) FROM queue_tasks'), tasks)
    assert.equal(number('SELECT count(*) FROM effects'), tasks)
    assert.equal(number('SELECT count(DISTINCT task_id) FROM effects'), tasks)
    assert.equal(db.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
  } finally {
    db.close()
  }
}

async function isGone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (state === '' || / Z /u.test(state)) return true
    await delay(10)
  }
  return false
}

test(`${KILLS} processes killed at random: no task lost, none done twice, no worker left`, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'queue-soak-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'queue.db')
  const program = new URL('crash-program.ts', FIXTURES)
  const backend = await openSqliteBackend({ file, program, durability: 'process' })
  t.after(() => backend.close())
  const herd: Herd = { coordinators: new Set(), workers: new Set(), everyWorker: new Set() }
  let added = 0
  let completed = 0
  for (let kills = 0; kills < KILLS; ) {
    while (herd.coordinators.size < COORDINATORS) startCoordinator(t, file, herd)
    added += await feed(backend)
    completed = await untilMore(backend, completed)
    await delay(Math.random() * 50)
    if (killOne(herd)) kills += 1
  }
  while (herd.coordinators.size < COORDINATORS) startCoordinator(t, file, herd)
  await drain(backend)
  const ended = [...herd.coordinators].map((child) => once(child, 'exit'))
  for (const child of herd.coordinators) child.kill('SIGTERM')
  await Promise.all(ended)
  assertWhole(file, added * 2)
  const gone = await Promise.all([...herd.everyWorker].map(isGone))
  assert.ok(gone.length > 0 && gone.every(Boolean), 'a worker outlived its coordinator')
  t.diagnostic(`${added * 2} tasks, ${herd.everyWorker.size} workers`)
})
