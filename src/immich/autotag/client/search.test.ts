/** Finding assets, page after page, on servers of all kinds. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterEach, describe, test } from 'node:test'
import { all, clientOf, closeAll, start } from '../../../../test/support/autotag-library.ts'
import type { FakeImmich } from '../../../../test/support/fake-immich/fake-immich.ts'
import type { FakeAsset } from '../../../../test/support/fake-immich/fake-state.ts'
import type { Visibility } from '../../api.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  await closeAll()
  for (const close of closing.splice(0)) await close()
})

const VERSIONS = ['2.5.6', '3.1.0', '3.2.2']
const BOTH: readonly Visibility[] = ['timeline', 'archive']

function addAssets(fake: FakeImmich, count: number, parts: Partial<FakeAsset> = {}): readonly string[] {
  return Array.from(
    { length: count },
    (_, at) => fake.state.addAsset({ ownerId: fake.user.id, fileName: `IMG_${at}.jpg`, ...parts }).id,
  )
}

for (const version of VERSIONS) {
  describe(version, () => {
    // Fault 20: where a search shows the timeline alone, the seed's program never sees what is archived.
    test('archived assets are found, trashed, hidden and locked ones are not', async () => {
      const fake = await start({ version })
      const shown = [...addAssets(fake, 2), ...addAssets(fake, 2, { visibility: 'archive' })]
      addAssets(fake, 1, { visibility: 'hidden' })
      addAssets(fake, 1, { visibility: 'locked' })
      addAssets(fake, 1, { deletedAt: '2026-01-01T00:00:00.000Z' })
      const found = await all(clientOf(fake).findAssets({ visibilities: BOTH }))
      assert.deepEqual(found.map(({ id }) => id).toSorted(), shown.toSorted())
      assert.deepEqual(fake.state.violations, [])
    })

    test('all pages are read, each asset once', async () => {
      const fake = await start({ version })
      const ids = addAssets(fake, 2_001)
      const found = await all(clientOf(fake).findIds({ visibilities: ['timeline'] }))
      assert.deepEqual(found.toSorted(), ids.toSorted())
      assert.equal(fake.callsOf('POST /search/metadata'), 1 + 3)
    })

    test('an asset that comes between two pages makes none come twice', async () => {
      const fake = await start({ version })
      addAssets(fake, 1_500, { fileCreatedAt: '2020-01-01T00:00:00.000Z' })
      const ids: string[] = []
      for await (const page of clientOf(fake).findIds({ visibilities: ['timeline'] })) {
        if (ids.length === 0) addAssets(fake, 1, { fileCreatedAt: '2024-01-01T00:00:00.000Z' })
        ids.push(...page)
      }
      assert.equal(ids.length, 1_500)
      assert.equal(new Set(ids).size, 1_500)
    })

    test('a tag finds those of its children, an album its own, several albums those in any', async () => {
      const fake = await start({ version })
      const [a = '', b = '', c = ''] = addAssets(fake, 3)
      const [d = ''] = addAssets(fake, 1, { visibility: 'archive' })
      const child = fake.state.addTag(fake.user.id, 'kind/scan')
      for (const id of [a, d]) fake.state.assets.get(id)?.tagIds.add(child.id)
      const one = fake.state.addAlbum({ ownerId: fake.user.id, name: '1', assetIds: [a, b, d] })
      const two = fake.state.addAlbum({ ownerId: fake.user.id, name: '2', assetIds: [b, c] })
      const api = clientOf(fake)
      const find = async (query: {
        tagId?: string
        albumIds?: readonly string[]
      }): Promise<readonly string[]> => (await all(api.findIds({ ...query, visibilities: BOTH }))).toSorted()
      assert.deepEqual(await find({ tagId: child.parentId ?? '' }), [a, d].toSorted())
      assert.deepEqual(await find({ albumIds: [one.id] }), [a, b, d].toSorted())
      assert.deepEqual(await find({ albumIds: [one.id, two.id] }), [a, b, c, d].toSorted())
      assert.deepEqual((await api.albumAssetIds(one.id, BOTH)).toSorted(), [a, b, d].toSorted())
      assert.deepEqual(await all(api.findIds({ visibilities: [] })), [])
      assert.deepEqual(fake.state.violations, [])
    })

    test('what has changed is found by when', async () => {
      const fake = await start({ version })
      const [old = ''] = addAssets(fake, 1, { updatedAt: '2020-01-01T00:00:00.000Z' })
      const [fresh] = addAssets(fake, 1, { updatedAt: '2024-01-01T00:00:00.000Z' })
      const updatedAfter = '2022-01-01T00:00:00.000Z'
      assert.deepEqual(await all(clientOf(fake).findIds({ visibilities: BOTH, updatedAfter })), [fresh])
      assert.notEqual(fresh, old)
    })

    test('an asset has all that rules look at', async () => {
      const fake = await start({ version })
      const ida = fake.state.addPerson(fake.user.id, 'Ida')
      const nobody = fake.state.addPerson(fake.user.id, '')
      const asset = fake.state.addAsset({
        ownerId: fake.user.id,
        fileName: 'IMG.jpg',
        originalPath: '/mnt/2019-06-02 Lake/IMG.jpg',
        sizeBytes: 1234,
        isFavorite: true,
        rating: 4,
        description: 'by the lake',
        duplicateId: 'd0000000-0000-4000-8000-000000000000',
        personIds: new Set([ida.id, nobody.id]),
        exif: {
          dateTimeOriginal: '2019-06-02T10:00:00.000Z',
          timeZone: 'Europe/Oslo',
          make: 'Canon',
          model: 'EOS',
          city: 'Oslo',
          country: 'Norway',
          exifImageWidth: 40,
          exifImageHeight: 30,
        },
      })
      const api = clientOf(fake)
      const [found] = await all(api.findAssets({ visibilities: ['timeline'], withPeople: true }))
      assert.deepEqual(found, {
        id: asset.id,
        ownerId: fake.user.id,
        fileName: 'IMG.jpg',
        path: '/mnt/2019-06-02 Lake/IMG.jpg',
        type: 'image',
        visibility: 'timeline',
        isFavourite: true,
        rating: 4,
        description: 'by the lake',
        taken: { atMs: Date.parse('2019-06-02T10:00:00Z'), zone: 'Europe/Oslo' },
        camera: { make: 'Canon', model: 'EOS' },
        place: { city: 'Oslo', state: undefined, country: 'Norway' },
        fileCreatedAtMs: Date.parse('2019-06-02T10:00:00Z'),
        fileModifiedAtMs: Date.parse(asset.fileModifiedAt),
        uploadedAtMs: Date.parse(asset.createdAt),
        wallClockMs: Date.parse('2019-06-02T12:00:00Z'),
        updatedAt: asset.updatedAt,
        widthPixels: 40,
        heightPixels: 30,
        sizeBytes: 1234,
        duplicateId: 'd0000000-0000-4000-8000-000000000000',
        people: ['Ida'],
      })
      const [bare] = await all(api.findAssets({ visibilities: ['timeline'], isBare: true }))
      assert.deepEqual(
        [bare?.id, bare?.wallClockMs, bare?.taken, bare?.people],
        [asset.id, found?.wallClockMs, undefined, undefined],
      )
    })
  })
}

describe('what a server finds unasked', () => {
  async function callsForTag(version: string): Promise<number> {
    const fake = await start({ version })
    addAssets(fake, 1)
    addAssets(fake, 1, { visibility: 'archive' })
    const tag = fake.state.addTag(fake.user.id, 'a')
    const api = clientOf(fake)
    await all(api.findIds({ visibilities: BOTH }))
    await all(api.findIds({ tagId: tag.id, visibilities: BOTH }))
    const before = fake.callsOf('POST /search/metadata')
    await all(api.findIds({ tagId: tag.id, visibilities: BOTH }))
    assert.deepEqual(fake.state.violations, [])
    return fake.callsOf('POST /search/metadata') - before
  }

  test('needs one search for a tag where an old server shows all, else one each', async () => {
    assert.equal(await callsForTag('2.5.6'), 2)
    assert.equal(await callsForTag('3.1.0'), 1)
    assert.equal(await callsForTag('3.2.2'), 1)
  })

  test('is left out when it was not asked for', async () => {
    const fake = await start({ version: '3.1.0' })
    const parts = [{}, { visibility: 'archive' as const }, { visibility: 'hidden' as const }]
    const ids = parts.flatMap((part) => addAssets(fake, 1, part))
    const album = fake.state.addAlbum({ ownerId: fake.user.id, name: 'A', assetIds: ids })
    const api = clientOf(fake)
    await all(api.findIds({ visibilities: BOTH }))
    assert.deepEqual((await api.albumAssetIds(album.id, BOTH)).toSorted(), ids.slice(0, 2).toSorted())
  })

  test('is not asked for once there are enough', async () => {
    const fake = await start({ version: '2.5.6' })
    const album = fake.state.addAlbum({ ownerId: fake.user.id, name: 'A', assetIds: addAssets(fake, 3) })
    const api = clientOf(fake)
    await api.capabilities()
    const before = fake.requests.length
    assert.equal((await api.albumAssetIds(album.id, BOTH, undefined, 3)).length, 3)
    assert.equal(fake.requests.length - before, 1)
    assert.equal((await api.albumAssetIds(album.id, BOTH, undefined, 4)).length, 3)
    assert.equal(fake.requests.length - before, 3)
  })
})

describe('a server that goes in circles', () => {
  async function serverOf(assets: object): Promise<{ address: string; calls: () => number }> {
    let calls = 0
    const server = createServer((request, response) => {
      void json(request).then((body) => {
        calls += 1
        const isProbe = (body as { size?: number }).size === 1
        response.end(JSON.stringify({ assets: isProbe ? { items: [], nextCursor: null } : assets }))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing.push(async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    })
    return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls: () => calls }
  }
  const item = { id: 'a', ownerId: 'o', visibility: 'timeline', isTrashed: false }

  test('by the same cursor is an error', async () => {
    const { address } = await serverOf({ items: [item], nextCursor: 'again' })
    await assert.rejects(all(clientOf({ address, key: 'k' }).findIds({ visibilities: ['timeline'] })), {
      code: 'immich/unexpected-answer',
    })
  })
  test('by a page that does not go on is at its end', async () => {
    const { address, calls } = await serverOf({ items: [item], nextPage: '1' })
    assert.deepEqual(await all(clientOf({ address, key: 'k' }).findIds({ visibilities: ['timeline'] })), [
      'a',
    ])
    assert.equal(calls(), 2)
  })
  test('by pages with nothing in them is at its end', async () => {
    const { address, calls } = await serverOf({ items: [], nextCursor: 'more' })
    assert.deepEqual(await all(clientOf({ address, key: 'k' }).findIds({ visibilities: ['timeline'] })), [])
    assert.equal(calls(), 2)
  })
  test('that answers what it was not asked for is not believed', async () => {
    const { address } = await serverOf({ items: [{ ...item, visibility: 'archive' }], nextCursor: null })
    await assert.rejects(all(clientOf({ address, key: 'k' }).findIds({ visibilities: ['timeline'] })), {
      code: 'immich/unexpected-answer',
    })
  })
  test('or answers no dates is not believed', async () => {
    const { address } = await serverOf({ items: [{ ...item, fileCreatedAt: 'yesterday' }], nextCursor: null })
    await assert.rejects(all(clientOf({ address, key: 'k' }).findAssets({ visibilities: ['timeline'] })), {
      code: 'immich/unexpected-answer',
    })
  })
})
