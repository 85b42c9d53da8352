/**
 * Uploads over real HTTP: with an ingest, alone, again, and with a server that does not do as it should.
 *
 * A server that goes away in the middle: `test/crash/upload-crash.test.ts`. What the command line has no part in runs
 * in this process, on a library that is ingested once: starting programs is what takes the time here.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { silentLogger } from '../../src/logger.ts'
import type { IngestSummary } from '../../src/tasks/ingest-api.ts'
import { uploadLibrary } from '../../src/tasks/upload.ts'
import type { ServerCheck, UploadOptions, UploadSettings, UploadSummary } from '../../src/tasks/upload-api.ts'
import {
  type FakeImmich,
  type FakeImmichOptions,
  startFakeImmich,
} from '../support/fake-immich/fake-immich.ts'
import { makeTakeout } from '../support/make-takeout.ts'
import { runHeirloom, startHeirloom, until } from '../support/run-heirloom.ts'
import { type RunHere, runHere } from '../support/run-here.ts'
import { assertUploaded, expectedContent } from '../support/server-content.ts'

let folder: string
let exports: readonly string[]
let small: readonly string[]
/** Ingested with an upload to {@link firstServer}; to any other server it is new. */
let library: string
let firstServer: FakeImmich
let firstRun: RunHere

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-upload-'))
  const first = await makeTakeout(join(folder, 'first'), { photos: 4 })
  const second = await makeTakeout(join(folder, 'second'), { seed: 2, photos: 8, specials: false })
  exports = [...first.inputs, ...second.inputs]
  small = second.inputs
  library = join(folder, 'library')
  firstServer = await startFakeImmich()
  firstRun = await ingest(firstServer, library, exports, ['--parallel-exports', '2'])
})
after(async () => {
  await firstServer.close()
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

/** By the command line. */
async function upload(fake: FakeImmich, args: readonly string[] = []): Promise<RunHere> {
  return runHere(['upload', library, '--json', ...args], { env: envOf(fake) })
}

/** By the function behind it. */
async function uploadHere(
  fake: FakeImmich,
  from: string,
  options: Partial<Pick<UploadOptions, 'only' | 'dryRun'>> = {},
  settings: Partial<UploadSettings> = {},
): Promise<UploadSummary> {
  return uploadLibrary({
    library: from,
    state: undefined,
    only: [],
    dryRun: false,
    settings: {
      connection: { address: fake.address, key: fake.key, insecure: false },
      concurrency: 4,
      waitMs: 60_000,
      albumNames: ['{album}'],
      includeTrashed: false,
      ignorePatterns: [],
      ...settings,
    },
    signal: new AbortController().signal,
    kill: new AbortController().signal,
    logger: silentLogger,
    onProgress: () => undefined,
    ...options,
  })
}

function assertWhole({ status, exports: rows, problems }: UploadSummary): void {
  assert.deepEqual([status, problems], ['complete', []])
  for (const { phase, left, failed } of rows) assert.deepEqual([phase, left, failed], ['finished', 0, 0])
}

async function ingest(
  fake: FakeImmich,
  into: string,
  inputs: readonly string[],
  args: readonly string[],
): Promise<RunHere> {
  return runHere(['ingest', ...inputs, '-o', into, '--json', '--workers', '1', ...args], {
    env: envOf(fake),
  })
}

test('an ingest uploads every file once, and a second one sends nothing', async () => {
  assert.equal(firstRun.exitCode, 0, firstRun.stderr)
  assertUploaded(library, firstServer.state)
  const { upload: summary } = JSON.parse(firstRun.stdout) as IngestSummary
  assert.deepEqual(
    summary?.exports.map(({ phase, left, failed }) => [phase, left, failed]),
    [
      ['finished', 0, 0],
      ['finished', 0, 0],
    ],
  )
  const sent = firstServer.callsOf('*')
  const again = await ingest(firstServer, library, exports, ['--parallel-exports', '2'])
  assert.equal(again.exitCode, 0, again.stderr)
  assert.equal(firstServer.callsOf('POST /assets'), expectedContent(library).files.length)
  assert.equal(firstServer.callsOf('*') - sent, 4, 'only who the server is was asked')
})

test('upload sends a library that was ingested before; moving the library sends nothing again', async (t) => {
  const fake = await startServer(t)
  const run = await runHeirloom(['upload', library, '--json'], { env: envOf(fake) })
  assert.equal(run.exitCode, 0, run.stderr)
  assertUploaded(library, fake.state)
  const moved = join(folder, 'moved')
  await rename(library, moved)
  library = moved
  const sent = fake.callsOf('POST /assets')
  assertWhole(await uploadHere(fake, library))
  assert.equal(fake.callsOf('POST /assets'), sent)
})

test('upload --only sends that export, and a dry run nothing at all', async (t) => {
  const fake = await startServer(t)
  const plan = await uploadHere(fake, library, { dryRun: true })
  assert.equal(fake.state.assets.size, 0)
  assert.equal(plan.forecast?.files, expectedContent(library).files.length)
  const run = await upload(fake, ['--only', 'second'])
  assert.equal(run.exitCode, 0, run.stderr)
  assert.equal(fake.state.assets.size, 8)
  assertWhole(await uploadHere(fake, library))
  assertUploaded(library, fake.state)
  assert.equal(fake.callsOf('POST /assets'), plan.forecast.files)
})

test('a server of version 2 gets the same', async (t) => {
  const fake = await startServer(t, { version: '2.5.6' })
  assertWhole(await uploadHere(fake, library))
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
  assertWhole(await uploadHere(fake, library))
  assertUploaded(library, fake.state)
})

test('a file that the server will not take is named, the others arrive, and the exit code is 1', async (t) => {
  const fake = await startServer(t, {
    faults: [{ route: 'POST /assets', kind: 'status', status: 400, times: 1, readBody: true }],
  })
  // The export without a live photo: one whose video comes later is stacked below it.
  const run = await upload(fake, ['--only', 'second'])
  assert.equal(run.exitCode, 1)
  const { exports: rows } = JSON.parse(run.stdout) as UploadSummary
  const codes = rows.flatMap(({ problems }) => problems.map(({ code }) => code))
  // Whether it belongs to an album depends on which one was first.
  assert.deepEqual(
    codes.filter((code) => code !== 'upload/album-differs'),
    ['immich/rejected'],
  )
  assert.equal(
    rows.reduce((sum, { left }) => sum + left, 0),
    1,
  )
  assert.equal(fake.state.assets.size, 8 - 1)
  assertWhole(await uploadHere(fake, library))
  assertUploaded(library, fake.state)
})

describe('before anything is processed', () => {
  test('a key that lacks permissions ends the ingest, and they are named', async (t) => {
    const fake = await startServer(t)
    const { secret } = fake.addKey(['asset.upload', 'album.read', 'apiKey.read'])
    const own = join(folder, 'refused')
    const run = await runHere(['ingest', ...small, '-o', own], { env: envOf(fake, secret) })
    assert.equal(run.exitCode, 1)
    assert.match(run.stderr, /lacks permissions: album\.create, albumAsset\.create/u)
    assert.ok(!run.stderr.includes(secret))
  })

  test('immich check names what is missing', async (t) => {
    const fake = await startServer(t)
    const { secret } = fake.addKey(['asset.upload', 'apiKey.read'])
    const run = await runHere(['immich', 'check', '--json'], { env: envOf(fake, secret) })
    assert.equal(run.exitCode, 1)
    const { findings } = JSON.parse(run.stdout) as ServerCheck
    assert.match(findings.find(({ state }) => state === 'fail')?.detail ?? '', /album\.create/u)
  })
})

test('an ingest goes on without its server, and names what was not sent', async (t) => {
  const fake = await startServer(t)
  await fake.kill()
  const own = join(folder, 'without-server')
  const run = await ingest(fake, own, small, [])
  assert.equal(run.exitCode, 1, run.stderr)
  const { exports: rows, upload: summary } = JSON.parse(run.stdout) as IngestSummary
  assert.deepEqual(
    rows.map(({ phase }) => phase),
    ['finished'],
  )
  assert.deepEqual(
    summary?.exports.map(({ phase, left }) => [phase, left]),
    [['failed', 8]],
  )
  await fake.start()
  assertWhole(await uploadHere(fake, own))
  assertUploaded(own, fake.state)
})

test('uploads that stand still for too long are left for later', async (t) => {
  const fake = await startServer(t, { faults: [{ route: 'POST /assets', kind: 'stall', when: 'request' }] })
  const { problems, exports: rows } = await uploadHere(fake, library, {}, { waitMs: 500 })
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['upload/given-up'],
  )
  assert.ok(rows.some(({ left }) => left > 0))
  fake.faults.clear()
  assertWhole(await uploadHere(fake, library))
  assertUploaded(library, fake.state)
})

test('an ingest with --parallel-exports 1 uploads every file once; no process shows the key, nothing holds it', {
  skip: process.platform === 'linux' ? false : 'reads /proc',
}, async (t) => {
  const fake = await startServer(t)
  const own = join(folder, 'secret')
  const log = join(folder, 'log')
  const args = [
    'ingest',
    ...exports,
    '-o',
    own,
    '--workers',
    '1',
    '--parallel-exports',
    '1',
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
    const parent = (await readFile(`/proc/${run.pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim()
    // Between fork and exec a child is its parent's twin.
    return found.length > 0 && found.every(({ command }) => command !== parent) ? found : undefined
  })
  for (const { pid, command } of children) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    assert.ok(!environment.includes(fake.key) && !command.includes(fake.key))
  }
  assert.ok(!(await readFile(`/proc/${run.pid}/cmdline`, 'utf8')).includes(fake.key))
  const { exitCode, stdout, stderr } = await run.ended
  assert.equal(exitCode, 0, stderr)
  assertUploaded(own, fake.state)
  assert.match(stderr, /warning: --immich-key was on the command line/u)
  for (const text of [stdout, stderr, await readFile(log, 'utf8')]) assert.ok(!text.includes(fake.key))
  const database = await readFile(join(own, '.heirloom/library.db'))
  assert.ok(!database.includes(fake.key))
})
