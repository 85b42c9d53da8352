import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { FakeClock } from '../clock.ts'
import { openLibrarySession } from '../tasks/library-session.ts'
import { callLibrary } from '../tasks/store-calls.ts'
import { addLibraryFile } from './testing/library-file.ts'
import { connectTo } from './testing/raw-request.ts'
import { formOf, intendedObjects, jpegLike, storedObjects } from './testing/sample-files.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

async function temporaryLibrary(): Promise<AsyncDisposable & { readonly folder: string }> {
  const base = await mkdtemp(join(tmpdir(), 'heirloom-host-'))
  return {
    folder: join(base, 'library'),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  }
}

const upload = (server: TestServer, seed: number): Promise<Response> =>
  server.fetch('/api/uploads/direct', { method: 'POST', body: formOf(['file', jpegLike(seed), 'a.jpg']) })

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000
  while (!(await isSo())) {
    assert.ok(performance.now() < end, `${what}: not within ten seconds`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

describe('a server beside another process', () => {
  test('shows what there is, refuses uploads, and takes over when it is free', async () => {
    await using library = await temporaryLibrary()
    const { folder } = library
    const clock = new FakeClock(Date.now())
    const other = await openLibrarySession({
      library: folder,
      state: undefined,
      command: 'ingest',
      now: clock.now(),
    })
    await using server = await startTestServer({ folder, clock })
    const { context } = server
    assert.equal(context.role().kind, 'watching')
    const refused = await upload(server, 1)
    assert.equal(refused.status, 503)
    assert.equal(refused.headers.get('retry-after'), '5')
    const { error } = (await refused.json()) as { error: { code: string; message: string } }
    assert.equal(error.code, 'server/watching')
    assert.match(error.message, /heirloom ingest works on the library/u)
    assert.equal((await server.fetch('/api/photos')).status, 200)
    assert.equal(((await (await server.fetch('/readyz')).json()) as { role: string }).role, 'watching')
    assert.equal((await server.fetch('/api/thumbnails/status')).status, 200)

    clock.advance(3_000)
    assert.equal(context.role().kind, 'watching')
    await other.close()
    const changed = new Promise<string>((resolve) => context.onRoleChange(({ kind }) => resolve(kind)))
    await until('takes over', () => {
      clock.advance(3_000)
      return context.role().kind === 'working'
    })
    assert.equal(await changed, 'working')
    assert.equal((await upload(server, 1)).status, 201)
  })

  test('can be ended while it watches', async () => {
    await using library = await temporaryLibrary()
    const { folder } = library
    const other = await openLibrarySession({ library: folder, state: undefined, command: 'ingest', now: 1 })
    const server = await startTestServer({ folder })
    await server.running.close()
    await server.running.close()
    await other.close()
  })
})

describe('a server that starts', () => {
  test('removes what uploads left that were cut off, and nothing else', async () => {
    await using library = await temporaryLibrary()
    const { folder } = library
    {
      await using server = await startTestServer({ folder })
      await upload(server, 1)
      const cut = { store: 'local', objectName: 'photos/2026/01/cut.jpg' }
      await callLibrary(server.context.backend(), 'photo.intend', cut)
      const path = join(folder, '.heirloom', 'uploads', cut.objectName)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, 'half')
      const elsewhere = { store: 's3://bucket', objectName: 'photos/2026/01/x.jpg' }
      await callLibrary(server.context.backend(), 'photo.intend', elsewhere)
    }
    await using server = await startTestServer({ folder })
    assert.equal((await storedObjects(server)).length, 1)
    // A store that this server was not told of is for another start.
    assert.deepEqual(intendedObjects(server), [{ store: 's3://bucket', objectName: 'photos/2026/01/x.jpg' }])
  })

  test('has thumbnails made of what has none, once', async () => {
    await using library = await temporaryLibrary()
    const { folder } = library
    {
      await using server = await startTestServer({ folder })
      await upload(server, 1)
      await addLibraryFile(server, 'takeout/photos/2019/a.jpg', jpegLike(2))
      await callLibrary(server.context.backend(), 'tasks.clear', null)
    }
    for (const _start of [1, 2]) {
      await using server = await startTestServer({ folder })
      const waiting = async (): Promise<number> =>
        (await server.context.backend().counts('thumbnail')).pending
      await until('both are queued', async () => (await waiting()) === 2)
    }
  })
})

describe('a server that ends', () => {
  test('finishes the upload that is under way, and takes no other', async () => {
    await using library = await temporaryLibrary()
    const { folder } = library
    const server = await startTestServer({ folder })
    const bytes = jpegLike(1, 50_000)
    const head = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    const tail = '\r\n--x--\r\n'
    const length = head.length + bytes.length + tail.length
    const socket = connectTo(server.address)
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.write(
      `POST /api/uploads/direct HTTP/1.1\r\nHost: ${new URL(server.address).host}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: ${length}\r\n\r\n${head}`,
    )
    socket.write(bytes.subarray(0, 20_000))
    await until('the upload is under way', () => intendedObjects(server).length === 1)
    const closing = server.running.close()
    await until('nobody listens any more', () =>
      fetch(`${server.address}/healthz`).then(
        () => false,
        () => true,
      ),
    )
    socket.write(bytes.subarray(20_000))
    socket.write(tail)
    await closing
    assert.match(answer, /^HTTP\/1\.1 201 /u)
    await using again = await startTestServer({ folder })
    assert.equal((await storedObjects(again)).length, 1)
    assert.deepEqual(intendedObjects(again), [])
  })

  test('does not wait longer than half a minute for a sender that sleeps', async () => {
    await using library = await temporaryLibrary()
    const clock = new FakeClock(Date.now())
    const server = await startTestServer({ folder: library.folder, clock })
    const socket = connectTo(server.address).on('error', () => undefined)
    socket.write(
      `POST /api/uploads/direct HTTP/1.1\r\nHost: ${new URL(server.address).host}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 90000\r\n\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n`,
    )
    socket.write(jpegLike(1))
    await until('it is heard', () => intendedObjects(server).length === 1)
    const closing = server.running.close()
    const ended = closing.then(() => true)
    clock.advance(29_000)
    assert.equal(
      await Promise.race([ended, new Promise((resolve) => setTimeout(() => resolve(false), 200))]),
      false,
    )
    clock.advance(1_001)
    await closing
    await using again = await startTestServer({ folder: library.folder })
    assert.deepEqual(intendedObjects(again), [])
  })
})
