import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { FileChangedError } from './immich-errors.ts'
import { escapeFileName, type UploadForm, uploadBody } from './multipart.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-multipart-'))
})
after(async () => await rm(folder, { recursive: true, force: true }))

async function formOf(content: Buffer, changes: Partial<UploadForm> = {}): Promise<UploadForm> {
  const path = join(folder, `file-${Math.random()}`)
  await writeFile(path, content)
  const sha1 = createHash('sha1').update(content).digest('hex')
  return { path, fileName: 'IMG.jpg', sizeBytes: content.length, sha1, fields: [], ...changes }
}

async function bytesOf(form: UploadForm, boundary = 'limit'): Promise<Buffer> {
  const body = uploadBody(form, boundary)
  const chunks: Buffer[] = []
  for await (const chunk of body.stream()) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  assert.equal(bytes.length, body.contentLengthBytes)
  return bytes
}

test('the body is what browsers send, with the sidecar before the name and the file last', async () => {
  const form = await formOf(Buffer.from('pixels'), {
    fields: [['fileCreatedAt', '2020-01-01T00:00:00+02:00']],
    sidecar: '<x:xmpmeta/>',
  })
  assert.equal(
    (await bytesOf(form)).toString(),
    [
      '--limit',
      'Content-Disposition: form-data; name="sidecarData"; filename="IMG.jpg.xmp"',
      'Content-Type: application/octet-stream',
      '',
      '<x:xmpmeta/>',
      '--limit',
      'Content-Disposition: form-data; name="filename"',
      '',
      'IMG.jpg',
      '--limit',
      'Content-Disposition: form-data; name="fileCreatedAt"',
      '',
      '2020-01-01T00:00:00+02:00',
      '--limit',
      'Content-Disposition: form-data; name="assetData"; filename="IMG.jpg"',
      'Content-Type: application/octet-stream',
      '',
      'pixels',
      '--limit--',
      '',
    ].join('\r\n'),
  )
})

test('a reader that is not ours finds the same in it', async () => {
  const content = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251))
  const fileName = 'Über "größe"; filename="x".jpg'
  const form = await formOf(content, {
    fileName,
    fields: [['visibility', 'archive']],
    sidecar: '<x:xmpmeta/>',
  })
  const bytes = await bytesOf(form)
  const headers = { 'content-type': uploadBody(form, 'limit').contentType }
  // Node's own, of undici: written for browsers' forms.
  const read = await new Response(bytes, { headers }).formData()
  assert.deepEqual([...read.keys()], ['sidecarData', 'filename', 'visibility', 'assetData'])
  assert.deepEqual([read.get('filename'), read.get('visibility')], [fileName, 'archive'])
  const [sidecar, asset] = [read.get('sidecarData'), read.get('assetData')]
  assert.ok(sidecar instanceof File && asset instanceof File)
  assert.deepEqual([sidecar.name, await sidecar.text()], [`${fileName}.xmp`, '<x:xmpmeta/>'])
  assert.equal(asset.name, fileName)
  assert.ok(Buffer.from(await asset.arrayBuffer()).equals(content))
})

for (const sizeBytes of [0, 1, 262_143, 262_144, 262_145, 600_000, 1_048_576, 1_048_577, 1_600_000]) {
  test(`a file of ${sizeBytes} bytes is sent whole, with its length told before`, async () => {
    const content = Buffer.alloc(sizeBytes, 'x')
    const bytes = await bytesOf(await formOf(content))
    const start = bytes.indexOf('octet-stream\r\n\r\n') + 'octet-stream\r\n\r\n'.length
    assert.ok(bytes.subarray(start, start + sizeBytes).equals(content))
    assert.equal(bytes.subarray(start + sizeBytes).toString(), '\r\n--limit--\r\n')
  })
}

