/** The ways to read which assets are in which albums: all come to the same. */

import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import fc from 'fast-check'
import {
  ALL_NEEDS,
  clientOf,
  closeAll,
  load,
  memoryCache,
  sessionOf,
  start,
  told,
  truth,
  WAYS,
} from '../../../../test/support/autotag-library.ts'
import type { FakeImmich } from '../../../../test/support/fake-immich/fake-immich.ts'
import type { FakeAlbum, FakeAsset } from '../../../../test/support/fake-immich/fake-state.ts'
import type { Visibility } from '../../api.ts'
import { loadSnapshot } from './load-snapshot.ts'

afterEach(closeAll)

const DAY_MS = 86_400_000
const EPOCH_MS = Date.UTC(2015, 0, 1)

interface RandomLibrary {
  readonly assets: readonly {
    readonly day: number
    readonly visibility: Visibility
    readonly isTrashed: boolean
  }[]
  /** Positions of assets. */
  readonly albums: readonly (readonly number[])[]
  readonly tags: readonly { readonly value: string; readonly of: readonly number[] }[]
}

const randomLibrary: fc.Arbitrary<RandomLibrary> = fc.record({
  assets: fc.array(
    fc.record({
      day: fc.nat(60),
      visibility: fc.constantFrom<Visibility>('timeline', 'timeline', 'timeline', 'archive', 'hidden'),
      isTrashed: fc.nat(9).map((dice) => dice === 0),
    }),
    { minLength: 1, maxLength: 25 },
  ),
  albums: fc.array(fc.array(fc.nat(24), { maxLength: 6 }), { maxLength: 12 }),
  tags: fc.array(
    fc.record({
      value: fc.constantFrom('a', 'a/b', 'c', 'c/d/e', 'f'),
      of: fc.array(fc.nat(24), { maxLength: 5 }),
    }),
    { maxLength: 4 },
  ),
})

function fill(fake: FakeImmich, library: RandomLibrary): void {
  const { state, user } = fake
  const assets = library.assets.map(({ day, visibility, isTrashed }, at) => {
    const taken = new Date(EPOCH_MS + day * DAY_MS + (at % 24) * 3_600_000).toISOString()
    return state.addAsset({
      ownerId: user.id,
      fileName: `IMG_${at}.jpg`,
      visibility,
      exif: { dateTimeOriginal: taken },
      deletedAt: isTrashed ? taken : undefined,
    })
  })
  const idAt = (at: number): string => assets[at % assets.length]?.id ?? ''
  const guest = state.addUser('bo')
  const foreign = state.addAsset({ ownerId: guest.id, fileName: 'foreign.jpg' })
  for (const [at, members] of library.albums.entries()) {
    const isShared = at % 4 === 3
    const assetIds = [...members.map(idAt), ...(isShared ? [foreign.id] : [])]
    const sharedWith = new Set(isShared ? [guest.id] : [])
    state.addAlbum({ ownerId: user.id, name: `album ${at}`, assetIds, sharedWith })
  }
  for (const { value, of } of library.tags) {
    const tag = state.addTag(user.id, value)
    for (const at of of) state.assets.get(idAt(at))?.tagIds.add(tag.id)
  }
}

describe('whatever a library holds', () => {
  test('all ways to read come to what the server has', async () => {
    const scope = fc.constantFrom<readonly Visibility[]>(
      ['timeline', 'archive'],
      ['timeline'],
      ['timeline', 'archive', 'hidden'],
    )
    await fc.assert(
      fc.asyncProperty(randomLibrary, scope, async (library, visibilities) => {
        const fake = await start()
        fill(fake, library)
        const expected = truth(fake, visibilities)
        for (const { version, read } of WAYS) {
          fake.version = version
          const cache = memoryCache()
          const needs = { ...ALL_NEEDS, visibilities }
          for (const how of read === 'session' ? ['cold'] : ['cold', 'warm']) {
            const { snapshot, strategy } = await load(fake, read, { needs, cache })
            assert.equal(strategy, read)
            assert.deepEqual(told(snapshot), expected, `${version} ${read} ${how}`)
          }
        }
        assert.deepEqual(fake.state.violations, [])
        await fake.close()
      }),
      { numRuns: 6 },
    )
  })
})

