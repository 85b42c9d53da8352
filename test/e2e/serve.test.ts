/**
 * `heirloom serve` from the outside: real photos, real workers, signals, a kill, and a bucket.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import sharp from 'sharp'
import { S3RVER_CREDENTIALS } from '../support/fake-s3/credentials.ts'
import { startS3rver } from '../support/fake-s3/s3rver.ts'
import { makePhoto } from '../support/make-photo.ts'
import { leftBehind, until } from '../support/run-heirloom.ts'
import { runHere } from '../support/run-here.ts'
import { type ServedLibrary, serveLibrary, uploadTo } from '../support/run-server.ts'

interface Status {
  readonly queueSize: number
  readonly activeWorkers: number
  readonly maxWorkers: number
}

const sha1 = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex')

let folder: string
let photos: Buffer[]
const started: ServedLibrary[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-serve-'))
  photos = await Promise.all(
    Array.from({ length: 6 }, (_, seed) => makePhoto({ widthPx: 600, heightPx: 400, seed })),
  )
})
after(async () => {
  // Only where a test failed is one still running.
  for (const { running } of started) running.child.kill('SIGKILL')
  await Promise.all(started.map(({ running }) => leftBehind(running, 5_000)))
  await rm(folder, { recursive: true, force: true })
})

async function serve(
  library: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<ServedLibrary> {
  const workers = args.includes('--workers') ? [] : ['--workers', '1']
  const server = await serveLibrary(join(folder, library), [...workers, ...args], env)
  started.push(server)
  return server
}

async function end(server: ServedLibrary, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  server.running.child.kill(signal)
  const { exitCode, stderr } = await server.running.ended
  assert.equal(exitCode, 0, stderr)
  assert.deepEqual(await leftBehind(server.running, 5_000), [])
}

function untilIdle(server: ServedLibrary): Promise<Status> {
  return until('all thumbnails are made', async () => {
    const status = await server.json<Status>('/api/thumbnails/status')
    return status.queueSize + status.activeWorkers === 0 ? status : undefined
  })
}

async function objectsOf(library: string): Promise<number> {
  const entries = await readdir(join(folder, library, '.heirloom', 'uploads'), {
    recursive: true,
    withFileTypes: true,
  })
  return entries.filter((entry) => entry.isFile()).length
}

describe('heirloom serve', () => {
  test('takes photos, makes their thumbnails, ends when it is told, and has all of it again', async () => {
    const first = await serve('plain', ['--workers', '2'])
    assert.match(first.address, /^http:\/\/127\.0\.0\.1:\d+$/u)
    assert.equal(first.token, undefined)
    const ids = await Promise.all(
      photos.map(async (bytes, index) => (await uploadTo(first, bytes, `${index}.jpg`)).id),
    )
    assert.deepEqual(
      ids,
      photos.map((bytes) => sha1(bytes)),
    )
    const { maxWorkers } = await untilIdle(first)
    assert.equal(maxWorkers, 2)
    for (const id of ids) {
      const bytes = Buffer.from(await (await first.fetch(`/api/photos/${id}/thumbnails/250`)).arrayBuffer())
      const { width, format } = await sharp(bytes).metadata()
      assert.deepEqual([width, format], [250, 'jpeg'])
    }
    await end(first)
    const second = await serve('plain')
    const { photos: listed } = await second.json<{
      photos: { id: string; thumbnails: { status: string } }[]
    }>('/api/photos')
    assert.deepEqual(listed.map(({ id }) => id).toSorted(), ids.toSorted())
    assert.ok(listed.every(({ thumbnails }) => thumbnails.status === 'done'))
    assert.deepEqual((await uploadTo(second, photos[0]!, 'again.jpg')).status, 200)
    await end(second, 'SIGINT')
  })

  test('killed amidst uploads and thumbnails it keeps what it answered, and nothing else', async () => {
    const first = await serve('killed', ['--workers', '2'])
    const answered: string[] = []
    const sending = photos.map(async (bytes, index) => {
      const { id } = await uploadTo(first, bytes, `${index}.jpg`)
      answered.push(id)
    })
    await until('some are in', () => (answered.length >= 3 ? true : undefined))
    first.running.child.kill('SIGKILL')
    await Promise.allSettled(sending)
    await first.running.ended
    await leftBehind(first.running, 10_000)
    const second = await serve('killed')
    await untilIdle(second)
    const { photos: listed } = await second.json<{
      photos: { id: string; thumbnails: { status: string } }[]
    }>('/api/photos')
    for (const id of answered) assert.ok(listed.some((photo) => photo.id === id))
    assert.ok(listed.every(({ thumbnails }) => thumbnails.status === 'done'))
    assert.equal(await objectsOf('killed'), listed.length)
    for (const { id } of listed) {
      assert.equal(sha1(Buffer.from(await (await second.fetch(`/api/photos/${id}/file`)).arrayBuffer())), id)
    }
    await end(second)
  })

  test('beside another server of the same library it watches, and takes over when that ends', async () => {
    const first = await serve('shared')
    const second = await serve('shared')
    assert.deepEqual([first.role, second.role], ['working', 'watching'])
    assert.equal((await uploadTo(second, photos[0]!, 'a.jpg')).status, 503)
    const { id } = await uploadTo(first, photos[0]!, 'a.jpg')
    assert.equal((await second.fetch(`/api/photos/${id}`)).status, 200)
    await end(first)
    await until('it takes over', async () =>
      (await second.json<{ role: string }>('/readyz')).role === 'working' ? true : undefined,
    )
    assert.equal((await uploadTo(second, photos[1]!, 'b.jpg')).status, 201)
    await end(second)
  })

  test('on an address that others can reach it makes a token, once', async () => {
    const first = await serve('token', ['--host', '0.0.0.0'])
    const headers = { authorization: `Bearer ${first.token}` }
    assert.equal((await first.fetch('/api/photos')).status, 401)
    assert.equal((await first.fetch('/api/photos', { headers })).status, 200)
    await end(first)
    const second = await serve('token', ['--host', '0.0.0.0'])
    assert.equal(second.token, undefined)
    assert.equal((await second.fetch('/api/photos', { headers })).status, 200)
    await end(second)
  })

  test('puts photos and thumbnails into a bucket, and serves them from there', async () => {
    const s3 = await startS3rver(['family'])
    try {
      const env = {
        AWS_ACCESS_KEY_ID: S3RVER_CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: S3RVER_CREDENTIALS.secretAccessKey,
        S3_ENDPOINT: s3.endpoint,
      }
      const server = await serve('bucket', ['--storage', 's3://family/anna'], env)
      const { id } = await uploadTo(server, photos[0]!, 'a.jpg')
      await untilIdle(server)
      const file = await server.fetch(`/api/photos/${id}/file`, { headers: { range: 'bytes=0-99' } })
      assert.deepEqual(Buffer.from(await file.arrayBuffer()), photos[0]!.subarray(0, 100))
      const thumbnail = await server.fetch(`/api/photos/${id}/thumbnails/250`)
      const { width } = await sharp(Buffer.from(await thumbnail.arrayBuffer())).metadata()
      assert.equal(width, 250)
      assert.equal(await objectsOf('bucket'), 0)
      await end(server)
    } finally {
      await s3.close()
    }
  })

  test('a bucket that cannot be used is said, and nothing stays behind', async () => {
    const run = await runHere([
      'serve',
      '--library',
      join(folder, 'bucket'),
      '--port',
      '0',
      '--storage',
      's3://family',
    ])
    assert.equal(run.exitCode, 1)
    assert.match(run.stderr, /AWS_ACCESS_KEY_ID/u)
  })

  test('says what is wrong with its settings, and with the port', async () => {
    const library = join(folder, 'wrong')
    const usage = await runHere([
      'serve',
      '--library',
      library,
      '--port',
      '99999',
      '--max-upload',
      'much',
      '--storage',
      '/tmp',
    ])
    assert.equal(usage.exitCode, 2)
    for (const flag of ['--port', '--max-upload', '--storage'])
      assert.match(usage.stderr, new RegExp(flag, 'u'))
    const busy = createServer().listen(0, '127.0.0.1')
    await new Promise((done) => busy.once('listening', done))
    const { port } = busy.address() as { port: number }
    const run = await runHere(['serve', '--library', library, '--port', String(port)])
    busy.close()
    assert.equal(run.exitCode, 1)
    assert.match(
      run.stderr,
      /cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)\nSomething listens there already/u,
    )
  })
})
