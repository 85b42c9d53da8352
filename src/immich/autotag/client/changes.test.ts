/** What the client changes on a server, over real connections. */

import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { clientOf, closeAll, start } from '../../../../test/support/autotag-library.ts'
import type { FakeImmich } from '../../../../test/support/fake-immich/fake-immich.ts'
import { TAG_CHUNKS } from '../../chunk-size.ts'
import { chunksOf } from '../../client-context.ts'
import type { AutotagApi } from '../autotag-api.ts'
import { additionOutcome, removalOutcome } from './id-outcomes.ts'

afterEach(closeAll)

const NOBODY = '00000000-0000-4000-8000-000000000000'

async function library(
  count: number,
): Promise<{ fake: FakeImmich; api: AutotagApi; ids: readonly string[] }> {
  const fake = await start()
  const assets = Array.from({ length: count }, (_, at) =>
    fake.state.addAsset({ ownerId: fake.user.id, fileName: `IMG_${at}.jpg` }),
  )
  return { fake, api: clientOf(fake), ids: assets.map(({ id }) => id) }
}

describe('tags', () => {
  test('are made with their parents, in the order asked for, and twice is once', async () => {
    const { fake, api } = await library(0)
    const [scan, trip] = await api.createTags(['kind/scan', 'trip'])
    assert.deepEqual([scan?.value, trip?.value], ['kind/scan', 'trip'])
    const again = await api.createTags(['trip', 'kind/scan'])
    assert.deepEqual(
      again.map(({ id }) => id),
      [trip?.id, scan?.id],
    )
    const tags = await api.tags()
    assert.deepEqual(tags.map(({ value }) => value).toSorted(), ['kind', 'kind/scan', 'trip'])
    const parent = tags.find(({ value }) => value === 'kind')
    assert.equal(tags.find(({ value }) => value === 'kind/scan')?.parentId, parent?.id)
    assert.deepEqual(fake.state.violations, [])
  })

  test('none at all is no call', async () => {
    const { fake, api } = await library(0)
    assert.deepEqual(await api.createTags([]), [])
    assert.equal(await api.tagAssets([], [NOBODY]), 0)
    assert.deepEqual(await api.untagAssets(NOBODY, []), [])
    assert.equal(fake.requests.length, 0)
  })

  test('given and taken: what was so is told apart', async () => {
    const { api, ids } = await library(3)
    const [tag] = await api.createTags(['a'])
    assert.ok(tag)
    assert.equal(await api.tagAssets([tag.id], ids.slice(0, 2)), 2)
    assert.equal(await api.tagAssets([tag.id], ids), 1)
    assert.deepEqual(await api.tagsOfAsset(ids[0] ?? ''), [tag])
    await api.untagAssets(tag.id, ids.slice(2))
    assert.deepEqual(await api.untagAssets(tag.id, ids), [
      { id: ids[0], outcome: 'done' },
      { id: ids[1], outcome: 'done' },
      { id: ids[2], outcome: 'was-so' },
    ])
  })

  test('what a lost answer did is done, not found to be so', async () => {
    const { fake, api, ids } = await library(1)
    const [tag] = await api.createTags(['a'])
    const tagId = tag?.id ?? ''
    await api.tagAssets([tagId], ids)
    fake.faults.add({ kind: 'lost-answer', route: 'DELETE /tags/*', times: 1 })
    assert.deepEqual(await api.untagAssets(tagId, ids), [{ id: ids[0], outcome: 'done' }])
  })

  test('more pairs than a call may have become several calls', async () => {
    const { fake, api, ids } = await library(900)
    const tags = await api.createTags(Array.from({ length: 40 }, (_, at) => `t${at}`))
    const tagIds = tags.map(({ id }) => id)
    assert.equal(await api.tagAssets(tagIds, ids), 900 * 40)
    assert.equal(fake.callsOf('PUT /tags/assets'), 2)
    assert.deepEqual(fake.state.violations, [])
  })
})

