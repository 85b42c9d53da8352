import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ExportUpload, UploadProgress } from '../tasks/upload-api.ts'
import { createPaint } from './paint.ts'
import { widthOf } from './text-width.ts'
import { plainUploads, renderUploads, uploadLines } from './upload-view.ts'

const paint = createPaint(false)

const sending: ExportUpload = {
  name: 'Takeout',
  phase: 'sending',
  filesFound: 2000,
  filesDone: 1160,
  bytesFound: 1000,
  bytesDone: 580,
  created: 1150,
  present: 8,
  failed: 2,
}

function progress(changes: Partial<UploadProgress> = {}): UploadProgress {
  return {
    exports: [sending],
    startedAt: 0,
    now: 60_000,
    filesPerSecond: 12,
    bytesPerSecond: 3_100_000,
    etaMs: 185_000,
    ...changes,
  }
}

test('shows how much is sent, the speed of the line, and problems', () => {
  const [line, rate] = renderUploads(progress(), { columns: 100, rows: 24 }, paint)
  assert.match(line ?? '', /^↑ Takeout {2}█+░+ {2}58% {2}2 problems {2}1,160\/2,000 files$/u)
  assert.equal(rate, '12 files/s sent  3.1 MB/s  ETA 3 min 05 s  1 min 00 s')
})

test('says that the server does not answer', () => {
  const lines = renderUploads(
    progress({ trouble: 'nothing was sent for 12 s' }),
    { columns: 100, rows: 24 },
    paint,
  )
  assert.equal(lines.at(-1), 'nothing was sent for 12 s')
})

test('fits any terminal', () => {
  const exports = Array.from({ length: 30 }, (_, index) => ({ ...sending, name: `export ${index} 写真` }))
  for (let columns = 12; columns < 120; columns += 7) {
    for (const rows of [3, 5, 24]) {
      const lines = renderUploads(progress({ exports, trouble: 'x'.repeat(200) }), { columns, rows }, paint)
      assert.ok(
        lines.every((line) => widthOf(line) < columns),
        `${columns} columns`,
      )
    }
  }
})

test('below an ingest stands the export that is on its way', () => {
  const exports: ExportUpload[] = [
    { ...sending, name: 'first', phase: 'finished', filesDone: 2000, failed: 0 },
    { ...sending, name: 'second' },
    { ...sending, name: 'third', phase: 'waiting' },
  ]
  assert.match(uploadLines(progress({ exports }), 100, paint)[0] ?? '', /second/u)
  assert.deepEqual(uploadLines(progress({ exports: [] }), 100, paint), [])
})

describe('a pipe gets', () => {
  const cases: { fact: string; changes: Partial<ExportUpload>; line: string }[] = [
    {
      fact: 'how far it is',
      changes: {},
      line: 'upload of Takeout: 58%, 1,160 of 2,000 files, 12 files/s, 3.1 MB/s, ETA 3 min 05 s, 2 problems',
    },
    {
      fact: 'how much there is to send',
      changes: { filesDone: 0, failed: 0 },
      line: 'upload of Takeout: sending 2,000 files, 1.0 kB',
    },
    {
      fact: 'the end',
      changes: { phase: 'finished' },
      line: 'upload of Takeout: uploaded: 1,150 new, 8 were there, 2 problems',
    },
    {
      fact: 'why it failed',
      changes: { phase: 'failed', message: 'no answer' },
      line: 'upload of Takeout: upload failed: no answer',
    },
  ]
  for (const { fact, changes, line } of cases) {
    test(fact, () => {
      const exports = [{ ...sending, ...changes }]
      assert.deepEqual(plainUploads(progress({ exports }), ['Takeout']), [line])
      assert.deepEqual(plainUploads(progress({ exports }), ['other']), [])
    })
  }
})
