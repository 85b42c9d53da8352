/**
 * exiftool judges what the splice made: read before and after, and beside what exiftool itself makes of the same
 * movie and patch. All files are read by one exiftool process.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { exiftoolPath } from 'exiftool-vendored'
import { movieOf } from '../../../test/support/movie-of.ts'
import { box } from '../../../test/support/tiny-mp4.ts'
import { exiftoolTool } from '../exiftool/exiftool-tool.ts'
import type { MetadataPatch } from '../metadata.ts'
import { sliceParts } from '../splice-parts.ts'
import { planMovieSplice } from './movie-splice.ts'

/** Everything at once, with every character that something in between may spoil. */
const PATCH: MetadataPatch = {
  taken: { local: '2014-05-01T12:30:00.120', at: Date.parse('2014-05-01T10:30:00.120Z'), offsetMinutes: 120 },
  position: { latitude: -33.8568, longitude: 7.2153, altitudeM: -12.5 },
  caption: 'Grüße aus 東京 & <b>"mehr"</b>\nzweite Zeile',
  people: ['Zoë Ångström', 'Bob & Co'],
  keywords: ['Sommer 東京'],
  hierarchicalKeywords: ['Album|Sommer 東京', 'People|Zoë Ångström'],
  rating: 5,
  originalName: 'VID "1" & 2.mp4',
}

/** What exiftool has to read back of {@link PATCH}; with `-n`. */
const EXPECTED: Record<string, unknown> = {
  'QuickTime:CreateDate': '2014:05:01 10:30:00',
  'QuickTime:ModifyDate': '2014:05:01 10:30:00',
  'Track1:TrackCreateDate': '2014:05:01 10:30:00',
  'Track1:TrackModifyDate': '2014:05:01 10:30:00',
  'Track1:MediaCreateDate': '2014:05:01 10:30:00',
  'Track1:MediaModifyDate': '2014:05:01 10:30:00',
  'Keys:CreationDate': '2014:05:01 12:30:00+02:00',
  'Keys:GPSCoordinates': '-33.8568 7.2153 -12.5',
  'UserData:GPSCoordinates': '-33.8568 7.2153 -12.5',
  'XMP-iptcExt:PersonInImage': ['Zoë Ångström', 'Bob & Co'],
  'XMP-lr:HierarchicalSubject': ['Album|Sommer 東京', 'People|Zoë Ångström'],
  'XMP-xmp:Rating': 5,
  'XMP-xmpMM:PreservedFileName': 'VID "1" & 2.mp4',
}

const CAPTIONS = ['Keys:Description', 'XMP-dc:Description']

/** What is of the file and not of its content, or follows from where things lie and with how much padding. */
const OF_THE_FILE =
  /^(?:SourceFile$|ExifTool:|System:|Composite:|QuickTime:(?:MediaDataOffset|Free|Wide)|XMP-x:XMPToolkit$)/u

/** What comes with the patch, beside {@link EXPECTED} and captions. */
const MAY_CHANGE = /^(?:XMP-dc:Subject|Keys:CreationDate-deu-DE|QuickTime:Handler(?:Type|Class)\+*|Warning)$/u

type Tags = Record<string, unknown>

const XMP_OF_OTHERS = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmpDM="http://ns.adobe.com/xmp/1.0/DynamicMedia/" xmpDM:scene="7"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag><rdf:li>mine</rdf:li></rdf:Bag></dc:subject>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">my own words</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>`

const uuidXmp = box(
  'uuid',
  Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex'),
  Buffer.from(XMP_OF_OTHERS),
)
const free = (sizeBytes: number): Buffer => box('free', Buffer.alloc(sizeBytes - 8))
const CREATED = Date.UTC(2001, 0, 1)

const IPHONE = {
  creationdate: '2001-01-01T02:00:00+0200',
  'content.identifier': '0F2A-1',
  description: 'my own words',
  make: 'Apple',
  title: 'a title',
}

/** Keys as `[name, content of its data box]`. */
function keysBox(...keys: readonly [name: string, data: Buffer][]): Buffer {
  const u32 = (value: number): Buffer => Buffer.from([0, 0, 0, value])
  return box(
    'meta',
    box('hdlr', Buffer.alloc(8), Buffer.from('mdta'), Buffer.alloc(13)),
    box('keys', u32(0), u32(keys.length), ...keys.map(([name]) => box('mdta', Buffer.from(name)))),
    box(
      'ilst',
      ...keys.map(([, data], index) => box(`\0\0\0${String.fromCodePoint(index + 1)}`, box('data', data))),
    ),
  )
}

