/** The client against the stateful fake of a server. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import {
  type FakeImmich,
  type FakeImmichOptions,
  startFakeImmich,
} from '../../test/support/fake-immich/fake-immich.ts'
import type { FoundAsset, ImmichApi, UploadFile } from './api.ts'
import { createImmichClient, type ImmichClientOptions } from './client.ts'
import { NotFoundError, RejectedError, UnexpectedAnswerError } from './immich-errors.ts'

let folder = ''
const closing: (() => Promise<void>)[] = []
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-client-'))
})
after(async () => await rm(folder, { recursive: true, force: true }))
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function start(options: FakeImmichOptions = {}): Promise<FakeImmich> {
  const fake = await startFakeImmich(options)
  closing.push(() => fake.close())
  return fake
}

function client(fake: FakeImmich, options: Partial<ImmichClientOptions> = {}): ImmichApi {
  const address = fake.address
  const breaker = { probeEveryMs: 5 }
  const api = createImmichClient({ address, key: fake.key, retry: { baseMs: 1 }, breaker, ...options })
  closing.push(() => api.close())
  return api
}

async function fileOf(text: string, changes: Partial<UploadFile> = {}): Promise<UploadFile> {
  const path = join(folder, `${Math.random()}.jpg`)
  await writeFile(path, text)
  const sha1 = createHash('sha1').update(text).digest('hex')
  const at = '2020-01-01T00:00:00+02:00'
  return {
    path,
    fileName: 'IMG.jpg',
    sizeBytes: text.length,
    sha1,
    createdAt: at,
    modifiedAt: at,
    ...changes,
  }
}

async function upload(api: ImmichApi, text: string, changes: Partial<UploadFile> = {}): Promise<string> {
  return (await api.upload(await fileOf(text, changes))).assetId
}

const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000'
const sha1Of = (text: string): string => createHash('sha1').update(text).digest('hex')

describe('versions', () => {
  for (const version of ['2.5.0', '2.9.1', '3.1.0', '3.2.2']) {
    test(`${version} gets an upload with all its fields, and breaks no rule`, async () => {
      const fake = await start({ version })
      const api = client(fake)
      assert.equal(Object.values(await api.version()).join('.'), version)
      const id = await upload(api, 'pixels', {
        fileName: 'Über "alles"\r\n.jpg',
        isFavourite: true,
        visibility: 'archive',
        sidecar: '<x:xmpmeta/>',
      })
      const asset = fake.state.assets.get(id)
      assert.equal(asset?.fileName, 'Über "alles"\r\n.jpg')
      assert.deepEqual([asset.isFavorite, asset.visibility, asset.sidecar], [true, 'archive', '<x:xmpmeta/>'])
      assert.equal(asset.sha1, sha1Of('pixels'))
      assert.equal(asset.fileCreatedAt, '2019-12-31T22:00:00.000Z')
      assert.equal(asset.deviceId, version.startsWith('2') ? 'heirloom' : undefined)
      assert.deepEqual(fake.state.violations, [])
    })
  }

  for (const version of ['1.140.0', '2.4.9', '4.0.0']) {
    test(`${version} is refused by name`, async () => {
      const fake = await start({ version })
      await assert.rejects(client(fake).version(), {
        code: 'immich/unsupported-server',
        message: `${fake.address} runs Immich ${version}; supported are 2.5 to 3.x`,
      })
    })
  }

  test('a server that becomes another version between two uploads gets the fields it asks for', async () => {
    const fake = await start({ version: '3.1.0' })
    const api = client(fake)
    await upload(api, 'one')
    fake.version = '2.6.0'
    const id = await upload(api, 'two')
    assert.equal(fake.state.assets.get(id)?.deviceId, 'heirloom')
  })
})

test('a base path and a certificate of its own are no hindrance', async () => {
  const fake = await start({ basePath: '/photos', tls: true })
  const api = client(fake, { address: `${fake.address}/api/`, insecure: true })
  assert.equal(api.address, fake.address)
  assert.equal((await api.me())?.name, 'ada')
})

describe('the key', () => {
  test('tells what it may do', async () => {
    const fake = await start()
    assert.deepEqual(await client(fake).permissions(), ['all'])
    const { secret } = fake.addKey(['asset.upload'])
    assert.deepEqual(await client(fake, { key: secret }).permissions(), ['asset.upload'])
  })

  test('that may not read the user gives none', async () => {
    const fake = await start()
    const { secret } = fake.addKey(['asset.upload'])
    assert.equal(await client(fake, { key: secret }).me(), undefined)
  })

  test('without a permission is told which one', async () => {
    const fake = await start()
    const { secret } = fake.addKey(['asset.upload'])
    await assert.rejects(client(fake, { key: secret }).createAlbum({ name: 'Trip' }), {
      code: 'immich/forbidden',
      message: /creating the album Trip .*album\.create/u,
    })
  })

  test('that is wrong is refused once', async () => {
    const fake = await start()
    await assert.rejects(client(fake, { key: 'wrong' }).me(), {
      code: 'immich/unauthorized',
      recovery: 'discard',
    })
    assert.equal(fake.callsOf('GET /users/me'), 1)
  })
})

describe('checkUploads', () => {
  test('answers in the order of the questions, ids kept, whatever they are', async () => {
    const fake = await start()
    const api = client(fake)
    const kept = await upload(api, 'kept')
    const trashed = await upload(api, 'trashed')
    const asset = fake.state.assets.get(trashed)
    assert.ok(asset)
    asset.deletedAt = new Date().toISOString()
    const verdicts = await api.checkUploads([
      { id: 'same', sha1: sha1Of('new') },
      { id: 'same', sha1: sha1Of('kept') },
      { id: '', sha1: sha1Of('trashed') },
    ])
    assert.deepEqual(verdicts, [
      { id: 'same', action: 'accept' },
      { id: 'same', action: 'duplicate', assetId: kept, isTrashed: false },
      { id: '', action: 'duplicate', assetId: trashed, isTrashed: true },
    ])
  })

  test('asks for 12,001 files in three calls, and for none in none', async () => {
    const fake = await start()
    const api = client(fake)
    const checks = Array.from({ length: 12_001 }, (_, at) => ({ id: `file-${at}`, sha1: sha1Of(String(at)) }))
    const verdicts = await api.checkUploads(checks)
    assert.deepEqual(
      verdicts.map(({ id }) => id),
      checks.map(({ id }) => id),
    )
    assert.deepEqual(await api.checkUploads([]), [])
    assert.equal(fake.callsOf('POST /assets/bulk-upload-check'), 3)
  })
})

describe('upload', () => {
  test('of bytes that the server has is a duplicate', async () => {
    const fake = await start()
    const api = client(fake)
    const id = await upload(api, 'same')
    assert.deepEqual(await api.upload(await fileOf('same')), { assetId: id, status: 'duplicate' })
  })

  test('of a live photo hides its video', async () => {
    const fake = await start()
    const api = client(fake)
    const video = await upload(api, 'moves', { fileName: 'IMG.mov' })
    const still = await upload(api, 'stands', { livePhotoVideoId: video })
    assert.equal(fake.state.assets.get(still)?.livePhotoVideoId, video)
    assert.equal(fake.state.assets.get(video)?.visibility, 'hidden')
  })

  test('of what the server does not take is rejected for good, by name', async () => {
    const api = client(await start())
    await assert.rejects(upload(api, 'text', { fileName: 'notes.txt' }), (error: Error) => {
      assert.ok(error instanceof RejectedError)
      assert.match(error.message, /uploading notes\.txt.*Unsupported file type/u)
      return error.recovery === 'discard'
    })
  })

  test('a full disk says so', async () => {
    const fake = await start({ faults: [{ kind: 'disk-full', route: 'POST /assets' }] })
    await assert.rejects(upload(client(fake), 'pixels'), { code: 'immich/server-full' })
    assert.equal(fake.callsOf('POST /assets'), 1)
  })

  test('an exhausted quota says so', async () => {
    const fake = await start()
    fake.user.quotaBytes = 1
    await assert.rejects(upload(client(fake), 'pixels'), { code: 'immich/server-full', message: /quota/iu })
  })

  for (const kind of ['lost-answer', 'cut-answer'] as const) {
    test(`${kind}: the file is there once and not sent again`, async () => {
      const fake = await start({ faults: [{ kind, route: 'POST /assets', times: 1 }] })
      const id = await upload(client(fake), 'pixels')
      assert.deepEqual([...fake.state.assets.keys()], [id])
      assert.equal(fake.callsOf('POST /assets'), 1)
    })
  }

  test('an early answer and a reset are a duplicate', async () => {
    const fake = await start()
    const api = client(fake)
    const content = 'x'.repeat(5_000_000)
    const id = await upload(api, content)
    fake.faults.add({ kind: 'early-duplicate-reset', route: 'POST /assets' })
    assert.deepEqual(await api.upload(await fileOf(content)), { assetId: id, status: 'duplicate' })
  })

  test('100 files arrive once each at a server that fails, drops and is restarted', async () => {
    const fake = await start({
      seed: 7,
      faults: [
        { kind: 'status', status: 503, probability: 0.1 },
        { kind: 'status', status: 429, retryAfter: '0', probability: 0.05 },
        { kind: 'drop', when: 'mid-body', route: 'POST /assets', probability: 0.1 },
        { kind: 'drop', when: 'before', probability: 0.05 },
        { kind: 'lost-answer', route: 'POST /assets', probability: 0.1 },
      ],
    })
    const api = client(fake, { retry: { baseMs: 1, attempts: 20 } })
    const names = Array.from({ length: 100 }, (_, at) => `file ${at}`)
    const restarted = fake.untilEnded('POST /assets', 40).then(() => fake.restart(100))
    const ids = await Promise.all(names.map(async (name) => await upload(api, name)))
    await restarted
    assert.deepEqual(
      ids.map((id) => fake.state.assets.get(id)?.sha1),
      names.map(sha1Of),
    )
    assert.equal(fake.state.assets.size, 100)
    assert.deepEqual(fake.state.violations, [])
    assert.ok(fake.state.counters.maxUploadsInFlight <= 4)
  })
})

test('of 50 uploads that wait for their turn, few run into a server that is down', async () => {
  const fake = await start()
  const api = client(fake)
  await api.version()
  const back = fake.restart(100)
  const ids = await Promise.all(Array.from({ length: 50 }, async (_, at) => await upload(api, `file ${at}`)))
  await back
  assert.equal(new Set(ids).size, 50)
  assert.equal(fake.callsOf('POST /assets'), 50)
})

describe('albums', () => {
  for (const version of ['2.5.0', '3.1.0']) {
    test(`of ${version} are all that the user sees, owned or shared, each once`, async () => {
      const fake = await start({ version })
      const api = client(fake)
      const own = await api.createAlbum({ name: 'Mine', description: 'Sea' })
      const sharedOut = await api.createAlbum({ name: 'Shared out' })
      const other = fake.state.addUser('bob')
      const { secret } = fake.addKey(['all'], other.id)
      const theirs = await client(fake, { key: secret }).createAlbum({ name: 'Theirs' })
      await client(fake, { key: secret }).createAlbum({ name: 'Private' })
      fake.state.albums.get(theirs.id)?.sharedWith.add(fake.user.id)
      fake.state.albums.get(sharedOut.id)?.sharedWith.add(other.id)
      const albums = await api.albums()
      assert.deepEqual(albums.map(({ name, isOwned }) => `${name} ${isOwned}`).toSorted(), [
        'Mine true',
        'Shared out true',
        'Theirs false',
      ])
      assert.deepEqual(
        albums.find(({ id }) => id === own.id),
        { id: own.id, name: 'Mine', description: 'Sea', assetCount: 0, isOwned: true },
      )
    })
  }

  test('tell of each asset what came of it', async () => {
    const fake = await start()
    const api = client(fake)
    const { id } = await api.createAlbum({ name: 'Trip' })
    const [one, two] = [await upload(api, 'one'), await upload(api, 'two')]
    await api.addToAlbum(id, [one])
    const results = await api.addToAlbum(id, [one, two, UNKNOWN_ID])
    assert.deepEqual(results.slice(0, 2), [
      { assetId: one, outcome: 'present' },
      { assetId: two, outcome: 'added' },
    ])
    assert.match(results[2]?.outcome ?? '', /^(?:not-found|no-permission)$/u)
    assert.equal((await api.albums())[0]?.assetCount, 2)
  })

  test('that do not exist are not found', async () => {
    const fake = await start()
    await assert.rejects(client(fake).addToAlbum(UNKNOWN_ID, [UNKNOWN_ID]), NotFoundError)
  })
})

test('updateAssets changes all, and none when one is unknown', async () => {
  const fake = await start()
  const api = client(fake)
  const id = await upload(api, 'one')
  await api.updateAssets([id], { isFavourite: true, rating: 4, description: 'Sea', visibility: 'archive' })
  const { isFavorite, rating, description, visibility } = fake.state.assets.get(id) ?? {}
  assert.deepEqual([isFavorite, rating, description, visibility], [true, 4, 'Sea', 'archive'])
  await assert.rejects(api.updateAssets([id, UNKNOWN_ID], { isFavourite: false }), NotFoundError)
  assert.equal(fake.state.assets.get(id)?.isFavorite, true)
})

test('a stack shows its first asset, and is found by any of its own', async () => {
  const fake = await start()
  const api = client(fake)
  const ids = [await upload(api, 'edited'), await upload(api, 'original')]
  const { id } = await api.createStack(ids)
  assert.equal(fake.state.stacks.get(id)?.primaryAssetId, ids[0])
  for (const member of ids) {
    const stacks = await api.stacksOf(member)
    assert.deepEqual(
      stacks.map((stack) => ({ id: stack.id, assetIds: stack.assetIds.toSorted() })),
      [{ id, assetIds: ids.toSorted() }],
    )
  }
  assert.deepEqual(await api.stacksOf(await upload(api, 'alone')), [])
})

describe('search', () => {
  const all = async (found: AsyncIterable<FoundAsset>): Promise<FoundAsset[]> => await Array.fromAsync(found)

  test('gives every page', async () => {
    const fake = await start()
    const api = client(fake)
    const model = fake.state.assets.get(await upload(api, 'model'))
    assert.ok(model)
    for (let at = 0; at < 2_500; at += 1) {
      const id = crypto.randomUUID()
      fake.state.insertAsset({ ...model, id, sha1: sha1Of(String(at)) })
    }
    const found = await all(api.search({}))
    assert.equal(new Set(found.map(({ id }) => id)).size, 2_501)
    assert.equal(fake.callsOf('POST /search/metadata'), 3)
  })

  test('finds by album, by bytes and in the trash', async () => {
    const fake = await start()
    const api = client(fake)
    const [one, two] = [await upload(api, 'one'), await upload(api, 'two')]
    const { id } = await api.createAlbum({ name: 'Trip' })
    await api.addToAlbum(id, [one])
    const asset = fake.state.assets.get(two)
    assert.ok(asset)
    asset.deletedAt = new Date().toISOString()
    const expected = { id: one, sha1: sha1Of('one'), fileName: 'IMG.jpg', isTrashed: false }
    assert.deepEqual(await all(api.search({ albumId: id })), [expected])
    assert.deepEqual(await all(api.search({ sha1: sha1Of('one') })), [expected])
    assert.deepEqual(
      (await all(api.search({ isTrashed: true }))).map((found) => [found.id, found.isTrashed]),
      [[two, true]],
    )
  })
})

test('the supported extensions have their dot', async () => {
  const extensions = await client(await start()).supportedExtensions()
  assert.ok(extensions.has('.jpg') && extensions.has('.mov') && !extensions.has('.xmp'))
})

test('an invalid call shows its first issue', async () => {
  const fake = await start()
  const api = client(fake)
  const id = await upload(api, 'one')
  await assert.rejects(api.updateAssets([id], { rating: 17 }), (error: Error) => {
    assert.ok(error instanceof RejectedError)
    assert.match(error.message, /^changing 1 asset was rejected \(400\): .*rating/u)
    return true
  })
})

test('an answer of another shape names what is missing', async () => {
  const fake = await start({
    faults: [{ kind: 'status', status: 200, text: '{"major":3}', route: 'GET /server/version' }],
  })
  await assert.rejects(client(fake).version(), (error: Error) => {
    assert.ok(error instanceof UnexpectedAnswerError)
    assert.match(error.message, /minor/u)
    return true
  })
})
