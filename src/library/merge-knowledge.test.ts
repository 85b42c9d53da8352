import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, test } from 'node:test'
import type { Taken } from '../media/metadata.ts'
import { type Asset, findAsset, insertAsset, type NewAsset } from './catalog.ts'
import { openExport } from './ledger.ts'
import { collectReport } from './report.ts'
import { memoryLibrary, sampleAsset } from './testing/sample-assets.ts'

describe('a copy from another export', () => {
  let db: DatabaseSync

  beforeEach(() => {
    db = memoryLibrary()
    openExport(db, { name: 'backup', inputs: ['/exports/backup'], now: 2 })
  })

  /** What the catalog knows after both. */
  function merged(first: Partial<NewAsset>, copy: Partial<NewAsset>): Asset {
    const { assetId } = insertAsset(db, sampleAsset('a', first))
    insertAsset(db, sampleAsset('a', { exportId: 2, ...copy }))
    const asset = findAsset(db, assetId)
    assert.ok(asset)
    return asset
  }

  const remarks = (): string[] =>
    collectReport(db, 9)
      .remarks.filter(({ code }) => code === 'metadata-in-catalog')
      .map((remark) => `${remark.export}: ${remark.message}`)

  const captions: readonly (readonly [string | undefined, string | undefined, string | undefined])[] = [
    ['at the lake', undefined, 'at the lake'],
    [undefined, 'at the lake', 'at the lake'],
    ['at the lake', 'Norway', 'at the lake\nNorway'],
    ['at the lake', 'the lake ', 'at the lake'],
    ['lake', 'at the lake\nNorway', 'at the lake\nNorway'],
    ['film\n\nlake', 'film\n\nNorway', 'film\n\nlake\nNorway'],
    ['film\n\nlake\nNorway', 'film\n\nNorway', 'film\n\nlake\nNorway'],
  ]
  for (const [one, other, both] of captions) {
    test(`whose caption is ${other} beside ${one} gives ${both}`, () => {
      const caption = (text: string | undefined): Partial<NewAsset> =>
        text === undefined ? {} : { caption: text }
      assert.equal(merged(caption(one), caption(other)).caption, both)
    })
  }

  const cameraLocal = '2019-01-02T03:04:05'
  const camera: Partial<NewAsset> = {
    taken: {
      local: cameraLocal,
      at: 0,
      precision: 'second',
      source: 'embedded',
      detail: 'x',
      zone: 'unknown',
    },
  }
  const cameraDates: readonly (readonly [
    string,
    Partial<NewAsset>,
    Partial<NewAsset>,
    string | undefined,
  ])[] = [
    ['the export of the copy overrules', camera, { cameraLocal }, cameraLocal],
    ['the export of the first overruled', { cameraLocal }, camera, cameraLocal],
    ['nobody overrules', camera, camera, undefined],
    ['the first export agrees with', {}, { cameraLocal }, undefined],
  ]
  for (const [fact, one, other, told] of cameraDates) {
    test(`has a camera's date that ${fact}`, () => assert.equal(merged(one, other).cameraLocal, told))
  }

  test('unites keywords, and gives a rating where there was none', () => {
    const asset = merged({ keywords: ['sea'] }, { keywords: ['Animal|Dog', 'sea'], rating: 4 })
    assert.deepEqual([asset.keywords, asset.rating], [['sea', 'Animal|Dog'], 4])
    assert.equal(merged({}, { rating: 2 }).rating, 4)
  })

  const taken = (changes: Partial<Taken>): { taken: Taken } => ({
    taken: {
      local: '2021-07-04T22:30:05',
      at: 0,
      precision: 'second',
      source: 'embedded',
      detail: 'x',
      zone: 'unknown',
      ...changes,
    },
  })
  const dates: readonly {
    readonly name: string
    readonly first: Partial<Taken>
    readonly copy: Partial<Taken>
    readonly wins: 'first' | 'copy'
  }[] = [
    {
      name: 'an export beats a file time',
      first: { source: 'file-time' },
      copy: { source: 'export' },
      wins: 'copy',
    },
    {
      name: 'a file time beats no export',
      first: { source: 'export' },
      copy: { source: 'file-time' },
      wins: 'first',
    },
    {
      name: 'a sidecar beats a name',
      first: { source: 'file-name' },
      copy: { source: 'xmp-sidecar' },
      wins: 'copy',
    },
    {
      name: 'an upload beats no name',
      first: { source: 'file-name' },
      copy: { source: 'export', detail: 'creationTime' },
      wins: 'first',
    },
    { name: 'a correction beats the camera', first: {}, copy: { source: 'export' }, wins: 'copy' },
    {
      name: 'a second beats a year',
      first: { source: 'export', precision: 'year' },
      copy: { source: 'export' },
      wins: 'copy',
    },
    { name: 'a known zone beats an unknown one', first: {}, copy: { zone: 'position' }, wins: 'copy' },
    { name: 'between equals the first stays', first: {}, copy: {}, wins: 'first' },
  ]
  for (const { name, first, copy, wins } of dates) {
    test(`as for dates, ${name}`, () => {
      const asset = merged(taken({ ...first, at: 1 }), taken({ ...copy, at: 2 }))
      assert.equal(asset.taken?.at, wins === 'copy' ? 2 : 1)
    })
  }

  test('is told of in one remark of its export, with a count', () => {
    insertAsset(db, sampleAsset('b'))
    insertAsset(db, sampleAsset('b', { exportId: 2, rating: 3 }))
    merged({}, { caption: 'Norway', people: ['Anna'] })
    const [remark, ...more] = remarks()
    assert.match(remark ?? '', /^backup: it knows more of 2 files than/u)
    assert.deepEqual(more, [])
  })

  test('that knows nothing new is not told of', () => {
    merged(
      { caption: 'Norway', favourite: true },
      { caption: 'Norway', originalName: 'b.jpg', archived: true },
    )
    assert.deepEqual(remarks(), [])
  })

  test('that was not thrown away brings the photo back from the trash, and a remark says where it lies', () => {
    const folder = 'google-anna-20240101/trash/photos'
    const { path } = merged({ trashed: true, folder }, {})
    insertAsset(db, sampleAsset('b', { trashed: true, folder }))
    const found = collectReport(db, 9).remarks.filter(({ code }) => code === 'no-longer-trashed')
    assert.deepEqual(
      found.map((remark) => remark.path),
      [path],
    )
  })
})
