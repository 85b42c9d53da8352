import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { MetadataPatch } from '../metadata.ts'
import { GPS_TAGS, readExif, TAGS } from './exif-reader.ts'
import { patchExif } from './exif-writer.ts'
import { EXIF_POINTER, GPS_POINTER, parseTiff, valueBytes } from './tiff.ts'
import type { TiffValue } from './tiff-append.ts'
import { appendChanges, ascii, bytesValue, long, rationals, short } from './tiff-append.ts'

const PICTURE = { widthPx: 640, heightPx: 480 }
const MAKER_NOTE = Buffer.from('Acme\0private bytes with offsets', 'latin1')

type Fields = readonly (readonly [number, TiffValue])[]

/** A block as a camera would write it, in either byte order. */
function makeBlock(
  littleEndian: boolean,
  fields: { image?: Fields; exif?: Fields; gps?: Fields } = {},
): Buffer {
  const header = Buffer.from(littleEndian ? '49492a0000000000' : '4d4d002a00000000', 'hex')
  const exif = appendChanges(header, littleEndian, undefined, new Map(fields.exif))
  const gps = appendChanges(exif.bytes, littleEndian, undefined, new Map(fields.gps))
  const image: Fields = [
    ...(fields.image ?? []),
    [EXIF_POINTER, long(exif.at, littleEndian)],
    [GPS_POINTER, long(gps.at, littleEndian)],
  ]
  const { bytes, at } = appendChanges(gps.bytes, littleEndian, undefined, new Map(image))
  long(at, littleEndian).data.copy(bytes, 4)
  return bytes
}

function makeCameraBlock(littleEndian: boolean): Buffer {
  return makeBlock(littleEndian, {
    image: [
      [TAGS.make, ascii('Acme')],
      [TAGS.orientation, short(6, littleEndian)],
    ],
    exif: [
      [TAGS.dateTimeOriginal, ascii('2014:05:01 12:30:00')],
      [TAGS.createDate, ascii('2014:05:01 12:30:00')],
      [TAGS.makerNote, bytesValue(7, MAKER_NOTE)],
    ],
  })
}

function patched(block: Buffer | undefined, patch: MetadataPatch): Buffer {
  const result = patchExif(block, patch, PICTURE)
  assert.equal(result.kind, 'patched', result.kind === 'unsafe' ? result.reason : '')
  return result.kind === 'patched' ? result.bytes : Buffer.alloc(0)
}

const coordinate = (limit: number): fc.Arbitrary<number> =>
  fc.double({ min: -limit, max: limit, noNaN: true }).filter((value) => Math.abs(value) > 1e-6)

