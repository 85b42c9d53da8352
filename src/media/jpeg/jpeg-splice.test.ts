import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import type { MetadataPatch } from '../metadata.ts'
import { sliceParts } from '../splice-parts.ts'
import { readJpegMetadata } from './jpeg-reader.ts'
import { planJpegSplice } from './jpeg-splice.ts'
import { parseJpegHeader, toSegment } from './segments.ts'

const PATCH: MetadataPatch = { caption: 'a caption', rating: 5 }

const bare: Buffer = await sharp({
  create: { width: 32, height: 24, channels: 3, background: '#248' },
})
  .jpeg()
  .toBuffer()

/** JFIF 1.2 at 300 dots per inch. */
const JFIF: Buffer = toSegment(0xe0, Buffer.from('4a46494600010201012c012c0000', 'hex'))

const plain: Buffer = Buffer.concat([bare.subarray(0, 2), JFIF, bare.subarray(2)])

function withSegments(...segments: readonly Buffer[]): Buffer {
  return Buffer.concat([bare.subarray(0, 2), JFIF, ...segments, bare.subarray(2)])
}

function xmp(inside: string): Buffer {
  return toSegment(
    0xe1,
    Buffer.from(
      `http://ns.adobe.com/xap/1.0/\0<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description>${inside}</rdf:Description></rdf:RDF>`,
    ),
  )
}

/** A little-endian block whose ExifIFD has a maker note of eight bytes: two 32-bit numbers. */
function exifWithMakerNote(first: number, second: number): Buffer {
  const block = Buffer.from(
    '49492a0008000000' +
      '0100' +
      '6987040001000000' +
      '1a000000' +
      '00000000' +
      '0100' +
      '7c92070008000000' +
      '2c000000' +
      '00000000' +
      '0000000000000000',
    'hex',
  )
  block.writeUInt32LE(first, 44)
  block.writeUInt32LE(second, 48)
  return toSegment(0xe1, Buffer.from('Exif\0\0'), block)
}

/** Two pictures in one file, with the directory of CIPA DC-007 that says where the second lies. */
function multiPicture(second: Buffer, early: readonly Buffer[], late: readonly Buffer[]): Buffer {
  const build = (offset: number): Buffer => {
    const mpf = Buffer.from(
      '49492a0008000000' +
        '0300' +
        '00b00700040000003031303001b004000100000002000000' +
        '02b0070020000000' +
        '32000000' +
        '00000000' +
        '00000000'.repeat(8),
      'hex',
    )
    mpf.writeUInt32LE(0x030000, 50)
    mpf.writeUInt32LE(bare.length, 54)
    mpf.writeUInt32LE(second.length, 50 + 20)
    mpf.writeUInt32LE(offset, 50 + 24)
    return withSegments(...early, toSegment(0xe2, Buffer.from('MPF\0'), mpf), ...late)
  }
  const draft = build(0)
  const tiffAt = draft.indexOf('MPF\0') + 4
  return Buffer.concat([build(draft.length - tiffAt), second])
}

function splice(source: Buffer, patch: MetadataPatch = PATCH): Buffer {
  const plan = planJpegSplice(source, source.length, patch)
  assert.equal(plan.kind, 'splice', plan.kind === 'handover' ? plan.reason : '')
  return plan.kind === 'splice' ? Buffer.concat(sliceParts(source, plan.parts)) : source
}

