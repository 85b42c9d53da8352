/**
 * exiftool judges what the splice made: of pictures made here and, where the folder exists, of real ones. All
 * files are read by two exiftool processes, one before and one after.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { exiftoolPath } from 'exiftool-vendored'
import sharp, { type Sharp } from 'sharp'
import { parseTiff, valueBytes } from '../exif/tiff.ts'
import type { MetadataPatch } from '../metadata.ts'
import { planPatch } from '../plan-patch.ts'
import { sliceParts } from '../splice-parts.ts'
import { readJpegMetadata } from './jpeg-reader.ts'
import { planJpegSplice } from './jpeg-splice.ts'
import { parseJpegHeader, startsWith, toSegment } from './segments.ts'

const SAMPLES = resolve('..', 'shared', 'samples')

/** Everything at once, with every character that something in between may spoil. */
const PATCH: MetadataPatch = {
  taken: { local: '2014-05-01T12:30:00.120', at: Date.parse('2014-05-01T10:30:00.120Z'), offsetMinutes: 120 },
  position: { latitude: -33.8568, longitude: 151.2153, altitudeM: -12.5 },
  caption: 'Grüße aus 東京 & <b>"mehr"</b>\nzweite Zeile',
  people: ['Zoë Ångström', 'Bob & Co'],
  keywords: ['Sommer 東京'],
  hierarchicalKeywords: ['Album|Sommer 東京', 'People|Zoë Ångström'],
  rating: 5,
  originalName: 'IMG "1" & 2.jpg',
}

/** What exiftool has to read back of {@link PATCH}. A caption of the file's own stays where there is one. */
const EXPECTED: Record<string, unknown> = {
  'ExifIFD:DateTimeOriginal': '2014:05:01 12:30:00',
  'ExifIFD:CreateDate': '2014:05:01 12:30:00',
  'ExifIFD:SubSecTimeOriginal': 120,
  'ExifIFD:OffsetTimeOriginal': '+02:00',
  'ExifIFD:OffsetTimeDigitized': '+02:00',
  'GPS:GPSLatitude': 33.8568,
  'GPS:GPSLatitudeRef': 'S',
  'GPS:GPSLongitude': 151.2153,
  'GPS:GPSLongitudeRef': 'E',
  'GPS:GPSAltitude': 12.5,
  'GPS:GPSAltitudeRef': 1,
  'XMP-exif:DateTimeOriginal': '2014:05:01 12:30:00.120+02:00',
  'XMP-photoshop:DateCreated': '2014:05:01 12:30:00.120+02:00',
  'XMP-xmp:CreateDate': '2014:05:01 12:30:00.120+02:00',
  'XMP-exif:GPSLatitude': -33.8568,
  'XMP-exif:GPSLongitude': 151.2153,
  'XMP-xmp:Rating': 5,
  'XMP-xmpMM:PreservedFileName': 'IMG "1" & 2.jpg',
}

const LISTS: Record<string, readonly string[]> = {
  'XMP-iptcExt:PersonInImage': ['Zoë Ångström', 'Bob & Co'],
  'XMP-dc:Subject': ['Sommer 東京'],
  'XMP-lr:HierarchicalSubject': ['Album|Sommer 東京', 'People|Zoë Ångström'],
}

const CAPTIONS = ['IFD0:ImageDescription', 'XMP-dc:Description']

/** Tags that a patch may change, beside those of {@link EXPECTED}, and what follows from them or from the copy. */
const MAY_CHANGE = new RegExp(
  [
    '^(?:SourceFile$|ExifTool:|System:|Composite:|File:(?:CurrentIPTCDigest|ExifByteOrder)$)',
    '^ExifIFD:(?:SubSecTime(?:Original|Digitized)?|OffsetTime(?:Original|Digitized)?|DateTimeOriginal|CreateDate)$',
    '^IFD0:(?:ModifyDate|ImageDescription|Rating|RatingPercent)$',
    '^GPS:GPS(?:VersionID|Latitude|Longitude|Altitude)(?:Ref)?$',
    '^XMP-(?:exif:(?:DateTimeOriginal|GPS(?:Latitude|Longitude|Altitude)(?:Ref)?)|xmp:(?:CreateDate|Rating))$',
    '^XMP-(?:photoshop:DateCreated|dc:(?:Description|Subject)|xmpMM:PreservedFileName)$',
    '^XMP-(?:iptcExt:PersonInImage|lr:HierarchicalSubject)$',
    '^IPTC:(?:CodedCharacterSet|ApplicationRecordVersion|Caption-Abstract|Keywords|DateCreated|TimeCreated)$',
    '^Photoshop:IPTCDigest$',
    // Counted from the file's start: follows the EXIF block where XMP stands before it.
    '^IFD1:ThumbnailOffset$',
  ].join('|'),
  'u',
)

