/**
 * What strangers may not do: over real sockets, because most of it is decided from raw headers.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { createLogger } from '../logger.ts'
import { connectTo, rawRequest } from './testing/raw-request.ts'
import { formOf, jpegLike } from './testing/sample-files.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

describe('a server of this machine alone', () => {
  let server: TestServer
  let host = ''
  before(async () => {
    server = await startTestServer()
    host = new URL(server.address).host
  })
  after(() => server[Symbol.asyncDispose]())

  const get = (path: string, headers: string): Promise<string> =>
    rawRequest(server.address, `GET ${path} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`)

  test('answers to its own names, and to no other', async () => {
    const { port } = new URL(server.address)
    for (const own of [host, `localhost:${port}`, `[::1]:${port}`]) {
      assert.match(await get('/api/folders', `Host: ${own}\r\n`), /^HTTP\/1\.1 200 /u)
    }
    for (const other of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.1:1`,
      `127.0.0.1:${port}@evil`,
    ]) {
      const answer = await get('/api/folders', `Host: ${other}\r\n`)
      assert.match(answer, /^HTTP\/1\.1 403 /u, other)
      assert.match(answer, /request\/unknown-host/u)
    }
  })

  test('two hosts are none', async () => {
    assert.match(await get('/', `Host: ${host}\r\nHost: evil.example\r\n`), /^HTTP\/1\.1 403 /u)
  })

  test('a host in the address of the request is none', async () => {
    const answer = await rawRequest(
      server.address,
      `GET http://${host}/api/folders HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    )
    assert.match(answer, /^HTTP\/1\.1 403 /u)
  })

  test('takes nothing from pages of other sites', async () => {
    const send = async (headers: Record<string, string>): Promise<number> =>
      (
        await server.fetch('/api/uploads/direct', {
          method: 'POST',
          body: formOf(['file', jpegLike(1), 'a.jpg']),
          headers,
        })
      ).status
    assert.equal(await send({ origin: 'https://evil.example' }), 403)
    assert.equal(await send({ origin: 'null' }), 403)
    assert.equal(await send({ 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal(await send({ origin: server.address, 'sec-fetch-site': 'same-origin' }), 201)
  })

  test('a form of another site can say nothing that is understood', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const response = await server.fetch('/api/folders', {
        method: 'POST',
        body: '{"name":"x"}',
        headers: { 'content-type': type },
      })
      assert.ok(response.status === 415 || response.status === 400, `${type}: ${response.status}`)
    }
  })

  test('every answer has the headers that keep others out', async () => {
    const paths = [
      '/',
      '/healthz',
      '/api/docs',
      '/api/docs/openapi.json',
      '/api/folders',
      '/nothing',
      '/api/photos/%zz',
      '/api/uploads/tus',
    ]
    for (const path of paths) {
      const answer = await get(path, `Host: ${host}\r\n`)
      assert.match(answer, /^Content-Security-Policy: default-src 'none'/imu, path)
      assert.match(answer, /frame-ancestors 'none'/u, path)
      assert.match(answer, /^X-Content-Type-Options: nosniff/imu, path)
      assert.match(answer, /^Referrer-Policy: same-origin/imu, path)
      assert.match(answer, /^Cross-Origin-Resource-Policy: same-origin/imu, path)
      assert.doesNotMatch(answer, /^Access-Control-Allow-Origin/imu, path)
      assert.doesNotMatch(answer, /^Server:|^X-Powered-By:/imu, path)
    }
  })

  const broken: { what: string; bytes: string; status: RegExp }[] = [
    { what: 'no HTTP', bytes: 'hello\r\n\r\n', status: /400/u },
    { what: 'TLS', bytes: '\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n', status: /400/u },
    { what: 'a header without an end', bytes: `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}`, status: /431/u },
    {
      what: 'two lengths',
      bytes: 'POST /api/folders HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      status: /400/u,
    },
    {
      what: 'a length and chunks',
      bytes:
        'POST /api/folders HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      status: /400/u,
    },
    {
      what: 'a negative length',
      bytes: 'POST /api/folders HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      status: /400/u,
    },
    {
      what: 'line feeds in a header',
      bytes: 'GET / HTTP/1.1\r\nHost: x\nEvil: 1\r\n\r\n',
      status: /400|403/u,
    },
  ]
  for (const { what, bytes, status } of broken) {
    test(`${what} is answered as an error, and the server goes on`, async () => {
      const answer = await rawRequest(server.address, bytes)
      assert.match(answer.split('\r\n')[0] ?? '', status)
      assert.match(answer, /"error":\{"code":"request\//u)
      assert.equal((await server.fetch('/healthz')).status, 200)
    })
  }

  const paths = [
    '/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/api/photos/..%2f..%2fserver-access.json',
    '//etc/passwd',
    '/api/docs/../../etc/passwd',
    '/api\\..\\..',
    '/%00',
    '/api/photos/%c0%ae%c0%ae',
  ]
  for (const path of paths) {
    test(`${path} leads nowhere`, async () => {
      const answer = await get(path, `Host: ${host}\r\n`)
      assert.match(answer, /^HTTP\/1\.1 4\d\d /u)
      assert.doesNotMatch(answer, /root:/u)
      assert.ok(!answer.includes(server.folder))
    })
  }

  test('a body of JSON is limited', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(100_000) })
    const response = await server.fetch('/api/folders', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(response.status, 413)
    assert.equal(((await response.json()) as { error: { code: string } }).error.code, 'request/too-large')
  })

  test('asks for no token, and makes none', async () => {
    assert.equal(server.running.newToken, undefined)
    assert.equal((await server.fetch('/login')).status, 404)
  })
})

describe('a server that others can reach', () => {
  let server: TestServer
  let token = ''
  const log: string[] = []
  before(async () => {
    const logger = createLogger({ level: 'debug', write: (line) => log.push(line), now: () => 0 })
    server = await startTestServer({ host: '0.0.0.0', logger })
    token = server.running.newToken ?? ''
  })
  after(() => server[Symbol.asyncDispose]())

  const login = (form: string, headers: Record<string, string> = {}): Promise<Response> =>
    server.fetch('/login', {
      method: 'POST',
      body: form,
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    })

  test('makes a token at its first start, and keeps it nowhere', async () => {
    assert.match(token, /^[\w-]{43}$/u)
    assert.ok(
      !(await readFile(`${server.context.paths.stateFolder}/server-access.json`, 'utf8')).includes(token),
    )
  })

  test('answers nobody without it, but tells that it lives', async () => {
    for (const path of [
      '/api/folders',
      '/api/photos',
      '/api/docs',
      '/readyz',
      '/api/thumbnails/status',
      '/',
      '/metrics',
      '/api/uploads/tus/x',
    ]) {
      const response = await server.fetch(path)
      assert.equal(response.status, 401, path)
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/u)
    }
    assert.equal((await server.fetch('/healthz')).status, 200)
    const upload = await server.fetch('/api/uploads/direct', {
      method: 'POST',
      body: formOf(['file', jpegLike(1), 'a.jpg']),
    })
    assert.equal(upload.status, 401)
  })

  test('answers to any name with the token', async () => {
    const answer = await rawRequest(
      server.address,
      `GET /api/folders HTTP/1.1\r\nHost: photos.example\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
    )
    assert.match(answer, /^HTTP\/1\.1 200 /u)
  })

  test('shows a browser where to log in, and lets it in with a cookie that scripts cannot read', async () => {
    const asked = await server.fetch('/', { headers: { accept: 'text/html' }, redirect: 'manual' })
    assert.deepEqual([asked.status, asked.headers.get('location')], [303, '/login'])
    const form = await (await server.fetch('/login')).text()
    assert.match(form, /<form method="post" action="\/login">/u)
    const { port } = new URL(server.address)
    const entered = await login(`token=${token}`, { origin: `http://localhost:${port}` })
    assert.deepEqual([entered.status, entered.headers.get('location')], [303, '/'])
    const cookie = entered.headers.get('set-cookie') ?? ''
    assert.match(cookie, /; HttpOnly; SameSite=Strict$/u)
    assert.ok(!cookie.includes(token))
    const headers = { cookie: cookie.split(';')[0] ?? '' }
    assert.equal((await server.fetch('/api/folders', { headers })).status, 200)
    const foreign = await server.fetch('/api/folders', {
      method: 'POST',
      headers: { ...headers, origin: 'https://evil.example' },
    })
    assert.equal(foreign.status, 403)
  })

  test('a login from a page of another site is refused', async () => {
    assert.equal((await login(`token=${token}`, { origin: 'https://evil.example' })).status, 403)
  })

  test('who tries tokens has to wait, and who is logged in has not', async () => {
    const entered = await login(`token=${token}`)
    const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? ''
    const statuses: number[] = []
    for (let n = 0; n < 12; n++) statuses.push((await login(`token=wrong-${n}`)).status)
    assert.deepEqual([...new Set(statuses)], [401, 429])
    const waiting = await login(`token=${token}`)
    assert.equal(waiting.status, 429)
    assert.ok(Number(waiting.headers.get('retry-after')) > 0)
    const bearer = await server.fetch('/api/folders', { headers: { authorization: `Bearer ${token}` } })
    assert.equal(bearer.status, 429)
    assert.equal((await server.fetch('/api/folders', { headers: { cookie } })).status, 200)
  })

  test('never writes a token into its log', () => {
    assert.ok(log.some((line) => line.includes('wrong token')))
    assert.ok(log.every((line) => !line.includes(token) && !line.includes('wrong-1')))
  })
})

describe('a slow sender', () => {
  test('of headers is cut off, others are answered meanwhile', { timeout: 60_000 }, async () => {
    await using server = await startTestServer()
    const { server: http } = server.running.app
    assert.equal(http.headersTimeout, 20_000)
    const socket = connectTo(server.address)
    await new Promise<void>((done) => socket.write('GET / HTTP/1.1\r\nHost: ', () => done()))
    assert.equal((await server.fetch('/healthz')).status, 200)
    socket.destroy()
  })
})
