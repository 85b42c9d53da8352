/**
 * Coordinators with worker hosts through a real Redis: what they make is what one machine alone makes, to the byte.
 *
 * One of the hosts knows the folders under other names, where this machine can do that; see `remote-hosts.ts`.
 * `HEIRLOOM_REMOTE_HOSTS` sets how many there are; the default, 2, is what a test run has the time for.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Redis } from 'ioredis'
import type { IngestSummary } from '../../src/tasks/ingest-api.ts'
import type { ThumbsSummary } from '../../src/tasks/thumbnail-api.ts'
import { contradictions } from '../support/library-content.ts'
import { makePhoto } from '../support/make-photo.ts'
import { makeTakeout } from '../support/make-takeout.ts'
import { NO_REDIS, startRedis, type TestRedis } from '../support/redis-server.ts'
import { CAN_MOVE_FOLDERS, startWorkerHost, type WorkerHost } from '../support/remote-hosts.ts'
import { outcomeOf } from '../support/remote-outcome.ts'
import { leftBehind, runHeirloom, startHeirloom, until } from '../support/run-heirloom.ts'
import { type RunHere, runHere } from '../support/run-here.ts'
import { serveLibrary, uploadTo } from '../support/run-server.ts'
import { treeFacts } from '../support/tree-digest.ts'

const PREFIX = `test-${randomBytes(6).toString('hex')}`
/** One is moved, one is not. */
const HOSTS = Number(process.env['HEIRLOOM_REMOTE_HOSTS'] ?? 2)
const NAME = 'takeout-20240101T000000Z'
const DAMAGE = ['corrupt-json', 'truncated-jpeg', 'empty-file'] as const

let folder: string
let redis: TestRedis | undefined
let remote: readonly string[]
let hosts: WorkerHost[] = []
let inputs: readonly string[]

const library = (name: string): string => join(folder, `library-${name}`)

async function heirloom(...args: string[]): Promise<RunHere> {
  return runHere([...args, '--json'])
}

