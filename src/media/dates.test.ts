import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type DateQuestion, decideTaken, isFactoryTime, isPlausibleTime } from './dates.ts'
import type { EvidenceSource, Precision, Taken, TakenEvidence } from './metadata.ts'
import { instantToLocal } from './zones.ts'

const NOW = Date.UTC(2026, 0, 1)
const BERLIN = { latitude: 52.52, longitude: 13.405 }
const TOKYO = { latitude: 35.68, longitude: 139.69 }

const exif = (local: string, offsetMinutes?: number, precision: Precision = 'second'): TakenEvidence => ({
  source: 'embedded',
  detail: 'DateTimeOriginal',
  local,
  precision,
  ...(offsetMinutes === undefined ? {} : { offsetMinutes }),
})
const utc = (iso: string, source: EvidenceSource = 'export', detail = 'photoTakenTime'): TakenEvidence => ({
  source,
  detail,
  at: Date.parse(iso),
  precision: 'second',
})
const quickTime = (iso: string): TakenEvidence => utc(iso, 'embedded', 'CreateDate')
const fileName = (local: string, precision: Precision = 'second'): TakenEvidence => ({
  source: 'file-name',
  detail: 'yyyymmdd-hhmmss',
  local,
  precision,
})
const folder = (local: string, precision: Precision): TakenEvidence => ({
  source: 'folder-name',
  detail: 'yyyy',
  local,
  precision,
})
const fileTime = (iso: string): TakenEvidence => utc(iso, 'file-time', 'mtime')

interface Story extends Omit<DateQuestion, 'now'> {
  readonly story: string
  /** `local offset source zone precision`; `-` for an unknown offset. */
  readonly taken: string | undefined
  /** The instant, where it is not told by local and offset. */
  readonly at?: string
}

