/**
 * What bull-board shows, and to whom: on a real Redis, through the application with all of its guards.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Queue } from 'bullmq'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { Redis } from 'ioredis'
import { NO_REDIS, startRedis, type TestRedis } from '../../test/support/redis-server.ts'
import { until } from '../../test/support/run-heirloom.ts'
import { systemClock } from '../clock.ts'
import { openAccessGate } from './access-token.ts'
import { buildApp } from './app.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

const PREFIX = 'heirloom-board'
const PRIVATE = '/home/anna/private.jpg'

const redis: TestRedis | undefined = await startRedis()

describe('bull-board', { skip: redis === undefined && NO_REDIS }, () => {
  const { url } = redis ?? { url: '' }
  let folder = ''
  let server: TestServer
  let app: FastifyInstance
  let closed: FastifyInstance
  let token = ''
  let queue: Queue
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heirloom-board-'))
    server = await startTestServer()
    const { gate, newToken = '' } = await openAccessGate(folder, { clock: systemClock, renew: true })
    token = newToken
    app = await buildApp(server.context, { bullBoard: { url, prefix: PREFIX } })
    closed = await buildApp(server.context, { bullBoard: { url, prefix: PREFIX }, gate })
    const { hostname: host, port } = new URL(url)
    queue = new Queue('item', { connection: { host, port: Number(port) }, prefix: PREFIX })
    await queue.add('item', { path: PRIVATE }, { jobId: 'job-1' })
  })
  after(async () => {
    await queue?.obliterate({ force: true })
    await queue?.close()
    await app?.close()
    await closed?.close()
    await server?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
    await redis?.stop()
  })
  const ask = (path: string, options: InjectOptions = {}): Promise<LightMyRequestResponse> =>
    app.inject({ url: path, ...options, headers: { host: 'localhost', ...options.headers } })

  test('shows its page and the jobs of the lanes', async () => {
    const page = await ask('/bull-board')
    assert.equal(page.statusCode, 200)
    assert.match(page.body, /<title>Heirloom: jobs in Redis<\/title>/u)
    const script = /src="(?<src>static\/js\/main\.[^"]+\.js)"/u.exec(page.body)?.groups?.['src']
    assert.equal((await ask(`/bull-board/${script}`)).statusCode, 200)
    const { queues } = (await ask('/bull-board/api/queues?activeQueue=item&status=latest')).json<{
      queues: { name: string; readOnlyMode: boolean; hasWorkers: unknown; jobs: { data: unknown }[] }[]
    }>()
    assert.deepEqual(
      queues.map(({ name, readOnlyMode, hasWorkers }) => [name, readOnlyMode, hasWorkers]),
      // Nothing is claimed of workers: those of worker hosts are none that bull-board could count.
      [
        ['item', true, null],
        ['thumbnail', true, null],
      ],
    )
    assert.deepEqual(
      queues[0]?.jobs.map(({ data }) => data),
      [{ path: PRIVATE }],
    )
  })

  test('is guarded by a policy of its own, and the other pages keep theirs', async () => {
    const policy = (await ask('/bull-board/')).headers['content-security-policy']
    assert.match(String(policy), /script-src 'self';/u)
    assert.doesNotMatch(String(policy), /https?:|\*|unsafe-eval/u)
    const other = String((await ask('/')).headers['content-security-policy'])
    assert.match(other, /base-uri 'none'/u)
    assert.doesNotMatch(other, /unsafe-inline/u)
  })

  test('changes nothing', async () => {
    for (const [method, path] of [
      ['PUT', '/api/queues/pause'],
      ['PUT', '/api/queues/item/empty'],
      ['PUT', '/api/queues/item/job-1/clean'],
      ['PUT', '/api/queues/item/obliterate'],
      ['PATCH', '/api/queues/item/job-1/update-data'],
      ['POST', '/api/queues/item/add'],
      ['DELETE', '/api/queues/item/job-1'],
    ] as const) {
      const { statusCode } = await ask(`/bull-board${path}`, { method })
      assert.equal(statusCode, 404, `${method} ${path}`)
    }
    assert.deepEqual((await queue.getJob('job-1'))?.data, { path: PRIVATE })
  })

  test('is there for nobody without the token', async () => {
    for (const path of [
      '',
      '/',
      '/api/queues',
      '/api/queues/item/job-1',
      '/static/favicon.ico',
      '/queue/item',
    ]) {
      for (const headers of [{ host: 'localhost' }, { host: 'localhost', authorization: 'Bearer wrong' }]) {
        const { statusCode, body } = await closed.inject({ url: `/bull-board${path}`, headers })
        assert.equal(statusCode, 401, path)
        assert.ok(!body.includes(PRIVATE))
      }
    }
    const headers = { host: 'localhost', authorization: `Bearer ${token}` }
    const { statusCode, body } = await closed.inject({ url: '/bull-board/api/queues/item/job-1', headers })
    assert.equal(statusCode, 200)
    assert.ok(body.includes(PRIVATE))
  })

  test('answers to no other name and no other site', async () => {
    assert.equal((await ask('/bull-board/api/queues', { headers: { host: 'evil.example' } })).statusCode, 403)
    const response = await ask('/bull-board/api/queues', { headers: { origin: 'https://evil.example' } })
    assert.equal(response.statusCode, 403)
    assert.equal(response.json<{ error: { code: string } }>().error.code, 'request/other-origin')
  })

  test('is not there without being asked for', async () => {
    await using plain = await startTestServer()
    for (const path of ['/bull-board', '/bull-board/', '/bull-board/api/queues'])
      assert.equal((await plain.fetch(path)).status, 404)
  })

  test('leaves no trace in Redis', async () => {
    const client = new Redis(url)
    try {
      assert.deepEqual(await client.keys(`${PREFIX}:thumbnail*`), [])
    } finally {
      client.disconnect()
    }
  })

  test('says that Redis is away instead of waiting for it', { skip: redis?.isOwn === false }, async () => {
    await redis?.kill('SIGKILL')
    try {
      const response = await ask('/bull-board/api/queues')
      assert.equal(response.statusCode, 503)
      assert.equal(response.json<{ error: { code: string } }>().error.code, 'redis/unreachable')
      assert.equal((await ask('/healthz')).statusCode, 200)
    } finally {
      await redis?.start()
    }
    await until('it answers again', async () =>
      (await ask('/bull-board/api/queues')).statusCode === 200 ? true : undefined,
    )
  })

  test('refuses to start without a server, and says so', async () => {
    const bullBoard = { url: 'redis://127.0.0.1:1' }
    await assert.rejects(buildApp(server.context, { bullBoard }), /nothing listens at 127\.0\.0\.1:1/u)
  })
})
