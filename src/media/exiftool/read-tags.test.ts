import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { toEmbedded } from './read-tags.ts'

describe('toEmbedded', () => {
  test('keeps wall-clock times and UTC times apart', () => {
    const { taken } = toEmbedded({
      'QuickTime:CreateDate': '2020:01:01 10:00:00',
      'ExifIFD:DateTimeOriginal': '2020:01:01 12:00:00',
    })
    assert.deepEqual(taken, [
      { source: 'embedded', detail: 'DateTimeOriginal', local: '2020-01-01T12:00:00', precision: 'second' },
      {
        source: 'embedded',
        detail: 'QuickTime:CreateDate',
        at: Date.UTC(2020, 0, 1, 10),
        precision: 'second',
      },
    ])
  })

  test('puts the last change behind everything else', () => {
    const { taken } = toEmbedded({
      'IFD0:ModifyDate': '2021:01:01 12:00:00',
      'Composite:GPSDateTime': '2020:01:01 10:00:00.25Z',
      'IPTC:DateCreated': '2020:01:01',
      'IPTC:TimeCreated': '12:00:00+01:00',
    })
    assert.deepEqual(
      taken.map(({ detail, at }) => [detail, at]),
      [
        ['IPTC:DateCreated', Date.UTC(2020, 0, 1, 11)],
        ['GPSDateTime', Date.UTC(2020, 0, 1, 10, 0, 0, 250)],
        ['ModifyDate', undefined],
      ],
    )
  })

  test('zeros and blanks are no dates', () => {
    const blank = {
      'QuickTime:CreateDate': '0000:00:00 00:00:00',
      'ExifIFD:CreateDate': '    :  :     :  :  ',
    }
    assert.deepEqual(toEmbedded(blank).taken, [])
  })

  test('finds people in all three places, and no pets or focus points', () => {
    const { people } = toEmbedded({
      'XMP-iptcExt:PersonInImage': 'Ann',
      'XMP-mwg-rs:RegionInfo': {
        RegionList: [
          { Name: 'Bob', Type: 'Face' },
          { Name: 'Rex', Type: 'Pet' },
          { Type: 'Focus' },
          { Name: 'Cem' },
        ],
      },
      'XMP-MP:RegionInfoMP': { Regions: [{ PersonDisplayName: 'Ann' }, { PersonDisplayName: 'Dee' }] },
    })
    assert.deepEqual(people, ['Ann', 'Bob', 'Cem', 'Dee'])
  })

  test('takes text that looks like a number as text', () => {
    const { caption, keywords } = toEmbedded({ 'XMP-dc:Description': 1984, 'XMP-dc:Subject': [2020, 'x'] })
    assert.equal(caption, '1984')
    assert.deepEqual(keywords, ['2020', 'x'])
  })

  test('a camera\u2019s own words are no caption, and do not hide one', () => {
    const tags = { 'IFD0:ImageDescription': 'OLYMPUS DIGITAL CAMERA', 'IPTC:Caption-Abstract': 'At the lake' }
    assert.equal(toEmbedded(tags).caption, 'At the lake')
  })

  test('0/0 is nowhere, and so is what lies off the globe', () => {
    assert.equal(toEmbedded({ 'Keys:GPSCoordinates': '0 0 0' }).position, undefined)
    assert.equal(toEmbedded({ 'Keys:GPSCoordinates': '95 10' }).position, undefined)
    assert.deepEqual(toEmbedded({ 'Keys:GPSCoordinates': '0 10' }).position, { latitude: 0, longitude: 10 })
  })

  test('below the sea is negative wherever it stands', () => {
    for (const group of ['GPS', 'XMP-exif']) {
      const { position } = toEmbedded({
        'Composite:GPSLatitude': 31.5,
        'Composite:GPSLongitude': 35.5,
        'Composite:GPSAltitude': 430,
        [`${group}:GPSAltitude`]: 430,
        [`${group}:GPSAltitudeRef`]: 1,
      })
      assert.equal(position?.altitudeM, -430)
    }
  })

  test('pairs both halves of a live photo', () => {
    assert.equal(toEmbedded({ 'Apple:ContentIdentifier': 'X' }).contentIdentifier, 'X')
    assert.equal(toEmbedded({ 'Apple:MediaGroupUUID': 'X' }).contentIdentifier, 'X')
    assert.equal(toEmbedded({ 'Keys:ContentIdentifier': 'X' }).contentIdentifier, 'X')
  })

  test('a rejected picture (rating -1) is no unrated one', () => {
    assert.equal(toEmbedded({ 'XMP-xmp:Rating': -1 }).rating, -1)
    assert.equal(toEmbedded({ 'XMP-xmp:Rating': 4 }).rating, 4)
  })

  test('values of the wrong shape say nothing', () => {
    const odd = {
      'IFD0:Make': {},
      'XMP-dc:Subject': [[], null],
      'XMP-mwg-rs:RegionInfo': 'x',
      'Keys:Model': [],
    }
    assert.deepEqual(toEmbedded(odd), { taken: [], people: [], keywords: [] })
  })
})
