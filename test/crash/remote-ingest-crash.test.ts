/**
 * Worker hosts, Redis and coordinators that are killed or frozen amid an ingest: the library becomes the same as that
 * of a run on one machine that nobody disturbed.
 *
 * `HEIRLOOM_CRASH_KILLS` sets how many worker hosts are killed; the default is what a test run has the time for. What a
 * killed host had comes back when its lock has run out, after 15 to 20 s; in the short run, Redis forgets it sooner.
 * `HEIRLOOM_TEST_SEED` repeats a run's moments, as far as a machine repeats anything.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { queueNameOf } from '../../src/queue/bullmq/wire.ts'
import { contradictions, libraryContent } from '../support/library-content.ts'
import { makeTakeout } from '../support/make-takeout.ts'
import { NO_REDIS, startRedis, type TestRedis, type TestRedisOptions } from '../support/redis-server.ts'
import { startWorkerHost, type WorkerHost } from '../support/remote-hosts.ts'
import { type Outcome, outcomeOf } from '../support/remote-outcome.ts'
import {
  type HeirloomRun,
  leftBehind,
  type RunningHeirloom,
  startHeirloom,
  until,
} from '../support/run-heirloom.ts'
import { runHere } from '../support/run-here.ts'

const KILLS = Number(process.env['HEIRLOOM_CRASH_KILLS'] ?? 1)
const SEED = Number(process.env['HEIRLOOM_TEST_SEED'] ?? Date.now() % 1_000_000)
const HOSTS = KILLS > 1 ? 3 : 2
const PHOTOS = KILLS > 1 ? 60 : 24
const PREFIX = 'crash'

/** So few that a run has many moments to be killed at. */
const WINDOW = 4

/** Locks that have to run out, and machines that are busy with other tests. */
const RUN_LIMIT_MS = KILLS > 1 ? 300_000 : 60_000

let folder: string
let inputs: readonly string[]
let expected: Outcome
let libraries = 0
let redis: TestRedis | undefined
let hosts: WorkerHost[] = []
let runs: RunningHeirloom[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-remote-crash-'))
  const made = await makeTakeout(join(folder, 'zip'), {
    form: 'zip',
    photos: PHOTOS,
    specials: KILLS > 1,
    widthPx: KILLS > 1 ? 160 : 64,
  })
  inputs = made.inputs
  const undisturbed = join(folder, 'undisturbed')
  const { exitCode, stderr } = await runHere(['ingest', ...inputs, '-o', undisturbed, '--workers', '2'])
  assert.equal(exitCode, 0, stderr)
  expected = await outcomeOf(undisturbed)
})
afterEach(async () => {
  // Only where a test failed is one still running.
  for (const { child } of [...hosts, ...runs]) child.kill('SIGKILL')
  await Promise.all(runs.map((run) => leftBehind(run, 5_000)))
  await redis?.stop()
  hosts = []
  runs = []
})
after(() => rm(folder, { recursive: true, force: true }))

/** Undefined where there is none that we may kill. */
async function openRedis(options: TestRedisOptions): Promise<TestRedis | undefined> {
  redis = await startRedis(options)
  return redis?.isOwn === true ? redis : undefined
}

function host({ url }: TestRedis): WorkerHost {
  const started = startWorkerHost({ redis: url, prefix: PREFIX, folder, lanes: 'item', workers: 1 })
  hosts.push(started)
  return started
}

function ingest(library: string, { url }: TestRedis): RunningHeirloom {
  const remote = ['--redis', url, '--redis-prefix', PREFIX, '--redis-window', String(WINDOW)]
  const args = ['ingest', ...inputs, '-o', library, '--log-level', 'debug', '--json']
  const run = startHeirloom([...args, ...remote], { timeoutMs: RUN_LIMIT_MS })
  runs.push(run)
  return run
}

function newLibrary(): string {
  libraries += 1
  return join(folder, `library-${libraries}`)
}

