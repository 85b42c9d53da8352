import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { recordThumbnails } from '../library/thumbnails.ts'
import type { ShownPicture } from './picture-shape.ts'
import { addLibraryFile } from './testing/library-file.ts'
import { formOf, jpegLike } from './testing/sample-files.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

interface Page {
  readonly photos: readonly ShownPicture[]
  readonly nextCursor?: string
}

describe('photos', () => {
  let server: TestServer
  const ids: string[] = []
  before(async () => {
    server = await startTestServer()
    for (let seed = 0; seed < 5; seed++) ids.push(await upload(jpegLike(seed), `Käse ${seed}.jpg`))
  })
  after(() => server[Symbol.asyncDispose]())

  async function upload(bytes: Buffer, name: string): Promise<string> {
    const response = await server.fetch('/api/uploads/direct', {
      method: 'POST',
      body: formOf(['file', bytes, name]),
    })
    return ((await response.json()) as { id: string }).id
  }

  async function page(query = ''): Promise<Page> {
    const response = await server.fetch(`/api/photos${query}`)
    assert.equal(response.status, 200)
    return (await response.json()) as Page
  }

  test('are listed newest first, page by page, each once', async () => {
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const { photos, nextCursor } = await page(`?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`)
      seen.push(...photos.map(({ id }) => id))
      cursor = nextCursor
    } while (cursor !== undefined)
    assert.deepEqual(seen, ids.toReversed())
  })

  test('of a folder are its own', async () => {
    const made = await server.fetch('/api/folders', {
      method: 'POST',
      body: JSON.stringify({ name: 'Holiday' }),
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(made.status, 201)
    const { id: folderId } = (await made.json()) as { id: number }
    assert.deepEqual((await page(`?folderId=${folderId}`)).photos, [])
    const form = formOf(['file', jpegLike(1), 'again.jpg'], ['folderId', String(folderId)])
    await server.fetch('/api/uploads/direct', { method: 'POST', body: form })
    const { photos } = await page(`?folderId=${folderId}`)
    assert.deepEqual(
      photos.map(({ id, folderIds }) => [id, folderIds]),
      [[ids[1], [1, folderId]]],
    )
    const listed = (await (await server.fetch('/api/folders')).json()) as {
      folders: { name: string; photoCount: number }[]
    }
    assert.deepEqual(
      listed.folders.map(({ name, photoCount }) => [name, photoCount]),
      [
        ['Holiday', 1],
        ['Uploads', 5],
      ],
    )
  })

  test('a folder of that name is there: 409; its parent is not: 404', async () => {
    const make = async (body: object): Promise<number> => {
      const headers = { 'content-type': 'application/json' }
      return (await server.fetch('/api/folders', { method: 'POST', body: JSON.stringify(body), headers }))
        .status
    }
    assert.equal(await make({ name: 'Uploads' }), 409)
    assert.equal(await make({ name: 'Uploads', parentId: 1 }), 201)
    assert.equal(await make({ name: 'x', parentId: 99 }), 404)
    assert.equal(await make({ name: '' }), 400)
    assert.equal(await make({ name: 'a\u202Eb' }), 400)
    assert.equal(await make({ name: 'x'.repeat(201) }), 400)
    assert.equal(await make({ name: 'x', other: 1 }), 400)
  })

  for (const query of [
    '?limit=0',
    '?limit=501',
    '?limit=x',
    '?cursor=p1',
    '?cursor=p9.a%00',
    '?folderId=-1',
    '?other=1',
  ]) {
    test(`a list that is asked for by ${query} is refused`, async () => {
      assert.equal((await server.fetch(`/api/photos${query}`)).status, 400)
    })
  }

  test('a file is sent as it is, under its type and name, to be kept for ever', async () => {
    const response = await server.fetch(`/api/photos/${ids[0]}/file`)
    const { headers } = response
    assert.equal(headers.get('content-type'), 'image/jpeg')
    assert.equal(headers.get('etag'), `"${ids[0]}"`)
    assert.equal(headers.get('cache-control'), 'private, max-age=31536000, immutable')
    assert.equal(headers.get('content-length'), '10000')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('content-security-policy'), "default-src 'none'; sandbox")
    assert.equal(
      headers.get('content-disposition'),
      `inline; filename="K_se 0.jpg"; filename*=UTF-8''K%C3%A4se%200.jpg`,
    )
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), jpegLike(0))
  })

  test('a part of a file is what was asked for', async () => {
    const part = async (range: string, more: Record<string, string> = {}): Promise<Response> =>
      server.fetch(`/api/photos/${ids[0]}/file`, { headers: { range, ...more } })
    const middle = await part('bytes=100-199')
    assert.deepEqual([middle.status, middle.headers.get('content-range')], [206, 'bytes 100-199/10000'])
    assert.deepEqual(Buffer.from(await middle.arrayBuffer()), jpegLike(0).subarray(100, 200))
    const end = await part('bytes=-50')
    assert.deepEqual(Buffer.from(await end.arrayBuffer()), jpegLike(0).subarray(-50))
    const beyond = await part('bytes=10000-')
    assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, 'bytes */10000'])
    assert.equal((await part('bytes=0-9', { 'if-range': '"other"' })).status, 200)
    assert.equal((await part('bytes=0-9', { 'if-range': `"${ids[0]}"` })).status, 206)
  })

  test('who has the file is not sent it again, and who asks for its headers gets those', async () => {
    const known = await server.fetch(`/api/photos/${ids[0]}/file`, {
      headers: { 'if-none-match': `"${ids[0]}"` },
    })
    assert.deepEqual([known.status, await known.text()], [304, ''])
    const beyond = await server.fetch(`/api/photos/${ids[0]}/file`, {
      headers: { 'if-none-match': `"${ids[0]}"`, range: 'bytes=999999-' },
    })
    assert.equal(beyond.status, 304)
    const head = await server.fetch(`/api/photos/${ids[0]}/file`, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '10000', ''])
  })

  test('what a browser cannot show without risk is downloaded', async () => {
    const psd = Buffer.concat([Buffer.from('8BPS\0\x01'), Buffer.alloc(100)])
    const id = await upload(psd, 'x.psd')
    const { headers } = await server.fetch(`/api/photos/${id}/file`)
    assert.match(headers.get('content-disposition') ?? '', /^attachment; /u)
    const asked = await server.fetch(`/api/photos/${ids[0]}/file?download=true`)
    assert.match(asked.headers.get('content-disposition') ?? '', /^attachment; /u)
  })

  const hostile = [
    '..%2f..%2f..%2fetc%2fpasswd',
    '%2e%2e/%2e%2e/etc/passwd',
    `${'0'.repeat(40)}`,
    '0',
    '%00',
    '%ff',
    "1'or'1'='1",
  ]
  for (const id of hostile) {
    test(`the photo ${id} is not there, and nothing of this machine is told`, async () => {
      for (const path of [
        `/api/photos/${id}`,
        `/api/photos/${id}/file`,
        `/api/photos/${id}/thumbnails/250`,
      ]) {
        const response = await server.running.app.inject({ url: path, headers: { host: 'localhost' } })
        assert.ok([400, 404].includes(response.statusCode), `${path}: ${response.statusCode}`)
        assert.ok(!response.body.includes(server.folder))
      }
    })
  }

  describe('thumbnails', () => {
    const thumbnail = Buffer.from('a small picture')

    async function settle(sha1: string, state: 'done' | 'failed'): Promise<string> {
      const objectName = `${sha1.slice(0, 2)}/${sha1}-jpeg-q85-250.jpg`
      await server.context.thumbnails.put(objectName, thumbnail, { contentType: 'image/jpeg' })
      using db = new DatabaseSync(server.context.paths.database, { timeout: 5_000 })
      const object = {
        size: 250,
        store: 'local',
        objectName,
        mime: 'image/jpeg',
        widthPx: 250,
        heightPx: 188,
      }
      const sizeBytes = thumbnail.length
      recordThumbnails(
        db,
        {
          sha1,
          style: 'jpeg-q85',
          widthPx: 4000,
          heightPx: 3000,
          thumbhash: 'AAAA',
          objects: [{ ...object, sizeBytes }],
        },
        1,
      )
      if (state === 'failed')
        db.exec(
          `UPDATE thumbnail_sets SET state = 'failed', error = '{"code":"thumbnail/damaged","message":"/home/x"}'`,
        )
      return objectName
    }

    test('one that is being made is not there yet: 202, and when to ask again', async () => {
      const response = await server.fetch(`/api/photos/${ids[2]}/thumbnails/250`)
      assert.deepEqual([response.status, response.headers.get('retry-after')], [202, '2'])
    })

    test('of a size that is not made there is none', async () => {
      assert.equal((await server.fetch(`/api/photos/${ids[2]}/thumbnails/251`)).status, 404)
      assert.equal((await server.fetch(`/api/photos/${ids[2]}/thumbnails/0`)).status, 400)
      assert.equal((await server.fetch(`/api/photos/${ids[2]}/thumbnails/99999`)).status, 400)
    })

    test('one that is there is sent with its tag, and not again', async () => {
      await settle(ids[3] ?? '', 'done')
      const url = `/api/photos/${ids[3]}/thumbnails/250`
      const response = await server.fetch(url)
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), thumbnail)
      assert.equal(response.headers.get('content-type'), 'image/jpeg')
      assert.equal(response.headers.get('cache-control'), 'private, max-age=31536000, immutable')
      const etag = response.headers.get('etag') ?? ''
      assert.equal((await server.fetch(url, { headers: { 'if-none-match': etag } })).status, 304)
      const shown = (await (await server.fetch(`/api/photos/${ids[3]}`)).json()) as ShownPicture
      assert.equal(shown.thumbnails.status, 'done')
      assert.deepEqual([shown.widthPx, shown.heightPx], [4000, 3000])
      assert.equal(shown.thumbnails.sizes[0]?.url, url)
    })

    test('one that a power cut took is made again', async () => {
      const objectName = await settle(ids[4] ?? '', 'done')
      const path = server.context.thumbnails.localPath(objectName) ?? ''
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, 'cut')
      const waiting = async (): Promise<number> =>
        (await server.context.backend().list({ lane: 'thumbnail', status: 'pending', limit: 1_000 })).length
      await server.context
        .backend()
        .cancel((await server.context.backend().list({ limit: 1_000 })).map(({ id }) => id))
      assert.equal(await waiting(), 0)
      assert.equal((await server.fetch(`/api/photos/${ids[4]}/thumbnails/250`)).status, 202)
      assert.equal(await waiting(), 1)
    })

    test('one that could not be made is not waited for, and tells no folder', async () => {
      await settle(ids[1] ?? '', 'failed')
      const response = await server.fetch(`/api/photos/${ids[1]}/thumbnails/1440`)
      assert.equal(response.status, 404)
      const shown = await (await server.fetch(`/api/photos/${ids[1]}`)).text()
      assert.match(shown, /thumbnail\/damaged/u)
      assert.doesNotMatch(shown, /\/home\/x/u)
    })

    test('the status has the numbers that its name says', async () => {
      const status = (await (await server.fetch('/api/thumbnails/status')).json()) as Record<string, unknown>
      assert.deepEqual(Object.keys(status).toSorted(), [
        'activeWorkers',
        'cpuCount',
        'maxWorkers',
        'processing',
        'queueSize',
      ])
      assert.equal(status['maxWorkers'], 0)
      assert.equal(status['processing'], false)
      assert.equal(typeof status['queueSize'], 'number')
    })
  })

  describe('of the library', () => {
    test('are on the wall too, under the hash of the file as it lies there', async () => {
      const bytes = jpegLike(100)
      const { sha1, path } = await addLibraryFile(server, 'takeout/photos/2019/a.jpg', bytes)
      const first = (await page('?limit=1')).photos[0]
      assert.deepEqual([first?.id, first?.origin, first?.fileName], [sha1, 'library', path.split('/').at(-1)])
      const response = await server.fetch(`/api/photos/${sha1}/file`)
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes)
      // Edited where it lies: the hash is no name for it any more.
      await writeFile(join(server.folder, path), jpegLike(100, 9_000))
      const edited = await server.fetch(`/api/photos/${sha1}/file`)
      assert.deepEqual([edited.status, edited.headers.get('etag')], [200, null])
      assert.equal(edited.headers.get('cache-control'), 'no-store')
      assert.equal((await edited.arrayBuffer()).byteLength, 9_000)
    })

    test('one whose file is gone is 404', async () => {
      const { sha1, path } = await addLibraryFile(server, 'takeout/photos/2019/b.jpg', jpegLike(101))
      await rm(join(server.folder, path))
      assert.equal((await server.fetch(`/api/photos/${sha1}/file`)).status, 404)
    })

    test('a row that leads out of the library is not followed', async () => {
      const { sha1 } = await addLibraryFile(server, 'takeout/photos/2019/c.jpg', jpegLike(102))
      using db = new DatabaseSync(server.context.paths.database, { timeout: 5_000 })
      db.exec(`UPDATE assets SET path = '../../../../etc/passwd' WHERE written_sha1 = x'${sha1}'`)
      const response = await server.fetch(`/api/photos/${sha1}/file`)
      assert.equal(response.status >= 400, true)
      assert.doesNotMatch(await response.text(), /root:/u)
    })
  })
})
