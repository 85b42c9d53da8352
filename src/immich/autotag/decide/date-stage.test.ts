import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decide } from './decide.ts'
import { rulesOf, snapshotOf, type TestAsset } from './testing/library.ts'

const RULES = rulesOf(`
time: { zone: Europe/Oslo }
patterns:
  pixel:    { file: '/^PXL_(?<d>\\d{8})_(?<t>\\d{6})/', precision: second, zone: utc }
  android:  { file: '/(?<d>\\d{8})[_-](?<t>\\d{6})/', precision: second, zone: local }
  iphone:   { file: '/(?<d>\\d{4}-\\d\\d-\\d\\d)[_ -](?<t>\\d\\d[.-]\\d\\d[.-]\\d\\d)/', precision: second }
  whatsapp: { file: '/(IMG|VID)-(?<d>\\d{8})-WA\\d+/', precision: day }
  wa-long:  { file: '/WhatsApp (Image|Video) (?<d>[\\d-]{10}) at (?<t>[\\d.]{7,8})/', precision: second }
dates:
  sources: [ exif, duplicates, patterns: [pixel, android, iphone, whatsapp, wa-long], folder ]
  accept: { only: earlier, by: 26h, better-precision: true, same-day-keeps-time: true }
`)

/** What the date becomes; undefined where it stays. */
function dateOf(...assets: readonly Omit<TestAsset, 'id'>[]): string | undefined {
  const named = assets.map((asset, index) => ({ ...asset, id: String(index) }))
  const duplicates = named.length > 1 ? [named.map(({ id }) => id)] : []
  const { changes } = decide(snapshotOf({ assets: named, duplicates }), RULES)
  const change = changes.find((one) => one.kind === 'date' && one.assetId === '0')
  return change?.kind === 'date' ? change.to.dateTimeOriginal : undefined
}

describe('names of files', () => {
  const cases: { rule: string; fileName: string; zone?: string; date: string | undefined }[] = [
    {
      rule: 'WhatsApp knows the day',
      fileName: 'IMG-20160304-WA0001.jpg',
      date: '2016-03-04T00:00:00+01:00',
    },
    {
      rule: 'a day of summer is in summer time',
      fileName: 'VID-20160704-WA0001.mp4',
      date: '2016-07-04T00:00:00+02:00',
    },
    {
      rule: 'WhatsApp on a desktop knows the time',
      fileName: 'WhatsApp Image 2018-01-02 at 03.04.05.jpeg',
      date: '2018-01-02T03:04:05+01:00',
    },
    {
      rule: 'an hour may have one digit',
      fileName: 'WhatsApp Image 2018-01-02 at 3.04.05.jpeg',
      date: '2018-01-02T03:04:05+01:00',
    },
    {
      rule: 'the hour that autumn repeats is the first one',
      fileName: 'WhatsApp Image 2018-10-28 at 02.30.00.jpeg',
      date: '2018-10-28T02:30:00+02:00',
    },
    {
      rule: 'the hour that spring skips is an hour later',
      fileName: '20180325_023000.jpg',
      date: '2018-03-25T03:30:00+02:00',
    },
    { rule: 'Pixel writes UTC', fileName: 'PXL_20210101_003000123.jpg', date: '2021-01-01T01:30:00+01:00' },
    {
      rule: 'Pixel in the zone of the file',
      fileName: 'PXL_20210101_003000123.jpg',
      zone: 'America/New_York',
      date: '2020-12-31T19:30:00-05:00',
    },
    {
      rule: 'Pixel at midnight is a time',
      fileName: 'PXL_20210101_000000000.jpg',
      date: '2021-01-01T01:00:00+01:00',
    },
    {
      rule: 'Samsung writes the wall clock',
      fileName: '20190602_101500.jpg',
      date: '2019-06-02T10:15:00+02:00',
    },
    {
      rule: 'Samsung in the zone of the file',
      fileName: '20190602_101500.jpg',
      zone: 'America/New_York',
      date: '2019-06-02T10:15:00-04:00',
    },
    {
      rule: 'a fixed offset that is not ours stays',
      fileName: '20190602_101500.jpg',
      zone: 'UTC-5',
      date: '2019-06-02T10:15:00-05:00',
    },
    {
      rule: 'winter by a fixed offset that is ours',
      fileName: '20190602_101500.jpg',
      zone: 'UTC+1',
      date: '2019-06-02T10:15:00+02:00',
    },
    { rule: 'iPhone exports', fileName: '2019-06-02 10-15-30.HEIC', date: '2019-06-02T10:15:30+02:00' },
    { rule: 'month 13 is no date', fileName: 'IMG-20161399-WA0002.jpg', date: undefined },
    { rule: '30 February is no date', fileName: '20190230_101500.jpg', date: undefined },
    { rule: 'no phone named files in 1987', fileName: '19870101_101010.jpg', date: undefined },
    { rule: 'the future is no date', fileName: '20310101_101010.jpg', date: undefined },
    { rule: 'a later date is not accepted', fileName: '20250101_101010.jpg', date: undefined },
  ]
  for (const { rule, fileName, zone, date } of cases) {
    test(`${rule}: ${fileName}`, () => {
      assert.equal(
        dateOf({ fileName, date: '2024-01-10T10:00:00+01:00', ...(zone === undefined ? {} : { zone }) }),
        date,
      )
    })
  }
})

