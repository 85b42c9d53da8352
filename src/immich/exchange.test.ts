/** The client's transport against real connections that misbehave. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { type Clock, FakeClock, systemClock } from '../clock.ts'
import { toErrorRecord } from '../errors.ts'
import type { ImmichApi, UploadFile } from './api.ts'
import { createImmichClient, type ImmichClientOptions } from './client.ts'
import { ImmichError, UnreachableError } from './immich-errors.ts'

const KEY = 'k3y-that-must-never-be-seen'

let folder = ''
const closing: (() => unknown)[] = []
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-exchange-'))
})
after(async () => await rm(folder, { recursive: true, force: true }))
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function listen(server: Server | TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const serve = async (handler: RequestListener): Promise<string> =>
  `http://127.0.0.1:${await listen(createServer(handler))}`

/** Every connection is the test's. */
async function serveRaw(handler: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    handler(socket)
  })
  const port = await listen(server)
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
  })
  return `http://127.0.0.1:${port}`
}

function client(address: string, options: Partial<ImmichClientOptions> = {}): ImmichApi {
  const api = createImmichClient({ address, key: KEY, retry: { baseMs: 1 }, ...options })
  closing.push(() => api.close())
  return api
}

function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** Answers the questions around an upload as a 3.1.0 does, and leaves the rest to `handler`. */
function v3(handler: (request: IncomingMessage, response: ServerResponse) => void): RequestListener {
  return (request, response) => {
    if (request.url === '/api/server/version') json(response, 200, { major: 3, minor: 1, patch: 0 })
    else if (request.url === '/api/server/ping') json(response, 200, { res: 'pong' })
    else handler(request, response)
  }
}

async function fileOf(content: Buffer, name = `photo-${Math.random()}.jpg`): Promise<UploadFile> {
  const path = join(folder, name)
  await writeFile(path, content)
  const sha1 = createHash('sha1').update(content).digest('hex')
  const at = '2020-01-01T00:00:00+00:00'
  return { path, fileName: name, sizeBytes: content.length, sha1, createdAt: at, modifiedAt: at }
}

/** Fires at once what is shorter than a stall, and tells how long it was asked to wait. */
function impatientClock(): Clock & { readonly waitsMs: number[] } {
  const waitsMs: number[] = []
  return {
    waitsMs,
    now: () => 0,
    after: (delayMs, callback) => {
      if (delayMs >= 10_000) return systemClock.after(delayMs, callback)
      waitsMs.push(delayMs)
      return systemClock.after(0, callback)
    },
  }
}