/** Patches as the planner makes them, with plain and odd values. */
const patches: fc.Arbitrary<MetadataPatch> = fc.record(
  {
    taken: fc
      .tuple(
        fc.date({ min: new Date('1900-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
        fc.integer({ min: -48, max: 56 }),
      )
      .map(([date, quarters]) => {
        const local = date.toISOString().slice(0, 23)
        return { local, at: date.getTime() - quarters * 900_000, offsetMinutes: quarters * 15 }
      }),
    position: fc.record({
      latitude: coordinate(90),
      longitude: coordinate(180),
      altitudeM: fc.double({ min: -400, max: 8848, noNaN: true }),
    }),
    caption: fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => /^\P{C}*$/u.test(text) && /\p{L}{3}/u.test(text)),
  },
  { requiredKeys: ['taken', 'position'] },
)

describe('patchExif', () => {
  for (const order of ['little', 'big', 'none'] as const) {
    const block = order === 'none' ? undefined : makeCameraBlock(order === 'little')
    const name = order === 'none' ? 'a file without a block' : `a ${order}-endian block`

    test(`what is written into ${name} is read again, and needs no second writing`, () => {
      fc.assert(
        fc.property(patches, (patch) => {
          const bytes = patched(block, patch)
          const read = readExif(bytes)
          const [date] = read.taken
          assert.equal(date?.local?.replace(/\.000$/u, ''), patch.taken?.local.replace(/\.000$/u, ''))
          assert.equal(date?.offsetMinutes, patch.taken?.offsetMinutes)
          for (const key of ['latitude', 'longitude'] as const) {
            assert.ok(Math.abs((read.position?.[key] ?? 999) - (patch.position?.[key] ?? 0)) < 1e-9)
          }
          assert.ok(Math.abs((read.position?.altitudeM ?? 9e9) - (patch.position?.altitudeM ?? 0)) < 1e-3)
          if (patch.caption !== undefined) assert.equal(read.caption, patch.caption.trim())
          assert.deepEqual(patchExif(bytes, patch, PICTURE), { kind: 'unchanged' })
        }),
        { numRuns: 60 },
      )
    })
  }

  for (const littleEndian of [true, false]) {
    test(`nothing of a ${littleEndian ? 'little' : 'big'}-endian block moves`, () => {
      const block = makeCameraBlock(littleEndian)
      const bytes = patched(block, { position: { latitude: 1, longitude: 2 }, caption: 'a caption' })
      // All but the header's pointer to IFD0, which has grown and stands at the end.
      assert.deepEqual(bytes.subarray(8, block.length), block.subarray(8))
      const entry = parseTiff(bytes)?.exif?.entries.find(({ tag }) => tag === TAGS.makerNote)
      assert.deepEqual(entry && valueBytes(bytes, entry), MAKER_NOTE)
      assert.equal(entry?.valueAt, block.indexOf(MAKER_NOTE))
      assert.equal(readExif(bytes).orientation, 6)
      assert.deepEqual(parseTiff(bytes)?.oddities, [])
    })
  }

  test('a zone goes beside the dates of the same moment only', () => {
    const block = makeBlock(true, {
      image: [[TAGS.modifyDate, ascii('2020:01:01 10:00:00')]],
      exif: [
        [TAGS.dateTimeOriginal, ascii('2014:05:01 12:30:00')],
        [TAGS.createDate, ascii('2014:05:01 12:30:00')],
      ],
    })
    const offsets = readExif(patched(block, { offsetMinutes: -210 })).taken.map((date) => date.offsetMinutes)
    assert.deepEqual(offsets, [-210, -210, undefined])
  })

  test('a new date takes the fraction and the zone of the old one away', () => {
    const block = makeBlock(false, {
      exif: [
        [TAGS.dateTimeOriginal, ascii('2000:01:01 00:00:00')],
        [TAGS.subSecTimeOriginal, ascii('77')],
        [TAGS.offsetTimeOriginal, ascii('+09:00')],
      ],
    })
    const [date] = readExif(patched(block, { taken: { local: '2014-05-01T12:30:00', at: 0 } })).taken
    assert.deepEqual(date, {
      source: 'embedded',
      detail: 'DateTimeOriginal',
      local: '2014-05-01T12:30:00',
      precision: 'second',
    })
  })

  test('a date of the last change is written only where there is none', () => {
    const block = makeBlock(true, { image: [[TAGS.modifyDate, ascii('2020:01:01 10:00:00')]] })
    const taken = { local: '2014-05-01T12:30:00', at: 0 }
    const modified = (bytes: Buffer): string | undefined =>
      readExif(bytes).taken.find(({ detail }) => detail === 'ModifyDate')?.local
    assert.equal(modified(patched(block, { taken })), '2020-01-01T10:00:00')
    assert.equal(modified(patched(makeBlock(true), { taken })), '2014-05-01T12:30:00')
  })

  test('a caption is replaced only by one that contains it, or when the camera wrote it', () => {
    const withCaption = (caption: string): Buffer =>
      makeBlock(true, { image: [[TAGS.imageDescription, ascii(caption)]] })
    assert.equal(patchExif(withCaption('Mum'), { caption: 'Dad' }, PICTURE).kind, 'unchanged')
    assert.equal(readExif(patched(withCaption('Mum'), { caption: 'Mum\n\nDad' })).caption, 'Mum\n\nDad')
    assert.equal(readExif(patched(withCaption('OLYMPUS DIGITAL CAMERA'), { caption: 'Dad' })).caption, 'Dad')
  })

  const odd: { oddity: string; block: () => Buffer; reason: RegExp }[] = [
    { oddity: 'no TIFF header', block: () => Buffer.alloc(64), reason: /no TIFF header/u },
    {
      oddity: 'a directory outside',
      block: () => Buffer.from('49492a00ff000000', 'hex'),
      reason: /IFD0 lies outside/u,
    },
    {
      oddity: 'directories in a ring',
      block: () => Buffer.from('49492a0008000000' + '0100' + '698704000100000008000000' + '00000000', 'hex'),
      reason: /overlaps/u,
    },
    {
      oddity: 'a value outside',
      block: () => makeCameraBlock(true).subarray(0, -8),
      reason: /outside/u,
    },
  ]
  for (const { oddity, block, reason } of odd) {
    test(`leaves a block alone that has ${oddity}`, () => {
      const result = patchExif(block(), { caption: 'a caption' }, PICTURE)
      assert.equal(result.kind, 'unsafe')
      if (result.kind === 'unsafe') assert.match(result.reason, reason)
    })
  }

  test('random bytes are read and patched without an error', () => {
    const bytes = fc
      .tuple(fc.boolean(), fc.uint8Array({ minLength: 4, maxLength: 400 }))
      .map(([little, rest]) => Buffer.concat([Buffer.from(little ? '49492a00' : '4d4d002a', 'hex'), rest]))
    fc.assert(
      fc.property(bytes, (block) => {
        readExif(block)
        patchExif(block, { caption: 'a caption', offsetMinutes: 60 }, PICTURE)
      }),
      { numRuns: 2000 },
    )
  })

  test('a sound block with any bytes overwritten is read and patched without an error', () => {
    const flips = fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(flips, fc.boolean(), (places, little) => {
        const block = makeCameraBlock(little)
        for (const [at, byte] of places) block[8 + (at % (block.length - 8))] = byte
        readExif(block)
        patchExif(block, { caption: 'a caption', position: { latitude: 1, longitude: 1 } }, PICTURE)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('readExif', () => {
  const gps = (
    latitude: readonly (readonly [number, number])[],
    longitude: readonly (readonly [number, number])[],
    refs = ['N', 'W'],
  ): Fields => [
    [GPS_TAGS.latitudeRef, ascii(refs[0] ?? '')],
    [GPS_TAGS.latitude, rationals(latitude, true)],
    [GPS_TAGS.longitudeRef, ascii(refs[1] ?? '')],
    [GPS_TAGS.longitude, rationals(longitude, true)],
  ]
  const places: { place: string; fields: Fields; position: unknown }[] = [
    {
      place: 'degrees, minutes, seconds and a height below the sea',
      fields: [
        ...gps(
          [
            [31, 1],
            [30, 1],
            [1800, 100],
          ],
          [
            [35, 1],
            [30, 1],
            [0, 1],
          ],
          ['N', 'E'],
        ),
        [GPS_TAGS.altitudeRef, bytesValue(1, Buffer.from([1]))],
        [GPS_TAGS.altitude, rationals([[4305, 10]], true)],
      ],
      position: { latitude: 31.505, longitude: 35.5, altitudeM: -430.5 },
    },
    {
      place: 'west and south',
      fields: gps([[10, 1]], [[20, 1]], ['S', 'W']),
      position: { latitude: -10, longitude: -20 },
    },
    { place: 'on the equator', fields: gps([[0, 1]], [[20, 1]]), position: { latitude: 0, longitude: -20 } },
    { place: 'nowhere: 0/0', fields: gps([[0, 1]], [[0, 1]]), position: undefined },
    { place: 'nowhere: blank fractions', fields: gps([[0, 0]], [[0, 0]]), position: undefined },
    { place: 'nowhere: no references', fields: gps([[10, 1]], [[20, 1]], ['', '']), position: undefined },
    { place: 'nowhere: half of it', fields: gps([[10, 1]], [[20, 1]]).slice(0, 2), position: undefined },
    {
      place: 'nowhere: more than there are degrees',
      fields: gps([[100, 1]], [[20, 1]]),
      position: undefined,
    },
  ]
  for (const { place, fields, position } of places) {
    test(`finds ${place}`, () =>
      assert.deepEqual(readExif(makeBlock(true, { gps: fields })).position, position))
  }

  test('reads the satellites time as an instant without a wall clock', () => {
    const fields: Fields = [
      [GPS_TAGS.dateStamp, ascii('2008:10:23')],
      [
        GPS_TAGS.timeStamp,
        rationals(
          [
            [14, 1],
            [27, 1],
            [724, 100],
          ],
          true,
        ),
      ],
    ]
    assert.deepEqual(readExif(makeBlock(true, { gps: fields })).taken, [
      {
        source: 'embedded',
        detail: 'GPSDateTime',
        at: Date.UTC(2008, 9, 23, 14, 27, 7, 240),
        precision: 'second',
      },
    ])
  })

  test('takes no camera words for a caption, and looks into the other fields', () => {
    const block = makeBlock(false, {
      image: [[TAGS.imageDescription, ascii('OLYMPUS DIGITAL CAMERA')]],
      exif: [[TAGS.userComment, bytesValue(7, Buffer.from('UNICODE\0\0G\0r\0\u00fc\0n', 'latin1'))]],
    })
    assert.equal(readExif(block).caption, 'Grün')
  })

  test("finds the pairing id of a live photo in Apple's maker note", () => {
    const id = '0F4E5D2A-8C11-4B6E-9D3B-1234567890AB'
    const note = Buffer.concat([
      Buffer.from('Apple iOS\0\0\u0001MM', 'latin1'),
      Buffer.from('0001' + '0011000200000025' + '00000020' + '00000000', 'hex'),
      Buffer.from(`${id}\0`),
    ])
    const block = makeBlock(true, { exif: [[TAGS.makerNote, bytesValue(7, note)]] })
    assert.equal(readExif(block).contentIdentifier, id)
  })

  test("reads Windows' fields in its own byte order", () => {
    const utf16 = (text: string): TiffValue => bytesValue(1, Buffer.from(`${text}\0`, 'utf16le'))
    const block = makeBlock(false, {
      image: [
        [TAGS.xpTitle, utf16('東京')],
        [TAGS.xpKeywords, utf16('sea;sun; sea')],
        [TAGS.rating, short(4, false)],
      ],
    })
    const { caption, keywords, rating } = readExif(block)
    assert.deepEqual({ caption, keywords, rating }, { caption: '東京', keywords: ['sea', 'sun'], rating: 4 })
  })
})