describe('what is accepted', () => {
  test('a day never replaces a time on that day', () => {
    assert.equal(
      dateOf({ fileName: 'IMG-20240110-WA0001.jpg', date: '2024-01-10T10:00:00+01:00' }),
      undefined,
    )
  })

  test('less than by is left alone, more is not', () => {
    const fileName = 'IMG-20240109-WA0001.jpg'
    assert.equal(dateOf({ fileName, date: '2024-01-10T01:59:00+01:00' }), undefined)
    assert.equal(dateOf({ fileName, date: '2024-01-10T02:00:00+01:00' }), '2024-01-09T00:00:00+01:00')
  })

  test('a time replaces a midnight of the same day', () => {
    const asset = { fileName: '20240110_101500.jpg', date: '2024-01-10T00:00:00+01:00' }
    assert.equal(dateOf(asset), '2024-01-10T10:15:00+01:00')
  })

  test('an asset without a date gets what its name, its folder or a duplicate tells', () => {
    assert.equal(dateOf({ fileName: '20190602_101500.jpg' }), '2019-06-02T10:15:00+02:00')
    assert.equal(dateOf({ path: '/x/2019-06-02 Lake/a.jpg' }), '2019-06-02T00:00:00+02:00')
    assert.equal(
      dateOf({}, { date: '2019-06-02T10:15:00+02:00', zone: 'UTC+2' }),
      '2019-06-02T10:15:00+02:00',
    )
  })

  test('a camera whose clock was never set is not believed by its duplicates', () => {
    const mine = { date: '2024-01-10T10:00:00+01:00' }
    assert.equal(dateOf(mine, { date: '2000-01-01T00:00:00+01:00', zone: 'Europe/Oslo' }), undefined)
  })
})

describe('duplicates where later dates are accepted too', () => {
  const rules = rulesOf(
    'dates: { sources: [ duplicates ], accept: { only: any, by: 26h, better-precision: true, same-day-keeps-time: false } }',
  )
  const plan = (...dates: readonly string[]) => {
    const assets = dates.map((date, index) => ({ id: `${index}`, date, zone: 'UTC' }))
    const { changes, remarks } = decide(
      snapshotOf({ assets, duplicates: [assets.map(({ id }) => id)] }),
      rules,
    )
    return [
      remarks.map(({ kind }) => kind),
      changes.map((change) =>
        change.kind === 'date' ? `${change.assetId} ${change.to.dateTimeOriginal}` : '',
      ),
    ]
  }

  test('all get the earliest, and none takes that of another', () => {
    assert.deepEqual(plan('2024-01-01T10:00:00+00:00', '2019-06-02T10:00:00+00:00'), [
      [],
      ['0 2019-06-02T10:00:00+00:00'],
    ])
  })

  test('of one day the time, and none takes a midnight for it', () => {
    assert.deepEqual(plan('2019-06-02T00:00:00+00:00', '2019-06-02T10:00:00+00:00'), [
      [],
      ['0 2019-06-02T10:00:00+00:00'],
    ])
  })
})
