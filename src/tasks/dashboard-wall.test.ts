import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { insertAsset } from '../library/catalog.ts'
import { memoryLibrary, sampleAsset, sha1Of } from '../library/testing/sample-assets.ts'
import { recordThumbnails } from '../library/thumbnails.ts'
import { NewestThumbnails } from './dashboard-wall.ts'

/** A file of the library; answers the hash that its pictures are called by. */
function addPhoto(db: DatabaseSync, source: string): string {
  insertAsset(db, { ...sampleAsset(source), now: 1 })
  return sha1Of(`${source}+`)
}

function addThumbnails(db: DatabaseSync, sha1: string, now: number, sizes = [1440, 250]): void {
  recordThumbnails(
    db,
    {
      sha1,
      style: 'jpeg-q85',
      widthPx: 4000,
      heightPx: 3000,
      thumbhash: 'AAAA',
      objects: sizes.map((size) => ({
        size,
        store: 'local',
        objectName: `${sha1}-${size}.jpg`,
        mime: 'image/jpeg',
        widthPx: size,
        heightPx: Math.round((size * 3) / 4),
        sizeBytes: 10,
      })),
    },
    now,
  )
}

describe('the newest thumbnails', () => {
  test('come newest first, as small as a wall needs them', () => {
    using db = memoryLibrary()
    const [older, newer] = [addPhoto(db, 'older'), addPhoto(db, 'newer')]
    addThumbnails(db, older, 10)
    addThumbnails(db, newer, 20)
    const photos = new NewestThumbnails(10).read(db)
    assert.deepEqual(
      photos.map(({ id }) => id),
      [newer, older],
    )
    const [{ size, largeSize, widthPx, heightPx, thumbhash, madeAt, origin } = {} as never] = photos
    assert.deepEqual(
      [size, largeSize, widthPx, heightPx, thumbhash, madeAt, origin],
      [250, 1440, 250, 188, 'AAAA', 20, 'library'],
    )
  })

  test('are the largest there are where all are small', () => {
    using db = memoryLibrary()
    addThumbnails(db, addPhoto(db, 'small'), 10, [64, 128])
    const [photo] = new NewestThumbnails(10).read(db)
    assert.deepEqual([photo?.size, photo?.largeSize], [128, 128])
  })

  test('leave out pictures that the server does not know', () => {
    using db = memoryLibrary()
    addThumbnails(db, sha1Of('a plain file'), 10)
    assert.deepEqual(new NewestThumbnails(10).read(db), [])
  })

  test('follow what is made meanwhile, and forget what is older than fits', () => {
    using db = memoryLibrary()
    const newest = new NewestThumbnails(2)
    const ids = ['a', 'b', 'c'].map((source) => addPhoto(db, source))
    addThumbnails(db, ids[0]!, 1)
    addThumbnails(db, ids[1]!, 2)
    assert.equal(newest.read(db).length, 2)
    addThumbnails(db, ids[2]!, 3)
    assert.deepEqual(
      newest.read(db).map(({ id }) => id),
      [ids[2], ids[1]],
    )
    addThumbnails(db, ids[0]!, 4)
    assert.deepEqual(
      newest.read(db).map(({ id, madeAt }) => [id, madeAt]),
      [
        [ids[0], 4],
        [ids[2], 3],
      ],
    )
  })
})
