import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Upload } from 'tus-js-client'
import { FakeClock } from '../clock.ts'
import { intendedObjects, jpegLike, storedObjects } from './testing/sample-files.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')
const base64 = (text: string): string => Buffer.from(text).toString('base64')

type Sent = { readonly status: number; readonly headers: Headers; readonly body: string }

/** Speaks the protocol by hand, so that a test can do it wrong. */
function speaker(
  server: TestServer,
): (method: string, path: string, headers?: Record<string, string>, body?: Buffer) => Promise<Sent> {
  return async (method, path, headers = {}, body) => {
    const response = await server.fetch(path, {
      method,
      headers: { 'tus-resumable': '1.0.0', ...headers },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    })
    return { status: response.status, headers: response.headers, body: await response.text() }
  }
}

const PATCH = { 'content-type': 'application/offset+octet-stream' }

async function begin(
  server: TestServer,
  sizeBytes: number,
  metadata = `filename ${base64('a.jpg')}`,
): Promise<string> {
  const { status, headers, body } = await speaker(server)('POST', '/api/uploads/tus', {
    'upload-length': String(sizeBytes),
    'upload-metadata': metadata,
  })
  assert.equal(status, 201, body)
  return headers.get('location') ?? ''
}

const partsOf = async ({ folder }: { readonly folder: string }): Promise<string[]> =>
  (await readdir(join(folder, '.heirloom', 'tmp', 'uploads')).catch(() => [])).filter((name) =>
    name.endsWith('.part'),
  )