describe('hostile names', () => {
  const cases: readonly { name: string; escaped: string }[] = [
    { name: 'Über größe 日本 🎈.jpg', escaped: 'Über größe 日本 🎈.jpg' },
    { name: 'a"b.jpg', escaped: 'a%22b.jpg' },
    { name: 'a\r\nContent-Type: x.jpg', escaped: 'a%0D%0AContent-Type: x.jpg' },
    { name: '..\\..\\a.jpg', escaped: '..%5C..%5Ca.jpg' },
    { name: '../a.jpg', escaped: '..%2Fa.jpg' },
    { name: 'a\u007F\u0000.jpg', escaped: 'a%7F%00.jpg' },
  ]
  for (const { name, escaped } of cases) {
    test(`${JSON.stringify(name)} is ${JSON.stringify(escaped)} in its header`, () =>
      assert.equal(escapeFileName(name), escaped))
  }

  test('no name breaks out of its header, and its field holds it as it is', async () => {
    const form = await formOf(Buffer.from('x'))
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 255 })
    await fc.assert(
      fc.asyncProperty(name, async (fileName) => {
        const text = (await bytesOf({ ...form, fileName }, 'a-limit-of-its-own')).toString()
        const headers = text.split('\r\n').filter((line) => line.startsWith('Content-Disposition: '))
        const last = headers.at(-1) ?? ''
        assert.match(last, /^Content-Disposition: form-data; name="assetData"; filename="[^"\\]*"$/u)
        const field = text.split('name="filename"\r\n\r\n')[1] ?? ''
        const kept = Buffer.from(fileName.replaceAll('\0', '\uFFFD')).toString()
        assert.ok(field.startsWith(`${kept}\r\n--a-limit-of-its-own`))
      }),
      { numRuns: 30 },
    )
  })

  test('a name of 255 bytes keeps them all', async () => {
    const fileName = `${'ü'.repeat(125)}x.jpg`
    assert.equal(Buffer.byteLength(fileName), 255)
    const text = (await bytesOf(await formOf(Buffer.from('x'), { fileName }))).toString()
    assert.ok(text.includes(`filename="${fileName}"`))
  })
})

describe('buffers that were given back', () => {
  async function collect(body: ReturnType<typeof uploadBody>): Promise<Buffer> {
    const chunks: Buffer[] = []
    for await (const chunk of body.stream()) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks)
  }

  test('hold the next form whole, whether it is shorter or longer', async () => {
    for (const sizeBytes of [300_000, 200_000, 700_000, 10, 0]) {
      const content = Buffer.alloc(sizeBytes, String(sizeBytes % 7))
      const body = uploadBody(await formOf(content), 'limit')
      const sent = await collect(body)
      body.release()
      assert.equal(sent.length, body.contentLengthBytes)
      assert.ok(
        sent
          .subarray(sent.indexOf('octet-stream\r\n\r\n') + 16)
          .equals(Buffer.concat([content, Buffer.from('\r\n--limit--\r\n')])),
      )
    }
  })

  test('are not used by a form that begins before', async () => {
    const [one, two] = [await formOf(Buffer.alloc(1000, 'a')), await formOf(Buffer.alloc(1000, 'b'))]
    const first = uploadBody(one, 'limit')
    const chunks: Buffer[] = []
    for await (const chunk of first.stream()) {
      await collect(uploadBody(two, 'limit'))
      chunks.push(chunk)
    }
    assert.ok(Buffer.concat(chunks).includes('a'.repeat(1000)))
    first.release()
    first.release()
    const [third, fourth] = [uploadBody(one, 'limit').stream(), uploadBody(two, 'limit').stream()]
    const [a, b] = [await third[Symbol.asyncIterator]().next(), await fourth[Symbol.asyncIterator]().next()]
    assert.ok(a.value?.includes('a'.repeat(1000)) && b.value?.includes('b'.repeat(1000)))
  })

  test('are not those of an attempt that failed', async () => {
    const body = uploadBody(await formOf(Buffer.alloc(1000, 'a')), 'limit')
    const failed = await body.stream()[Symbol.asyncIterator]().next()
    await collect(body)
    body.release()
    await collect(uploadBody(await formOf(Buffer.alloc(1000, 'b')), 'limit'))
    assert.ok(failed.value?.includes('a'.repeat(1000)))
  })
})

