import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nextBatch, type QueuedFile, refuseBatch, settleBatch, totalsOf } from './upload-queue.ts'

const file = (id: number, changes: Partial<QueuedFile> = {}): QueuedFile => ({
  id,
  name: `${id}.jpg`,
  sizeBytes: 1_000_000,
  state: 'waiting',
  ...changes,
})

const answered = (fileName: string, duplicate = false): { fileName: string; duplicate: boolean } => ({
  fileName,
  duplicate,
})

describe('files to be uploaded', () => {
  test('go twenty at a time, in their order', () => {
    const files = Array.from({ length: 30 }, (_, id) => file(id, id < 2 ? { state: 'done' } : {}))
    assert.deepEqual(
      nextBatch(files).map(({ id }) => id),
      Array.from({ length: 20 }, (_, index) => index + 2),
    )
  })

  test('go fewer at a time when they are large, and one that is larger than that alone', () => {
    const sizes = [40e6, 20e6, 20e6, 900e6, 1]
    const files = sizes.map((sizeBytes, id) => file(id, { sizeBytes }))
    assert.equal(nextBatch(files).length, 2)
    assert.equal(nextBatch(files.slice(3)).length, 1)
  })

  test('are none when all are on their way', () => {
    assert.deepEqual(nextBatch([file(1, { state: 'sending' })]), [])
  })

  test('are done, known or refused, each by its own answer', () => {
    const settled = settleBatch([file(1), file(2), file(3)], {
      photos: [answered('1.jpg'), answered('3.jpg', true)],
      refused: [{ fileName: '2.jpg', error: { message: 'it is a text' } }],
    })
    assert.deepEqual(
      settled.map(({ state, reason }) => [state, reason]),
      [
        ['done', undefined],
        ['failed', 'it is a text'],
        ['known', undefined],
      ],
    )
  })

  test('of equal names are not refused twice for one', () => {
    const twins = [file(1, { name: 'a.jpg' }), file(2, { name: 'a.jpg' })]
    const settled = settleBatch(twins, {
      photos: [answered('a.jpg')],
      refused: [{ fileName: 'a.jpg', error: { message: 'no' } }],
    })
    assert.deepEqual(settled.map(({ state }) => state).toSorted(), ['done', 'failed'])
  })

  test('of a batch that was refused as a whole are tried one by one, and then it is their own fault', () => {
    const again = refuseBatch([file(1), file(2)], 'too large')
    assert.deepEqual(
      again.map(({ state }) => state),
      ['waiting', 'waiting'],
    )
    assert.deepEqual(
      nextBatch(again).map(({ id }) => id),
      [1],
    )
    const [refused] = refuseBatch(nextBatch(again), 'too large')
    assert.deepEqual([refused?.state, refused?.reason], ['failed', 'too large'])
    assert.deepEqual(
      nextBatch([file(3), ...again]).map(({ id }) => id),
      [3],
    )
  })

  test('are summed up', () => {
    const files = [
      file(1, { state: 'done' }),
      file(2, { state: 'known' }),
      file(3, { state: 'failed' }),
      file(4),
    ]
    assert.deepEqual(totalsOf(files), { files: 4, settled: 3, failed: 1, known: 1, totalBytes: 4_000_000 })
  })
})
