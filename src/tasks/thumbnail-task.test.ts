import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { toErrorRecord } from '../errors.ts'
import {
  DamagedPictureError,
  MissingDecoderError,
  PictureTooLargeError,
  UnsupportedPictureError,
} from '../media/thumbnail/errors.ts'
import { DEFAULT_THUMBNAIL_OPTIONS } from '../media/thumbnail/thumbnail.ts'
import { taskTimedOut, workerCrashed } from '../queue/queue-errors.ts'
import { ObjectStoreError } from '../storage/object-store.ts'
import { causeOf, readingMs, type ThumbnailPayload, thumbnailTask } from './thumbnail-task.ts'

describe('the cause of a failure', () => {
  const full = new ObjectStoreError('storage/full', 'no space left', { recovery: 'retry' })
  const gone = Object.assign(new Error('gone'), { code: 'ENOENT', syscall: 'open' })
  const cases = [
    {
      what: 'a format without decoder',
      error: toErrorRecord(new UnsupportedPictureError('svg')),
      cause: 'unsupported',
    },
    {
      what: 'a decoder that is missing',
      error: toErrorRecord(new MissingDecoderError('HEIC', 'x')),
      cause: 'unsupported',
    },
    { what: 'a damaged picture', error: toErrorRecord(new DamagedPictureError('x')), cause: 'content' },
    { what: 'too many pixels', error: toErrorRecord(new PictureTooLargeError(9, 9, 1)), cause: 'content' },
    { what: 'too much time', error: taskTimedOut(30_000), cause: 'content' },
    { what: 'a crash', error: workerCrashed('died with signal SIGSEGV', ''), cause: 'content' },
    {
      what: 'a worker that cannot start',
      error: workerCrashed('did not start: exit code 1', ''),
      cause: 'circumstances',
    },
    { what: 'a full disk', error: toErrorRecord(full), cause: 'circumstances' },
    { what: 'a file that is gone', error: toErrorRecord(gone), cause: 'circumstances' },
    { what: 'a bug', error: toErrorRecord(new TypeError('x')), cause: 'circumstances' },
  ] as const
  for (const { what, error, cause } of cases)
    test(`of ${what} is: ${cause}`, () => assert.equal(causeOf(error), cause))
})

describe('thumbnailTask', () => {
  const payload: ThumbnailPayload = {
    source: { kind: 'file', path: '/a.jpg' },
    fileName: 'a.jpg',
    options: DEFAULT_THUMBNAIL_OPTIONS,
    maxPixels: 1,
    store: { kind: 'local', root: '/x' },
  }
  const keyOf = (changes: Partial<ThumbnailPayload>): string | undefined =>
    thumbnailTask({ ...payload, ...changes }, { priority: 0 }).dedupeKey

  test('is one task for one content, under whatever name', () => {
    const source = { kind: 'file', path: '/b.jpg' } as const
    assert.equal(keyOf({ sha1: 'ab' }), keyOf({ sha1: 'ab', source, fileName: 'b.jpg' }))
    assert.notEqual(keyOf({}), keyOf({ source }))
  })

  test('is another one for other sizes and styles', () => {
    const keys = [
      keyOf({}),
      keyOf({ options: { ...DEFAULT_THUMBNAIL_OPTIONS, sizes: [250] } }),
      keyOf({ options: { ...DEFAULT_THUMBNAIL_OPTIONS, quality: 84 } }),
      keyOf({ options: { ...DEFAULT_THUMBNAIL_OPTIONS, format: 'webp' } }),
    ]
    assert.equal(new Set(keys).size, keys.length)
  })
})

test('only a large file gets more time, as much as a slow disk takes to read it', () => {
  assert.equal(readingMs(0), 0)
  assert.equal(readingMs(60e6), 0)
  assert.ok(readingMs(4e9) > 380_000 && readingMs(4e9) < 400_000)
})