describe('a file that is not what it was', () => {
  const ended = (bytes: Buffer[]): boolean => Buffer.concat(bytes).includes('--limit--')
  async function sendChanging(form: UploadForm, change: () => Promise<void>): Promise<Buffer[]> {
    const sent: Buffer[] = []
    for await (const chunk of uploadBody(form, 'limit').stream()) {
      sent.push(chunk)
      if (sent.length === 2) await change()
    }
    return sent
  }
  const CONTENT = Buffer.alloc(1_300_000, 'x')
  const cases: readonly { what: string; change: (path: string) => Promise<void>; says: RegExp }[] = [
    { what: 'becomes shorter', change: (path) => truncate(path, 100_000), says: /became shorter/u },
    {
      what: 'becomes longer',
      change: (path) => appendFile(path, 'more'),
      says: /1300004 bytes where 1300000/u,
    },
    {
      what: 'gets other bytes of the same length',
      change: (path) => writeFile(path, Buffer.alloc(1_300_000, 'y')),
      says: /does not hold the bytes/u,
    },
  ]
  for (const { what, change, says } of cases) {
    test(`${what} while it is sent: the form is not ended, and the file is named`, async () => {
      const form = await formOf(CONTENT)
      const sent: Buffer[] = []
      const sending = (async () => {
        for (const chunk of await sendChanging(form, () => change(form.path))) sent.push(chunk)
      })()
      await assert.rejects(sending, (error: Error) => {
        assert.ok(error instanceof FileChangedError)
        assert.match(error.message, says)
        assert.ok(error.message.startsWith(form.path))
        return true
      })
      assert.equal(ended(sent), false)
    })
  }

  test('holds other bytes of the same length, and is small: nothing is sent', async () => {
    const form = await formOf(Buffer.alloc(300_000, 'x'))
    await writeFile(form.path, Buffer.alloc(300_000, 'y'))
    const chunks: Buffer[] = []
    const sending = (async () => {
      for await (const chunk of uploadBody(form).stream()) chunks.push(chunk)
    })()
    await assert.rejects(sending, { code: 'immich/file-changed', message: /does not hold the bytes/u })
    assert.deepEqual(chunks, [])
  })

  test('a small one that changes while it is sent is sent as it was hashed', async () => {
    const form = await formOf(Buffer.alloc(300_000, 'x'))
    const chunks: Buffer[] = []
    for await (const chunk of uploadBody(form, 'limit').stream()) {
      await writeFile(form.path, 'short')
      chunks.push(chunk)
    }
    assert.ok(Buffer.concat(chunks).includes('x'.repeat(300_000)))
    assert.ok(Buffer.concat(chunks).toString().endsWith('\r\n--limit--\r\n'))
  })

  test('is gone before: nothing is sent', async () => {
    const form = await formOf(CONTENT)
    await rm(form.path)
    await assert.rejects(bytesOf(form), { code: 'immich/file-changed', message: `${form.path} is gone` })
  })

  test('has become a folder: nothing is sent', async () => {
    await assert.rejects(bytesOf({ ...(await formOf(CONTENT)), path: folder }), {
      code: 'immich/file-changed',
    })
  })

  test('has another length before: nothing is sent', async () => {
    const form = { ...(await formOf(CONTENT)), sizeBytes: 1_299_999 }
    const chunks: Buffer[] = []
    const sending = (async () => {
      for await (const chunk of uploadBody(form).stream()) chunks.push(chunk)
    })()
    await assert.rejects(sending, { code: 'immich/file-changed' })
    assert.deepEqual(chunks, [])
  })
})

for (const sizeBytes of [0, 150_000, 262_100, 600_000, 1_500_000])
  test(`progress counts what was handed on of a file of ${sizeBytes} bytes`, async () => {
    const form = await formOf(Buffer.alloc(sizeBytes))
    let bytes = 0
    for await (const _ of uploadBody(form).stream((more) => {
      bytes += more
    }))
      assert.ok(bytes <= sizeBytes)
    assert.equal(bytes, sizeBytes)
  })