describe('an upload', () => {
  const CREATED = { id: 'asset-1', status: 'created' }
  const DUPLICATE = { id: 'asset-1', status: 'duplicate' }
  const BIG = Buffer.alloc(8_000_000, 'x')

  test('arrives whole, with its checksum and length', async () => {
    const file = await fileOf(Buffer.alloc(1_000_000, 'x'))
    let headers: IncomingMessage['headers'] = {}
    let received = 0
    const address = await serve(
      v3((request, response) => {
        headers = request.headers
        request.on('data', (chunk: Buffer) => {
          received += chunk.length
        })
        request.on('end', () => json(response, 201, CREATED))
      }),
    )
    let sent = 0
    const result = await client(address).upload(file, {
      onBytes: (bytes) => {
        sent += bytes
      },
    })
    assert.deepEqual(result, { assetId: 'asset-1', status: 'created' })
    assert.equal(headers['x-immich-checksum'], file.sha1)
    assert.equal(headers['x-api-key'], KEY)
    assert.equal(Number(headers['content-length']), received)
    assert.equal(sent, file.sizeBytes)
  })

  test('arrives as it is at a server that reads in fits and starts', async () => {
    const content = randomBytes(12_000_000)
    const file = await fileOf(content)
    const chunks: Buffer[] = []
    const address = await serve(
      v3((request, response) => {
        request.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          if (chunks.length % 20 !== 0) return
          request.pause()
          setTimeout(() => request.resume(), 1)
        })
        request.on('end', () => json(response, 201, CREATED))
      }),
    )
    await client(address).upload(file)
    const form = Buffer.concat(chunks)
    const start = form.lastIndexOf('octet-stream\r\n\r\n') + 'octet-stream\r\n\r\n'.length
    assert.ok(form.subarray(start, start + content.length).equals(content))
  })

  test('an early answer while the body is still being sent is a success', async () => {
    const file = await fileOf(BIG)
    const address = await serve(v3((_request, response) => json(response, 200, DUPLICATE)))
    assert.deepEqual(await client(address).upload(file), { assetId: 'asset-1', status: 'duplicate' })
  })

  test('an early answer followed by a reset is a success', async () => {
    const file = await fileOf(BIG)
    let uploads = 0
    const address = await serve(
      v3((request, response) => {
        if (request.url === '/api/assets/bulk-upload-check') {
          const found = {
            id: '0',
            action: 'reject',
            reason: 'duplicate',
            assetId: 'asset-1',
            isTrashed: false,
          }
          json(response, 200, { results: [found] })
          return
        }
        uploads += 1
        json(response, 200, DUPLICATE)
        response.on('finish', () => request.socket.resetAndDestroy())
      }),
    )
    assert.deepEqual(await client(address).upload(file), { assetId: 'asset-1', status: 'duplicate' })
    assert.equal(uploads, 1)
  })

  test('a connection that drops in the middle of the body is tried again, and no progress is counted twice', async () => {
    const file = await fileOf(BIG)
    const lengths: number[] = []
    const address = await serve(
      v3((request, response) => {
        if (request.url === '/api/assets/bulk-upload-check') {
          json(response, 200, { results: [{ id: '0', action: 'accept' }] })
          return
        }
        const at = lengths.push(0) - 1
        request.on('error', () => undefined)
        request.on('data', (chunk: Buffer) => {
          const length = (lengths[at] ?? 0) + chunk.length
          lengths[at] = length
          if (at === 0 && length > 1_000_000) request.socket.resetAndDestroy()
        })
        request.on('end', () => json(response, 201, CREATED))
      }),
    )
    let sent = 0
    await client(address).upload(file, {
      onBytes: (bytes) => {
        assert.ok(bytes > 0)
        sent += bytes
      },
    })
    assert.equal(lengths.length, 2)
    assert.ok((lengths[0] ?? 0) < file.sizeBytes && (lengths[1] ?? 0) > file.sizeBytes)
    assert.equal(sent, file.sizeBytes)
  })

  test('a whole file whose answer was lost is not sent again', async () => {
    const file = await fileOf(Buffer.from('pixels'))
    let uploads = 0
    const address = await serve(
      v3((request, response) => {
        if (request.url === '/api/assets/bulk-upload-check') {
          const found = {
            id: '0',
            action: 'reject',
            reason: 'duplicate',
            assetId: 'asset-1',
            isTrashed: false,
          }
          json(response, 200, { results: [found] })
          return
        }
        uploads += 1
        request.resume().on('end', () => request.socket.resetAndDestroy())
      }),
    )
    assert.deepEqual(await client(address).upload(file), { assetId: 'asset-1', status: 'duplicate' })
    assert.equal(uploads, 1)
  })

  test('a file that shrinks while it is sent never arrives as a whole', async () => {
    const file = await fileOf(BIG)
    let isComplete: boolean | undefined
    const { promise: over, resolve: isOver } = Promise.withResolvers<void>()
    const address = await serve(
      v3((request, response) => {
        request.once('data', () => {
          request.pause()
          void truncate(file.path, 1000).then(() => request.resume())
        })
        request.on('error', () => undefined)
        request.on('end', () => json(response, 201, CREATED))
        request.on('close', () => {
          isComplete = request.complete
          isOver()
        })
      }),
    )
    await assert.rejects(client(address).upload(file), (error: Error) => {
      assert.ok(error.message.startsWith(file.path))
      assert.equal(toErrorRecord(error).recovery, 'discard')
      return true
    })
    await over
    assert.equal(isComplete, false)
  })

  test('can be called off', async () => {
    const file = await fileOf(BIG)
    const controller = new AbortController()
    const address = await serve(
      v3((request) => request.once('data', () => controller.abort(new Error('called off')))),
    )
    await assert.rejects(client(address).upload(file, { signal: controller.signal }), /called off/u)
  })

  test('a full disk of the server is said plainly and not tried again', async () => {
    const file = await fileOf(Buffer.from('pixels'))
    let uploads = 0
    const address = await serve(
      v3((request, response) => {
        uploads += 1
        request.resume().on('end', () => json(response, 507, { message: 'Insufficient Storage' }))
      }),
    )
    await assert.rejects(client(address).upload(file), { code: 'immich/server-full', recovery: 'retry' })
    assert.equal(uploads, 1)
  })

  test('a body limit of a proxy is named as such', async () => {
    const file = await fileOf(BIG)
    const address = await serve(
      v3((_request, response) => {
        response
          .writeHead(413, { connection: 'close' })
          .end('<html><h1>413 Request Entity Too Large</h1></html>')
      }),
    )
    await assert.rejects(client(address).upload(file), { code: 'immich/too-large' })
  })

  test('needs little memory for a large file', async () => {
    const sizeBytes = 200_000_000
    const path = join(folder, 'sparse.mp4')
    const handle = await open(path, 'w')
    await handle.truncate(sizeBytes)
    await handle.close()
    const hash = createHash('sha1')
    const zeros = Buffer.alloc(1_000_000)
    for (let at = 0; at < 200; at += 1) hash.update(zeros)
    let peakBytes = 0
    let received = 0
    let chunks = 0
    const address = await serve(
      v3((request, response) => {
        request.on('data', (chunk: Buffer) => {
          received += chunk.length
          chunks += 1
          if (chunks % 50 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers)
        })
        request.on('end', () => json(response, 201, CREATED))
      }),
    )
    const at = '2020-01-01T00:00:00+00:00'
    const before = process.memoryUsage().arrayBuffers
    await client(address).upload({
      path,
      fileName: 'sparse.mp4',
      sizeBytes,
      sha1: hash.digest('hex'),
      createdAt: at,
      modifiedAt: at,
    })
    assert.ok(received > sizeBytes)
    // Client and server are one process here; garbage of both counts.
    assert.ok(peakBytes > 0 && peakBytes - before < 100_000_000, `${peakBytes - before} bytes`)
  })

  test('waits for a slow server instead of reading the file ahead', async () => {
    const file = await fileOf(Buffer.alloc(64_000_000))
    let request: IncomingMessage | undefined
    const { promise: begun, resolve } = Promise.withResolvers<void>()
    const address = await serve(
      v3((incoming, response) => {
        request = incoming
        incoming.pause()
        incoming.on('end', () => json(response, 201, CREATED))
        resolve()
      }),
    )
    let sent = 0
    let isQuiet = (): void => undefined
    let timer: NodeJS.Timeout | undefined
    const quiet = new Promise<void>((done) => {
      isQuiet = done
    })
    const uploading = client(address).upload(file, {
      onBytes: (bytes) => {
        sent += bytes
        clearTimeout(timer)
        timer = setTimeout(isQuiet, 100)
      },
    })
    await begun
    await quiet
    // What the kernel's buffers of both sides take on loopback.
    assert.ok(sent < 32_000_000, `${sent} bytes were sent to nobody`)
    request?.resume()
    await uploading
    assert.equal(sent, file.sizeBytes)
  })
})

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