/** Required fields and such that a block made from nothing brings along. */
const MAY_APPEAR =
  /^(?:IFD0:(?:[XY]Resolution|ResolutionUnit|YCbCrPositioning)|ExifIFD:(?:ExifVersion|ComponentsConfiguration|FlashpixVersion|ColorSpace|ExifImage(?:Width|Height))|XMP-x:XMPToolkit)$/u

type Tags = Record<string, unknown>

interface Case {
  readonly name: string
  readonly source: Buffer
  result: Buffer
  before: Tags
  after: Tags
}

const folder: string = await mkdtemp(join(tmpdir(), 'heirloom-splice-'))
after(() => rm(folder, { recursive: true, force: true }))

/** Reads all tags of files by one exiftool process. */
async function readTags(files: readonly string[]): Promise<Tags[]> {
  const options = [
    '-j',
    '-n',
    '-a',
    '-G1:4',
    '-s',
    '-api',
    'requesttags=ImageDataHash',
    '-all',
    '-validate',
    '-warning',
  ]
  const run = promisify(execFile)(await exiftoolPath(), [...options, ...files], { maxBuffer: 1 << 28 })
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  return (JSON.parse(stdout) as Tags[]).map(withoutCopyNumbers)
}

/** exiftool numbers copies of a name over all groups; here only those within one group count. */
function withoutCopyNumbers(tags: Tags): Tags {
  const plain: Tags = {}
  for (const [tag, value] of Object.entries(tags)) {
    let name = tag.replace(/:Copy\d+/u, '')
    while (name in plain) name += '+'
    plain[name] = value
  }
  return plain
}

async function judge(cases: readonly Omit<Case, 'before' | 'after'>[], where: string): Promise<Case[]> {
  const names = cases.map((_, index) => join(folder, `${where}-${index}`))
  await Promise.all(
    cases.flatMap(({ source, result }, index) => [
      writeFile(`${names[index]}-before.jpg`, source),
      writeFile(`${names[index]}-after.jpg`, result),
    ]),
  )
  const [before = [], after = []] = await Promise.all([
    readTags(names.map((name) => `${name}-before.jpg`)),
    readTags(names.map((name) => `${name}-after.jpg`)),
  ])
  return cases.map((entry, index) => ({ ...entry, before: before[index] ?? {}, after: after[index] ?? {} }))
}

function splice(source: Buffer, patch: MetadataPatch = PATCH): Buffer {
  const plan = planJpegSplice(source, source.length, patch)
  assert.equal(plan.kind, 'splice', plan.kind === 'handover' ? plan.reason : '')
  if (plan.kind !== 'splice') return source
  const result = Buffer.concat(sliceParts(source, plan.parts))
  assert.equal(result.length, plan.sizeBytes)
  return result
}

function checkOthersUnchanged({ before, after }: Case): void {
  assert.match(String(after['File:ImageDataHash']), /^[0-9a-f]{32}$/u)
  for (const tag of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (MAY_CHANGE.test(tag) || (before[tag] === undefined && MAY_APPEAR.test(tag))) continue
    assert.deepEqual(after[tag], before[tag], tag)
  }
}

function checkNoNewWarnings({ before, after }: Case): void {
  const warnings = (tags: Tags): Set<string> =>
    new Set(
      Object.entries(tags)
        .filter(([tag]) => /:(?:Warning|Error)\+*$/u.test(tag))
        .map(([, text]) => String(text))
        // The camera's version stays as it is, as it does when exiftool writes the offset.
        .filter((text) => !/OffsetTime\w* requires ExifVersion 0231/u.test(text)),
    )
  const known = warnings(before)
  assert.deepEqual(
    [...warnings(after)].filter((text) => !known.has(text)),
    [],
  )
}

