import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addToAlbum, albumsOf, findAlbum, listAlbums, putAlbum } from './albums.ts'
import { findAsset, findAssetBySha1, insertAsset, listAssets, listStack, renameAsset } from './catalog.ts'
import { addOutbox, clearOutbox, listOutbox } from './outbox.ts'
import { memoryLibrary, sampleAsset, sha1Of } from './testing/sample-assets.ts'

const STEM = 'google-anna-20240101/photos/gphotos-anna-20210704T223005'

describe('insertAsset', () => {
  test('what goes in comes out', () => {
    const db = memoryLibrary()
    const asset = sampleAsset('a', {
      position: { latitude: 60.1, longitude: -5.2, altitudeM: -3 },
      cameraLocal: '2019-01-02T03:04:05',
      caption: 'at the lake',
      originalName: 'IMG_1.JPG',
      favourite: true,
      people: ['Anna', 'Ben'],
      keywords: ['sea', 'Animal|Dog'],
      rating: 4,
      widthPx: 4000,
      heightPx: 3000,
      problems: [{ code: 'truncated', message: 'the end is missing' }],
      sidecarSha1: sha1Of('xmp'),
    })
    const { assetId, path, sidecarPath } = insertAsset(db, asset)
    assert.equal(path, `${STEM}-${asset.sourceSha1.slice(0, 6)}.jpg`)
    assert.equal(sidecarPath, `${path}.xmp`)
    const { folder: _, name: __, now, ...facts } = asset
    assert.deepEqual(findAsset(db, assetId), {
      ...facts,
      id: assetId,
      path,
      sidecarPath,
      archived: false,
      trashed: false,
      shared: false,
      createdAt: now,
    })
    assert.deepEqual(findAssetBySha1(db, asset.sourceSha1.toUpperCase())?.id, assetId)
    assert.deepEqual(
      listAssets(db, { limit: 10 }).map(({ id }) => id),
      [assetId],
    )
  })

  test('equal content is one asset, and what the copy knows is kept', () => {
    const db = memoryLibrary()
    const first = insertAsset(db, sampleAsset('a', { people: ['Anna'], trashed: true, shared: true }))
    const second = insertAsset(
      db,
      sampleAsset('a', {
        folder: 'other/photos',
        favourite: true,
        people: ['Ben', 'Anna'],
        caption: 'later',
        position: { latitude: 1, longitude: 2 },
      }),
    )
    assert.deepEqual(second, { ...first, status: 'duplicate' })
    const asset = findAsset(db, first.assetId)
    assert.deepEqual(asset?.people, ['Anna', 'Ben'])
    assert.deepEqual([asset?.favourite, asset?.trashed, asset?.shared], [true, false, false])
    assert.deepEqual([asset?.caption, asset?.position], ['later', { latitude: 1, longitude: 2 }])
  })

  test('a place that is there is never replaced', () => {
    const db = memoryLibrary()
    const position = { latitude: 1, longitude: 2 }
    const { assetId } = insertAsset(db, sampleAsset('a', { position }))
    insertAsset(db, sampleAsset('a', { position: { latitude: 3, longitude: 4 } }))
    assert.deepEqual(findAsset(db, assetId)?.position, position)
  })

  test('contents whose short hashes are equal get longer names', () => {
    const db = memoryLibrary()
    const [one, two] = ['3fa9c1'.padEnd(40, '0'), '3fa9c1'.padEnd(40, '1')]
    assert.equal(insertAsset(db, sampleAsset('a', { sourceSha1: one })).path, `${STEM}-3fa9c1.jpg`)
    // Also with another extension: it would look like a companion.
    const name = { stem: 'gphotos', account: 'anna', extension: 'heic' }
    assert.equal(insertAsset(db, sampleAsset('b', { sourceSha1: two, name })).path, `${STEM}-3fa9c11111.heic`)
  })

  test('a name taken in another case is taken', () => {
    const db = memoryLibrary()
    const [one, two] = ['3fa9c1'.padEnd(40, '0'), '3fa9c1'.padEnd(40, '1')]
    insertAsset(db, sampleAsset('a', { sourceSha1: one }))
    const folder = 'GOOGLE-anna-20240101/photos'
    assert.equal(
      insertAsset(db, sampleAsset('b', { sourceSha1: two, folder })).path,
      `${folder}/gphotos-anna-20210704T223005-3fa9c11111.jpg`,
    )
  })

  test('companions share the stem of their primary and are found with it', () => {
    const db = memoryLibrary()
    const { assetId: primaryAssetId, path } = insertAsset(db, sampleAsset('still'))
    const stem = path.replace(/\.jpg$/u, '')
    const companion = (source: string, role: 'edited' | 'live-video', extension: string): string =>
      insertAsset(
        db,
        sampleAsset(source, { role, primaryAssetId, name: { stem: 'gphotos', account: 'anna', extension } }),
      ).path
    assert.equal(companion('video', 'live-video', 'mov'), `${stem}.mov`)
    assert.equal(companion('edit', 'edited', 'jpg'), `${stem}-edited.jpg`)
    assert.equal(companion('edit 2', 'edited', 'jpg'), `${stem}-edited-${sha1Of('edit 2').slice(0, 6)}.jpg`)
    assert.deepEqual(
      listStack(db, 3).map(({ role }) => role),
      ['primary', 'live-video', 'edited', 'edited'],
    )
  })

  test('a companion finds the primary that was placed again', () => {
    const db = memoryLibrary()
    const first = insertAsset(db, sampleAsset('still'))
    const video = sampleAsset('video', {
      role: 'live-video',
      primaryAssetId: first.assetId,
      name: { stem: 'gphotos', extension: 'mov' },
    })
    const { assetId } = insertAsset(db, video)
    db.prepare('DELETE FROM assets WHERE id = ?').run(first.assetId)
    assert.equal(findAsset(db, assetId)?.primaryAssetId, undefined)
    const again = insertAsset(db, sampleAsset('still'))
    assert.equal(again.path, first.path)
    insertAsset(db, { ...video, primaryAssetId: again.assetId })
    assert.equal(findAsset(db, assetId)?.primaryAssetId, again.assetId)
  })

  test('a hash that is none is refused', () => {
    assert.throws(() => insertAsset(memoryLibrary(), sampleAsset('a', { sourceSha1: 'abc' })), TypeError)
  })
})

