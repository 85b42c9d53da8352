/** Uploads over real connections that misbehave: nothing is sent in vain, nothing is believed too early. */

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { open, truncate } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { after, afterEach, before, describe, test } from 'node:test'
import {
  client,
  closeAll,
  fileOf,
  json,
  KEY,
  makeFolder,
  pathOf,
  removeFolder,
  serve,
  v3,
} from '../../test/support/exchange-scene.ts'
import { toErrorRecord } from '../errors.ts'

before(makeFolder)
after(removeFolder)
afterEach(closeAll)

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
    const path = pathOf('sparse.mp4')
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