describe('certificates', () => {
  let pair: { key: Buffer; cert: Buffer } | undefined
  const hasOpenssl = ['/usr/bin/openssl', '/usr/local/bin/openssl', '/opt/homebrew/bin/openssl'].some(
    existsSync,
  )
  const skip = hasOpenssl ? false : 'there is no openssl to make a certificate with'
  const serveSecure = async (handler: RequestListener): Promise<string> => {
    if (pair === undefined) {
      const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
      const made = [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ]
      execFileSync('openssl', [...made, '-subj', '/CN=nas', '-keyout', key, '-out', cert], {
        stdio: 'ignore',
      })
      pair = { key: readFileSync(key), cert: readFileSync(cert) }
    }
    return `https://127.0.0.1:${await listen(createSecureServer(pair, handler))}`
  }

  test('one of your own is refused with the way out, and not tried again', { skip }, async () => {
    const address = await serveSecure(v3((_request, response) => response.end()))
    await assert.rejects(client(address).version(), {
      code: 'immich/certificate',
      recovery: 'discard',
      hint: /--insecure/u,
    })
  })

  test('one of your own is taken by the client that was told to, and by no other', { skip }, async () => {
    const address = await serveSecure(v3((_request, response) => response.end()))
    assert.equal((await client(address, { insecure: true }).version()).major, 3)
    await assert.rejects(client(address).version(), { code: 'immich/certificate' })
  })
})

describe('the key', () => {
  const echo: RequestListener = (request, response) => {
    const key = String(request.headers['x-api-key'] ?? request.headers.authorization)
    json(response, 400, {
      message: `Validation failed for ${key}`,
      errors: [{ path: [key], message: `\u001B[31m${key}` }],
    })
  }

  test('is not in an error whose text the server made of it', async () => {
    const address = await serve(echo)
    await assert.rejects(client(address).version(), (error: Error) => {
      assert.match(error.message, /\[key\]/u)
      for (const text of [
        inspect(error, { depth: 9, showHidden: true }),
        JSON.stringify(toErrorRecord(error)),
      ]) {
        assert.ok(!text.includes(KEY), text)
      }
      assert.ok(!error.message.includes('\u001B'))
      return true
    })
  })

  test('of a session is a bearer token, and not in an error either', async () => {
    const address = await serve(echo)
    await assert.rejects(client(address, { key: { session: KEY } }).version(), (error: Error) => {
      assert.match(error.message, /Bearer \[key\]/u)
      return !inspect(error, { depth: 9, showHidden: true }).includes(KEY)
    })
  })

  test('is not in an answer that cannot be parsed, nor in a redirect', async () => {
    const address = await serve((_request, response) =>
      response.writeHead(302, { location: `/${KEY}` }).end(),
    )
    await assert.rejects(
      client(address).version(),
      (error: Error) => !inspect(error, { depth: 9 }).includes(KEY),
    )
    const raw = await serveRaw((socket) => socket.once('data', () => socket.end(`HTTP/1.1 ${KEY}\r\n\r\n`)))
    await assert.rejects(
      client(raw, { retry: { attempts: 1 } }).version(),
      (error: Error) => !inspect(error, { depth: 9, showHidden: true }).includes(KEY),
    )
  })

  test('is in no property of the client', () => {
    const api = client('http://127.0.0.1:1')
    assert.ok(!inspect(api, { depth: 9, showHidden: true }).includes(KEY))
    assert.ok(!JSON.stringify(api).includes(KEY))
  })

  for (const key of ['', '  ', 'two\nlines', 'schlüssel']) {
    test(`${JSON.stringify(key)} is refused without being shown`, () => {
      assert.throws(
        () => createImmichClient({ address: 'http://nas', key }),
        (error: Error) => error instanceof ImmichError && (key.trim() === '' || !error.message.includes(key)),
      )
    })
  }
})