const STORIES: readonly Story[] = [
  // The zone of a camera date
  {
    story: 'a phone states its own zone',
    evidence: [exif('2021-07-04T22:30:05', 120), utc('2021-07-04T20:30:05Z')],
    taken: '2021-07-04T22:30:05 +120 embedded stated second',
  },
  {
    story: 'a stated zone wins over what the export makes of it, and over the place',
    evidence: [exif('2021-07-04T22:30:05', 120), utc('2021-07-04T13:30:05Z')],
    position: TOKYO,
    userZone: 'America/New_York',
    taken: '2021-07-04T22:30:05 +120 embedded stated second',
  },
  {
    story: 'camera digits minus the export instant are the zone',
    evidence: [exif('2021-07-04T22:30:05'), utc('2021-07-04T20:30:05Z')],
    taken: '2021-07-04T22:30:05 +120 embedded camera-against-utc second',
  },
  {
    story: 'seconds may be truncated or a few late',
    evidence: [exif('2021-07-04T22:30:05.900'), utc('2021-07-04T20:30:02Z')],
    taken: '2021-07-04T22:30:05.900 +120 embedded camera-against-utc second',
  },
  {
    story: 'Nepal lies on a quarter hour',
    evidence: [exif('2021-07-04T22:30:05'), utc('2021-07-04T16:45:05Z')],
    taken: '2021-07-04T22:30:05 +345 embedded camera-against-utc second',
  },
  {
    story: 'the line islands are fourteen hours ahead',
    evidence: [exif('2021-07-05T12:00:00'), utc('2021-07-04T22:00:00Z')],
    taken: '2021-07-05T12:00:00 +840 embedded camera-against-utc second',
  },
  {
    story: 'Baker Island is twelve hours behind',
    evidence: [exif('2021-07-04T00:00:01'), utc('2021-07-04T12:00:01Z')],
    taken: '2021-07-04T00:00:01 -720 embedded camera-against-utc second',
  },
  {
    story: 'camera at UTC without a place: the export agrees to the second',
    evidence: [exif('2021-01-04T20:30:05'), utc('2021-01-04T20:30:05Z')],
    taken: '2021-01-04T20:30:05 +0 embedded camera-against-utc second',
  },
  {
    story: 'the export took the digits of a camera without zone for UTC; the place knows better',
    evidence: [exif('2021-07-04T22:30:05'), utc('2021-07-04T22:30:05Z')],
    position: BERLIN,
    taken: '2021-07-04T22:30:05 +120 embedded position second',
  },
  {
    story: 'a camera left at home time abroad: the instant against its digits tells, not the place',
    evidence: [exif('2021-07-04T14:00:00'), utc('2021-07-04T12:00:00Z')],
    position: TOKYO,
    taken: '2021-07-04T14:00:00 +120 embedded camera-against-utc second',
  },
  {
    story: 'GPS time inside the file is an instant too',
    evidence: [exif('2021-07-04T22:30:05'), utc('2021-07-04T20:30:04Z', 'embedded', 'GPSDateTime')],
    taken: '2021-07-04T22:30:05 +120 embedded camera-against-utc second',
  },
  {
    story: 'a stale GPS fix tells no zone',
    evidence: [exif('2021-07-04T22:30:05'), utc('2021-07-04T20:07:44Z', 'embedded', 'GPSDateTime')],
    taken: '2021-07-04T22:30:05 - embedded unknown second',
    at: '2021-07-04T22:30:05Z',
  },
  {
    story: 'a Pixel names its file in UTC',
    evidence: [exif('2021-10-14T00:06:53'), utc('2021-10-13T22:06:51.983Z', 'file-name', 'pixel-utc')],
    taken: '2021-10-14T00:06:53 +120 embedded camera-against-utc second',
  },
  {
    story: 'the place tells the zone, with the summer time of that year',
    evidence: [exif('1975-07-04T12:00:00')],
    position: BERLIN,
    taken: '1975-07-04T12:00:00 +60 embedded position second',
  },
  {
    story: 'the place comes before the user',
    evidence: [exif('2021-07-04T12:00:00')],
    position: TOKYO,
    userZone: 'Europe/Berlin',
    taken: '2021-07-04T12:00:00 +540 embedded position second',
  },
  {
    story: 'the user tells the zone where nothing else does',
    evidence: [exif('2021-07-04T12:00:00')],
    userZone: 'Europe/Berlin',
    taken: '2021-07-04T12:00:00 +120 embedded user second',
  },
  {
    story: 'nobody tells the zone: the digits stay, and no offset is claimed',
    evidence: [exif('2021-07-04T12:00:00')],
    taken: '2021-07-04T12:00:00 - embedded unknown second',
    at: '2021-07-04T12:00:00Z',
  },
  {
    story: 'an unknown user zone is like none',
    evidence: [exif('2021-07-04T12:00:00')],
    userZone: 'Mars/Olympus',
    taken: '2021-07-04T12:00:00 - embedded unknown second',
    at: '2021-07-04T12:00:00Z',
  },
  {
    story: 'a file time of exactly another zone tells nothing',
    evidence: [exif('2021-07-04T12:00:00'), fileTime('2021-07-04T10:00:00Z')],
    taken: '2021-07-04T12:00:00 - embedded unknown second',
    at: '2021-07-04T12:00:00Z',
  },
  {
    story: 'the repeated hour is decided by the instant',
    evidence: [exif('2021-10-31T02:30:00'), utc('2021-10-31T01:30:00Z')],
    position: BERLIN,
    taken: '2021-10-31T02:30:00 +60 embedded camera-against-utc second',
  },
  // Camera against export
  {
    story: 'uploaded three hours and some minutes later: the camera stays',
    evidence: [exif('2021-07-04T12:00:00'), utc('2021-07-04T15:07:31Z')],
    userZone: 'Europe/Berlin',
    taken: '2021-07-04T12:00:00 +120 embedded user second',
  },
  {
    story: 'a scan dated by hand in the platform: its scanner knew only the day of the scan',
    evidence: [exif('2019-03-01T10:00:00'), utc('1968-06-15T12:00:00Z')],
    userZone: 'Europe/Berlin',
    taken: '1968-06-15T13:00:00 +60 export user second',
  },
  {
    story: 'a camera clock set to the wrong year, corrected in the platform',
    evidence: [exif('2011-07-04T12:00:00'), utc('2012-07-04T10:00:00Z')],
    position: BERLIN,
    taken: '2012-07-04T12:00:00 +120 export position second',
  },
  {
    story: 'a date corrected in the platform keeps the zone that the camera was set to',
    evidence: [exif('2011-07-04T12:00:00', 60), utc('2018-07-04T23:30:00Z')],
    taken: '2018-07-05T00:30:00 +60 export stated second',
    at: '2018-07-04T23:30:00Z',
  },
  {
    story: 'a place, and the zone of the user, are of the corrected moment: the camera was set before',
    evidence: [exif('2011-07-04T12:00:00', 60), utc('2018-07-04T23:30:00Z')],
    userZone: 'America/New_York',
    taken: '2018-07-04T19:30:00 -240 export user second',
  },
  {
    story: 'the platform knew only the time of the upload: the camera stays',
    evidence: [
      exif('2011-07-04T12:00:00'),
      utc('2020-05-05T08:00:00Z'),
      utc('2020-05-05T08:00:40Z', 'export', 'creationTime'),
    ],
    userZone: 'Europe/Berlin',
    taken: '2011-07-04T12:00:00 +120 embedded user second',
  },
  {
    story: 'the time of the upload is better than a file time only',
    evidence: [
      utc('2020-05-05T08:00:40Z', 'export', 'creationTime'),
      folder('2014-01-01T00:00:00', 'year'),
      fileTime('2024-01-01T00:00:00Z'),
    ],
    taken: '2014-01-01T12:00:00 - folder-name unknown year',
    at: '2014-01-01T12:00:00Z',
  },
  {
    story: 'a factory date is no date when the platform knows one',
    evidence: [exif('2000-01-01T00:00:21'), utc('2009-08-12T14:00:00Z')],
    position: BERLIN,
    taken: '2009-08-12T16:00:00 +120 export position second',
  },
  {
    story: 'a factory date is no date when the name knows one',
    evidence: [exif('2002-12-08T12:00:00'), fileName('2012-08-12T16:00:00')],
    taken: '2012-08-12T16:00:00 - file-name unknown second',
    at: '2012-08-12T16:00:00Z',
  },
  {
    story: 'a factory date stays when only the file time is against it',
    evidence: [exif('2000-01-01T00:00:21'), fileTime('2009-08-12T14:00:00Z')],
    taken: '2000-01-01T00:00:21 - embedded unknown second',
    at: '2000-01-01T00:00:21Z',
  },
  {
    story: 'fireworks at the turn of the millennium: the export agrees',
    evidence: [exif('2000-01-01T00:00:21'), utc('1999-12-31T23:00:21Z')],
    taken: '2000-01-01T00:00:21 +60 export camera-against-utc second',
  },
  {
    story: 'a later New Year is nobody’s factory date',
    evidence: [exif('2014-01-01T00:00:30'), folder('2013-01-01T00:00:00', 'year')],
    taken: '2014-01-01T00:00:30 - embedded unknown second',
    at: '2014-01-01T00:00:30Z',
  },
  {
    story: 'a camera in the future is wrong',
    evidence: [exif('2031-01-01T10:00:00'), utc('2021-07-04T20:30:05Z')],
    userZone: 'UTC',
    taken: '2021-07-04T20:30:05 +0 export user second',
  },
  {
    story: 'the zero of a counter is not set',
    evidence: [
      quickTime('1904-01-01T00:00:00Z'),
      utc('1970-01-01T00:00:00Z'),
      fileName('2021-07-04T22:30:05'),
    ],
    taken: '2021-07-04T22:30:05 - file-name unknown second',
    at: '2021-07-04T22:30:05Z',
  },
  { story: 'nothing plausible is nothing', evidence: [exif('0000-00-00T00:00:00')], taken: undefined },
  { story: 'nothing is nothing', evidence: [], taken: undefined },
  {
    story: 'a day before 1970',
    evidence: [utc('1931-05-05T10:00:00Z')],
    position: BERLIN,
    taken: '1931-05-05T11:00:00 +60 export position second',
  },
  // Only an instant
  {
    story: 'a screenshot: its name is the wall clock of the export instant',
    evidence: [utc('2023-10-27T10:33:03Z'), fileName('2023-10-27T12:33:03')],
    userZone: 'America/New_York',
    taken: '2023-10-27T12:33:03 +120 export camera-against-utc second',
  },
  {
    story: 'the instant in the zone of the place',
    evidence: [utc('2021-07-04T20:30:05Z')],
    position: TOKYO,
    userZone: 'Europe/Berlin',
    taken: '2021-07-05T05:30:05 +540 export position second',
  },
  {
    story: 'the instant in the zone of the user',
    evidence: [utc('2021-07-04T20:30:05Z')],
    userZone: 'Europe/Berlin',
    taken: '2021-07-04T22:30:05 +120 export user second',
  },
  {
    story: 'an instant and no zone at all: digits of UTC, and said so',
    evidence: [utc('2021-07-04T20:30:05Z')],
    taken: '2021-07-04T20:30:05 +0 export unknown second',
  },
  // Videos
  {
    story: 'a video in UTC as the standard says, confirmed by the export',
    evidence: [quickTime('2021-07-04T20:30:05Z'), utc('2021-07-04T20:30:05Z')],
    position: BERLIN,
    taken: '2021-07-04T22:30:05 +120 embedded position second',
  },
  {
    story: 'a camera that writes local time where UTC belongs: the export gives it away',
    evidence: [quickTime('2021-07-04T22:30:05Z'), utc('2021-07-04T20:30:05Z')],
    taken: '2021-07-04T22:30:05 +120 embedded camera-against-utc second',
  },
  {
    story: 'GPS time is UTC, whatever the export says',
    evidence: [utc('2021-07-04T20:30:05Z', 'embedded', 'GPSDateTime'), utc('2021-07-04T18:30:05Z')],
    position: BERLIN,
    taken: '2021-07-04T22:30:05 +120 embedded position second',
  },
  {
    story: 'a video in UTC whose name is the wall clock',
    evidence: [quickTime('2021-07-04T20:30:07Z'), fileName('2021-07-04T22:30:05')],
    taken: '2021-07-04T22:30:07 +120 embedded camera-against-utc second',
  },
  {
    story: 'a video with Apple’s creation date in its zone',
    evidence: [
      {
        source: 'embedded',
        detail: 'CreationDate',
        local: '2021-07-04T22:30:05',
        offsetMinutes: 120,
        precision: 'second',
      },
      quickTime('2021-07-04T20:30:05Z'),
    ],
    position: TOKYO,
    taken: '2021-07-04T22:30:05 +120 embedded stated second',
  },
  // Precision
  {
    story: 'WhatsApp names the day, the file time the hour',
    evidence: [fileName('2015-01-25T00:00:00', 'day'), fileTime('2015-01-25T14:03:00Z')],
    userZone: 'Europe/Berlin',
    taken: '2015-01-25T15:03:00 +60 file-time user second',
  },
  {
    story: 'a file time of another day says nothing against the name',
    evidence: [fileName('2015-01-25T00:00:00', 'day'), fileTime('2019-03-03T14:03:00Z')],
    taken: '2015-01-25T12:00:00 - file-name unknown day',
    at: '2015-01-25T12:00:00Z',
  },
  {
    story: 'a day in the zone of the user',
    evidence: [fileName('2015-01-25T00:00:00', 'day')],
    userZone: 'Europe/Berlin',
    taken: '2015-01-25T12:00:00 - file-name unknown day',
    at: '2015-01-25T11:00:00Z',
  },
  {
    story: 'a year folder, refined by the month folder and not by another year',
    evidence: [
      folder('2019-01-01T00:00:00', 'year'),
      folder('2018-05-01T00:00:00', 'month'),
      folder('2019-07-01T00:00:00', 'month'),
    ],
    taken: '2019-07-01T12:00:00 - folder-name unknown month',
    at: '2019-07-01T12:00:00Z',
  },
  {
    story: 'a camera that knew only the year, and a name that knows the second',
    evidence: [exif('2019-01-01T00:00:00', undefined, 'year'), fileName('2019-07-04T22:30:05')],
    taken: '2019-07-04T22:30:05 - file-name unknown second',
    at: '2019-07-04T22:30:05Z',
  },
  {
    story: 'a name of another year than the camera says nothing',
    evidence: [exif('2019-07-04T22:30:05'), fileName('2021-01-01T10:00:00')],
    taken: '2019-07-04T22:30:05 - embedded unknown second',
    at: '2019-07-04T22:30:05Z',
  },
  {
    story: 'order: sidecar before name before folder before file time',
    evidence: [
      fileTime('2024-01-01T10:00:00Z'),
      folder('2023-01-01T00:00:00', 'year'),
      fileName('2022-01-01T10:00:00'),
      {
        source: 'xmp-sidecar',
        detail: 'exif:DateTimeOriginal',
        local: '2021-01-01T10:00:00',
        precision: 'second',
      },
    ],
    taken: '2021-01-01T10:00:00 - xmp-sidecar unknown second',
    at: '2021-01-01T10:00:00Z',
  },
  {
    story: 'the file time when there is nothing else',
    evidence: [fileTime('2024-01-01T10:00:00Z')],
    userZone: 'Europe/Berlin',
    taken: '2024-01-01T11:00:00 +60 file-time user second',
  },
]

