/**
 * Uploads over real HTTP: with an ingest, alone, again, and with a server that goes away in the middle.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { IngestSummary } from '../../src/tasks/ingest-api.ts'
import type { ServerCheck, UploadSummary } from '../../src/tasks/upload-api.ts'
import {
  type FakeImmich,
  type FakeImmichOptions,
  startFakeImmich,
} from '../support/fake-immich/fake-immich.ts'
import { makeTakeout } from '../support/make-takeout.ts'
import { type HeirloomRun, runHeirloom, startHeirloom, until } from '../support/run-heirloom.ts'
import { assertUploaded, expectedContent } from '../support/server-content.ts'

let folder: string
let exports: readonly string[]
/** Ingested without an upload. */
let library: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-upload-'))
  const first = await makeTakeout(join(folder, 'first'))
  const second = await makeTakeout(join(folder, 'second'), { seed: 2, photos: 8, specials: false })
  exports = [...first.inputs, ...second.inputs]
  library = join(folder, 'library')
  const run = await runHeirloom(['ingest', ...exports, '-o', library])
  assert.equal(run.exitCode, 0, run.stderr)
})
after(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function startServer(t: TestContext, options: FakeImmichOptions = {}): Promise<FakeImmich> {
  const fake = await startFakeImmich(options)
  t.after(() => fake.close())
  return fake
}

function envOf(fake: FakeImmich, key: string = fake.key): Record<string, string> {
  return { IMMICH_INSTANCE_URL: fake.address, IMMICH_API_KEY: key }
}

async function upload(fake: FakeImmich, args: readonly string[] = [], from = library): Promise<HeirloomRun> {
  return runHeirloom(['upload', from, '--json', ...args], { env: envOf(fake) })
}

/** Every run in this folder shares a server row: each test has a library of its own where it matters. */
async function ingest(fake: FakeImmich, into: string, args: readonly string[]): Promise<HeirloomRun> {
  return runHeirloom(['ingest', ...exports, '-o', into, '--json', ...args], { env: envOf(fake) })
}

for (const parallel of ['1', '2']) {
  test(`an ingest with --parallel-exports ${parallel} uploads every file once, and a second one sends nothing`, async (t) => {
    const fake = await startServer(t)
    const own = join(folder, `parallel-${parallel}`)
    const run = await ingest(fake, own, ['--parallel-exports', parallel])
    assert.equal(run.exitCode, 0, run.stderr)
    assertUploaded(own, fake.state)
    const { upload: summary } = JSON.parse(run.stdout) as IngestSummary
    assert.deepEqual(
      summary?.exports.map(({ phase, left, failed }) => [phase, left, failed]),
      [
        ['finished', 0, 0],
        ['finished', 0, 0],
      ],
    )
    const before = fake.callsOf('*')
    const again = await ingest(fake, own, ['--parallel-exports', parallel])
    assert.equal(again.exitCode, 0, again.stderr)
    assert.equal(fake.callsOf('POST /assets'), expectedContent(own).files.length)
    assert.equal(fake.callsOf('*') - before, 4, 'only who the server is was asked')
  })
}

test('upload sends a library that was ingested before; moving the library sends nothing again', async (t) => {
  const fake = await startServer(t)
  const own = join(folder, 'to-move')
  assert.equal((await runHeirloom(['ingest', ...exports, '-o', own])).exitCode, 0)
  assert.equal((await upload(fake, [], own)).exitCode, 0)
  assertUploaded(own, fake.state)
  const moved = join(folder, 'moved')
  await rename(own, moved)
  const sent = fake.callsOf('POST /assets')
  const again = await upload(fake, [], moved)
  assert.equal(again.exitCode, 0, again.stderr)
  assert.equal(fake.callsOf('POST /assets'), sent)
})

test('upload --only sends that export, and a dry run nothing at all', async (t) => {
  const fake = await startServer(t)
  const plan = JSON.parse((await upload(fake, ['--dry-run'])).stdout) as UploadSummary
  assert.equal(fake.state.assets.size, 0)
  assert.equal(plan.forecast?.files, expectedContent(library).files.length)
  const run = await upload(fake, ['--only', 'second'])
  assert.equal(run.exitCode, 0, run.stderr)
  assert.equal(fake.state.assets.size, 8)
  const rest = await upload(fake)
  assert.equal(rest.exitCode, 0, rest.stderr)
  assertUploaded(library, fake.state)
  assert.equal(fake.callsOf('POST /assets'), plan.forecast.files)
})

test('a server of version 2 gets the same', async (t) => {
  const fake = await startServer(t, { version: '2.5.6' })
  const run = await upload(fake)
  assert.equal(run.exitCode, 0, run.stderr)
  assertUploaded(library, fake.state)
})

test('a server that is killed in the middle and comes back has every file once', async (t) => {
  const fake = await startServer(t, { faults: [{ route: 'POST /assets', kind: 'latency', ms: 20 }] })
  const run = startHeirloom(['upload', library, '--json'], { env: envOf(fake) })
  await fake.untilEnded('POST /assets', 10)
  await fake.restart(300)
  const { exitCode, stderr } = await run.ended
  assert.equal(exitCode, 0, stderr)
  assertUploaded(library, fake.state)
})

test('after Ctrl-C twice, a second run completes the upload', async (t) => {
  const fake = await startServer(t, { faults: [{ route: 'POST /assets', kind: 'latency', ms: 40 }] })
  const run = startHeirloom(['upload', library, '--json'], { env: envOf(fake) })
  await fake.untilEnded('POST /assets', 10)
  run.child.kill('SIGINT')
  await until('the first Ctrl-C is noticed', () => (/Ctrl-C again/u.test(run.stderr()) ? true : undefined))
  run.child.kill('SIGINT')
  assert.equal((await run.ended).exitCode, 130)
  assert.ok(fake.state.assets.size < expectedContent(library).files.length)
  fake.faults.clear()
  const again = await upload(fake)
  assert.equal(again.exitCode, 0, again.stderr)
  assertUploaded(library, fake.state)
})

test('a file that the server will not take is named, the others arrive, and the exit code is 1', async (t) => {
  const fake = await startServer(t, {
    faults: [{ route: 'POST /assets', kind: 'status', status: 400, times: 1, readBody: true }],
  })
  const run = await upload(fake)
  assert.equal(run.exitCode, 1)
  const { exports: rows } = JSON.parse(run.stdout) as UploadSummary
  const problems = rows.flatMap((row) => row.problems)
  assert.deepEqual([problems.length, problems[0]?.code], [1, 'immich/rejected'])
  assert.equal(
    rows.reduce((sum, { left }) => sum + left, 0),
    1,
  )
  assert.equal(fake.state.assets.size, expectedContent(library).files.length - 1)
  const again = await upload(fake)
  assert.equal(again.exitCode, 0, again.stderr)
  assertUploaded(library, fake.state)
})

describe('before anything is processed', () => {
  test('a key that lacks permissions ends the ingest, and they are named', async (t) => {
    const fake = await startServer(t)
    const { secret } = fake.addKey(['asset.upload', 'album.read', 'apiKey.read'])
    const own = join(folder, 'refused')
    const run = await runHeirloom(['ingest', ...exports, '-o', own], { env: envOf(fake, secret) })
    assert.equal(run.exitCode, 1)
    assert.match(run.stderr, /lacks permissions: album\.create, albumAsset\.create/u)
    assert.ok(!run.stderr.includes(secret))
  })

  test('immich check names what is missing', async (t) => {
    const fake = await startServer(t)
    const { secret } = fake.addKey(['asset.upload', 'apiKey.read'])
    const run = await runHeirloom(['immich', 'check', '--json'], { env: envOf(fake, secret) })
    assert.equal(run.exitCode, 1)
    const { findings } = JSON.parse(run.stdout) as ServerCheck
    assert.match(findings.find(({ state }) => state === 'fail')?.detail ?? '', /album\.create/u)
  })
})

test('an ingest goes on without its server, and names what was not sent', async (t) => {
  const fake = await startServer(t)
  await fake.kill()
  const own = join(folder, 'without-server')
  const run = await ingest(fake, own, [])
  assert.equal(run.exitCode, 1, run.stderr)
  const { exports: rows, upload: summary } = JSON.parse(run.stdout) as IngestSummary
  assert.deepEqual(
    rows.map(({ phase }) => phase),
    ['finished', 'finished'],
  )
  assert.ok((summary?.exports ?? []).every(({ phase, left }) => phase === 'failed' && left > 0))
  await fake.start()
  assert.equal((await upload(fake, [], own)).exitCode, 0)
  assertUploaded(own, fake.state)
})

test('uploads that stand still for too long are left for later', async (t) => {
  const fake = await startServer(t, { faults: [{ route: 'POST /assets', kind: 'stall', when: 'request' }] })
  const run = await upload(fake, ['--upload-wait', '2s'])
  assert.equal(run.exitCode, 1)
  const { problems, exports: rows } = JSON.parse(run.stdout) as UploadSummary
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['upload/given-up'],
  )
  assert.ok(rows.some(({ left }) => left > 0))
  fake.faults.clear()
  assert.equal((await upload(fake)).exitCode, 0)
  assertUploaded(library, fake.state)
})

