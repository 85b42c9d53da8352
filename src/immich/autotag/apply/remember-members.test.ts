import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { planOf } from '../../../../test/support/autotag-apply/sample-plan.ts'
import { scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import {
  ALL_NEEDS,
  clientOf,
  closeAll,
  start,
  told,
  truth,
} from '../../../../test/support/autotag-library.ts'
import type { FakeImmich } from '../../../../test/support/fake-immich/fake-immich.ts'
import type { AutotagApi } from '../autotag-api.ts'
import { loadSnapshot } from '../load/load-snapshot.ts'
import type { Step } from '../plan.ts'
import { applyPlan } from './apply-plan.ts'

afterEach(closeAll)

const OLD = '2020-01-01T00:00:00.000Z'

function fill({ state, user }: FakeImmich): readonly string[] {
  const ids = Array.from({ length: 12 }, (_, at) => {
    const taken = new Date(Date.UTC(2019, 0, 1 + at)).toISOString()
    const dates = { createdAt: OLD, updatedAt: OLD, exif: { dateTimeOriginal: taken } }
    return state.addAsset({ ownerId: user.id, fileName: `${at}.jpg`, ...dates }).id
  })
  state.addAlbum({ ownerId: user.id, name: 'From', assetIds: ids.slice(0, 8) })
  state.addAlbum({ ownerId: user.id, name: 'To', assetIds: ids.slice(8, 10) })
  return ids
}

function stepsFor({ state }: FakeImmich, ids: readonly string[]): readonly Step[] {
  const album = (name: string): { id: string; name: string } => ({
    id: state.albumNamed(name)?.id ?? '',
    name,
  })
  const made = { key: 'New', name: 'New' }
  return [
    { op: 'album.create', rule: 'r', album: made, description: '', assetIds: ids.slice(10) },
    { op: 'album.add', rule: 'r', album: album('To'), assetIds: ids.slice(0, 2) },
    { op: 'album.remove', rule: 'r', album: album('From'), assetIds: ids.slice(0, 2) },
    { op: 'tag.add', rule: 'r', tag: 'a', assetIds: ids },
  ]
}

function albumsOf(assets: object): object {
  const all = Object.entries(assets as Record<string, { albums: object }>)
  return Object.fromEntries(all.map(([id, { albums }]) => [id, albums]))
}

describe('after a run', () => {
  for (const { says, between, reads } of [
    { says: 'no album is read again, also after the jobs', reads: 0 },
    {
      says: 'an album that somebody has added to as well is read again',
      reads: 1,
      between: ({ state }: FakeImmich, ids: readonly string[]) => {
        const album = state.albumNamed('New')
        album?.assetIds.add(ids[0] ?? '')
        album?.assetIds.delete(ids[11] ?? '')
        Object.assign(album ?? {}, { updatedAt: '2030-01-01T00:00:00.000Z' })
      },
    },
    {
      says: 'an album that somebody has taken from as well is read again',
      reads: 1,
      between: ({ state }: FakeImmich, ids: readonly string[]) => {
        state.albumNamed('From')?.assetIds.delete(ids[5] ?? '')
      },
    },
    {
      says: 'an album in which somebody has exchanged pictures is read again',
      reads: 1,
      between: ({ state }: FakeImmich, ids: readonly string[]) => {
        const album = state.albumNamed('To')
        album?.assetIds.add(ids[11] ?? '')
        album?.assetIds.delete(ids[9] ?? '')
        Object.assign(album ?? {}, { updatedAt: '2030-01-01T00:00:00.000Z' })
      },
    },
  ]) {
    test(says, async () => {
      const fake = await start({ version: '2.5.6' })
      const ids = fill(fake)
      const api = clientOf(fake)
      using scratch = scratchState({ address: api.address, userId: fake.user.id })
      const { state } = scratch
      const load = async (): Promise<object> => {
        const needs = { ...ALL_NEEDS, isTagNeeded: () => false }
        const { snapshot } = await loadSnapshot({ api, needs, read: 'albums', cache: state.members })
        return albumsOf(told(snapshot))
      }
      const expected = (): object => albumsOf(truth(fake, ALL_NEEDS.visibilities))
      await load()
      const { snapshot } = await loadSnapshot({ api, needs: ALL_NEEDS, read: 'albums', cache: state.members })
      const plan = planOf(snapshot, stepsFor(fake, ids))
      await applyPlan({ api, state, plan })
      between?.(fake, ids)
      fake.state.runMetadataJobs()
      const before = fake.callsOf('POST /search/metadata')
      assert.deepEqual(await load(), expected())
      const withAlbums = fake.callsOf('POST /search/metadata') - before
      fake.forgetRequests()
      assert.deepEqual(await load(), expected())
      assert.equal(withAlbums - fake.callsOf('POST /search/metadata'), reads)
    })
  }

  test('an album in which somebody exchanged pictures while it ran is known as it is', async () => {
    const fake = await start({ version: '2.5.6' })
    const ids = fill(fake)
    const api = clientOf(fake)
    using scratch = scratchState({ address: api.address, userId: fake.user.id })
    const { state } = scratch
    const load = { api, needs: ALL_NEEDS, read: 'albums', cache: state.members } as const
    const { snapshot } = await loadSnapshot(load)
    const plan = planOf(snapshot, stepsFor(fake, ids))
    const meddling: AutotagApi = {
      ...api,
      addToAlbum: async (albumId, assetIds, signal) => {
        const album = fake.state.albums.get(albumId)
        album?.assetIds.delete(ids[8] ?? '')
        album?.assetIds.add(ids[7] ?? '')
        return await api.addToAlbum(albumId, assetIds, signal)
      },
    }
    const { differences } = await applyPlan({ api: meddling, state, plan })
    // As many as were expected.
    assert.deepEqual(differences, [])
    assert.deepEqual(told((await loadSnapshot(load)).snapshot), truth(fake, ALL_NEEDS.visibilities))
  })
})