describe('albums', () => {
  for (const version of ['2.5.6', '3.1.0', '3.2.2']) {
    test(`${version}: are made, filled and shared in one call, and listed with who sees them`, async () => {
      const fake = await start({ version })
      const api = clientOf(fake)
      const bo = fake.state.addUser('bo')
      const asset = fake.state.addAsset({ ownerId: fake.user.id, fileName: 'a.jpg' })
      const members = [{ userId: bo.id, role: 'viewer' as const }]
      const made = await api.createAlbum({ name: 'A', description: 'd', assetIds: [asset.id], members })
      const theirs = fake.state.addAlbum({
        ownerId: bo.id,
        name: 'B',
        sharedWith: new Set([fake.user.id]),
        roles: new Map([[fake.user.id, 'editor']]),
      })
      const albums = await api.albums()
      const [mine, other] = albums.toSorted((a, b) => (a.name < b.name ? -1 : 1))
      assert.deepEqual(
        [mine?.id, mine?.name, mine?.description, mine?.isOwned, mine?.assetCount, mine?.members],
        [made.id, 'A', 'd', true, 1, members],
      )
      assert.equal(mine?.startMs, Date.parse(asset.localDateTime.slice(0, 10)))
      assert.equal(mine?.endMs, mine?.startMs)
      assert.deepEqual([other?.id, other?.isOwned], [theirs.id, false])
      assert.deepEqual(other?.members, [{ userId: fake.user.id, role: 'editor' }])
      assert.equal(albums.length, 2)
      assert.deepEqual(fake.state.violations, [])
    })
  }

  test('another content is another fingerprint', async () => {
    const { fake, api, ids } = await library(3)
    const fingerprint = async (): Promise<string> => (await api.albums())[0]?.fingerprint ?? ''
    const { id } = await api.createAlbum({
      name: 'A',
      description: '',
      assetIds: ids.slice(0, 2),
      members: [],
    })
    const seen = new Set([await fingerprint()])
    assert.ok(seen.has(await fingerprint()))
    await api.removeFromAlbum(id, ids.slice(0, 1))
    seen.add(await fingerprint())
    fake.state.assets.get(ids[1] ?? '')!.updatedAt = '2040-01-01T00:00:00.000Z'
    seen.add(await fingerprint())
    await api.addToAlbum(id, ids.slice(2))
    seen.add(await fingerprint())
    assert.equal(seen.size, 4)
  })

  test('filled and emptied: each id has its outcome', async () => {
    const { fake, api, ids } = await library(2)
    const foreign = fake.state.addAsset({ ownerId: fake.state.addUser('bo').id, fileName: 'b.jpg' })
    const { id } = await api.createAlbum({
      name: 'A',
      description: '',
      assetIds: ids.slice(0, 1),
      members: [],
    })
    assert.deepEqual(await api.addToAlbum(id, [...ids, foreign.id]), [
      { id: ids[0], outcome: 'was-so' },
      { id: ids[1], outcome: 'done' },
      { id: foreign.id, outcome: 'refused' },
    ])
    assert.deepEqual(await api.removeFromAlbum(id, [ids[0] ?? '', NOBODY]), [
      { id: ids[0], outcome: 'done' },
      { id: NOBODY, outcome: 'was-so' },
    ])
  })

  test('what a lost answer put in is done, not found to be so', async () => {
    const { fake, api, ids } = await library(2)
    const { id } = await api.createAlbum({ name: 'A', description: '', assetIds: [], members: [] })
    fake.faults.add({ kind: 'lost-answer', route: 'PUT /albums/*/assets', times: 1 })
    assert.deepEqual(
      (await api.addToAlbum(id, ids)).map(({ outcome }) => outcome),
      ['done', 'done'],
    )
  })

  test('an album whose making is not answered is not made again', async () => {
    const { fake, api } = await library(0)
    fake.faults.add({ kind: 'lost-answer', route: 'POST /albums', times: 1 })
    const making = api.createAlbum({ name: 'A', description: '', assetIds: [], members: [] })
    await assert.rejects(making, { code: 'immich/unreachable' })
    assert.equal(fake.state.albums.size, 1)
  })

  test('one that is gone is deleted', async () => {
    const { fake, api } = await library(0)
    const { id } = fake.state.addAlbum({ ownerId: fake.user.id, name: 'A' })
    await api.deleteAlbum(id)
    await api.deleteAlbum(id)
    assert.equal(fake.state.albums.size, 0)
  })

  test('are shared, with another role, and no more', async () => {
    const { fake, api } = await library(0)
    const bo = fake.state.addUser('bo')
    const album = fake.state.addAlbum({ ownerId: fake.user.id, name: 'A' })
    await api.addAlbumMembers(album.id, [{ userId: bo.id, role: 'viewer' }])
    assert.equal(album.roles.get(bo.id), 'viewer')
    await assert.rejects(api.addAlbumMembers(album.id, [{ userId: bo.id, role: 'viewer' }]), {
      code: 'immich/rejected',
    })
    await api.setAlbumRole(album.id, bo.id, 'editor')
    assert.equal(album.roles.get(bo.id), 'editor')
    fake.faults.add({ kind: 'lost-answer', route: 'DELETE /albums/*/user/*', times: 1 })
    await api.removeAlbumMember(album.id, bo.id)
    assert.equal(album.sharedWith.size, 0)
    await assert.rejects(api.removeAlbumMember(album.id, bo.id), { code: 'immich/rejected' })
  })
})