describe('planJpegSplice', () => {
  const preview = Buffer.concat([Buffer.alloc(16), plain])
  const cases: { file: string; bytes: Buffer; reason: RegExp; patch?: MetadataPatch }[] = [
    { file: 'no JPEG', bytes: Buffer.from('GIF89a and more'), reason: /does not begin as a JPEG/u },
    { file: 'nothing', bytes: Buffer.alloc(0), reason: /does not begin as a JPEG/u },
    { file: 'a header cut off', bytes: plain.subarray(0, 100), reason: /cut off|does not begin/u },
    {
      file: 'junk between segments',
      bytes: withSegments(Buffer.from('junk')),
      reason: /no marker at byte 20/u,
    },
    {
      file: 'two EXIF blocks',
      bytes: withSegments(exifWithMakerNote(0, 0), exifWithMakerNote(0, 0)),
      reason: /2 Exif segments/u,
    },
    { file: 'two XMP packets', bytes: withSegments(xmp(''), xmp('')), reason: /2 http/u },
    {
      file: 'a broken XMP packet',
      bytes: withSegments(xmp('<a>')),
      reason: /xmp packet is not well-formed/u,
    },
    {
      file: 'a broken EXIF block',
      bytes: withSegments(toSegment(0xe1, Buffer.from('Exif\0\0II*\0\xff\xff\0\0', 'latin1'))),
      reason: /IFD0 lies outside/u,
    },
    {
      file: 'an XMP packet that is nearly full',
      bytes: withSegments(xmp('x'.repeat(65_000))),
      patch: { people: ['y'.repeat(600)] },
      reason: /does not fit/u,
    },
    {
      file: 'a maker note and a picture behind the picture',
      bytes: Buffer.concat([withSegments(exifWithMakerNote(0, 0)), preview]),
      reason: /may point to the preview/u,
    },
  ]
  for (const { file, bytes, reason, patch } of cases) {
    test(`hands over ${file}`, () => {
      const plan = planJpegSplice(bytes, bytes.length, patch ?? PATCH)
      assert.equal(plan.kind, 'handover')
      if (plan.kind === 'handover') assert.match(plan.reason, reason)
    })
  }

  test('hands over a maker note that points at the second of two pictures, and no other', () => {
    const build = (pointer: number, start: number): Buffer => {
      const directory = Buffer.from(
        `49492a0008000000010002b00700200000001a00000000000000${'00'.repeat(32)}`,
        'hex',
      )
      directory.writeUInt32LE(start, 26 + 16 + 8)
      const mpf = toSegment(0xe2, Buffer.from('MPF\0'), directory)
      return Buffer.concat([withSegments(exifWithMakerNote(7, pointer), mpf), plain])
    }
    const draft = build(0, 0)
    const start = draft.length - plain.length
    const offset = start - (draft.indexOf('MPF\0') + 4)
    assert.equal(planJpegSplice(build(9, offset), draft.length, PATCH).kind, 'splice')
    // Counted from the EXIF block's header, and 32 bytes early as Sony does.
    const pointing = build(start - (draft.indexOf('Exif') + 6) - 32, offset)
    assert.equal(planJpegSplice(pointing, pointing.length, PATCH).kind, 'handover')
  })

  test('keeps the second of two pictures where the directory says', () => {
    const second = Buffer.concat([plain.subarray(0, 2), Buffer.from('second'), plain])
    const note = xmp('<n:Note xmlns:n="urn:n">a note</n:Note>')
    const orders = [
      { early: [], late: [] },
      { early: [note], late: [] },
      { early: [], late: [note] },
      { early: [note], late: [exifWithMakerNote(0, 0)] },
    ]
    for (const { early, late } of orders) {
      const source = multiPicture(second, early, late)
      for (const file of [source, splice(source)]) {
        const tiffAt = file.indexOf('MPF\0') + 4
        assert.deepEqual(file.subarray(tiffAt + file.readUInt32LE(tiffAt + 50 + 24)), second)
      }
    }
  })

  test('keeps the video behind a maker note’s picture without asking anyone', () => {
    const video = Buffer.from('\0\0\0\u0018ftypmp42 \u00ff\u00d8\u00ff', 'latin1')
    const source = Buffer.concat([withSegments(exifWithMakerNote(0, 0)), video])
    assert.deepEqual(splice(source).subarray(-video.length), video)
  })

  test('plans from the first part of a large file, and copies the rest', () => {
    const head = plain.subarray(0, plain.length - 5)
    const plan = planJpegSplice(head, 1_000_000_000, PATCH)
    assert.equal(plan.kind, 'splice')
    if (plan.kind === 'splice') assert.deepEqual(plan.parts.at(-1), { from: 20, to: 1_000_000_000 })
  })

  test('puts EXIF behind JFIF, then XMP, then IPTC, before everything else', () => {
    const header = parseJpegHeader(splice(plain))
    assert.ok(typeof header !== 'string')
    const markers = header.segments.slice(0, 4).map(({ marker }) => marker)
    assert.deepEqual(markers, [0xe0, 0xe1, 0xe1, 0xed])
  })

  test('repeats the density of JFIF in a new EXIF block', () => {
    const result = splice(plain)
    const block = result.subarray(result.indexOf('Exif\0\0') + 6)
    assert.ok(block.includes(Buffer.from('0000012c00000001', 'hex')))
    assert.ok(!block.subarray(0, 300).includes(Buffer.from('0000004800000001', 'hex')))
  })

  test('keeps extended XMP and its link', () => {
    const guid = '0123456789ABCDEF0123456789ABCDEF'
    const extended = toSegment(
      0xe1,
      Buffer.from(`http://ns.adobe.com/xmp/extension/\0${guid}`),
      Buffer.alloc(500, 7),
    )
    const main = xmp(`<n:HasExtendedXMP xmlns:n="http://ns.adobe.com/xmp/note/">${guid}</n:HasExtendedXMP>`)
    const result = splice(withSegments(main, extended))
    assert.ok(result.includes(extended))
    assert.match(result.toString('latin1'), new RegExp(`HasExtendedXMP[^<]*>${guid}<`, 'u'))
    assert.equal(readJpegMetadata(result).caption, 'a caption')
  })

  test('changes nothing where all is said', () => {
    const once = splice(plain)
    assert.deepEqual(planJpegSplice(once, once.length, PATCH), { kind: 'unchanged' })
    assert.deepEqual(planJpegSplice(plain, plain.length, {}), { kind: 'unchanged' })
  })

  test('gives any bytes an answer', () => {
    const source = splice(withSegments(exifWithMakerNote(1, 2)))
    const flips = fc.array(fc.tuple(fc.nat(1500), fc.nat(255)), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(flips, (places) => {
        const bytes = Buffer.from(source)
        for (const [at, byte] of places) bytes[2 + (at % (bytes.length - 2))] = byte
        readJpegMetadata(bytes)
        const plan = planJpegSplice(bytes, bytes.length, { caption: 'another', keywords: ['sea'] })
        if (plan.kind !== 'splice') return
        const sizes = sliceParts(bytes, plan.parts).reduce((sum, part) => sum + part.length, 0)
        assert.equal(sizes, plan.sizeBytes)
      }),
      { numRuns: 400 },
    )
  })
})