/** A text and a 32-bit float, as Android has them. */
const ANDROID = keysBox(
  ['com.android.version', Buffer.from('\0\0\0\x01\0\0\0\x0013')],
  ['com.android.capture.fps', Buffer.from('0000001700000000420aa3d7', 'hex')],
)

/** An iPhone of Germany: country and language stand before the text. */
const GERMAN = keysBox(
  ['com.apple.quicktime.creationdate', Buffer.from('\0\0\0\x01DE\x10\xb52001-01-01T02:00:00+0200', 'latin1')],
  ['com.apple.quicktime.model', Buffer.from('\0\0\0\x01DE\x10\xb5iPhone 12', 'latin1')],
)

const SOURCES: readonly [name: string, source: Buffer][] = [
  ['header last', movieOf({ createdAt: CREATED, boxes: (moov, mdat) => [mdat, moov] })],
  ['header first', movieOf({ createdAt: CREATED })],
  ['header first with padding', movieOf({ boxes: (moov, mdat) => [moov, free(4096), mdat] })],
  ['padding, samples, header, padding', movieOf({ boxes: (moov, mdat) => [free(64), mdat, moov, free(64)] })],
  [
    'samples on both sides',
    movieOf({ boxes: (moov, mdat) => [mdat, moov, box('mdat', Buffer.alloc(64, 7))] }),
  ],
  ['a place of Android', movieOf({ place: '+00.0000+000.0000/', boxes: (moov, mdat) => [mdat, moov] })],
  [
    'keys of an iPhone',
    movieOf({ brand: 'qt  ', keys: IPHONE, boxes: (moov, mdat) => [box('wide'), mdat, moov] }),
  ],
  ['keys in an MP4, header first', movieOf({ keys: IPHONE })],
  ['keys of Android', movieOf({ inMoov: [ANDROID], boxes: (moov, mdat) => [mdat, moov] })],
  ['keys of a country', movieOf({ brand: 'qt  ', inMoov: [GERMAN], boxes: (moov, mdat) => [mdat, moov] })],
  ['samples of 64 bits', movieOf({ longMdat: true, boxes: (moov, mdat) => [mdat, moov] })],
  ['chunk offsets of 64 bits, header first', movieOf({ co64: true, longMdat: true })],
  ['times of 64 bits', movieOf({ createdAt: CREATED, longTimes: true })],
  ['3GP', movieOf({ brand: '3gp4', boxes: (moov, mdat) => [mdat, moov] })],
  ['M4V', movieOf({ brand: 'M4V ' })],
  [
    'QuickTime without brand',
    movieOf({ withoutBrand: true, boxes: (moov, mdat) => [box('wide'), mdat, moov] }),
  ],
  ['QuickTime, header first', movieOf({ brand: 'qt  ' })],
  ['XMP behind', movieOf({ boxes: (moov, mdat) => [mdat, moov, uuidXmp] })],
  ['XMP before the samples', movieOf({ boxes: (moov, mdat) => [uuidXmp, mdat, moov] })],
  ['XMP inside', movieOf({ brand: 'qt  ', inMoov: [box('udta', box('XMP_', Buffer.from(XMP_OF_OTHERS)))] })],
  [
    'user data that ends with zeros',
    movieOf({
      brand: 'qt  ',
      inMoov: [box('udta', box('\xa9mod', Buffer.from('\0\x04\x15\xc7Acme', 'latin1')), Buffer.alloc(4))],
    }),
  ],
]

/** Patches of parts, which exiftool's writer treats apart: judged by what exiftool makes of them only. */
const PARTS: readonly [name: string, source: Buffer, patch: MetadataPatch][] = [
  ['an offset for a header time', movieOf({ createdAt: CREATED }), { offsetMinutes: -210 }],
  [
    'a date without offset',
    movieOf({ brand: 'qt  ' }),
    { taken: { local: '2031-05-01T12:30:00', at: Date.UTC(2031, 4, 1, 10, 30) } },
  ],
  [
    'a date before 1970',
    movieOf({ createdAt: CREATED }),
    { taken: { local: '1961-05-01T12:30:00', at: Date.UTC(1961, 4, 1, 11, 30), offsetMinutes: 60 } },
  ],
  [
    'a caption that says more',
    movieOf({ keys: IPHONE, boxes: (moov, mdat) => [mdat, moov, uuidXmp] }),
    { caption: 'my own words\n\nand more' },
  ],
  [
    'a place on the equator',
    movieOf(),
    { position: { latitude: -0.5, longitude: 179.123456789, altitudeM: 8 } },
  ],
]

interface Case {
  readonly name: string
  readonly patch: MetadataPatch
  readonly result: Buffer
  readonly before: Tags
  readonly after: Tags
  readonly byExiftool: Tags
}

