import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ThumbsProgress } from '../tasks/thumbnail-api.ts'
import { createPaint } from './paint.ts'
import { widthOf } from './text-width.ts'
import { plainThumbs, renderThumbs, thumbnailStepLine } from './thumbs-view.ts'

const PROGRESS: ThumbsProgress = {
  made: 1160,
  there: 20,
  unsupported: 0,
  failed: 2,
  damaged: 0,
  total: 2000,
  done: 1182,
  startedAt: 0,
  now: 61_000,
  madePerSecond: 19.2,
  etaMs: 43_000,
  isFinished: false,
}
const paint = createPaint(false)

describe('renderThumbs', () => {
  test('draws how far it is', () => {
    assert.deepEqual(renderThumbs(PROGRESS, { columns: 100, rows: 24 }, paint), [
      '██████████████░░░░░░░░░░  59%  1,182/2,000 files',
      '19 pictures/s  ETA 43.0 s  2 problems  1,160 made  20 were there  1 min 01 s',
    ])
  })

  test('never fills more than the terminal is wide', () => {
    for (let columns = 12; columns < 90; columns += 1) {
      for (const line of renderThumbs(PROGRESS, { columns, rows: 24 }, paint)) {
        assert.ok(widthOf(line) < columns, `${columns}: ${line}`)
      }
    }
  })

  test('never says 100 % before the end', () => {
    const [line = ''] = renderThumbs({ ...PROGRESS, done: 1999 }, { columns: 100, rows: 24 }, paint)
    assert.match(line, / 99%/u)
  })

  test('says what it has seen while it does not know how much there is', () => {
    const { total: _total, ...progress } = PROGRESS
    assert.equal(renderThumbs(progress, { columns: 80, rows: 24 }, paint)[0], '1,182 files looked at')
  })
})

test('a pipe gets one line, and none at the end: the summary follows', () => {
  assert.deepEqual(plainThumbs(PROGRESS), [
    'thumbnails: 59%, 1,182 of 2,000 files, 19 pictures/s, ETA 43.0 s, 2 problems, 1,160 made, 20 were there, 1 min 01 s',
  ])
  assert.deepEqual(plainThumbs({ ...PROGRESS, isFinished: true }), [])
  assert.deepEqual(plainThumbs({ ...PROGRESS, done: 0 }), ['thumbnails: looking for pictures'])
})

test('below an ingest there is one line', () => {
  const step = { made: 3, there: 0, unsupported: 0, failed: 1, damaged: 0, waiting: 7 }
  assert.equal(thumbnailStepLine(step), 'thumbnails: 3 made, 7 to go, 1 problem')
})
