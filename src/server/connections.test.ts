import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { FakeClock } from '../clock.ts'
import { connectTo } from './testing/raw-request.ts'
import { formOf, jpegLike } from './testing/sample-files.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

/** Far below the half minute that uploads under way are given, far above what ending takes. */
const LIMIT_MS = 10_000

async function endsSoon(server: TestServer): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), LIMIT_MS)
  })
  try {
    return await Promise.race([server.running.close().then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

async function connected(server: TestServer): Promise<Socket> {
  const socket = connectTo(server.address).on('error', () => undefined)
  await once(socket, 'connect')
  // Accepted, not only queued, when a later one is answered.
  await server.fetch('/healthz')
  return socket
}

describe('the end of a server', () => {
  test('does not wait for a connection on which nothing has come', async () => {
    await using server = await startTestServer()
    const socket = await connected(server)
    const closed = once(socket.resume(), 'close')
    assert.equal(await endsSoon(server), true)
    await closed
  })

  test('does not wait for a request that has only begun', async () => {
    await using server = await startTestServer()
    const socket = await connected(server)
    socket.write('GET /healthz HTTP/1.1\r\nHost: ')
    const closed = once(socket.resume(), 'close')
    await server.fetch('/healthz')
    assert.equal(await endsSoon(server), true)
    await closed
  })

  test('waits for an answer that is being sent, and for no other request after it', async () => {
    const sizeBytes = 30_000_000
    await using server = await startTestServer({ maxUploadBytes: sizeBytes })
    const form = formOf(['file', jpegLike(1, sizeBytes), 'a.jpg'])
    const sent = await server.fetch('/api/uploads/direct', { method: 'POST', body: form })
    const { id } = (await sent.json()) as { id: string }
    const socket = await connected(server)
    socket.write(
      `GET /api/photos/${id}/file HTTP/1.1\r\nHost: ${new URL(server.address).host}\r\nConnection: keep-alive\r\n\r\n`,
    )
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    await once(socket, 'data')
    socket.pause()
    const ending = endsSoon(server)
    assert.ok(received < sizeBytes)
    socket.resume()
    await once(socket, 'close')
    assert.ok(received > sizeBytes, `only ${received} bytes came`)
    assert.equal(await ending, true)
  })
})

describe('a body that nobody wants', () => {
  for (const path of ['/nothing', '/api/uploads/direct', '/%zz']) {
    test(`is read for ten seconds, and no longer: ${path}`, async () => {
      const clock = new FakeClock(Date.now())
      await using server = await startTestServer({ clock })
      const socket = await connected(server)
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: ${new URL(server.address).host}\r\nContent-Type: text/plain\r\nContent-Length: 9000000\r\n\r\nx`,
      )
      const [answer] = (await once(socket, 'data')) as [Buffer]
      assert.match(answer.toString('latin1'), /^HTTP\/1\.1 4\d\d /u)
      const closed = once(socket, 'close')
      await server.fetch('/healthz')
      clock.advance(9_000)
      await new Promise<void>((done) => socket.write(Buffer.alloc(100_000), () => done()))
      await server.fetch('/healthz')
      assert.equal(socket.destroyed, false)
      clock.advance(1_001)
      await closed
    })
  }
})
