import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  instantToLocal,
  isZone,
  localToInstant,
  offsetAt,
  offsetForLocal,
  toOffsetText,
  zoneAt,
} from './zones.ts'

const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Asia/Tokyo',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'UTC',
]

describe('offsetAt', () => {
  const cases: { story: string; zone: string; at: string; minutes: number }[] = [
    { story: 'Berlin in winter', zone: 'Europe/Berlin', at: '2021-01-01T12:00:00Z', minutes: 60 },
    { story: 'Berlin in summer', zone: 'Europe/Berlin', at: '2021-07-01T12:00:00Z', minutes: 120 },
    {
      story: 'Berlin had no summer time in 1975',
      zone: 'Europe/Berlin',
      at: '1975-07-01T12:00:00Z',
      minutes: 60,
    },
    {
      story: 'Berlin had two hours of summer time in 1947',
      zone: 'Europe/Berlin',
      at: '1947-06-01T12:00:00Z',
      minutes: 180,
    },
    {
      story: 'London stayed on summer time all through 1970',
      zone: 'Europe/London',
      at: '1970-01-01T00:00:00Z',
      minutes: 60,
    },
    {
      story: 'Moscow was at +04:00 until 2014',
      zone: 'Europe/Moscow',
      at: '2013-01-01T00:00:00Z',
      minutes: 240,
    },
    { story: 'Moscow is at +03:00 since', zone: 'Europe/Moscow', at: '2015-01-01T00:00:00Z', minutes: 180 },
    {
      story: 'the second before New York springs forward',
      zone: 'America/New_York',
      at: '2021-03-14T06:59:59Z',
      minutes: -300,
    },
    { story: 'the second after it', zone: 'America/New_York', at: '2021-03-14T07:00:00Z', minutes: -240 },
    { story: 'Nepal', zone: 'Asia/Kathmandu', at: '2021-07-01T00:00:00Z', minutes: 345 },
    { story: 'Newfoundland', zone: 'America/St_Johns', at: '2021-07-01T00:00:00Z', minutes: -150 },
    {
      story: 'Berlin mean time (+0:53:28), rounded to the minute',
      zone: 'Europe/Berlin',
      at: '1890-01-01T00:00:00Z',
      minutes: 53,
    },
    { story: 'UTC', zone: 'UTC', at: '2021-07-01T00:00:00Z', minutes: 0 },
  ]
  for (const { story, zone, at, minutes } of cases) {
    test(story, () => assert.equal(offsetAt(zone, Date.parse(at)), minutes))
  }

  test('knows nothing of invented zones and of instants outside the calendar', () => {
    assert.equal(offsetAt('Mars/Olympus', 0), undefined)
    assert.equal(offsetAt('UTC', Number.NaN), undefined)
    assert.equal(offsetAt('UTC', 9e15), undefined)
    assert.equal(isZone('Mars/Olympus'), false)
    assert.equal(isZone('Europe/Berlin'), true)
  })
})

