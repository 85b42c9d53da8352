import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { fillAutotagLibrary } from './autotag-library.ts'
import { autotagMix, expectedPlan } from './autotag-mix.ts'
import { FakeState } from './fake-state.ts'

function library(seed: number, scale: number): FakeState {
  const state = new FakeState()
  state.addUser('ada')
  fillAutotagLibrary(state, autotagMix(scale), seed).week()
  return state
}

/** Users and tags have ids that are not of the seed. */
function digest(state: FakeState): string {
  const hash = createHash('sha1')
  for (const { id, fileName, originalPath, exif, tagIds } of state.assets.values()) {
    const tags = [...tagIds].map((tag) => state.tags.get(tag)?.value)
    hash.update(JSON.stringify([id, fileName, originalPath, exif, tags]))
  }
  for (const { id, name, assetIds, sharedWith } of state.albums.values())
    hash.update(JSON.stringify([id, name, [...assetIds], sharedWith.size]))
  return hash.digest('hex')
}

test('a seed always gives the same library, and another seed another one', () => {
  assert.equal(digest(library(7, 0.05)), digest(library(7, 0.05)))
  assert.notEqual(digest(library(7, 0.05)), digest(library(8, 0.05)))
})

test('the library is as large as its mix says, and all that is hidden or of others besides', () => {
  const mix = autotagMix(0.2)
  const state = library(1, 0.2)
  const ada = [...state.users.values()][0]
  const own = [...state.assets.values()].filter(({ ownerId }) => ownerId === ada?.id)
  const shown = own.filter(
    ({ deletedAt, visibility }) => deletedAt === undefined && ['timeline', 'archive'].includes(visibility),
  )
  assert.equal(shown.length, mix.assets)
  assert.ok(own.length > shown.length)
  const albums = [...state.albums.values()].filter(({ ownerId }) => ownerId === ada?.id)
  const byTool = mix.inbox.emptied[0] + mix.inbox.thinned[0] + mix.inbox.filled[0]
  assert.equal(albums.length + byTool, mix.albums)
  assert.equal(new Set(albums.map(({ name }) => name)).size, albums.length)
})

test('what there is to change is as in the table of the issue', () => {
  assert.deepEqual(expectedPlan(autotagMix()), {
    tagAdds: 2_479,
    tagRemoves: 1_418,
    newAlbums: 40,
    albumsAddedTo: 90,
    albumsRemovedFrom: 60,
    albumsDeleted: 25,
    dates: 180,
    shares: { add: 30, role: 5, remove: 10 },
  })
})
