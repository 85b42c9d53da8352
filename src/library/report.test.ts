import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { putAlbum } from './albums.ts'
import { insertAsset } from './catalog.ts'
import { escapeHtml } from './html.ts'
import { addRemark, closePlan, finishExport, planFiles, settleFile, settleWithAsset } from './ledger.ts'
import { collectReport, MAX_OPEN_FILES, REPORT_NAMES, writeReport } from './report.ts'
import { renderReport } from './report-html.ts'
import { planTimeline, renderTimeline } from './report-timeline.ts'
import { memoryLibrary, planOne, sampleAsset } from './testing/sample-assets.ts'

const EVIL = '<script>alert(1)</script>"\'&\u202egpj.exe'

/** One of everything, under the worst names. */
function fullLibrary(): DatabaseSync {
  const db = memoryLibrary(EVIL)
  putAlbum(db, { exportId: 1, key: EVIL, title: EVIL })
  const pairing = { sidecar: `${EVIL}.json`, rule: 'prefix', ambiguous: true }
  const runnerUp = { sidecar: `${EVIL}(1).json`, rule: EVIL }
  const [photo] = planFiles(
    db,
    1,
    [
      { path: EVIL, sizeBytes: 10, fingerprint: '1', pairing: { ...pairing, runnerUp } },
      { path: 'x.json', sizeBytes: 1, fingerprint: '1', settled: { outcome: 'sidecar' } },
      { path: 'x.html', sizeBytes: 1, fingerprint: '1', settled: { outcome: 'ignored', reason: EVIL } },
    ],
    1,
  )
  const problems = [{ code: 'truncated', message: EVIL }]
  const { assetId } = insertAsset(db, sampleAsset('a', { problems, favourite: true, cameraLocal: EVIL }))
  settleWithAsset(db, { fileId: photo?.fileId ?? 0, assetId, now: 2 })
  const broken = planOne(db, 'broken.jpg')
  settleFile(db, { fileId: broken, outcome: 'failed', reasonCode: 'zip/bad-crc', reason: EVIL, now: 2 })
  addRemark(db, { exportId: 1, code: 'album-short', message: EVIL, path: EVIL })
  closePlan(db, 1, { now: 2 })
  finishExport(db, 1, { problems: [{ code: 'missing-part', message: EVIL }], now: 3 })
  return db
}

describe('collectReport', () => {
  test('tells everything that the library knows', () => {
    const report = collectReport(fullLibrary(), 5)
    assert.deepEqual(report.balance.byOutcome, {
      imported: 1,
      duplicate: 0,
      sidecar: 1,
      ignored: 1,
      failed: 1,
    })
    assert.deepEqual([report.balance.found, report.balance.balanced], [4, true])
    assert.deepEqual(report.timeline, [{ month: '2021-07', count: 1 }])
    assert.deepEqual(report.dates, [{ source: 'export', detail: 'photoTakenTime', count: 1 }])
    assert.deepEqual(report.zones, [{ zone: 'position', count: 1 }])
    assert.deepEqual(
      report.problems.map(({ kind, path, code }) => [kind, path, code]),
      [
        ['failed', 'broken.jpg', 'zip/bad-crc'],
        ['damaged', EVIL, 'truncated'],
      ],
    )
    assert.deepEqual(report.ambiguous[0]?.runnerUp, { sidecar: `${EVIL}(1).json`, rule: EVIL })
    assert.deepEqual(report.remarks, [{ export: EVIL, code: 'album-short', message: EVIL, path: EVIL }])
    assert.deepEqual(report.ignored, [{ export: EVIL, reason: EVIL, count: 1 }])
    assert.equal(report.exports[0]?.albums, 1)
    assert.deepEqual(structuredClone(report), report)
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report)
  })

  test('names what the camera and the export date differently, which is no problem', () => {
    const db = memoryLibrary()
    const { path } = insertAsset(db, sampleAsset('a', { cameraLocal: '2019-01-02T03:04:05' }))
    insertAsset(db, sampleAsset('b'))
    const report = collectReport(db, 5)
    assert.deepEqual(report.dateConflicts, [
      { export: 'google-anna-20240101', path, camera: '2019-01-02T03:04:05', library: '2021-07-04T22:30:05' },
    ])
    assert.deepEqual(report.problems, [])
    const page = renderReport(report)
    assert.match(page, /Dates where camera and export disagree <span class="badge">1</u)
    assert.match(page, /2019-01-02 03:04:05/u)
    assert.match(page, /2021-07-04 22:30:05/u)
  })

  test('an empty library has a report', () => {
    const report = collectReport(memoryLibrary(), 5)
    assert.deepEqual([report.library.assets, report.timeline], [0, []])
    assert.match(renderReport(report), /Every file is accounted for/u)
  })
})