describe(`${HOSTS} worker hosts`, () => {
  before(async () => {
    redis = await startRedis()
    if (redis === undefined) return
    folder = await mkdtemp(join(tmpdir(), 'heirloom-remote-'))
    const { url } = redis
    remote = ['--redis', url, '--redis-prefix', PREFIX]
    hosts = Array.from({ length: HOSTS }, (_, index) => {
      const isMoved = index === 0 && CAN_MOVE_FOLDERS
      return startWorkerHost({ redis: url, prefix: PREFIX, folder, isMoved })
    })
    const zip = await makeTakeout(join(folder, 'zip'), { form: 'zip', photos: 2, damage: DAMAGE })
    const few = { photos: 4, specials: false }
    const tgz = await makeTakeout(join(folder, 'tgz'), { ...few, form: 'tgz', seed: 2, name: `${NAME}-2` })
    const plain = await makeTakeout(join(folder, `${NAME}-3`), { ...few, seed: 3 })
    inputs = [...zip.inputs, ...tgz.inputs, ...plain.inputs]
    await Promise.all(hosts.map((host) => host.ready()))
  })
  after(async () => {
    // Only where a test failed is one still running.
    for (const { child } of hosts) child.kill('SIGKILL')
    await redis?.stop()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  test('place the same library as one machine alone', async (t) => {
    if (redis === undefined) return t.skip(NO_REDIS)
    if (!CAN_MOVE_FOLDERS) t.diagnostic('all hosts have the folders under the same names: no right to mount')
    const args = ['ingest', ...inputs, '--json', '-o']
    const [alone, shared] = [
      await runHere([...args, library('alone'), '--workers', '1']),
      await runHeirloom([...args, library('shared'), ...remote]),
    ]
    const summary = JSON.parse(shared.stdout) as IngestSummary
    assert.equal(shared.exitCode, alone.exitCode, shared.stderr)
    assert.deepEqual(
      summary.exports.map(({ name, balanced }) => [name, balanced]),
      (JSON.parse(alone.stdout) as IngestSummary).exports.map(({ name }) => [name, true]),
    )
    assert.deepEqual(await contradictions(library('shared')), [])
    assert.deepEqual(await outcomeOf(library('shared')), await outcomeOf(library('alone')))
    assert.ok((await outcomeOf(library('shared'))).content.assets.length > 30)
  })

  test('make the same thumbnails of that library, in the same places', async (t) => {
    if (redis === undefined) return t.skip(NO_REDIS)
    const alone = await heirloom('thumbs', library('alone'), '--workers', '1')
    const shared = await heirloom('thumbs', library('shared'), ...remote)
    const counts = ({ stdout }: RunHere): unknown[] => {
      const { made, there, unsupported, failed } = JSON.parse(stdout) as ThumbsSummary
      return [made, there, unsupported, failed]
    }
    assert.deepEqual(counts(shared), counts(alone), shared.stderr)
    const facts = (name: string) =>
      treeFacts(join(library(name), '.heirloom', 'thumbs'), {
        ignore: (path) => path === '.tmp',
        times: false,
      })
    const made = await facts('alone')
    assert.deepEqual(await facts('shared'), made)
    assert.ok(made.size > 50)
  })

  test('make thumbnails of plain files, and none of a content that is known', async (t) => {
    if (redis === undefined) return t.skip(NO_REDIS)
    const pictures = join(folder, 'pictures')
    await mkdir(pictures)
    const photo = await makePhoto({ widthPx: 320, heightPx: 240, seed: 5 })
    const other = await makePhoto({ widthPx: 320, heightPx: 240, seed: 6 })
    await writeFile(join(pictures, 'a.jpg'), photo)
    await writeFile(join(pictures, 'b.jpg'), other)
    const into = (name: string): string[] => ['thumbs', pictures, '-o', join(folder, name)]
    await heirloom(...into('made-shared'), ...remote)
    // Its content is learnt by the worker, which asks the coordinator about it.
    await writeFile(join(pictures, 'c.jpg'), photo)
    const again = await heirloom(...into('made-shared'), ...remote)
    const { made, there, failed } = JSON.parse(again.stdout) as ThumbsSummary
    assert.deepEqual([made, there, failed], [0, 3, 0], again.stderr)
    await heirloom(...into('made-alone'), '--workers', '1')
    const facts = (name: string) =>
      treeFacts(join(folder, name), { ignore: (path) => path === '.heirloom', times: false })
    const expected = await facts('made-alone')
    assert.deepEqual(await facts('made-shared'), expected)
    assert.equal(expected.size, 6)
  })

  test('make the thumbnails of what is uploaded to a server', async (t) => {
    if (redis === undefined) return t.skip(NO_REDIS)
    const server = await serveLibrary(library('served'), remote)
    try {
      const bytes = await makePhoto({ widthPx: 400, heightPx: 300, seed: 9 })
      const { id } = await uploadTo(server, bytes, 'upload.jpg')
      const thumbnail = await until('the thumbnail is made', async () => {
        const response = await server.fetch(`/api/photos/${id}/thumbnails/250`)
        return response.status === 200 ? response : undefined
      })
      assert.equal(thumbnail.headers.get('content-type'), 'image/jpeg')
      const workers = (await server.running.descendants()).map(({ command }) => command)
      assert.deepEqual(workers, [], 'the server has worker processes of its own')
    } finally {
      server.running.child.kill('SIGTERM')
      assert.equal((await server.running.ended).exitCode, 0, server.running.stderr())
      assert.deepEqual(await leftBehind(server.running, 5_000), [])
    }
  })

  test('have all worked, and end when they are told', async (t) => {
    if (redis === undefined) return t.skip(NO_REDIS)
    const summaries = await Promise.all(hosts.map((host) => host.end()))
    for (const [index, { exitCode, completed }] of summaries.entries()) {
      const { stderr } = hosts[index]!
      assert.equal(exitCode, 0, stderr())
      assert.ok(completed > 0, `host ${index} has done nothing\n${stderr()}`)
    }
  })
})

test('tasks that no worker host takes are told of, and taken back when the coordinator is told to end', async (t) => {
  const server = await startRedis()
  if (server === undefined) return t.skip(NO_REDIS)
  const nobody = await mkdtemp(join(tmpdir(), 'heirloom-remote-'))
  try {
    const made = await makeTakeout(join(nobody, NAME), { photos: 3, specials: false })
    const prefix = `${PREFIX}-nobody`
    const where = ['-o', join(nobody, 'library'), '--redis', server.url, '--redis-prefix', prefix]
    const run = startHeirloom(['ingest', ...made.inputs, ...where])
    await until('it is told', () => (/no worker host takes them/u.test(run.stderr()) ? true : undefined))
    run.child.kill('SIGINT')
    assert.equal((await run.ended).exitCode, 130)
    const redis = new Redis(server.url)
    const left = await redis.keys(`${prefix}:*:prioritized`)
    redis.disconnect()
    assert.deepEqual(left, [])
    assert.deepEqual(await leftBehind(run, 5_000), [])
  } finally {
    await server.stop()
    await rm(nobody, { recursive: true, force: true })
  }
})

test('a Redis that is not there is told before anything is begun', async () => {
  const nowhere = await mkdtemp(join(tmpdir(), 'heirloom-remote-'))
  try {
    const photos = await makeTakeout(join(nowhere, 'takeout-20240101T000000Z'), {
      photos: 1,
      specials: false,
    })
    const library = join(nowhere, 'library')
    const args = ['ingest', ...photos.inputs, '-o', library, '--redis', 'redis://127.0.0.1:1']
    const { exitCode, stderr } = await runHere(args)
    assert.equal(exitCode, 1)
    assert.match(stderr, /127\.0\.0\.1:1/u)
    assert.equal(existsSync(library), false)
  } finally {
    await rm(nowhere, { recursive: true, force: true })
  }
})