describe('offsetForLocal', () => {
  const cases: { story: string; zone: string; local: string; minutes: number }[] = [
    { story: 'an hour that exists once', zone: 'Europe/Berlin', local: '2021-10-31T01:59:59', minutes: 120 },
    {
      story: 'the repeated hour is its first pass',
      zone: 'Europe/Berlin',
      local: '2021-10-31T02:30:00',
      minutes: 120,
    },
    { story: 'after the repeated hour', zone: 'Europe/Berlin', local: '2021-10-31T03:00:00', minutes: 60 },
    {
      story: 'the skipped hour keeps the offset before',
      zone: 'Europe/Berlin',
      local: '2021-03-28T02:30:00',
      minutes: 60,
    },
    { story: 'after the skipped hour', zone: 'Europe/Berlin', local: '2021-03-28T03:00:00', minutes: 120 },
    {
      story: 'half-hour summer time',
      zone: 'Australia/Lord_Howe',
      local: '2021-01-01T00:00:00',
      minutes: 660,
    },
    {
      story: 'the day that Samoa skipped',
      zone: 'Pacific/Apia',
      local: '2011-12-30T12:00:00',
      minutes: -600,
    },
    { story: 'the day after it', zone: 'Pacific/Apia', local: '2011-12-31T12:00:00', minutes: 840 },
  ]
  for (const { story, zone, local, minutes } of cases) {
    test(story, () => assert.equal(offsetForLocal(zone, local), minutes))
  }

  test('is the offset that brings the local time back, wherever the zone shows that time', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(2037, 0, 1) / 1000 }),
        (zone, seconds) => {
          const offset = offsetAt(zone, seconds * 1000) ?? Number.NaN
          const local = instantToLocal(seconds * 1000, offset)
          const found = offsetForLocal(zone, local) ?? Number.NaN
          const instant = localToInstant(local, found) ?? Number.NaN
          // The same digits come back; in a repeated hour it may be the earlier of two instants, never a later.
          assert.equal(instantToLocal(instant, offsetAt(zone, instant) ?? Number.NaN), local)
          assert.ok(instant <= seconds * 1000)
        },
      ),
    )
  })
})

describe('zoneAt', () => {
  test('finds the zones of places', () => {
    assert.equal(zoneAt({ latitude: 52.52, longitude: 13.405 }), 'Europe/Berlin')
    assert.equal(zoneAt({ latitude: 35.68, longitude: 139.69 }), 'Asia/Tokyo')
    assert.equal(zoneAt({ latitude: -33.87, longitude: 151.21 }), 'Australia/Sydney')
  })

  test('knows nothing of 0/0 and of what is no place', () => {
    assert.equal(zoneAt({ latitude: 0, longitude: 0 }), undefined)
    assert.equal(zoneAt({ latitude: 91, longitude: 0 }), undefined)
    assert.equal(zoneAt({ latitude: Number.NaN, longitude: 5 }), undefined)
  })

  test('every place of the earth has a zone that Node knows', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -90, max: 90, noNaN: true }),
        fc.double({ min: -180, max: 180, noNaN: true }),
        (latitude, longitude) => {
          fc.pre(latitude !== 0 || longitude !== 0)
          assert.notEqual(zoneAt({ latitude, longitude }), undefined)
        },
      ),
    )
  })
})

describe('local times', () => {
  test('go to an instant and back, milliseconds too', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(1827, 0, 1), max: Date.UTC(2099, 0, 1) }),
        fc.integer({ min: -720, max: 840 }),
        (at, offset) => assert.equal(localToInstant(instantToLocal(at, offset), offset), at),
      ),
    )
  })

  for (const text of [
    '2021-02-29T00:00:00',
    '2021-00-10T00:00:00',
    '2021-13-10T00:00:00',
    '2021-01-32T00:00:00',
    '2021-01-01T24:00:00',
    '2021-01-01T00:60:00',
    '2021-01-01T00:00:60',
    '0000-00-00T00:00:00',
    '2021-01-01',
    '2021-01-01T00:00:00Z',
    '',
  ]) {
    test(`${JSON.stringify(text)} is no local time`, () => assert.equal(localToInstant(text, 0), undefined))
  }

  test('the year 50 is not 1950', () => {
    assert.equal(localToInstant('0050-01-01T00:00:00', 0), Date.parse('0050-01-01T00:00:00Z'))
  })
})

test('offsets are written as EXIF wants them', () => {
  assert.deepEqual([0, 345, -210, 840, -720, 60].map(toOffsetText), [
    '+00:00',
    '+05:45',
    '-03:30',
    '+14:00',
    '-12:00',
    '+01:00',
  ])
})

test('a thousand offsets take less than a second', () => {
  const start = process.cpuUsage()
  for (let day = 0; day < 1000; day += 1)
    offsetForLocal('Europe/Berlin', `2021-07-${String((day % 28) + 1).padStart(2, '0')}T10:00:00`)
  assert.ok(process.cpuUsage(start).user / 1000 < 1000)
})
