import assert from 'node:assert/strict'
import { unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { place } from '../../test/support/upload-run.ts'
import {
  albums,
  api,
  assertComplete,
  byName,
  changingCalls,
  db,
  fake,
  fillLibrary,
  fillServer,
  moveLibrary,
  root,
  run,
  sendFromPhone,
  setUp,
  stacks,
  tearDown,
  useClient,
} from '../../test/support/upload-scenario.ts'
import { createImmichClient } from '../immich/client.ts'
import { addToAlbum, putAlbum } from '../library/albums.ts'
import { insertAsset } from '../library/catalog.ts'
import { sampleAsset } from '../library/testing/sample-assets.ts'

beforeEach(setUp)
afterEach(tearDown)

describe('an upload', () => {
  test('brings everything to its place', async () => {
    fillLibrary()
    await fillServer()
    const { sentFiles, differences, failures } = await run()
    assertComplete()
    assert.equal(sentFiles, 7)
    assert.deepEqual([differences, failures], [[], []])
  })

  test('changes nothing when it is repeated, wherever the library lies and by whatever address', async () => {
    fillLibrary()
    await fillServer()
    await run()
    const before = changingCalls()
    // Nothing of the library is there any more: a second run does not even look.
    moveLibrary()
    await api.close()
    useClient(
      createImmichClient({
        address: `http://localhost:${fake.port}`,
        key: fake.key,
        retry: { attempts: 1 },
      }),
    )
    const { sentFiles, differences } = await run()
    assert.deepEqual([sentFiles, differences, changingCalls() - before], [0, [], 0])
    assertComplete()
  })

  test('sends only what is new, to the album that is there', async () => {
    fillLibrary()
    await fillServer()
    await run()
    const beach = putAlbum(db, { exportId: 1, key: 'beach', title: 'Beach' })
    addToAlbum(db, beach, place(db, root, 'late', { originalName: 'late.jpg' }))
    assert.equal((await run()).sentFiles, 1)
    assert.deepEqual(albums()['Beach'], ['edited.jpg', 'late.jpg', 'still.jpg'])
  })

  test('adds to an album what an earlier upload has sent', async () => {
    const id = place(db, root, 'one', { originalName: 'one.jpg' })
    await run()
    addToAlbum(db, putAlbum(db, { exportId: 1, key: 'a', title: 'Later' }), id)
    const { sentFiles, differences } = await run()
    assert.deepEqual([sentFiles, differences, albums()], [0, [], { Later: ['one.jpg'] }])
  })

  test('tells the server what a later export knows, once', async () => {
    place(db, root, 'one', { originalName: 'one.jpg' })
    await run()
    insertAsset(db, sampleAsset('one', { favourite: true }))
    await run()
    assert.equal(byName().get('one.jpg')?.isFavorite, true)
    const jobs = fake.state.counters.sidecarWriteJobs
    await run()
    assert.equal(fake.state.counters.sidecarWriteJobs, jobs)
  })

  test('describes what has no description, keeps one that is there, and says equal things in one call', async () => {
    const [bare, described] = [await sendFromPhone('bare'), await sendFromPhone('described')]
    described.description = 'My own words'
    for (const text of ['bare', 'described', 'plain']) {
      if (text === 'plain') await sendFromPhone(text)
      place(db, root, text, { favourite: true, ...(text === 'plain' ? {} : { caption: 'Sea' }) })
    }
    await run()
    assert.deepEqual([bare.description, described.description], ['Sea', 'My own words'])
    assert.deepEqual(
      [...fake.state.assets.values()].map(({ isFavorite }) => isFavorite),
      [true, true, true],
    )
    assert.equal(fake.callsOf('PUT /assets'), 2)
    await run()
    assert.equal(fake.callsOf('PUT /assets'), 2)
  })

  test('sends what another export has told in a sidecar', async () => {
    place(db, root, 'one', { originalName: 'one.jpg' })
    insertAsset(db, sampleAsset('one', { caption: 'At <sea>', people: ['Ada'] }))
    await run()
    const sidecar = byName().get('one.jpg')?.sidecar ?? ''
    assert.match(sidecar, /At &lt;sea&gt;/u)
    assert.match(sidecar, /Ada/u)
  })

  test('makes an album again that was deleted on the server, with all that belongs to it', async () => {
    const album = putAlbum(db, { exportId: 1, key: 'a', title: 'Trip' })
    addToAlbum(db, album, place(db, root, 'one', { originalName: 'one.jpg' }))
    await run()
    fake.state.albums.clear()
    assert.equal((await run()).differences[0]?.found, 0)
    assert.deepEqual(albums(), {}, 'nothing new, so nothing is made')
    addToAlbum(db, album, place(db, root, 'two', { originalName: 'two.jpg' }))
    assert.deepEqual((await run()).differences, [])
    assert.deepEqual(albums(), { Trip: ['one.jpg', 'two.jpg'] })
  })

  test('fills an album that was renamed on the server', async () => {
    const album = putAlbum(db, { exportId: 1, key: 'a', title: 'Trip' })
    addToAlbum(db, album, place(db, root, 'one', { originalName: 'one.jpg' }))
    await run()
    for (const one of fake.state.albums.values()) one.name = 'Our trip'
    addToAlbum(db, album, place(db, root, 'two', { originalName: 'two.jpg' }))
    await run()
    assert.deepEqual(albums(), { 'Our trip': ['one.jpg', 'two.jpg'] })
  })

  test('names what somebody took out of an album, and does not put it back', async () => {
    const album = putAlbum(db, { exportId: 1, key: 'a', title: 'Trip' })
    for (const text of ['one', 'two']) {
      addToAlbum(db, album, place(db, root, text, { originalName: `${text}.jpg` }))
    }
    await run()
    const [trip] = fake.state.albums.values()
    trip?.assetIds.delete(byName().get('one.jpg')?.id ?? '')
    const [difference] = (await run()).differences
    assert.deepEqual([difference?.name, difference?.planned, difference?.found], ['Trip', 2, 1])
    assert.deepEqual(albums(), { Trip: ['two.jpg'] })
  })

  test('leaves a stack of somebody else alone', async () => {
    const ids = [await sendFromPhone('original'), await sendFromPhone('other')].map(({ id }) => id)
    await api.createStack(ids)
    const original = place(db, root, 'original', { originalName: 'original.jpg' })
    place(db, root, 'edited', { originalName: 'edited.jpg', role: 'edited', primaryAssetId: original })
    await run()
    assert.deepEqual(stacks(), [['original.jpg', 'other.jpg']])
    const before = changingCalls()
    await run()
    assert.equal(changingCalls(), before)
  })

  test('a stack gets the member that comes later', async () => {
    const original = place(db, root, 'original', { originalName: 'original.jpg' })
    place(db, root, 'first', { originalName: 'first.jpg', role: 'edited', primaryAssetId: original })
    await run()
    place(db, root, 'second', { originalName: 'second.jpg', role: 'edited', primaryAssetId: original })
    await run()
    assert.deepEqual(stacks(), [['first.jpg', 'original.jpg', 'second.jpg']])
    const before = changingCalls()
    await run()
    assert.equal(changingCalls(), before)
  })

  test('a file that is gone from the library is named, and does not hold the others back', async () => {
    place(db, root, 'one', { originalName: 'one.jpg' })
    const id = place(db, root, 'two', { originalName: 'two.jpg' })
    const album = putAlbum(db, { exportId: 1, key: 'a', title: 'Trip' })
    addToAlbum(db, album, id)
    const path = String(db.prepare('SELECT path FROM assets WHERE id = ?').get(id)?.['path'])
    unlinkSync(join(root, path))
    const { differences } = await run()
    assert.deepEqual([...byName().keys()], ['one.jpg'])
    assert.deepEqual(differences, [{ name: 'Trip', planned: 1, found: 0, done: 0, waiting: 1, refused: 0 }])
    const error = db.prepare("SELECT error FROM uploads WHERE state = 'failed'").get()?.['error']
    assert.match(String(error), /upload\/library-file/u)
    writeFileSync(join(root, path), 'two+')
    assert.deepEqual((await run()).differences, [])
    assert.deepEqual(albums(), { Trip: ['two.jpg'] })
  })

  test('a file that was changed in the library is not sent', async () => {
    const id = place(db, root, 'one')
    const path = String(db.prepare('SELECT path FROM assets WHERE id = ?').get(id)?.['path'])
    writeFileSync(join(root, path), 'something else')
    await run()
    assert.equal(fake.state.assets.size, 0)
  })

  test('sends again what was deleted on the server when told to look, with its albums and stacks', async () => {
    fillLibrary()
    await fillServer()
    await run()
    const gone = byName().get('edited.jpg')
    // As the real server: a stack of one is none.
    fake.state.stacks.delete(gone?.stackId ?? '')
    for (const asset of fake.state.assets.values())
      if (asset.stackId === gone?.stackId) asset.stackId = undefined
    fake.state.removeAsset(gone?.id ?? '')
    assert.equal((await run()).sentFiles, 0)
    assert.equal((await run(undefined, { recheck: true })).sentFiles, 1)
    assertComplete()
  })

  test('another user of the server has everything still to come', async () => {
    place(db, root, 'one', { originalName: 'one.jpg' })
    await run()
    const other = fake.state.addUser('ben')
    await api.close()
    useClient(createImmichClient({ address: fake.address, key: fake.addKey(['all'], other.id).secret }))
    assert.equal((await run()).sentFiles, 1)
  })
})