function checkWritten({ before, after }: Case): void {
  for (const [tag, value] of Object.entries(EXPECTED)) {
    const isSame =
      typeof value === 'number' ? Math.abs(Number(after[tag]) - value) < 1e-8 : after[tag] === value
    assert.ok(isSame, `${tag}: ${String(after[tag])}`)
  }
  for (const [tag, items] of Object.entries(LISTS)) {
    const all = [after[tag]].flat()
    const wanted = [...items, ...(before[tag] === undefined ? [] : [before[tag]].flat())]
    assert.deepEqual(
      wanted.filter((item) => !all.includes(item)),
      [],
      tag,
    )
  }
  for (const tag of CAPTIONS) {
    const own = String(before[tag] ?? '').trim()
    const isCameras = ['', 'SONY DSC', 'OLYMPUS DIGITAL CAMERA'].includes(own)
    assert.equal(String(after[tag]).trim(), isCameras ? PATCH.caption : own, tag)
  }
}

/** The maker note lies at the same place of the EXIF block with the same bytes. */
function makerNoteOf(jpeg: Buffer): { at: number; bytes: string } | undefined {
  const header = parseJpegHeader(jpeg)
  if (typeof header === 'string') return undefined
  const segment = header.segments.find((candidate) => startsWith(jpeg, candidate, 'Exif\0\0'))
  const block = segment && jpeg.subarray(segment.dataAt + 6, segment.to)
  const entry = block && parseTiff(block)?.exif?.entries.find(({ tag }) => tag === 0x927c)
  if (entry === undefined || block === undefined) return undefined
  return { at: entry.valueAt, bytes: valueBytes(block, entry)?.toString('hex') ?? '' }
}

/** All that is wrong with any file, not only the first. */
function collectFailures(cases: readonly Case[], check: (entry: Case) => void): void {
  const failures = cases.flatMap((entry) => {
    try {
      check(entry)
      return []
    } catch (error) {
      return [`${entry.name}: ${String(error)}`]
    }
  })
  assert.deepEqual(failures, [])
}

// # Pictures made here

/** A small picture with some texture. */
async function picture(change: (image: Sharp) => Sharp = (image) => image): Promise<Buffer> {
  const image = sharp({
    create: {
      width: 96,
      height: 64,
      channels: 3,
      background: '#4080c0',
      noise: { type: 'gaussian', mean: 128, sigma: 30 },
    },
  })
  return change(image).jpeg({ quality: 80 }).toBuffer()
}

const GCAMERA_XMP = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
 xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/"
 GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" GCamera:MotionPhotoPresentationTimestampUs="500000" hdrgm:Version="1.0">
<Container:Directory><rdf:Seq>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="Primary" Item:Length="0" Item:Padding="0"/></rdf:li>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Semantic="MotionPhoto" Item:Length="2048" Item:Padding="0"/></rdf:li>
</rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>`

/** What stands for the MP4 behind a motion photo: its first box, then bytes that look like markers. */
const TRAILER: Buffer = Buffer.concat([
  Buffer.from('00000018667479706d703432000000006d70343269736f6d', 'hex'),
  Buffer.alloc(2024, Buffer.from('ffd9ffe1', 'hex')),
])

function insertSegments(jpeg: Buffer, ...segments: readonly Buffer[]): Buffer {
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)])
}

async function madeCases(): Promise<{ name: string; source: Buffer }[]> {
  const plain = await picture()
  const latin1 = insertSegments(
    plain,
    toSegment(
      0xed,
      Buffer.from('Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0a\x1c\x02\x78\0\x05Gr\xfc\xdfe', 'latin1'),
    ),
  )
  const toXmp = (xmp: string): Buffer => toSegment(0xe1, Buffer.from(`http://ns.adobe.com/xap/1.0/\0${xmp}`))
  return [
    { name: 'a picture without any metadata', source: plain },
    {
      name: 'a picture with a little-endian EXIF block',
      source: await picture((image) => image.withExif({ IFD0: { Make: 'Acme' } })),
    },
    { name: 'a picture with a colour profile', source: await picture((image) => image.withIccProfile('p3')) },
    { name: 'a progressive picture', source: await sharp(plain).jpeg({ progressive: true }).toBuffer() },
    {
      name: 'a motion photo with its directory',
      source: Buffer.concat([insertSegments(plain, toXmp(GCAMERA_XMP)), TRAILER]),
    },
    { name: 'IPTC in Latin-1', source: latin1 },
  ]
}