describe('dates and the like', () => {
  test('all get the same, and the zone is sent where it is known', async () => {
    const { fake, api, ids } = await library(2)
    await api.setDate(ids, { dateTimeOriginal: '2021-03-04T00:00:00+01:00', timeZone: 'Europe/Oslo' })
    await api.setAssets(ids, { isFavourite: true, rating: 4 })
    const found = []
    for await (const page of api.findAssets({ visibilities: ['timeline'] })) found.push(...page)
    for (const asset of found) {
      assert.equal(asset.taken?.atMs, Date.parse('2021-03-03T23:00:00Z'))
      assert.equal(asset.taken?.zone, 'Europe/Oslo')
      assert.deepEqual([asset.isFavourite, asset.rating], [true, 4])
    }
    await api.setAssets(ids, { rating: null })
    assert.equal(fake.state.assets.get(ids[0] ?? '')?.rating, null)
    await api.setDate(ids, { dateTimeOriginal: '2021-03-04T00:00:00+02:00', timeZone: null })
    assert.equal(fake.state.assets.get(ids[0] ?? '')?.exif.timeZone, 'UTC+2')
    assert.deepEqual(fake.state.violations, [])
  })
})

describe('the size of chunks', () => {
  test('follows what calls take, without their wait for a place', async () => {
    const { fake, api, ids } = await library(1_200)
    fake.load = { msPerTaggedAsset: 0.1, msPerCall: 0 }
    const [tag] = await api.createTags(['a'])
    const [first = [], ...rest] = [...chunksOf(ids, 400)]
    await Promise.all([first, ...rest].map((chunk) => api.tagAssets([tag?.id ?? ''], chunk)))
    assert.ok((api.chunkSize?.('tag') ?? 0) > 500, String(api.chunkSize?.('tag')))
    assert.equal(api.chunkSize?.('untag'), TAG_CHUNKS.start)
  })

  test('halves when the server has too much of it', async () => {
    const { fake, api, ids } = await library(1)
    fake.faults.add({ kind: 'status', status: 503, route: 'PUT /assets', times: 1 })
    await api.setAssets(ids, { rating: 1 })
    assert.equal(api.chunkSize?.('asset'), 500)
  })
})

describe('outcomes of ids', () => {
  test('are of the domain', () => {
    const failed = (error: string | null): { id: string; success: boolean; error: string | null } => ({
      id: 'a',
      success: false,
      error,
    })
    assert.equal(additionOutcome(failed('duplicate'), false).outcome, 'was-so')
    assert.equal(additionOutcome(failed('duplicate'), true).outcome, 'done')
    assert.equal(additionOutcome(failed('not_found'), false).outcome, 'gone')
    assert.equal(additionOutcome(failed('no_permission'), true).outcome, 'refused')
    assert.equal(additionOutcome(failed(null), false).outcome, 'refused')
    assert.equal(removalOutcome(failed('not_found'), false).outcome, 'was-so')
    assert.equal(removalOutcome(failed('not_found'), true).outcome, 'done')
    assert.equal(removalOutcome(failed('unknown'), false).outcome, 'refused')
  })
})