/** Same numbers for the same seed: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Assets that are committed. */
function placedIn(library: string): number {
  const file = join(library, '.heirloom', 'library.db')
  if (!existsSync(file)) return 0
  const db = new DatabaseSync(file, { readOnly: true, timeout: 1_000 })
  try {
    return Number(db.prepare('SELECT count(*) AS count FROM assets').get()?.['count'])
  } catch {
    // It is just being made.
    return 0
  } finally {
    db.close()
  }
}

async function untilPlaced(library: string, count: number, run: RunningHeirloom): Promise<void> {
  await until(
    `${count} files are placed`,
    () => {
      if (run.child.exitCode !== null) throw new Error(`ingest ended early: ${run.stderr()}`)
      return placedIn(library) >= count ? true : undefined
    },
    60_000,
  )
}

async function requireWhole(library: string, { exitCode, stdout, stderr }: HeirloomRun): Promise<void> {
  assert.equal(exitCode, 0, `seed ${SEED}, ${library}\n${stdout}\n${stderr}`)
  await requireSame(library)
}

/** Temporary files of attempts that nobody waited for may be left: the next run sweeps them. */
async function requireSame(library: string): Promise<void> {
  const found = (await contradictions(library)).filter((line) => !line.startsWith('left over: '))
  assert.deepEqual(found, [], `seed ${SEED}, ${library}`)
  assert.deepEqual(await outcomeOf(library), expected, `seed ${SEED}, ${library}`)
}

interface Trial {
  readonly server: TestRedis
  readonly random: () => number
  kills: number
  over: boolean
}

/** Kills the host of one slot again and again, and puts another one into its place. */
async function disturb(trial: Trial, first: WorkerHost): Promise<void> {
  let current = first
  while (!trial.over) {
    await delay(1_000 + 4_000 * trial.random())
    if (trial.over || trial.kills >= KILLS) return
    trial.kills += 1
    await current.kill()
    current = host(trial.server)
  }
}

/** One library, with hosts killed from one slot, and Redis once. */
async function spoil(trial: Trial): Promise<void> {
  const library = newLibrary()
  const started = Array.from({ length: HOSTS }, () => host(trial.server))
  await Promise.all(started.map((one) => one.ready()))
  const run = ingest(library, trial.server)
  const disturbed = disturb(trial, started[0]!)
  await untilPlaced(library, 10, run)
  await trial.server.kill('SIGKILL')
  await delay(200 * trial.random())
  await trial.server.start()
  const ended = await run.ended
  trial.over = true
  await disturbed
  await Promise.all(hosts.map((one) => one.kill()))
  await requireWhole(library, ended)
  await rm(library, { recursive: true })
}

/** Resolves when no job of lane `item` waits or runs. */
async function untilCarriedOut({ url }: TestRedis): Promise<void> {
  const client = new Redis(url)
  const key = (name: string): string => `${PREFIX}:${queueNameOf('item')}:${name}`
  try {
    await until('the hosts have done what was handed out', async () => {
      const open = (await client.zcard(key('prioritized'))) + (await client.llen(key('active')))
      const done = await client.zcard(key('completed'))
      return open === 0 && done > 0 ? true : undefined
    })
  } finally {
    client.disconnect()
  }
}

/** One that is frozen amid a transaction would hold the database, too. */
async function freezeBetweenTransactions(run: RunningHeirloom, library: string): Promise<void> {
  await until('the database is free', async () => {
    if (run.child.exitCode !== null) throw new Error(`ingest ended early: ${run.stderr()}`)
    run.child.kill('SIGSTOP')
    const db = new DatabaseSync(join(library, '.heirloom', 'library.db'), { timeout: 0 })
    try {
      db.exec('BEGIN IMMEDIATE; ROLLBACK')
      return true
    } catch {
      run.child.kill('SIGCONT')
      await delay(5)
      return undefined
    } finally {
      db.close()
    }
  })
}