const folder: string = await mkdtemp(join(tmpdir(), 'heirloom-movie-'))
after(() => rm(folder, { recursive: true, force: true }))

async function splice(source: Buffer, patch: MetadataPatch): Promise<Buffer> {
  const plan = await planOf(source, patch)
  assert.equal(plan.kind, 'splice', plan.kind === 'handover' ? plan.reason : '')
  return plan.kind === 'splice' ? Buffer.concat(sliceParts(source, plan.parts)) : source
}

function planOf(source: Buffer, patch: MetadataPatch): ReturnType<typeof planMovieSplice> {
  const read = async (offset: number, lengthBytes: number): Promise<Buffer> =>
    source.subarray(offset, offset + lengthBytes)
  return planMovieSplice(read, source.length, patch, { mayMoveMedia: true })
}

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

async function judge(): Promise<Case[]> {
  const all = [...SOURCES.map(([name, source]) => [name, source, PATCH] as const), ...PARTS]
  const results = await Promise.all(all.map(([, source, patch]) => splice(source, patch)))
  const fileOf = (index: number, kind: string): string => join(folder, `${index}-${kind}.mov`)
  const tool = exiftoolTool()
  try {
    for (const [index, [, source, patch]] of all.entries()) {
      await writeFile(fileOf(index, 'before'), source)
      await writeFile(fileOf(index, 'after'), results[index]!)
      await writeFile(fileOf(index, 'exiftool'), source)
      assert.equal(await tool.write(fileOf(index, 'exiftool'), patch), 'embedded')
    }
  } finally {
    await tool.close()
  }
  const kinds = ['before', 'after', 'exiftool']
  const tags = await readTags(all.flatMap((_, index) => kinds.map((kind) => fileOf(index, kind))))
  return all.map(([name, , patch], index) => {
    const [before = {}, after = {}, byExiftool = {}] = tags.slice(index * 3, index * 3 + 3)
    return { name, patch, result: results[index]!, before, after, byExiftool }
  })
}

describe('movies', () => {
  let cases: Case[] = []
  before(async () => {
    cases = await judge()
  })
  /** All that is wrong with any file, not only the first. */
  const each = (check: (entry: Case) => void): void => {
    assert.equal(cases.length, SOURCES.length + PARTS.length)
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

  test('say what the patch says', () =>
    each(({ before, after, patch }) => {
      if (patch !== PATCH) return
      for (const [tag, value] of Object.entries(EXPECTED)) assert.deepEqual(after[tag], value, tag)
      for (const tag of CAPTIONS) assert.equal(after[tag], before[tag] ?? PATCH.caption, tag)
      assert.ok([after['XMP-dc:Subject']].flat().includes('Sommer 東京'))
    }))

  test('have the same samples, and all other tags as they were', () =>
    each(({ before, after, patch }) => {
      assert.equal(after['File:ImageDataHash'], before['File:ImageDataHash'])
      assert.match(String(after['File:ImageDataHash']), /^[0-9a-f]{32}$/u)
      const mayDiffer = (tag: string): boolean =>
        OF_THE_FILE.test(tag) ||
        MAY_CHANGE.test(tag) ||
        tag in EXPECTED ||
        (patch !== PATCH && CAPTIONS.includes(tag))
      for (const [tag, value] of Object.entries(before))
        if (!mayDiffer(tag)) assert.deepEqual(after[tag], value, tag)
    }))

  test('are read as those that exiftool itself wrote', () =>
    each(({ after, byExiftool }) => {
      const plain = (tags: Tags): Tags =>
        Object.fromEntries(
          Object.entries(tags).filter(([tag]) => !OF_THE_FILE.test(tag) && tag !== 'XMP-dc:Subject'),
        )
      assert.deepEqual(plain(after), plain(byExiftool))
      const subjects = (tags: Tags): unknown[] => [tags['XMP-dc:Subject']].flat().sort()
      assert.deepEqual(subjects(after), subjects(byExiftool))
    }))

  test('give exiftool no new reason to warn', () =>
    each(({ before, after }) => {
      const warnings = (tags: Tags): unknown[] =>
        Object.entries(tags).flatMap(([tag, text]) => (/(?:Warning|Error)\+*$/u.test(tag) ? [text] : []))
      const known = new Set(warnings(before))
      assert.deepEqual(
        warnings(after).filter((text) => !known.has(text)),
        [],
      )
    }))

  test('need nothing more the second time', async () => {
    for (const { name, result, patch } of cases) {
      assert.equal((await planOf(result, patch)).kind, 'unchanged', name)
    }
  })
})
