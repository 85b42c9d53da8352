import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, test } from 'node:test'
import type { ErrorRecord } from '../errors.ts'
import { recordHashedFile } from '../library/hashed-files.ts'
import { migrateLibrary } from '../library/schema.ts'
import { findThumbnailSet } from '../library/thumbnails.ts'
import { DEFAULT_THUMBNAIL_OPTIONS } from '../media/thumbnail/thumbnail.ts'
import type { Transaction } from '../queue/commit.ts'
import type { Task } from '../queue/task.ts'
import { commitThumbnail, failThumbnail } from './commit-thumbnail.ts'
import type { ThumbnailPayload, ThumbnailResult } from './thumbnail-task.ts'

const SHA1 = 'ab'.repeat(20)
const STYLE = 'jpeg-q85'

let db: DatabaseSync
let transaction: Transaction<DatabaseSync>

beforeEach(() => {
  db = new DatabaseSync(':memory:')
  migrateLibrary(db)
  transaction = { db, now: 1000, add: () => [] }
})

function taskOf(changes: Partial<ThumbnailPayload>, error?: ErrorRecord): Task {
  const payload: ThumbnailPayload = {
    source: { kind: 'file', path: '/in/a.jpg' },
    fileName: 'a.jpg',
    options: DEFAULT_THUMBNAIL_OPTIONS,
    maxPixels: 1,
    store: { kind: 'local', root: '/x' },
    ...changes,
  }
  const times = { priority: 0, runAt: 0, attempt: 1, failures: 1, maxRetries: 1, createdAt: 0 }
  const task = { id: 1, kind: 'thumbnail', lane: 'thumbnail', payload, status: 'failed', ...times } as const
  return error === undefined ? task : { ...task, error }
}

function resultOf(sizes: readonly number[], changes: Partial<ThumbnailResult> = {}): ThumbnailResult {
  const thumbnails = sizes.map((size) => ({
    size,
    objectName: `ab/${size}.jpg`,
    mime: 'image/jpeg',
    widthPx: size,
    heightPx: size,
    sizeBytes: size * 10,
  }))
  const picture = { widthPx: 4000, heightPx: 3000, thumbhash: 'AQID' }
  return { sha1: SHA1, style: STYLE, store: 'local', ...picture, thumbnails, ...changes }
}

const DAMAGED: ErrorRecord = {
  code: 'thumbnail/damaged',
  message: 'broken',
  hint: 'look',
  recovery: 'discard',
}

describe('a commit', () => {
  test('records the set with its sizes, and adds further ones to it', () => {
    commitThumbnail(transaction, taskOf({}), resultOf([1440, 250]))
    commitThumbnail(transaction, taskOf({}), resultOf([500], { store: 's3://b/p' }))
    const set = findThumbnailSet(db, SHA1, STYLE)
    assert.deepEqual([set?.state, set?.widthPx, set?.heightPx, set?.thumbhash], ['done', 4000, 3000, 'AQID'])
    assert.deepEqual(
      set?.objects.map(({ size, store, sizeBytes }) => [size, store, sizeBytes]),
      [
        [1440, 'local', 14_400],
        [500, 's3://b/p', 5_000],
        [250, 'local', 2_500],
      ],
    )
  })

  test('of a damaged picture says so, and takes it back when it was mended', () => {
    commitThumbnail(transaction, taskOf({}), resultOf([250], { damaged: true }))
    assert.equal(findThumbnailSet(db, SHA1, STYLE)?.error?.code, 'thumbnail/incomplete')
    commitThumbnail(transaction, taskOf({}), resultOf([250]))
    assert.equal(findThumbnailSet(db, SHA1, STYLE)?.error, undefined)
  })

  test('of a content that was known changes nothing', () => {
    const output = commitThumbnail(transaction, taskOf({}), { sha1: SHA1, style: STYLE, isKnown: true })
    assert.deepEqual(output, { sha1: SHA1, outcome: 'known', damaged: false })
    assert.equal(findThumbnailSet(db, SHA1, STYLE), undefined)
  })
})

describe('a failure', () => {
  test('of the content is recorded, also where the worker alone knew the content', () => {
    recordHashedFile(db, { path: '/in/a.jpg', sizeBytes: 1, modifiedAt: 2 }, SHA1)
    failThumbnail(transaction, taskOf({}, DAMAGED))
    const set = findThumbnailSet(db, SHA1, STYLE)
    assert.deepEqual(
      [set?.state, set?.error],
      ['failed', { code: 'thumbnail/damaged', message: 'broken', hint: 'look' }],
    )
  })

  test('of a format without decoder is recorded as unsupported', () => {
    failThumbnail(transaction, taskOf({ sha1: SHA1 }, { ...DAMAGED, code: 'thumbnail/missing-decoder' }))
    assert.equal(findThumbnailSet(db, SHA1, STYLE)?.state, 'unsupported')
  })

  test('of the circumstances is not recorded, so that the next run tries again', () => {
    failThumbnail(transaction, taskOf({ sha1: SHA1 }, { ...DAMAGED, code: 'storage/full' }))
    failThumbnail(transaction, taskOf({}, DAMAGED))
    assert.equal(findThumbnailSet(db, SHA1, STYLE), undefined)
  })

  test('takes no thumbnails away, and a later success takes it away', () => {
    failThumbnail(transaction, taskOf({ sha1: SHA1 }, DAMAGED))
    commitThumbnail(transaction, taskOf({}), resultOf([250]))
    failThumbnail(transaction, taskOf({ sha1: SHA1 }, DAMAGED))
    const set = findThumbnailSet(db, SHA1, STYLE)
    assert.deepEqual([set?.state, set?.error, set?.objects.length], ['done', undefined, 1])
  })
})