describe('pictures made here', () => {
  let cases: Case[] = []
  before(async () => {
    const made = await madeCases()
    cases = await judge(
      made.map((entry) => ({ ...entry, result: splice(entry.source) })),
      'made',
    )
  })
  const each = (check: (entry: Case) => void): void => {
    assert.ok(cases.length > 5)
    collectFailures(cases, check)
  }

  test('say what the patch says', () => each(checkWritten))
  test('are unchanged in everything else, the picture data included', () =>
    each((entry) => {
      const { before, after } = entry
      for (const tags of [before, after]) {
        delete tags['System:FileSize']
      }
      assert.equal(after['File:ImageDataHash'], before['File:ImageDataHash'])
      checkOthersUnchanged(entry)
    }))
  test('give exiftool no new reason to warn', () => each(checkNoNewWarnings))

  test('carry caption and keywords in IPTC as declared UTF-8', () => {
    const { after } = cases[0]!
    assert.equal(after['IPTC:CodedCharacterSet'], '\u001B%G')
    assert.equal(after['IPTC:Caption-Abstract'], PATCH.caption)
    assert.equal(after['IPTC:Keywords'], 'Sommer 東京')
    assert.equal(after['IPTC:DateCreated'], '2014:05:01')
    assert.equal(after['IPTC:TimeCreated'], '12:30:00+02:00')
  })
  test('keep IPTC text of an unknown character set as it is', () => {
    const entry = cases.find(({ name }) => name === 'IPTC in Latin-1')!
    assert.equal(entry.after['IPTC:Caption-Abstract'], 'Grüße')
    assert.equal(entry.after['IPTC:CodedCharacterSet'], undefined)
  })
  test('keep the video behind a motion photo byte for byte', () => {
    const { source, result } = cases.find(({ name }) => name.startsWith('a motion photo'))!
    assert.ok(result.length > source.length)
    assert.deepEqual(result.subarray(-TRAILER.length), TRAILER)
    assert.equal(readJpegMetadata(result).motionPhoto, true)
  })
})

// # Real pictures

const sampleFiles: string[] = existsSync(SAMPLES)
  ? (await readdir(SAMPLES, { recursive: true })).filter((name) => name.endsWith('.jpg')).sort()
  : []

describe('real pictures', {
  skip: sampleFiles.length === 0 && 'no samples folder beside the project',
}, () => {
  let cases: Case[] = []
  const handedOver: string[] = []
  before(async () => {
    const spliced: { name: string; source: Buffer; result: Buffer }[] = []
    for (const name of sampleFiles) {
      const source = await readFile(join(SAMPLES, name))
      const plan = planJpegSplice(source, source.length, PATCH)
      if (plan.kind === 'splice') spliced.push({ name, source, result: splice(source) })
      else handedOver.push(name)
    }
    cases = await judge(spliced, 'sample')
  })
  const each = (check: (entry: Case) => void): void => {
    assert.ok(cases.length > 20)
    collectFailures(cases, check)
  }

  test('are spliced but for the one that hides a picture behind its maker note', () => {
    assert.deepEqual(handedOver, ['damaged/corrupted.jpg'])
  })
  test('say what the patch says', () => each(checkWritten))
  test('are unchanged in everything else, the picture data included', () =>
    each((entry) => {
      assert.equal(entry.after['File:ImageDataHash'], entry.before['File:ImageDataHash'])
      checkOthersUnchanged(entry)
    }))
  test('keep their maker notes in place', () =>
    each(({ source, result }) => assert.deepEqual(makerNoteOf(result), makerNoteOf(source))))
  test('give exiftool no new reason to warn', () => each(checkNoNewWarnings))
  test('need nothing more the second time', () =>
    each(({ result }) => assert.equal(planJpegSplice(result, result.length, PATCH).kind, 'unchanged')))
  test('are planned to be left as they are once they say all of it', () =>
    each(({ result }) => {
      const wanted = { people: ['Bob & Co'], albums: ['Sommer 東京'], favourite: true }
      const patch = planPatch(readJpegMetadata(result), wanted)
      assert.deepEqual(patch, { hierarchicalKeywords: ['People|Bob & Co'] })
    }))
})