describe('resumable uploads', () => {
  let server: TestServer
  let send: ReturnType<typeof speaker>
  before(async () => {
    server = await startTestServer({ maxUploadBytes: 1_000_000 })
    send = speaker(server)
  })
  after(() => server[Symbol.asyncDispose]())

  test('of the usual client become photos', async () => {
    const bytes = jpegLike(1, 300_000)
    const uploaded = await new Promise<Upload>((resolve, reject) => {
      const upload = new Upload(bytes, {
        endpoint: `${server.address}/api/uploads/tus`,
        chunkSize: 100_000,
        metadata: { filename: 'Käse.jpg', folderId: '1' },
        retryDelays: [],
        onSuccess: () => resolve(upload),
        onError: reject,
      })
      upload.start()
    })
    const photo = (await (await server.fetch(`/api/photos/${sha1(bytes)}`)).json()) as { fileName: string }
    assert.equal(photo.fileName, 'Käse.jpg')
    const state = await (await fetch(uploaded.url ?? '')).json()
    assert.deepEqual(state, { offset: 300_000, sizeBytes: 300_000, photoId: sha1(bytes), duplicate: false })
    assert.deepEqual(await partsOf(server), [])
    assert.deepEqual(intendedObjects(server), [])
  })

  test('go on where they were, and the last part tells the photo', async () => {
    const bytes = jpegLike(2)
    const path = await begin(server, bytes.length)
    assert.match(path, /^\/api\/uploads\/tus\/[0-9a-f]{32}$/u)
    const first = await send('PATCH', path, { ...PATCH, 'upload-offset': '0' }, bytes.subarray(0, 6_000))
    assert.deepEqual([first.status, first.headers.get('upload-offset')], [204, '6000'])
    const head = await send('HEAD', path)
    assert.deepEqual(
      [head.status, head.headers.get('upload-offset'), head.headers.get('upload-length')],
      [200, '6000', '10000'],
    )
    assert.equal(head.headers.get('cache-control'), 'no-store')
    const last = await send('PATCH', path, { ...PATCH, 'upload-offset': '6000' }, bytes.subarray(6_000))
    assert.deepEqual([last.status, last.headers.get('heirloom-photo-id')], [204, sha1(bytes)])
    // A sender that did not hear of the end asks, and hears that all is here.
    assert.equal((await send('HEAD', path)).headers.get('upload-offset'), '10000')
    const again = await send('PATCH', path, { ...PATCH, 'upload-offset': '10000' }, Buffer.alloc(0))
    assert.equal(again.headers.get('heirloom-photo-id'), sha1(bytes))
  })

  test('a part for another place is refused, and changes nothing', async () => {
    const path = await begin(server, 10_000)
    await send('PATCH', path, { ...PATCH, 'upload-offset': '0' }, jpegLike(3).subarray(0, 5_000))
    assert.equal(
      (await send('PATCH', path, { ...PATCH, 'upload-offset': '0' }, Buffer.alloc(10))).status,
      409,
    )
    assert.equal(
      (await send('PATCH', path, { ...PATCH, 'upload-offset': '4999' }, Buffer.alloc(10))).status,
      409,
    )
    assert.equal(
      (await send('PATCH', path, { ...PATCH, 'upload-offset': '5000' }, Buffer.alloc(6_000))).status,
      413,
    )
    assert.equal((await send('HEAD', path)).headers.get('upload-offset'), '5000')
  })

  test('what is no photo is refused with its first bytes, and gone', async () => {
    const before = await partsOf(server)
    const path = await begin(server, 900_000)
    const { status, body } = await send(
      'PATCH',
      path,
      { ...PATCH, 'upload-offset': '0' },
      Buffer.alloc(500_000, '<svg> '),
    )
    assert.equal(status, 415)
    assert.match(body, /"code":"upload\/unsupported-media"/u)
    assert.equal((await send('HEAD', path)).status, 404)
    assert.deepEqual(await partsOf(server), before)
  })

  test('can be ended by their sender', async () => {
    const path = await begin(server, 10_000)
    assert.equal((await send('DELETE', path)).status, 204)
    assert.equal((await send('HEAD', path)).status, 404)
    assert.equal((await send('DELETE', path)).status, 404)
  })

  const beginnings: { what: string; headers: Record<string, string>; status: number }[] = [
    { what: 'too large', headers: { 'upload-length': '1000001' }, status: 413 },
    { what: 'without a size', headers: {}, status: 400 },
    { what: 'of a size that is none', headers: { 'upload-length': '-5' }, status: 400 },
    { what: 'of a size that is not told', headers: { 'upload-defer-length': '1' }, status: 501 },
    { what: 'empty', headers: { 'upload-length': '0' }, status: 400 },
    {
      what: 'with metadata that is none',
      headers: { 'upload-length': '5', 'upload-metadata': 'filename ???' },
      status: 400,
    },
    {
      what: 'for a folder that is not there',
      headers: { 'upload-length': '5', 'upload-metadata': `folderId ${base64('99')}` },
      status: 404,
    },
    {
      what: 'for a folder that is a path',
      headers: { 'upload-length': '5', 'upload-metadata': `folderId ${base64('../1')}` },
      status: 400,
    },
    {
      what: 'with very much metadata',
      headers: {
        'upload-length': '5',
        'upload-metadata': Array.from({ length: 30 }, (_, n) => `k${n} ${base64('v')}`).join(','),
      },
      status: 400,
    },
    {
      what: 'in another version of the protocol',
      headers: { 'upload-length': '5', 'tus-resumable': '0.2.2' },
      status: 412,
    },
  ]
  for (const { what, headers, status } of beginnings) {
    test(`one that is ${what} is not begun`, async () => {
      const before = await partsOf(server)
      const sent = await send('POST', '/api/uploads/tus', headers)
      assert.equal(sent.status, status, sent.body)
      assert.match(sent.body, /^\{"error":\{"code":"(?:upload|library)\//u)
      assert.deepEqual(await partsOf(server), before)
    })
  }

  for (const name of ['../../../etc/passwd', '<script>', 'a\u0000b', '']) {
    test(`the name ${JSON.stringify(name)} is never a path`, async () => {
      const bytes = jpegLike(name.length + 100)
      const path = await begin(server, bytes.length, `filename ${base64(name)}`)
      assert.equal((await send('PATCH', path, { ...PATCH, 'upload-offset': '0' }, bytes)).status, 204)
      assert.ok((await storedObjects(server)).every((one) => /\/[0-9a-f-]{36}\.jpg$/u.test(one)))
    })
  }

  for (const id of [
    '..%2f..%2fserver-access',
    '%2e%2e',
    'x',
    `${'0'.repeat(32)}`,
    `${'0'.repeat(32)}.json`,
    '%00',
  ]) {
    test(`an upload called ${id} is not there`, async () => {
      assert.equal((await send('HEAD', `/api/uploads/tus/${id}`)).status, 404)
      assert.equal((await send('DELETE', `/api/uploads/tus/${id}`)).status, 404)
      const patched = await send(
        'PATCH',
        `/api/uploads/tus/${id}`,
        { ...PATCH, 'upload-offset': '0' },
        Buffer.alloc(5),
      )
      assert.equal(patched.status, 404)
    })
  }

  test('say nothing to pages of other sites', async () => {
    const response = await server.fetch('/api/uploads/tus', { method: 'OPTIONS' })
    assert.equal(response.headers.get('tus-version'), '1.0.0')
    assert.equal(response.headers.get('access-control-allow-origin'), null)
    assert.equal(
      (
        await server.fetch('/api/uploads/tus', {
          method: 'OPTIONS',
          headers: { origin: 'https://evil.example' },
        })
      ).status,
      403,
    )
  })
})

describe('resumable uploads over time', () => {
  test('go on after the server was started again, and expire after days', async () => {
    const base = await mkdtemp(join(tmpdir(), 'heirloom-tus-'))
    const folder = join(base, 'library')
    const clock = new FakeClock(Date.now())
    const bytes = jpegLike(1)
    let path = ''
    let stale = ''
    {
      await using server = await startTestServer({ folder, clock })
      path = await begin(server, bytes.length)
      stale = await begin(server, bytes.length)
      await speaker(server)('PATCH', path, { ...PATCH, 'upload-offset': '0' }, bytes.subarray(0, 7_000))
    }
    {
      await using server = await startTestServer({ folder, clock })
      const send = speaker(server)
      assert.equal((await send('HEAD', path)).headers.get('upload-offset'), '7000')
      const last = await send('PATCH', path, { ...PATCH, 'upload-offset': '7000' }, bytes.subarray(7_000))
      assert.equal(last.headers.get('heirloom-photo-id'), sha1(bytes))
      clock.advance(3 * 24 * 60 * 60_000 + 1)
    }
    await using server = await startTestServer({ folder, clock })
    await until(async () => (await speaker(server)('HEAD', stale)).status === 404)
    assert.deepEqual(await partsOf({ folder }), [])
    await rm(base, { recursive: true })
  })

  test('lose nothing that was answered when the server is killed', { timeout: 60_000 }, async () => {
    const base = await mkdtemp(join(tmpdir(), 'heirloom-tus-'))
    const folder = join(base, 'library')
    const bytes = jpegLike(1, 2_000_000)
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'testing', 'serve-program.ts'), folder],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const address = await new Promise<string>((resolve) =>
      child.stdout.once('data', (text) => resolve(String(text).trim())),
    )
    const living = {
      fetch: (path: string, init?: RequestInit) => fetch(`${address}${path}`, init),
    } as TestServer
    const path = await begin(living, bytes.length)
    await speaker(living)('PATCH', path, { ...PATCH, 'upload-offset': '0' }, bytes.subarray(0, 500_000))
    // The next part is on its way when the server dies.
    const dying = speaker(living)(
      'PATCH',
      path,
      { ...PATCH, 'upload-offset': '500000' },
      bytes.subarray(500_000),
    ).catch(() => undefined)
    setTimeout(() => child.kill('SIGKILL'), 3)
    await new Promise((resolve) => child.once('exit', resolve))
    await dying
    await using server = await startTestServer({ folder })
    const send = speaker(server)
    const offset = Number((await send('HEAD', path)).headers.get('upload-offset'))
    assert.ok(offset >= 500_000 && offset <= bytes.length, String(offset))
    await send('PATCH', path, { ...PATCH, 'upload-offset': String(offset) }, bytes.subarray(offset))
    const file = await server.fetch(`/api/photos/${sha1(bytes)}/file`)
    assert.equal(sha1(Buffer.from(await file.arrayBuffer())), sha1(bytes))
    assert.equal((await storedObjects(server)).length, 1)
    await rm(base, { recursive: true })
  })
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000
  while (!(await isSo())) {
    assert.ok(performance.now() < end, 'not within ten seconds')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