describe('a cache', () => {
  async function albumsOf(fake: FakeImmich, count: number): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      const assets = [0, 1].map((part) =>
        fake.state.addAsset({
          ownerId: fake.user.id,
          fileName: `${at}-${part}.jpg`,
          exif: { dateTimeOriginal: new Date(EPOCH_MS + (at * 10 + part) * DAY_MS).toISOString() },
        }),
      )
      fake.state.addAlbum({ ownerId: fake.user.id, name: `a${at}`, assetIds: assets.map(({ id }) => id) })
    }
    await Promise.resolve()
  }

  for (const { version, read } of WAYS.filter((way) => way.read !== 'session')) {
    test(`${version} ${read}: only what has changed is read again`, async () => {
      const fake = await start({ version })
      await albumsOf(fake, 20)
      const cache = memoryCache()
      const cold = await load(fake, read, { cache })
      const unchanged = await load(fake, read, { cache })
      assert.equal(cold.calls - unchanged.calls, read === 'filter' ? 1 : 20)
      const [first, second] = fake.state.albums.values()
      const [gone] = first?.assetIds ?? []
      // As 2.5 does: another count is the only sign.
      first?.assetIds.delete(gone ?? '')
      fake.state.albums.delete(second?.id ?? '')
      const changed = await load(fake, read, { cache })
      assert.deepEqual(told(changed.snapshot), truth(fake, ALL_NEEDS.visibilities))
      assert.equal(changed.calls - unchanged.calls, 1)
      assert.equal(cache.size, 19)
    })
  }

  test('another scope is another content', async () => {
    const fake = await start({ version: '3.2.2' })
    const asset = fake.state.addAsset({ ownerId: fake.user.id, fileName: 'a.jpg', visibility: 'hidden' })
    fake.state.addAlbum({ ownerId: fake.user.id, name: 'A', assetIds: [asset.id] })
    const cache = memoryCache()
    await load(fake, 'filter', { cache })
    const needs = { ...ALL_NEEDS, visibilities: ['timeline', 'hidden'] as const }
    const { snapshot } = await load(fake, 'filter', { cache, needs })
    assert.deepEqual(told(snapshot), truth(fake, needs.visibilities))
  })
})

describe('an album that changes while it is read', () => {
  test('is read by itself when its group does not prove it', async () => {
    const fake = await start({ version: '3.2.2' })
    const asset = (day: number): string =>
      fake.state.addAsset({
        ownerId: fake.user.id,
        fileName: `${day}.jpg`,
        exif: { dateTimeOriginal: new Date(EPOCH_MS + day * DAY_MS).toISOString() },
      }).id
    const one = fake.state.addAlbum({ ownerId: fake.user.id, name: '1', assetIds: [asset(0), asset(1)] })
    fake.state.addAlbum({ ownerId: fake.user.id, name: '2', assetIds: [asset(20)] })
    const api = clientOf(fake)
    const albums = api.albums.bind(api)
    const late = {
      ...api,
      albums: async () => {
        const list = await albums()
        one.assetIds.add(asset(50))
        return list
      },
    }
    const { snapshot } = await loadSnapshot({
      api: late,
      needs: ALL_NEEDS,
      read: 'filter',
      cache: memoryCache(),
    })
    assert.deepEqual(told(snapshot), truth(fake, ALL_NEEDS.visibilities))
  })

  test('or is deleted leaves the others as they are', async () => {
    for (const { version, read } of WAYS) {
      const fake = await start({ version })
      const { id } = fake.state.addAsset({ ownerId: fake.user.id, fileName: 'a.jpg' })
      for (const name of ['1', '2']) fake.state.addAlbum({ ownerId: fake.user.id, name, assetIds: [id] })
      const [gone] = fake.state.albums.keys()
      const api = read === 'session' ? sessionOf(fake) : clientOf(fake)
      const late = {
        ...api,
        albums: async () => {
          const list = await api.albums()
          fake.state.albums.delete(gone ?? '')
          return list
        },
      }
      const { snapshot } = await loadSnapshot({ api: late, needs: ALL_NEEDS, read, cache: memoryCache() })
      assert.deepEqual(told(snapshot), truth(fake, ALL_NEEDS.visibilities), `${version} ${read}`)
    }
  })
})

interface Change {
  readonly kind: keyof typeof CHANGES
  readonly album: number
  readonly asset: number
}

/** What people and the server's jobs do to an asset and an album. */
const CHANGES: Readonly<Record<string, (asset: FakeAsset, album: FakeAlbum, now: string) => void>> = {
  add: ({ id }, album, now) => {
    if (album.assetIds.has(id)) return
    album.assetIds.add(id)
    album.updatedAt = now
  },
  // Leaves no date behind.
  remove: ({ id }, album) => void album.assetIds.delete(id),
  trash: (asset, _, now) => void Object.assign(asset, { deletedAt: now, updatedAt: now }),
  restore: (asset, _, now) => void Object.assign(asset, { deletedAt: undefined, updatedAt: now }),
  hide: (asset, _, now) => void Object.assign(asset, { visibility: 'hidden', updatedAt: now }),
  archive: (asset, _, now) => void Object.assign(asset, { visibility: 'archive', updatedAt: now }),
  show: (asset, _, now) => void Object.assign(asset, { visibility: 'timeline', updatedAt: now }),
  touch: (asset, _, now) => void Object.assign(asset, { updatedAt: now }),
}

