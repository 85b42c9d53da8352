import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { FakeClock } from '../clock.ts'
import { connectTo } from './testing/raw-request.ts'
import { intendedObjects, jpegLike } from './testing/sample-files.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

/** An upload that is under way; its sender has sent 10 kB of a megabyte. */
async function beginUpload(server: TestServer): Promise<Socket> {
  const socket = connectTo(server.address).on('error', () => undefined)
  socket.write(
    `POST /api/uploads/direct HTTP/1.1\r\nHost: ${new URL(server.address).host}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n`,
  )
  socket.write(jpegLike(1))
  const until = performance.now() + 10_000
  while (intendedObjects(server).length === 0) {
    assert.ok(performance.now() < until, 'the upload was not heard within ten seconds')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return socket
}

describe('an upload', () => {
  test('that brings nothing for half a minute is ended, and leaves nothing', async () => {
    const clock = new FakeClock(Date.now())
    await using server = await startTestServer({ clock })
    const socket = await beginUpload(server)
    const closed = once(socket, 'close')
    // The first look has seen what came so far.
    clock.advance(15_000)
    clock.advance(15_000)
    clock.advance(15_000)
    await closed
    const until = performance.now() + 10_000
    while (intendedObjects(server).length > 0) {
      assert.ok(performance.now() < until, 'the object was not removed within ten seconds')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  })

  test('that gets on slowly may take as long as it takes', async () => {
    const clock = new FakeClock(Date.now())
    await using server = await startTestServer({ clock })
    const socket = await beginUpload(server)
    for (let minute = 0; minute < 4; minute++) {
      await new Promise<void>((done) => socket.write(Buffer.alloc(40_000), () => done()))
      await server.fetch('/healthz')
      clock.advance(15_000)
    }
    assert.equal(socket.destroyed || socket.readableEnded, false)
    socket.destroy()
  })
})
