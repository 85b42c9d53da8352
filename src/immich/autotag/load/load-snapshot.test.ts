/** Reading libraries from the stateful fake, by each of the ways there are. */

import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import {
  ALL_NEEDS,
  clientOf,
  closeAll,
  load,
  memoryCache,
  start,
  WAYS,
} from '../../../../test/support/autotag-library.ts'
import type { Capabilities } from '../autotag-api.ts'
import type { SnapshotNeeds } from '../snapshot.ts'
import { chooseStrategy, type LoadProgress, loadSnapshot } from './load-snapshot.ts'

afterEach(closeAll)

const DAY_MS = 86_400_000
const EPOCH_MS = Date.UTC(2015, 0, 1)

/**
 * Version, user, tags, albums (two lists in 2.x), duplicates, users, how to search (and whether there is a stream); the
 * assets (one search for each visibility in old ones), and all memberships in one call.
 */
const FEWEST: Readonly<Record<string, number>> = {
  '2.5.6 session': 12,
  '3.1.0 session': 11,
  '3.2.2 filter': 9,
  '3.2.2 session': 10,
}

describe('loading', () => {
  test('takes what the rules need, and no more', async () => {
    const fake = await start()
    fake.state.addAsset({ ownerId: fake.user.id, fileName: 'a.jpg' })
    fake.state.addTag(fake.user.id, 'kind/scan')
    const needs: SnapshotNeeds = {
      visibilities: ['timeline'],
      isTagNeeded: (value) => value === 'kind/scan',
      people: false,
      albums: false,
      duplicates: false,
      users: false,
    }
    const { calls } = await load(fake, 'albums', { needs })
    assert.deepEqual(fake.requests.map(({ route }) => route).toSorted(), [
      'GET /albums',
      'GET /server/version',
      'GET /tags',
      'GET /users/me',
      'POST /search/metadata',
      'POST /search/metadata',
      'POST /search/metadata',
    ])
    assert.equal(calls, fake.requests.length)
  })

  test('takes as many calls for a hundred albums as for one, where the server can', async () => {
    for (const { version, read } of WAYS.filter((way) => way.read !== 'albums')) {
      const fake = await start({ version })
      for (let at = 0; at < 100; at += 1) {
        const taken = new Date(EPOCH_MS + at * 7 * DAY_MS).toISOString()
        const asset = { ownerId: fake.user.id, fileName: `${at}.jpg`, exif: { dateTimeOriginal: taken } }
        const { id } = fake.state.addAsset(asset)
        fake.state.addAlbum({ ownerId: fake.user.id, name: `a${at}`, assetIds: [id] })
      }
      const { calls } = await load(fake, read)
      assert.equal(calls, FEWEST[`${version} ${read}`], `${version} ${read}`)
    }
  })

  test('does not ask again for a visibility without any asset', async () => {
    const fake = await start({ version: '2.5.6' })
    fake.state.addAsset({ ownerId: fake.user.id, fileName: 'a.jpg' })
    for (let at = 0; at < 5; at += 1) fake.state.addTag(fake.user.id, `t${at}`)
    await load(fake, 'albums')
    assert.equal(fake.callsOf('POST /search/metadata'), 1 + 2 + 5)
  })

  test('knows duplicates, tags above others, and users', async () => {
    const fake = await start()
    const parts = { ownerId: fake.user.id, duplicateId: 'd0000000-0000-4000-8000-000000000000' }
    const ids = ['a', 'b'].map((name) => fake.state.addAsset({ ...parts, fileName: `${name}.jpg` }).id)
    fake.state.addAsset({ ...parts, fileName: 'hidden.jpg', visibility: 'hidden' })
    fake.state.addTag(fake.user.id, 'kind/scan')
    const { snapshot } = await load(fake, 'albums')
    assert.deepEqual(
      snapshot.duplicates.map(({ assetIds }) => assetIds.toSorted()),
      [ids.toSorted()],
    )
    assert.deepEqual(
      [...snapshot.tags.values()].map(({ value, hasChildren }) => [value, hasChildren]).toSorted(),
      [
        ['kind', true],
        ['kind/scan', false],
      ],
    )
    assert.deepEqual(snapshot.users, [{ id: fake.user.id, name: 'ada', email: 'ada@example.com' }])
    assert.equal(snapshot.userId, fake.user.id)
  })

  test('a key that may not list users loads none', async () => {
    const fake = await start()
    const { secret } = fake.addKey(['asset.read', 'album.read', 'tag.read', 'duplicate.read'])
    const api = clientOf(fake, { key: secret })
    const { snapshot } = await loadSnapshot({ api, needs: ALL_NEEDS, read: 'auto', cache: memoryCache() })
    assert.deepEqual(snapshot.users, [])
  })

  test('was taken when it began, by the clock of the server', async () => {
    const fake = await start()
    const before = Math.floor(Date.now() / 1_000) * 1_000
    const { snapshot } = await load(fake, 'albums')
    const takenMs = Date.parse(snapshot.takenAt)
    assert.ok(takenMs >= before && takenMs % 1_000 === 0 && takenMs <= Date.now())
  })

  test('tells how far it is', async () => {
    const fake = await start()
    const { id } = fake.state.addAsset({ ownerId: fake.user.id, fileName: 'a.jpg' })
    fake.state.addAlbum({ ownerId: fake.user.id, name: 'A', assetIds: [id] })
    fake.state.addTag(fake.user.id, 'a')
    const seen: LoadProgress[] = []
    const onProgress = (progress: LoadProgress): void => void seen.push(progress)
    const api = clientOf(fake)
    await loadSnapshot({ api, needs: ALL_NEEDS, read: 'auto', cache: memoryCache(), onProgress })
    const last = (stage: LoadProgress['stage']): LoadProgress | undefined =>
      seen.findLast((one) => one.stage === stage)
    assert.deepEqual(last('library'), { stage: 'library', done: 6, total: 6 })
    assert.deepEqual(last('assets'), { stage: 'assets', done: 1, total: undefined })
    assert.deepEqual(last('tags'), { stage: 'tags', done: 1, total: 1 })
    assert.deepEqual(last('albums'), { stage: 'albums', done: 1, total: 1 })
  })

  test('fails as a whole, and ends what was under way', async () => {
    const fake = await start({ faults: [{ kind: 'status', status: 400, route: 'GET /tags' }] })
    fake.state.addAsset({ ownerId: fake.user.id, fileName: 'a.jpg' })
    await assert.rejects(load(fake, 'albums'), { code: 'immich/rejected' })
  })

  test('ends when it is called off', async () => {
    const fake = await start({ faults: [{ kind: 'stall', when: 'answer', route: 'POST /search/metadata' }] })
    const controller = new AbortController()
    const { signal } = controller
    const options = { needs: ALL_NEEDS, read: 'albums', cache: memoryCache(), signal } as const
    const rejected = assert.rejects(loadSnapshot({ api: clientOf(fake), ...options }), /called off/u)
    await fake.untilEnded('GET /albums', 1)
    controller.abort(new Error('called off'))
    await rejected
  })
})

describe('chooseStrategy', () => {
  const can = (hasSync: boolean, hasSearchFilter: boolean): Capabilities => ({ hasSync, hasSearchFilter })

  test('takes the fewest calls there are', () => {
    assert.equal(chooseStrategy('s', 'auto', can(true, true)), 'session')
    assert.equal(chooseStrategy('s', 'auto', can(false, true)), 'filter')
    assert.equal(chooseStrategy('s', 'auto', can(false, false)), 'albums')
  })
  test('takes what is asked for, or says that it cannot', () => {
    assert.equal(chooseStrategy('s', 'albums', can(true, true)), 'albums')
    assert.throws(() => chooseStrategy('s', 'session', can(false, true)), { code: 'autotag/cannot-read' })
    assert.throws(() => chooseStrategy('s', 'filter', can(true, false)), { code: 'autotag/cannot-read' })
  })
})