describe('renderReport', () => {
  test('no text of an export becomes markup, and the page asks for nothing', () => {
    const page = renderReport(collectReport(fullLibrary(), 5))
    assert.doesNotMatch(page, /<script/iu)
    assert.doesNotMatch(page, /\u202e/u)
    assert.doesNotMatch(page, /https?:|url\(|@import| on\w+=/iu)
    assert.match(page, /Content-Security-Policy" content="default-src 'none'/u)
    assert.match(page, /&lt;script&gt;alert\(1\)&lt;\//u)
    assert.match(page, /4 files found = 1 imported \+ 1 sidecar \+ 1 ignored \+ 1 failed/u)
  })

  test('long lists are capped with a note', () => {
    const db = memoryLibrary()
    for (let index = 0; index < 250; index += 1) {
      const fileId = planOne(db, `broken-${index}.jpg`)
      settleFile(db, { fileId, outcome: 'failed', reasonCode: 'x/y', reason: 'broken', now: 2 })
    }
    const report = collectReport(db, 5)
    assert.equal(report.problems.length, 250)
    const page = renderReport(report)
    assert.equal(page.match(/class="failed"><span class="thumb"/gu)?.length, 200)
    assert.match(page, /And 50 more/u)
  })
})

test('open files are named, so that counts that do not add up have names', () => {
  const db = memoryLibrary()
  for (let index = 0; index < MAX_OPEN_FILES + 1; index += 1) planOne(db, `${index}.jpg`)
  const report = collectReport(db, 5)
  assert.equal(report.open.length, MAX_OPEN_FILES)
  assert.deepEqual(report.open[0], { export: 'google-anna-20240101', path: '0.jpg' })
  assert.equal(report.balance.open, MAX_OPEN_FILES + 1)
})

describe('writeReport', () => {
  test('a thumbnail that cannot be made costs only itself', async () => {
    const root = await mkdtemp(join(tmpdir(), 'heirloom-report-'))
    try {
      await writeReport(root, collectReport(fullLibrary(), 5), () => Promise.reject(new Error('gone')))
      assert.deepEqual((await readdir(root)).sort(), [...REPORT_NAMES].sort())
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  })

  test('writes both files, replaces the last ones, and takes only real pictures for thumbnails', async () => {
    const root = await mkdtemp(join(tmpdir(), 'heirloom-report-'))
    try {
      const report = collectReport(fullLibrary(), 5)
      await writeReport(root, collectReport(memoryLibrary(), 4))
      const uris = ['data:image/jpeg;base64,AAAA', 'data:image/svg+xml;base64,AAAA']
      await writeReport(root, report, ({ kind }) => Promise.resolve(uris[kind === 'damaged' ? 0 : 1]))
      assert.deepEqual((await readdir(root)).sort(), [...REPORT_NAMES].sort())
      assert.deepEqual(JSON.parse(await readFile(join(root, 'report-latest.json'), 'utf8')), report)
      const page = await readFile(join(root, 'report-latest.html'), 'utf8')
      assert.deepEqual(page.match(/src="[^"]*"/gu), ['src="data:image/jpeg;base64,AAAA"'])
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  })
})

describe('planTimeline', () => {
  test('months lie where they belong', () => {
    const axis = planTimeline([
      { month: '2019-12', count: 2 },
      { month: '2020', count: 7 },
      { month: '2021-01', count: 3 },
    ])
    assert.deepEqual([axis?.firstYear, axis?.lastYear, axis?.yearOnly, axis?.outside], [2019, 2021, 7, 0])
    assert.deepEqual(
      axis?.bars.map(({ x }) => x),
      [11, 24],
    )
  })

  test('wrong clocks do not flatten the chart, and are counted', () => {
    const axis = planTimeline([
      { month: '0001-01', count: 1 },
      { month: '1980-01', count: 5 },
      { month: '2021-07', count: 500 },
      { month: '9999-12', count: 1 },
    ])
    assert.deepEqual([axis?.firstYear, axis?.lastYear, axis?.outside], [1962, 2021, 2])
  })

  test('any months give a chart of bounded width that loses nobody', () => {
    const month = fc
      .tuple(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 1, max: 12 }))
      .map(([year, number]) => `${String(year).padStart(4, '0')}-${String(number).padStart(2, '0')}`)
    fc.assert(
      fc.property(fc.uniqueArray(month, { minLength: 1 }), (months) => {
        const axis = planTimeline(months.toSorted().map((each) => ({ month: each, count: 1 })))
        assert.ok(axis)
        assert.ok(axis.lastYear - axis.firstYear < 60)
        assert.equal(axis.bars.length + axis.outside, months.length)
        for (const { x } of axis.bars) assert.ok(x >= 0 && x < (axis.lastYear - axis.firstYear + 1) * 12)
      }),
    )
  })

  test('every label of a year has an eighth of the axis to its right, so that none pokes out', () => {
    for (let years = 1; years <= 60; years += 1) {
      const [first, last] = ['1960-01', `${1960 + years - 1}-12`]
      const page = renderTimeline(
        [first, last].map((month) => ({ month, count: 1 })),
        0,
      )
      const lefts = [...page.matchAll(/left:([\d.]+)%/gu)].map(([, left]) => Number(left))
      assert.equal(lefts[0], 0)
      assert.ok(lefts.length <= 8 && Math.max(...lefts) <= 87.5, `${years} years: ${lefts.join(' ')}`)
    }
  })

  test('nothing dated draws nothing', () =>
    assert.equal(renderTimeline([{ month: '2020', count: 1 }], 4), ''))
})

test('escaped text has no markup, no controls and no direction overrides', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(escapeHtml(text), /[<>"'\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
    }),
  )
})
