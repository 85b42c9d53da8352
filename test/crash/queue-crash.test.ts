/**
 * SIGKILL at random moments: of workers, of the coordinator, of both. Afterwards no task is lost, and no effect
 * is there twice.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openSqliteBackend } from '../../src/queue/sqlite/index.ts'

const FIXTURES = new URL('../fixtures/queue/', import.meta.url)
const PARENTS = 400
const CHILDREN = 2

interface Coordinator {
  readonly child: ChildProcess
  readonly workers: number[]
  readonly firstWorker: Promise<void>
  /** Whether it drained the queue, once it is gone. */
  readonly drained: Promise<boolean>
}

async function setup(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'queue-crash-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'queue.db')
  const backend = await openSqliteBackend({ file, program: new URL('crash-program.ts', FIXTURES) })
  const parent = { kind: 'step', lane: 'w', payload: { children: CHILDREN } }
  await backend.add(Array.from({ length: PARENTS }, () => parent))
  await backend.close()
  return file
}

function startCoordinator(t: TestContext, file: string): Coordinator {
  const script = new URL('crash-coordinator.ts', FIXTURES)
  const child = spawn(process.execPath, [script.pathname, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { NODE_COMPILE_CACHE: join(dirname(file), 'compiled'), ...process.env },
  })
  t.after(() => child.kill('SIGKILL'))
  const workers: number[] = []
  const lines = createInterface({ input: child.stdout })
  let sawDrained = false
  const firstWorker = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line === 'drained') sawDrained = true
      if (line.startsWith('worker ')) workers.push(Number(line.slice(7)))
      resolve()
    })
    child.once('exit', () => resolve())
  })
  const drained = new Promise<boolean>((resolve) => {
    child.once('close', () => resolve(sawDrained))
  })
  return { child, workers, firstWorker, drained }
}

async function isGone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (state === '' || / Z /u.test(state)) return true
    await delay(10)
  }
  return false
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It had ended by itself.
  }
}

/** Each task completed, each with exactly one effect. */
function assertWhole(file: string): void {
  const db = new DatabaseSync(file, { readOnly: true })
  const number = (sql: string) => Number(Object.values(db.prepare(sql).get() ?? {})[0])
  const total = PARENTS * (1 + CHILDREN)
  try {
    assert.equal(number("SELECT count(*) FROM queue_tasks WHERE status = 'completed'"), total)
    assert.equal(number('SELECT count(*) FROM queue_tasks'), total)
    assert.equal(number('SELECT count(*) FROM effects'), total)
    assert.equal(number('SELECT count(DISTINCT task_id) FROM effects'), total)
    assert.equal(number("SELECT tasks FROM queue_counts WHERE status = 'completed'"), total)
    assert.equal(number('SELECT sum(abs(tasks)) FROM queue_counts'), total)
    assert.equal(db.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
  } finally {
    db.close()
  }
}

test('a coordinator killed at random moments loses nothing, doubles nothing, leaves no worker', async (t) => {
  const file = await setup(t)
  const workers: number[] = []
  let kills = 0
  for (; kills < 5; kills += 1) {
    const coordinator = startCoordinator(t, file)
    await coordinator.firstWorker
    await Promise.race([delay(60 + Math.random() * 140), coordinator.drained])
    coordinator.child.kill('SIGKILL')
    const drained = await coordinator.drained
    workers.push(...coordinator.workers)
    if (drained) break
  }
  assert.ok(kills >= 3, `it was done after ${kills} kills, too few to say anything`)
  const last = startCoordinator(t, file)
  assert.equal(await last.drained, true)
  assertWhole(file)
  assert.deepEqual([...new Set(await Promise.all(workers.map(isGone)))], [true])
})

test('workers killed at random moments cost attempts, never a task or a second effect', async (t) => {
  const file = await setup(t)
  const coordinator = startCoordinator(t, file)
  await coordinator.firstWorker
  let kills = 0
  let drained = false
  void coordinator.drained.then(() => {
    drained = true
  })
  while (!drained && kills < 8) {
    await delay(40 + Math.random() * 80)
    const victim = coordinator.workers.at(-1 - (kills % 2))
    if (victim === undefined) continue
    kill(victim)
    kills += 1
  }
  assert.equal(await coordinator.drained, true)
  assert.ok(kills >= 3, `it was done after ${kills} kills, too few to say anything`)
  assertWhole(file)
})
