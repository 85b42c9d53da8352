import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { planOf } from '../../../../test/support/autotag-apply/sample-plan.ts'
import { scratchState } from '../../../../test/support/autotag-apply/scratch-state.ts'
import {
  ALL_NEEDS,
  clientOf,
  closeAll,
  memoryCache,
  start,
} from '../../../../test/support/autotag-library.ts'
import { albumId, snapshotOf } from '../decide/testing/library.ts'
import { loadSnapshot } from '../load/load-snapshot.ts'
import type { Snapshot } from '../snapshot.ts'
import { applyPlan } from './apply-plan.ts'
import { inversePlan, undoNeeds } from './inverse-plan.ts'
import { invertSteps } from './invert-steps.ts'

afterEach(closeAll)

describe('what an undo has to know', () => {
  test('are the albums and tags of its run: no others are read, or forgotten', async () => {
    const fake = await start({ version: '2.5.6' })
    const { state: server, user } = fake
    const ids = Array.from(
      { length: 30 },
      (_, at) => server.addAsset({ ownerId: user.id, fileName: `${at}.jpg` }).id,
    )
    const albums = ids.map((id, at) => server.addAlbum({ ownerId: user.id, name: `A${at}`, assetIds: [id] }))
    for (const at of ids.keys()) server.addTag(user.id, `t${at}`)
    const api = clientOf(fake)
    using scratch = scratchState({ address: api.address, userId: user.id })
    const { state } = scratch
    const { snapshot } = await loadSnapshot({ api, needs: ALL_NEEDS, read: 'albums', cache: state.members })
    const [id = ''] = ids
    const [, second] = albums
    const made = { key: 'New', name: 'New' }
    const plan = planOf(snapshot, [
      { op: 'album.create', rule: 'r', album: made, description: '', assetIds: [id] },
      { op: 'album.add', rule: 'r', album: { id: second?.id ?? '', name: 'A1' }, assetIds: [id] },
      { op: 'tag.add', rule: 'r', tag: 't3', assetIds: [id] },
    ])
    const { run } = await applyPlan({ api, state, plan })

    const cache = memoryCache()
    cache.write('somewhere else', 'f', [id])
    server.albums.set('somewhere else', { ...albums[5]!, id: 'somewhere else' })
    const before = fake.callsOf('POST /search/metadata')
    const needs = { ...undoNeeds(state, run.id), visibilities: ['timeline', 'archive'] as const }
    const loaded = await loadSnapshot({ api, needs, read: 'albums', cache })
    // Two listings, one tag, two albums; and a question of how to search.
    assert.ok(fake.callsOf('POST /search/metadata') - before <= 6)
    assert.equal(cache.last('somewhere else')?.assetIds.length, 1)
    const undo = inversePlan({ state, runId: run.id, snapshot: loaded.snapshot })
    assert.deepEqual(undo.steps.map(({ op }) => op).toSorted(), [
      'album.delete',
      'album.remove',
      'album.remove',
      'tag.remove',
    ])
    const undone = await applyPlan({ api, state, plan: undo, undoes: run.id })
    assert.deepEqual([undone.undone, undone.differences], [[], []])
    assert.deepEqual([...(second?.assetIds ?? [])], [ids[1]])
  })
})

describe('an undo', () => {
  const album = { id: 'a-old', name: 'Inbox' }
  const step = { rule: 'r', op: 'album.delete', album, before: { description: '', members: [] } } as const
  const taken = { rule: 'r', op: 'album.remove', album, assetIds: ['1'] } as const

  const snapshotWith = (...names: string[]): Snapshot =>
    snapshotOf({ assets: [{ id: '1' }], albums: names.map((name) => ({ name })) })

  test('brings a deleted album back', () => {
    const { steps } = invertSteps([taken, step], { snapshot: snapshotWith(), madeAlbums: new Map() })
    assert.deepEqual(
      steps.map(({ op }) => op),
      ['album.create'],
    )
  })

  test('fills the album that has its name by now, and makes no second one', () => {
    const context = { snapshot: snapshotWith('Inbox'), madeAlbums: new Map<string, string>() }
    const { steps } = invertSteps([taken, step], context)
    assert.deepEqual(steps, [
      { op: 'album.add', rule: 'r', album: { id: albumId('Inbox'), name: 'Inbox' }, assetIds: ['1'] },
    ])
  })
})