test('neither the list of processes nor a child has the key, nor is it written anywhere', {
  skip: process.platform === 'linux' ? false : 'reads /proc',
}, async (t) => {
  const fake = await startServer(t, { faults: [{ route: 'POST /assets', kind: 'latency', ms: 100 }] })
  const own = join(folder, 'secret')
  const log = join(folder, 'log')
  const args = [
    'ingest',
    ...exports,
    '-o',
    own,
    '--immich-key',
    fake.key,
    '--log-level',
    'debug',
    '--log-file',
    log,
  ]
  const run = startHeirloom(args, {
    env: { ...envOf(fake), IMMICH_API_KEY: '', HEIRLOOM_IMMICH_KEY: fake.key },
  })
  const children = await until('a worker runs', async () => {
    const found = await run.descendants()
    return found.length > 0 ? found : undefined
  })
  for (const { pid, command } of children) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    assert.ok(!environment.includes(fake.key) && !command.includes(fake.key))
  }
  assert.ok(!(await readFile(`/proc/${run.pid}/cmdline`, 'utf8')).includes(fake.key))
  const { exitCode, stdout, stderr } = await run.ended
  assert.equal(exitCode, 0, stderr)
  assert.match(stderr, /warning: --immich-key was on the command line/u)
  for (const text of [stdout, stderr, await readFile(log, 'utf8')]) assert.ok(!text.includes(fake.key))
  const database = await readFile(join(own, '.heirloom/library.db'))
  assert.ok(!database.includes(fake.key))
})
