import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type AssetFacts, parseGoogleJson, SidecarFormatError } from './sidecar.ts'

const ASSET = {
  title: 'IMG_0042.jpg',
  description: 'Lake &amp; mountains: Ann&#39;s view',
  creationTime: { timestamp: '1625500000' },
  photoTakenTime: { timestamp: '1625437805', formatted: 'Jul 4, 2021' },
  geoData: { latitude: 48.1, longitude: 11.5, altitude: 520, latitudeSpan: 0, longitudeSpan: 0 },
  geoDataExif: { latitude: 1, longitude: 2, altitude: 3 },
  people: [{ name: 'Ann' }, { name: 'Ann' }, { name: ' ' }],
  favorited: true,
  archived: true,
  trashed: true,
  googlePhotosOrigin: { fromPartnerSharing: {} },
  url: 'https://photos.google.com/photo/x',
}

describe('parseGoogleJson', () => {
  test('reads a picture', () => {
    assert.deepEqual(facts(ASSET), {
      title: 'IMG_0042.jpg',
      takenAt: 1_625_437_805_000,
      uploadedAt: 1_625_500_000_000,
      position: { latitude: 48.1, longitude: 11.5, altitudeM: 520 },
      caption: "Lake & mountains: Ann's view",
      people: ['Ann'],
      favourite: true,
      archived: true,
      trashed: true,
      shared: true,
    })
  })

  const TIMES: readonly (readonly [rule: string, timestamp: unknown, at: number | undefined])[] = [
    ['zero is unknown', '0', undefined],
    ['before 1970 is negative', '-86400', -86_400_000],
    ['a number is as good as text', 1_625_437_805, 1_625_437_805_000],
    ['text that is no number is unknown', 'yesterday', undefined],
    ['beyond all years is unknown', '999999999999', undefined],
  ]
  for (const [rule, timestamp, at] of TIMES) {
    test(`taken time: ${rule}`, () => {
      assert.equal(facts({ ...ASSET, photoTakenTime: { timestamp } }).takenAt, at)
    })
  }

  test('the time of upload is no taken time', () => {
    const { photoTakenTime: _, ...rest } = ASSET
    assert.equal(facts(rest).takenAt, undefined)
    assert.equal(facts(rest).uploadedAt, 1_625_500_000_000)
  })

  const zero = { latitude: 0, longitude: 0, altitude: 0 }
  const PLACES: readonly (readonly [
    rule: string,
    geoData: unknown,
    geoDataExif: unknown,
    position: unknown,
  ])[] = [
    [
      '0/0 falls to what the camera said',
      zero,
      ASSET.geoDataExif,
      { latitude: 1, longitude: 2, altitudeM: 3 },
    ],
    ['0/0 twice is none', zero, zero, undefined],
    ['a single zero is a place', { ...zero, longitude: 9 }, zero, { latitude: 0, longitude: 9 }],
    [
      'below the sea is negative',
      { ...zero, latitude: 31, altitude: -430 },
      zero,
      { latitude: 31, longitude: 0, altitudeM: -430 },
    ],
    ['no place on Earth is none', { latitude: 91, longitude: 1 }, zero, undefined],
    ['text is none', { latitude: '48', longitude: '11' }, undefined, undefined],
  ]
  for (const [rule, geoData, geoDataExif, position] of PLACES) {
    test(`position: ${rule}`, () => {
      assert.deepEqual(facts({ ...ASSET, geoData, geoDataExif }).position, position)
    })
  }

  test('a field of a wrong type takes no other with it', () => {
    const found = facts({
      ...ASSET,
      description: 7,
      people: 'Ann',
      favorited: 'yes',
      googlePhotosOrigin: [],
      geoData: null,
    })
    assert.equal(found.takenAt, 1_625_437_805_000)
    assert.equal(found.caption, undefined)
    assert.deepEqual(found.people, [])
    assert.equal(found.favourite, false)
    assert.deepEqual(found.position, { latitude: 1, longitude: 2, altitudeM: 3 })
  })

  test('a picture of 2017 has no taken time but is none the less a picture', () => {
    const old = {
      title: 'a.jpg',
      description: '',
      url: 'x',
      creationTime: { timestamp: '1' },
      tags: [],
      comments: [],
      people: [],
    }
    assert.equal(parse(old).kind, 'asset')
  })

  const KINDS: readonly (readonly [kind: string, value: unknown, name: string])[] = [
    [
      'album',
      { title: 'Trip', description: '', access: 'protected', date: { timestamp: '0' } },
      'metadata.json',
    ],
    ['album', { albumData: { title: 'Trip' } }, 'anyname.json'],
    ['album', { title: '' }, 'métadonnées.json'],
    ['album', { title: 'Trip', enrichments: [] }, 'x.json'],
    ['album', { title: 'Trip' }, 'x.json'],
    ['asset', { title: 'IMG_1.jpg' }, 'IMG_1.jpg.json'],
    ['asset', { title: '2013-12-23' }, '2013-12-23.supplemental-metadata.json'],
    ['unclear', {}, 'IMG_1.jpg.json'],
    ['service', { title: ['A memory'] }, 'x.json'],
    ['service', { externalOrderId: '1' }, 'x.json'],
    ['service', {}, 'shared_album_comments.json'],
    ['service', {}, 'print-subscriptions.json'],
  ]
  for (const [kind, value, name] of KINDS) {
    test(`${JSON.stringify(value)} in ${name} is of kind ${kind}`, () =>
      assert.equal(parse(value, name).kind, kind))
  }

  test('an album joins its texts and takes its first place', () => {
    const json = parse({
      title: 'Trip',
      description: 'South',
      enrichments: [
        { narrativeEnrichment: { text: 'Day one' } },
        7,
        { locationEnrichment: { location: [{ latitudeE7: 481_000_000, longitudeE7: 115_000_000 }] } },
      ],
    })
    assert.deepEqual(json, {
      kind: 'album',
      facts: { title: 'Trip', description: 'South\nDay one', position: { latitude: 48.1, longitude: 11.5 } },
    })
  })

  test('a byte-order mark is no part of the JSON', () => {
    assert.equal(parseGoogleJson(Buffer.from(`\uFEFF${JSON.stringify(ASSET)}`), 'a.json').kind, 'asset')
  })

  for (const text of ['', '{"title": "a', '[]', '"a"', 'null', '\0\0\0']) {
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(() => parseGoogleJson(Buffer.from(text), 'a.json'), SidecarFormatError)
    })
  }

  test('any JSON object is read without a crash', () => {
    const keys = fc.constantFrom(...Object.keys(ASSET), 'albumData', 'enrichments', 'date', '__proto__')
    fc.assert(
      fc.property(fc.dictionary(keys, fc.jsonValue({ maxDepth: 4 })), (value) => {
        const { kind } = parse(value)
        assert.ok(['asset', 'album', 'service', 'unclear'].includes(kind))
      }),
    )
  })
})

function parse(value: unknown, name = 'a.json'): ReturnType<typeof parseGoogleJson> {
  return parseGoogleJson(Buffer.from(JSON.stringify(value)), name)
}

function facts(value: unknown): AssetFacts {
  const json = parse(value)
  assert.equal(json.kind, 'asset')
  return (json as { facts: AssetFacts }).facts
}