test('hosts and a Redis that forgets everything are killed: nothing is lost, nothing is double', async (t) => {
  const server = await openRedis({ appendOnly: 'no' })
  if (server === undefined) return t.skip(NO_REDIS)
  const library = newLibrary()
  const started = Array.from({ length: HOSTS }, () => host(server))
  await Promise.all(started.map((one) => one.ready()))
  const run = ingest(library, server)
  await untilPlaced(library, 1, run)
  await started[0]!.kill()
  host(server)
  await server.kill('SIGKILL')
  await server.start()
  const ended = await run.ended
  assert.match(ended.stderr, /redis is back/u)
  await requireWhole(library, ended)
  await Promise.all(hosts.map((one) => one.end()))
  // Whatever the killed host has left is swept by the next run, which has nothing else to do.
  const { exitCode, stderr } = await runHere(['ingest', ...inputs, '-o', library])
  assert.equal(exitCode, 0, stderr)
  assert.deepEqual((await libraryContent(library)).temps, [])
})

test(`${KILLS} worker hosts are killed, and Redis with and without persistence`, async (t) => {
  if (KILLS < 2) return t.skip('HEIRLOOM_CRASH_KILLS asks for more')
  const random = randomOf(SEED)
  let kills = 0
  for (let round = 0; kills < KILLS; round += 1) {
    const server = await openRedis({ appendOnly: round % 2 === 0 ? 'everysec' : 'no' })
    if (server === undefined) return t.skip(NO_REDIS)
    const trial = { server, random, kills, over: false }
    await spoil(trial)
    kills = trial.kills
    await server.stop()
    hosts = []
    t.diagnostic(`seed ${SEED}: ${kills} hosts killed in ${round + 1} libraries`)
  }
})

test('what a killed coordinator handed out is not committed by the next one', async (t) => {
  const server = await openRedis({ appendOnly: 'no' })
  if (server === undefined) return t.skip(NO_REDIS)
  const library = newLibrary()
  const frozen = host(server)
  await frozen.ready()
  const first = ingest(library, server)
  await untilPlaced(library, 1, first)
  frozen.child.kill('SIGSTOP')
  first.child.kill('SIGKILL')
  await first.ended
  await host(server).ready()
  const second = ingest(library, server)
  await untilPlaced(library, 12, second)
  // It goes on with what it had: its files have names that no attempt of the second run has.
  frozen.child.kill('SIGCONT')
  await requireWhole(library, await second.ended)
  assert.deepEqual(await leftBehind(first, 5_000), [])
})

test('a frozen coordinator keeps its library; one whose lock was lost commits nothing more', async (t) => {
  const server = await openRedis({ appendOnly: 'no' })
  if (server === undefined) return t.skip(NO_REDIS)
  const library = newLibrary()
  await host(server).ready()
  const first = ingest(library, server)
  await untilPlaced(library, 1, first)
  await freezeBetweenTransactions(first, library)
  const second = await ingest(library, server).ended
  assert.equal(second.exitCode, 1)
  assert.match(second.stderr, /is in use by/u)
  // What it had handed out is done meanwhile, and waits for it.
  await untilCarriedOut(server)
  // As a share does that forgets its locks.
  await unlink(join(library, '.heirloom', 'coordinator.lock'))
  await requireWhole(library, await ingest(library, server).ended)
  const wokeAt = new Date().toISOString()
  first.child.kill('SIGCONT')
  const { stderr } = await first.ended
  const since = stderr
    .split('\n')
    .filter((line) => (/"time":"(?<time>[^"]+)"/u.exec(line)?.[1] ?? '') >= wokeAt)
  // It finds its leases lost, or is refused (`stale`): whatever it sees first.
  assert.doesNotMatch(since.join('\n'), /"kind":"item","status":"completed"/u)
  await requireSame(library)
})
