import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ExportPhase, ExportProgress, IngestProgress } from '../tasks/ingest-api.ts'
import { createPaint } from './paint.ts'
import { plainLine, renderProgress } from './progress-view.ts'
import { widthOf } from './text-width.ts'

const plain = createPaint(false)

function exportProgress(changes: Partial<ExportProgress> = {}): ExportProgress {
  return {
    name: 'Takeout',
    phase: 'placing',
    filesFound: 2000,
    filesDone: 1160,
    bytesFound: 1e9,
    bytesDone: 58e7,
    imported: 1100,
    duplicates: 40,
    sidecars: 10,
    ignored: 8,
    failed: 2,
    ...changes,
  }
}

function progress(exports: readonly ExportProgress[]): IngestProgress {
  return { exports, startedAt: 0, now: 65_000, filesPerSecond: 142.4, bytesPerSecond: 38.1e6, etaMs: 185_000 }
}

describe('renderProgress', () => {
  const two = progress([exportProgress(), exportProgress({ name: '写真-2019', phase: 'waiting' })])
  const widths: { columns: number; lines: string[] }[] = [
    {
      columns: 100,
      lines: [
        'Takeout    ██████████████░░░░░░░░░░  58%  2 problems  1,160/2,000 files',
        '写真-2019  waiting',
        '142 files/s  ETA 3 min 05 s  4 problems  38.1 MB/s  2,200 imported  80 duplicates  1 min 05 s',
      ],
    },
    {
      columns: 60,
      lines: [
        'Takeout    ██████░░░░░  58%  2 problems  1,160/2,000 files',
        '写真-2019  waiting',
        '142 files/s  ETA 3 min 05 s  4 problems  38.1 MB/s',
      ],
    },
    {
      columns: 40,
      lines: [
        'Takeout    ██████░░░░  58%  2 problems',
        '写真-2019  waiting',
        '142 files/s  ETA 3 min 05 s  4 problems',
      ],
    },
    {
      columns: 20,
      lines: ['Takeout   ██░  58%', '写真-20…  waiting', '142 files/s'],
    },
  ]
  for (const { columns, lines } of widths) {
    test(`fits ${columns} columns`, () => {
      assert.deepEqual(renderProgress(two, { columns, rows: 24 }, plain), lines)
    })
  }

  test('shows those at work first when there are more exports than lines', () => {
    const phases: ExportPhase[] = [
      'finished',
      'finished',
      'failed',
      'placing',
      'reading',
      'waiting',
      'waiting',
    ]
    const many = progress(
      phases.map((phase, index) => exportProgress({ name: `e${index}`, phase, failed: 0 })),
    )
    const lines = renderProgress(many, { columns: 80, rows: 7 }, plain)
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]),
      ['e2', 'e3', 'e4', 'e5', '+', '142'],
    )
    assert.equal(lines[4], '+ 3 more: 1 waiting, 2 finished')
  })

  test('never says 100 % before the last file', () => {
    const almost = exportProgress({ bytesDone: 1e9, filesDone: 1999 })
    assert.match(renderProgress(progress([almost]), { columns: 80, rows: 24 }, plain)[0] ?? '', / 99%/u)
  })

  test('an export without any file does not divide by nothing', () => {
    const none = exportProgress({ filesFound: 0, filesDone: 0, bytesFound: 0, bytesDone: 0, failed: 0 })
    assert.match(
      renderProgress(progress([none]), { columns: 80, rows: 24 }, plain)[0] ?? '',
      / {2}0%| {3}0%/u,
    )
  })

  test('an escape sequence in a name is shown, not obeyed', () => {
    const hostile = progress([exportProgress({ name: 'a\u001B[2J\nb' })])
    const lines = renderProgress(hostile, { columns: 80, rows: 24 }, plain)
    assert.match(lines[0] ?? '', /^a␛\[2J␊b/u)
  })

  test('says why an export failed as a whole', () => {
    const failed = exportProgress({ phase: 'failed', message: 'the archive is encrypted' })
    assert.deepEqual(
      renderProgress(progress([failed]), { columns: 40, rows: 24 }, plain)[0],
      'Takeout  failed: the archive is encryp…',
    )
  })

  test('colours change no width and stay inside the line', () => {
    const size = { columns: 60, rows: 24 }
    const painted = renderProgress(two, size, createPaint(true))
    assert.deepEqual(painted.map(widthOf), renderProgress(two, size, plain).map(widthOf))
    assert.ok(painted[0]?.includes('\u001B[32m█'))
  })

  test('never leaves the terminal, whatever its size and the names', () => {
    const phase = fc.constantFrom<ExportPhase>(
      'waiting',
      'listing',
      'reading',
      'placing',
      'finished',
      'failed',
    )
    const one = fc.record({
      name: fc.string({ unit: 'grapheme', minLength: 1 }),
      phase,
      filesDone: fc.nat(1e9),
      bytesDone: fc.nat(),
      failed: fc.nat(1e6),
    })
    const size = fc.record({
      columns: fc.integer({ min: 12, max: 200 }),
      rows: fc.integer({ min: 2, max: 50 }),
    })
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 60 }), size, (changes, { columns, rows }) => {
        const exports = changes.map((change) => exportProgress(change))
        const lines = renderProgress(progress(exports), { columns, rows }, plain)
        assert.ok(lines.length < rows || lines.length === 1, `${lines.length} lines in ${rows} rows`)
        for (const line of lines) assert.ok(widthOf(line) < columns, `${line} in ${columns} columns`)
      }),
    )
  })
})

describe('plainLine', () => {
  const cases: { fact: string; changes: Partial<ExportProgress>; line: string }[] = [
    {
      fact: 'placing',
      changes: {},
      line: 'Takeout: placing 58%, 1,160 of 2,000 files, 142 files/s, 38.1 MB/s, ETA 3 min 05 s, 2 problems',
    },
    {
      fact: 'reading',
      changes: { phase: 'reading', failed: 0 },
      line: 'Takeout: reading, 2,000 files found',
    },
    {
      fact: 'finished with problems',
      changes: { phase: 'finished', filesDone: 2000 },
      line: 'Takeout: finished, 2,000 files, 2 problems',
    },
  ]
  for (const { fact, changes, line } of cases) {
    test(fact, () => {
      const one = exportProgress(changes)
      assert.equal(plainLine(one, progress([one])), line)
    })
  }
})