function show({ local, offsetMinutes, source, zone, precision }: Taken): string {
  const offset = offsetMinutes === undefined ? '-' : `${offsetMinutes < 0 ? '' : '+'}${offsetMinutes}`
  return `${local} ${offset} ${source} ${zone} ${precision}`
}

describe('decideTaken', () => {
  for (const { story, taken, at, ...question } of STORIES) {
    test(story, () => {
      const decided = decideTaken({ ...question, now: NOW })
      assert.equal(decided && show(decided), taken)
      if (decided === undefined) return
      const told = Date.parse(`${decided.local}Z`) - (decided.offsetMinutes ?? 0) * 60_000
      assert.equal(decided.at, at === undefined ? told : Date.parse(at))
    })
  }

  const evidence: fc.Arbitrary<TakenEvidence> = fc
    .record({
      source: fc.constantFrom<EvidenceSource>(
        'export',
        'embedded',
        'xmp-sidecar',
        'file-name',
        'folder-name',
        'file-time',
      ),
      detail: fc.constantFrom('a', 'creationTime'),
      precision: fc.constantFrom<Precision>('second', 'minute', 'day', 'month', 'year'),
    })
    .chain((base) =>
      fc
        .record(
          {
            at: fc.integer({ min: Date.UTC(1800, 0, 1), max: Date.UTC(2040, 0, 1) }),
            local: fc
              .integer({ min: Date.UTC(1800, 0, 1), max: Date.UTC(2040, 0, 1) })
              .map((at) => instantToLocal(at, 0)),
            offsetMinutes: fc.integer({ min: -720, max: 840 }),
          },
          { requiredKeys: [] },
        )
        .map((rest) => ({ ...base, ...rest })),
    )

  test('whatever is said, the decision is plausible, and made from what was said', () => {
    fc.assert(
      fc.property(
        fc.array(evidence, { maxLength: 6 }),
        fc.constantFrom(undefined, 'Asia/Tokyo'),
        (list, userZone) => {
          const taken = decideTaken({
            evidence: list,
            now: NOW,
            ...(userZone === undefined ? {} : { userZone }),
          })
          const plausible = list.filter((statement) => isPlausibleTime(statement, NOW))
          assert.equal(taken === undefined, plausible.length === 0)
          if (taken === undefined) return
          assert.match(taken.local, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?$/u)
          assert.ok(Number.isFinite(taken.at))
          assert.ok(
            plausible.some(({ source, detail }) => source === taken.source && detail === taken.detail),
          )
          if (taken.offsetMinutes !== undefined) {
            assert.equal(Date.parse(`${taken.local}Z`) - taken.offsetMinutes * 60_000, taken.at)
          }
        },
      ),
    )
  })

  test('a factory date and a time of upload are asked in one order, whichever comes first', () => {
    const upload: TakenEvidence = {
      source: 'export',
      detail: 'creationTime',
      precision: 'second',
      local: '1971-01-01T00:00:00',
    }
    const factory = exif('1970-01-01T00:00:00', undefined, 'year')
    const [one, other] = [
      [upload, factory],
      [factory, upload],
    ].map((list) => decideTaken({ evidence: list, now: NOW }))
    assert.deepEqual(one, other)
    assert.equal(one?.source, 'embedded')
  })

  test('the order between sources never matters', () => {
    fc.assert(
      fc.property(fc.uniqueArray(evidence, { maxLength: 6, selector: ({ source }) => source }), (list) => {
        assert.deepEqual(
          decideTaken({ evidence: list, now: NOW }),
          decideTaken({ evidence: list.toReversed(), now: NOW }),
        )
      }),
    )
  })

  test('whatever the export, names and file times say within a zone of it, camera digits stay', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(2001, 0, 2) / 1000, max: Date.UTC(2025, 0, 1) / 1000 }),
        fc.integer({ min: -48, max: 56 }),
        (seconds, quarters) => {
          const local = instantToLocal(seconds * 1000, 0)
          fc.pre(!isFactoryTime(local))
          const stated = { ...utc('2001-01-01T00:00:00Z'), at: (seconds - quarters * 900) * 1000 }
          const taken = decideTaken({ evidence: [stated, exif(local)], now: NOW })
          assert.equal(taken?.local, local)
          assert.equal(taken.offsetMinutes, quarters * 15)
          assert.equal(taken.at, stated.at)
        },
      ),
    )
  })
})
