/** Connections that stall or break, and servers that are not there. */

import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { after, afterEach, before, describe, test } from 'node:test'
import {
  client,
  closeAll,
  closing,
  fileOf,
  impatientClock,
  json,
  listen,
  makeFolder,
  removeFolder,
  serve,
  serveRaw,
  v3,
} from '../../test/support/exchange-scene.ts'
import { FakeClock } from '../clock.ts'
import { UnreachableError } from './immich-errors.ts'

before(makeFolder)
after(removeFolder)
afterEach(closeAll)

describe('a stall', () => {
  test('of the body is given up after the limit, however long the upload took before', async () => {
    const clock = new FakeClock()
    const file = await fileOf(Buffer.alloc(64_000_000))
    const { promise: begun, resolve } = Promise.withResolvers<IncomingMessage>()
    const address = await serve(
      v3((request) => {
        request.pause()
        resolve(request)
      }),
    )
    const api = client(address, { clock, stallMs: 60_000, retry: { attempts: 1 } })
    let quiet: NodeJS.Timeout | undefined
    let isQuiet = (): void => undefined
    const waitQuiet = async (): Promise<void> =>
      await new Promise((done) => {
        isQuiet = done
        quiet = setTimeout(done, 100)
      })
    const uploading = api.upload(file, {
      onBytes: () => {
        clearTimeout(quiet)
        quiet = setTimeout(isQuiet, 100)
      },
    })
    const rejected = assert.rejects(uploading, {
      code: 'immich/stalled',
      message: /nothing was sent or received for 1 min 00 s/u,
    })
    const request = await begun
    await waitQuiet()
    clock.advance(59_000)
    request.once('data', () => request.pause())
    request.resume()
    await waitQuiet()
    clock.advance(60_001)
    await rejected
  })

  test('of the answer to an upload has a limit of its own', async () => {
    const clock = new FakeClock()
    const file = await fileOf(Buffer.from('pixels'))
    const { promise: whole, resolve } = Promise.withResolvers<void>()
    const { promise: pulled, resolve: isPulled } = Promise.withResolvers<void>()
    const address = await serve(v3((request) => request.resume().on('end', resolve)))
    const api = client(address, { clock, answerMs: 300_000, retry: { attempts: 1 } })
    let outcome: Error | undefined
    const uploading = api.upload(file, { onBytes: () => isPulled() }).catch((error: Error) => {
      outcome = error
    })
    await Promise.all([whole, pulled])
    await new Promise((done) => setImmediate(done))
    clock.advance(299_000)
    await new Promise((done) => setImmediate(done))
    assert.equal(outcome, undefined)
    clock.advance(1_001)
    await uploading
    assert.match(String(outcome), /^StalledError: .*no answer came for 5 min 00 s/u)
  })

  test('of an answer that began is given up', async () => {
    const clock = new FakeClock()
    const { promise: begun, resolve } = Promise.withResolvers<void>()
    const address = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('{"major":', () => resolve())
    })
    const asking = client(address, { clock, retry: { attempts: 1 } }).version()
    const rejected = assert.rejects(asking, { code: 'immich/stalled' })
    await begun
    await new Promise((done) => setTimeout(done, 20))
    clock.advance(60_001)
    await rejected
  })
})

