/**
 * Uploads while something goes wrong behind the server: nothing that became a photo may be lost, nothing doubled.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ObjectStoreError } from '../storage/object-store.ts'
import { rawRequest } from './testing/raw-request.ts'
import { formOf, intendedObjects, jpegLike, storedObjects } from './testing/sample-files.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

interface Answer {
  readonly status: number
  readonly id: string
}

async function upload(server: TestServer, ...contents: readonly Buffer[]): Promise<Answer> {
  const body = formOf(...contents.map((bytes, index) => ['file', bytes, `${index}.jpg`] as const))
  const response = await server.fetch('/api/uploads/direct', { method: 'POST', body })
  return { status: response.status, id: ((await response.json()) as { id: string }).id }
}

async function fileOf(server: TestServer, id: string): Promise<Buffer> {
  const response = await server.fetch(`/api/photos/${id}/file`)
  assert.equal(response.status, 200)
  return Buffer.from(await response.arrayBuffer())
}

describe('an upload', () => {
  test('keeps what became a photo when the store fails while it looks for a duplicate', async (t) => {
    await using server = await startTestServer()
    const [known, fresh] = [jpegLike(1), jpegLike(2)]
    assert.equal((await upload(server, known)).status, 201)
    const stat = t.mock.method(server.context.photos, 'stat', () =>
      Promise.reject(new ObjectStoreError('storage/unreachable', 'no answer', { recovery: 'retry' })),
    )
    assert.equal((await upload(server, fresh, known)).status, 503)
    stat.mock.restore()
    assert.deepEqual(intendedObjects(server), [])
    assert.equal((await storedObjects(server)).length, 2)
    const again = await upload(server, fresh)
    assert.equal(again.status, 200)
    assert.deepEqual(await fileOf(server, again.id), fresh)
  })

  test('of a content whose file is gone, by eight senders at once, leaves one file', async () => {
    await using server = await startTestServer()
    const bytes = jpegLike(1)
    const { id } = await upload(server, bytes)
    for (const path of await storedObjects(server)) await rm(path)
    const answers = await Promise.all(Array.from({ length: 8 }, () => upload(server, bytes)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map(() => 200),
    )
    assert.deepEqual(await fileOf(server, id), bytes)
    assert.equal((await storedObjects(server)).length, 1)
    assert.deepEqual(intendedObjects(server), [])
  })

  test('that the disk has no room for is refused before it is sent', async () => {
    await using server = await startTestServer()
    const answer = await rawRequest(
      server.address,
      `POST /api/uploads/direct HTTP/1.1\r\nHost: ${new URL(server.address).host}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000000000000\r\n\r\n--x\r\n`,
    )
    assert.match(answer, /^HTTP\/1\.1 507 /u)
    assert.match(answer, /"code":"upload\/no-room"/u)
    assert.deepEqual(intendedObjects(server), [])
  })

  test('whose bytes a crash took does not keep others from becoming photos', async () => {
    const base = await mkdtemp(join(tmpdir(), 'heirloom-mishap-'))
    const folder = join(base, 'library')
    let uploads = ''
    {
      await using server = await startTestServer({ folder })
      uploads = join(server.context.paths.tempFolder, 'uploads')
    }
    await mkdir(uploads, { recursive: true })
    const bytes = jpegLike(1)
    for (const id of ['0', '1', '2'].map((digit) => digit.repeat(32))) {
      const facts = { sizeBytes: bytes.length, metadata: {}, createdAt: Date.now() }
      await writeFile(join(uploads, `${id}.json`), JSON.stringify(facts))
    }
    await writeFile(join(uploads, `${'1'.repeat(32)}.part`), bytes)
    await using server = await startTestServer({ folder })
    const until = performance.now() + 10_000
    while ((await storedObjects(server)).length === 0) {
      assert.ok(performance.now() < until, 'not within ten seconds')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await server[Symbol.asyncDispose]()
    await rm(base, { recursive: true })
  })

  test('of a new content by eight senders at once leaves one file', async () => {
    await using server = await startTestServer()
    const bytes = jpegLike(1)
    const answers = await Promise.all(Array.from({ length: 8 }, () => upload(server, bytes)))
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 200, 200, 200, 200, 200, 200, 201])
    assert.equal((await storedObjects(server)).length, 1)
    assert.deepEqual(intendedObjects(server), [])
  })
})