const anyChange: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom(...Object.keys(CHANGES), 'restore', 'remove', 'touch', 'touch'),
  album: fc.nat(4),
  asset: fc.nat(9),
})

const LATER_MS = Date.UTC(2030, 0, 1)

/** Each a second later than the one before. */
function carryOut({ state, user }: FakeImmich, changes: readonly Change[], fromMs: number): void {
  const assets = [...state.assets.values()]
  const albums = [...state.albums.values()]
  for (const [at, { kind, asset, album }] of changes.entries()) {
    const now = new Date(fromMs + at * 1_000).toISOString()
    const [one, other] = [assets[asset], albums[album]]
    if (one !== undefined && other !== undefined) CHANGES[kind]?.(one, other, now)
  }
  const now = new Date(fromMs + 60_000).toISOString()
  state.addAsset({ ownerId: user.id, fileName: `up ${fromMs}.jpg`, createdAt: now, updatedAt: now })
}

/** Ten assets in five albums, of which two are in the trash and one is hidden. */
function fillOld({ state, user }: FakeImmich): void {
  const assets = Array.from({ length: 10 }, (_, at) => {
    const date = new Date(Date.UTC(2020, 0, 1 + at)).toISOString()
    return state.addAsset({
      ownerId: user.id,
      fileName: `${at}.jpg`,
      createdAt: date,
      updatedAt: date,
      exif: { dateTimeOriginal: date },
      visibility: at === 4 ? 'hidden' : 'timeline',
      deletedAt: at === 1 || at === 6 ? date : undefined,
    })
  })
  for (let at = 0; at < 5; at += 1) {
    const members = assets.filter((_, index) => index % 5 === at || index % 3 === 0)
    state.addAlbum({ ownerId: user.id, name: `A${at}`, assetIds: members.map(({ id }) => id) })
  }
}

describe('what is remembered of albums', () => {
  test('is never told wrongly, whatever happens between the runs, and saves calls', async () => {
    let saved = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...WAYS.filter((way) => way.read !== 'session')),
        fc.array(fc.array(anyChange, { maxLength: 5 }), { minLength: 2, maxLength: 4 }),
        async ({ version, read }, runs) => {
          const fake = await start({ version })
          fillOld(fake)
          const cache = memoryCache()
          const cold = await load(fake, read, { cache })
          for (const [at, changes] of runs.entries()) {
            carryOut(fake, changes, LATER_MS + at * 3_600_000)
            const warm = await load(fake, read, { cache })
            assert.deepEqual(told(warm.snapshot), truth(fake, ALL_NEEDS.visibilities))
            if (changes.some(({ kind }) => kind === 'touch') && warm.calls < cold.calls) saved += 1
          }
          await fake.close()
        },
      ),
      { numRuns: 25 },
    )
    assert.ok(saved > 0)
  })

  test('the jobs of a server cost no call, a picture that came back while another left does', async () => {
    const fake = await start({ version: '2.5.6' })
    const { state, user } = fake
    const old = { createdAt: '2020-01-01T00:00:00.000Z', updatedAt: '2020-01-01T00:00:00.000Z' }
    const [one, two, gone] = ['1', '2', '3'].map((name) =>
      state.addAsset({ ownerId: user.id, fileName: `${name}.jpg`, ...old }),
    )
    assert.ok(one !== undefined && two !== undefined && gone !== undefined)
    gone.deletedAt = old.createdAt
    const album = state.addAlbum({ ownerId: user.id, name: 'A', assetIds: [one.id, two.id, gone.id] })
    const cache = memoryCache()
    const cold = await load(fake, 'albums', { cache })
    one.updatedAt = '2026-01-01T00:00:00.000Z'
    const touched = await load(fake, 'albums', { cache })
    assert.equal(touched.calls, cold.calls - 1)
    // The count is as before, and so is the album's date; the last change is that of one that stayed.
    gone.deletedAt = undefined
    gone.updatedAt = '2026-02-01T00:00:00.000Z'
    album.assetIds.delete(two.id)
    one.updatedAt = '2026-03-01T00:00:00.000Z'
    const swapped = await load(fake, 'albums', { cache })
    assert.deepEqual(told(swapped.snapshot), truth(fake, ALL_NEEDS.visibilities))
  })
})