test('renaming an asset moves its outbox entries along', () => {
  const db = memoryLibrary()
  const { assetId, path, sidecarPath } = insertAsset(db, sampleAsset('a', { sidecarSha1: sha1Of('xmp') }))
  const entry = { assetId, sizeBytes: 2, sha1: sha1Of('a+') }
  addOutbox(db, { ...entry, part: 'media', temp: '1-1-0.part', final: path })
  addOutbox(db, { ...entry, part: 'sidecar', temp: '1-1-1.part', final: sidecarPath ?? '' })
  const renamed = renameAsset(db, assetId)
  assert.notEqual(renamed.path, path)
  assert.deepEqual(
    listOutbox(db).map(({ final }) => final),
    [renamed.path, `${renamed.path}.xmp`],
  )
  assert.equal(findAsset(db, assetId)?.path, renamed.path)
  clearOutbox(db, [1, 1, 2])
  assert.deepEqual(listOutbox(db), [])
})

test('albums are one by key, and memberships once', () => {
  const db = memoryLibrary()
  const id = putAlbum(db, { exportId: 1, key: 'Norway', title: 'Norwy' })
  const album = { exportId: 1, key: 'Norway', title: 'Norway', position: { latitude: 1, longitude: 2 } }
  assert.equal(putAlbum(db, album), id)
  assert.deepEqual(findAlbum(db, 1, 'Norway'), { ...album, id })
  const { assetId } = insertAsset(db, sampleAsset('a'))
  addToAlbum(db, id, assetId)
  addToAlbum(db, id, assetId)
  assert.deepEqual(albumsOf(db, assetId), [{ ...album, id }])
  assert.equal(listAlbums(db, 2).length, 0)
  assert.equal(listAlbums(db).length, 1)
})