describe('trouble that passes', () => {
  test('429 waits as long as the server wishes', async () => {
    const clock = impatientClock()
    let calls = 0
    const address = await serve((_request, response) => {
      calls += 1
      if (calls === 1) json(response, 429, { message: 'slow down' }, { 'retry-after': '7' })
      else json(response, 200, { major: 3, minor: 1, patch: 0 })
    })
    await client(address, { clock, random: () => 0 }).version()
    assert.equal(calls, 2)
    assert.deepEqual(clock.waitsMs, [7_000])
  })

  test('a wish of an hour is passed on instead of waited for', async () => {
    const address = await serve((_request, response) =>
      json(response, 503, { message: 'maintenance' }, { 'retry-after': '3600' }),
    )
    await assert.rejects(client(address).version(), {
      code: 'immich/server-failed',
      failure: { kind: 'status', status: 503, retryAfterMs: 3_600_000 },
    })
  })

  for (const status of [500, 502, 504]) {
    test(`${status} is tried again`, async () => {
      let calls = 0
      const address = await serve((_request, response) => {
        calls += 1
        if (calls < 3) json(response, status, { message: 'no' })
        else json(response, 200, { major: 3, minor: 1, patch: 0 })
      })
      assert.equal((await client(address).version()).major, 3)
    })
  }

  test('an album is created once, whatever happens', async () => {
    let calls = 0
    const address = await serve((request) => {
      calls += 1
      request.socket.resetAndDestroy()
    })
    await assert.rejects(client(address).createAlbum({ name: 'Trip' }), UnreachableError)
    assert.equal(calls, 1)
  })

  test('a server that restarts is waited for, and asked by one', async () => {
    let calls = 0
    let pings = 0
    let isUp = true
    const address = await serve((request, response) => {
      if (!isUp) {
        if (request.url === '/api/server/ping') {
          pings += 1
          isUp = pings >= 4
        } else {
          calls += 1
        }
        request.socket.resetAndDestroy()
        return
      }
      if (request.url === '/api/server/ping') json(response, 200, { res: 'pong' })
      else json(response, 200, { major: 3, minor: 1, patch: 0 })
    })
    const api = client(address, { breaker: { probeEveryMs: 5 } })
    await api.version()
    isUp = false
    const versions = await Promise.all(Array.from({ length: 8 }, async () => await api.version()))
    assert.equal(versions.length, 8)
    assert.equal(pings, 4)
    assert.ok(calls <= 10, `${calls} calls to a server that is down`)
  })

  test('a call that waits for a server ends when the client is closed', async () => {
    let isUp = true
    const { promise: pinged, resolve: isPinged } = Promise.withResolvers<void>()
    const address = await serve((request, response) => {
      if (isUp) {
        json(response, 200, { major: 3, minor: 1, patch: 0 })
        return
      }
      if (request.url === '/api/server/ping') isPinged()
      request.socket.resetAndDestroy()
    })
    const api = client(address)
    await api.version()
    isUp = false
    const rejected = assert.rejects(api.version(), { code: 'immich/client-closed' })
    await pinged
    await api.close()
    await rejected
    await assert.rejects(api.version(), { code: 'immich/client-closed' })
  })

  test('a server that was never there is told at once, with the reason', async () => {
    const port = await listen(createTcpServer())
    await closing.pop()?.()
    const api = client(`http://127.0.0.1:${port}`)
    await assert.rejects(api.version(), { code: 'immich/unreachable', message: /ECONNREFUSED/u })
    await assert.rejects(api.version(), { code: 'immich/unreachable', message: /ECONNREFUSED/u })
  })
})

describe('a wrong address', () => {
  test('redirects are not followed; the address to use is named', async () => {
    let calls = 0
    const address = await serve((_request, response) => {
      calls += 1
      response.writeHead(301, { location: 'https://photos.example/immich/api/server/version' }).end()
    })
    await assert.rejects(client(address).version(), {
      code: 'immich/redirected',
      hint: 'Use https://photos.example/immich as the address.',
    })
    assert.equal(calls, 1)
  })

  test('a redirect to a login page is called one', async () => {
    const address = await serve((_request, response) =>
      response.writeHead(302, { location: '/login?next=x' }).end(),
    )
    await assert.rejects(client(address).version(), { code: 'immich/redirected', hint: /login page/u })
  })

  test('a web page is not an answer', async () => {
    const address = await serve((_request, response) => response.end('<html>Welcome to nginx</html>'))
    await assert.rejects(client(address).version(), { code: 'immich/unexpected-answer', message: /nginx/u })
  })

  test('what is no HTTP is not reached', async () => {
    const address = await serveRaw((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'))
    await assert.rejects(client(address, { retry: { attempts: 1 } }).version(), {
      code: 'immich/unreachable',
    })
  })

  test('an answer without end is cut off', async () => {
    const address = await serve((_request, response) => {
      const chunk = Buffer.alloc(1_000_000, ' ')
      const more = (): void => {
        while (response.write(chunk));
      }
      response.on('drain', more)
      more()
    })
    await assert.rejects(client(address).version(), {
      code: 'immich/unexpected-answer',
      message: /more than/u,
    })
  })
})
