import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type FormPart, formOf, intendedObjects, jpegLike, storedObjects } from './testing/sample-files.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'
import type { UploadedPhoto } from './upload-routes.ts'

type Answer = UploadedPhoto & {
  readonly photos: readonly UploadedPhoto[]
  readonly refused: readonly { readonly fileName: string; readonly error: { readonly code: string } }[]
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string }
}

const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

describe('POST /api/uploads/direct', () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer({ maxUploadBytes: 100_000 })
  })
  after(() => server[Symbol.asyncDispose]())

  const upload = async (
    form: FormData,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Answer }> => {
    const response = await server.fetch('/api/uploads/direct', { method: 'POST', body: form, headers })
    return { status: response.status, body: (await response.json()) as Answer }
  }

  /** Nothing of a refused upload may stay: neither an object nor an intent. */
  const leavesNothing = async (run: () => Promise<void>): Promise<void> => {
    const before = await storedObjects(server)
    await run()
    assert.deepEqual(await storedObjects(server), before)
    assert.deepEqual(intendedObjects(server), [])
  }

  test('answers at once with the hash and a queued task, and keeps the bytes as they are', async () => {
    const bytes = jpegLike(1)
    const { status, body } = await upload(formOf(['file', bytes, 'IMG_1.JPG'], ['folderId', '1']))
    assert.equal(status, 201)
    assert.equal(body.id, sha1(bytes))
    assert.equal(body.status, 'queued')
    assert.equal(body.fileName, 'IMG_1.JPG')
    assert.equal(body.mime, 'image/jpeg')
    const file = await server.fetch(`/api/photos/${body.id}/file`)
    assert.deepEqual(Buffer.from(await file.arrayBuffer()), bytes)
    const [task] = await server.context.backend().list({ lane: 'thumbnail', newestFirst: true, limit: 1 })
    assert.equal((task?.payload as { sha1: string } | undefined)?.sha1, body.id)
    assert.equal(task?.priority, 10)
    assert.deepEqual(intendedObjects(server), [])
  })

  test('takes a folder before the file, behind it, and none', async () => {
    const parts: readonly (readonly FormPart[])[] = [
      [
        ['folderId', '1'],
        ['file', jpegLike(2), 'a.jpg'],
      ],
      [
        ['file', jpegLike(3), 'a.jpg'],
        ['folderId', '1'],
      ],
      [['file', jpegLike(4), 'a.jpg']],
    ]
    for (const form of parts) {
      const { status, body } = await upload(formOf(...form))
      assert.deepEqual([status, body.folderId], [201, 1])
    }
  })

  test('a content that is there is not kept twice, and is answered with 200', async () => {
    const bytes = jpegLike(5)
    assert.equal((await upload(formOf(['file', bytes, 'a.jpg']))).status, 201)
    await leavesNothing(async () => {
      const { status, body } = await upload(formOf(['file', bytes, 'b.jpg']))
      assert.deepEqual([status, body.duplicate, body.id], [200, true, sha1(bytes)])
    })
  })

  test('a content whose file was lost is taken again', async () => {
    const bytes = jpegLike(6)
    const before = await storedObjects(server)
    await upload(formOf(['file', bytes, 'a.jpg']))
    for (const path of await storedObjects(server)) if (!before.includes(path)) await rm(path)
    const { body } = await upload(formOf(['file', bytes, 'a.jpg']))
    assert.equal(body.duplicate, true)
    const file = await server.fetch(`/api/photos/${body.id}/file`)
    assert.deepEqual(Buffer.from(await file.arrayBuffer()), bytes)
    assert.deepEqual(intendedObjects(server), [])
  })

  test('the same content twice in one form is one photo', async () => {
    const bytes = jpegLike(7)
    const before = await storedObjects(server)
    const { status, body } = await upload(formOf(['file', bytes, 'a.jpg'], ['file', bytes, 'b.jpg']))
    assert.equal(status, 201)
    assert.deepEqual(
      body.photos.map(({ duplicate }) => duplicate),
      [false, true],
    )
    assert.equal((await storedObjects(server)).length, before.length + 1)
  })

  test('a batch waits behind single uploads, and is taken without what is no photo', async () => {
    const form = formOf(
      ['file', jpegLike(8), 'a.jpg'],
      ['file', Buffer.from('hello'), 'b.jpg'],
      ['file', jpegLike(9), 'c.jpg'],
    )
    const { status, body } = await upload(form)
    assert.equal(status, 201)
    assert.deepEqual(
      body.photos.map(({ fileName }) => fileName),
      ['a.jpg', 'c.jpg'],
    )
    assert.deepEqual(
      body.refused.map(({ fileName, error }) => [fileName, error.code]),
      [['b.jpg', 'upload/unsupported-media']],
    )
    const [task] = await server.context.backend().list({ lane: 'thumbnail', newestFirst: true, limit: 1 })
    assert.equal(task?.priority, 0)
  })

  const contents: { what: string; bytes: string; status: number; code: string }[] = [
    {
      what: 'SVG',
      bytes: '<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
      status: 415,
      code: 'upload/unsupported-media',
    },
    {
      what: 'HTML that is called a JPEG',
      bytes: '<!doctype html><script>alert(1)</script>',
      status: 415,
      code: 'upload/unsupported-media',
    },
    { what: 'a PDF', bytes: '%PDF-1.7\n', status: 415, code: 'upload/unsupported-media' },
    { what: 'a program', bytes: '\u007fELF', status: 415, code: 'upload/unsupported-media' },
    { what: 'music', bytes: 'fLaC\0\0\0\0', status: 415, code: 'upload/unsupported-media' },
    { what: 'nothing', bytes: '', status: 400, code: 'upload/empty' },
  ]
  for (const { what, bytes, status: expected, code } of contents) {
    test(`${what} is refused with ${expected}, and why`, () =>
      leavesNothing(async () => {
        const { status, body } = await upload(formOf(['file', Buffer.from(bytes), 'photo.jpg']))
        assert.deepEqual([status, body.error.code], [expected, code])
      }))
  }

  test('a file beyond the limit is refused with 413, also behind one that is not', () =>
    leavesNothing(async () => {
      const { status, body } = await upload(
        formOf(['file', jpegLike(10), 'ok.jpg'], ['file', jpegLike(11, 100_001), 'big.jpg']),
      )
      assert.deepEqual([status, body.error.code], [413, 'upload/too-large'])
      assert.match(body.error.hint ?? '', /--max-upload/u)
    }))

  test('a file of exactly the limit is taken', async () => {
    assert.equal((await upload(formOf(['file', jpegLike(12, 100_000), 'a.jpg']))).status, 201)
  })

  const wrong: { what: string; form: readonly FormPart[]; status: number; code: string }[] = [
    {
      what: 'an unknown folder',
      form: [
        ['file', jpegLike(20), 'a.jpg'],
        ['folderId', '77'],
      ],
      status: 404,
      code: 'library/no-such-folder',
    },
    {
      what: 'a folder that is no number',
      form: [
        ['folderId', '../1'],
        ['file', jpegLike(21), 'a.jpg'],
      ],
      status: 400,
      code: 'upload/bad-folder',
    },
    { what: 'no file', form: [['folderId', '1']], status: 400, code: 'upload/no-file' },
    {
      what: 'a file under another name',
      form: [['photo', jpegLike(22), 'a.jpg']],
      status: 400,
      code: 'upload/unknown-field',
    },
  ]
  for (const { what, form, status: expected, code } of wrong) {
    test(`${what} is refused with ${expected}, and nothing stays`, () =>
      leavesNothing(async () => {
        const { status, body } = await upload(formOf(...form))
        assert.deepEqual([status, body.error.code], [expected, code])
      }))
  }

  const names: { name: string; shown: string }[] = [
    { name: '../../../etc/passwd', shown: 'passwd' },
    { name: 'C:\\Windows\\system.jpg', shown: 'system.jpg' },
    { name: '..', shown: 'unnamed' },
    { name: '<img src=x onerror=alert(1)>.jpg', shown: '<img src=x onerror=alert(1)>.jpg' },
    { name: 'gpj.\u202Eexe.jpg', shown: 'gpj.exe.jpg' },
    { name: `${'ä'.repeat(400)}.jpg`, shown: `${'ä'.repeat(251)}.jpg` },
    { name: 'a\u0000b.jpg', shown: 'ab.jpg' },
  ]
  for (const [index, { name, shown }] of names.entries()) {
    test(`the name ${JSON.stringify(name.slice(0, 30))} is kept as ${JSON.stringify(shown.slice(0, 30))} and is no path`, async () => {
      const { status, body } = await upload(formOf(['file', jpegLike(30 + index), name]))
      assert.deepEqual([status, body.fileName], [201, shown])
      const paths = await storedObjects(server)
      assert.ok(paths.every((path) => /\/photos\/\d{4}\/\d{2}\/[0-9a-f-]{36}\.jpg$/u.test(path)))
    })
  }

  test('a body that is no form is refused with 415', async () => {
    for (const type of [
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'image/jpeg',
    ]) {
      const response = await server.fetch('/api/uploads/direct', {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': type },
      })
      assert.equal(response.status, 415, type)
    }
  })

  const part = (name: string): string => `Content-Disposition: form-data; name="file"; filename="${name}"\r\n`
  const bodies: { what: string; body: string | Buffer; boundary?: string }[] = [
    {
      what: 'ends within the file',
      body: Buffer.concat([Buffer.from(`--x\r\n${part('a.jpg')}\r\n`), jpegLike(50)]),
    },
    { what: 'ends within the headers of a part', body: `--x\r\n${part('a.jpg')}` },
    { what: 'has no part', body: 'nothing at all' },
    { what: 'has another boundary', body: `--y\r\n${part('a.jpg')}\r\nabc\r\n--y--\r\n` },
    { what: 'has headers without an end', body: `--x\r\nContent-Disposition: ${'a'.repeat(100_000)}` },
    {
      what: 'names a prototype',
      body: '--x\r\nContent-Disposition: form-data; name="__proto__"\r\n\r\n1\r\n--x--\r\n',
    },
    { what: 'has no boundary', body: '', boundary: '' },
  ]
  for (const { what, body, boundary = 'boundary=x' } of bodies) {
    test(`a form that ${what} is refused, nothing stays, and the server goes on`, () =>
      leavesNothing(async () => {
        const bytes = Buffer.from(body)
        const head = `POST /api/uploads/direct HTTP/1.1\r\nHost: ${new URL(server.address).host}\r\nContent-Type: multipart/form-data; ${boundary}\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`
        const answer = await talk(server, Buffer.concat([Buffer.from(head), bytes]))
        assert.match(answer, /^HTTP\/1\.1 4\d\d /u)
        assert.match(answer, /"error":\{"code":"[a-z]+\/[a-z-]+"/u)
        assert.equal((await server.fetch('/healthz')).status, 200)
      }))
  }

  test('a sender that goes away leaves nothing', () =>
    leavesNothing(async () => {
      const head = `POST /api/uploads/direct HTTP/1.1\r\nHost: ${new URL(server.address).host}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 90000\r\n\r\n--x\r\n${part('a.jpg')}\r\n`
      const socket = connect({ port: Number(new URL(server.address).port), host: '127.0.0.1' })
      await new Promise<void>((done) =>
        socket.write(Buffer.concat([Buffer.from(head), jpegLike(60, 50_000)]), () => done()),
      )
      await waitFor(() => intendedObjects(server).length === 1)
      socket.destroy()
      await waitFor(() => intendedObjects(server).length === 0)
    }))
})

/** Everything that the server answers to these bytes, until it ends the connection. */
function talk(server: TestServer, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(server.address).port), host: '127.0.0.1' })
    let answer = ''
    socket.setTimeout(10_000, () => reject(new Error(`no answer to ${bytes.length} bytes, only: ${answer}`)))
    socket
      .on('data', (chunk) => {
        answer += chunk.toString('latin1')
      })
      .on('close', () => resolve(answer))
      .on('error', reject)
    socket.write(bytes)
  })
}

async function waitFor(isSo: () => boolean): Promise<void> {
  const until = performance.now() + 10_000
  while (!isSo()) {
    assert.ok(performance.now() < until, 'not within ten seconds')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
