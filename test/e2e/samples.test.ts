/**
 * Real photos, arranged as a takeout: dates, places and captions come out as exiftool reads them, and the rest of
 * their metadata stays. Made-up files never have what real cameras put into theirs.
 *
 * Needs `../shared/samples`; says so where it is not.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, extname, join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readTags, type Tags } from '../support/exiftool-judge.ts'
import { type CatalogAsset, contradictions, libraryContent } from '../support/library-content.ts'
import { type MadeTakeout, makeTakeout } from '../support/make-takeout.ts'
import { runHere } from '../support/run-here.ts'
import type { TakeoutItem } from '../support/takeout-layout.ts'

const SAMPLES = resolve('..', 'shared', 'samples')
const FOLDERS = ['photos', 'heic', 'metadata', 'orientation']
const skip = existsSync(SAMPLES) ? false : 'needs ../shared/samples'

const CAPTION_TAGS = ['IFD0:ImageDescription', 'XMP-dc:Description', 'IPTC:Caption-Abstract']
const CAPTION = 'Aus dem Export: Grüße 東京'
const PLACE = { latitude: 47.0707, longitude: 15.4395 }
/** For pictures without a date of their own. */
const TAKEN_AT = Date.UTC(2016, 4, 5, 10, 0, 7)

interface Sample {
  readonly name: string
  readonly before: Tags
  readonly after: Tags
  readonly asset: CatalogAsset
  readonly truth: MadeTakeout['media'][number]
}

let folder: string
let samples: Sample[]
let library: string

describe('real photos as a takeout', { skip }, () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heirloom-samples-'))
    library = join(folder, 'library')
    const paths = await findSamples()
    const tags = await readTags(paths)
    const items = paths.map((path, index) => itemOf(path, index, tags.get(path) ?? {}))
    const made = await makeTakeout(join(folder, 'takeout-20240101T000000Z'), { plan: { items } })
    const run = await runHere(['ingest', ...made.inputs, '-o', library, '--workers', '1'])
    assert.equal(run.exitCode, 0, run.stdout + run.stderr)
    const { assets } = await libraryContent(library)
    const written = assets.flatMap(({ path, sidecar_path: beside }) =>
      typeof beside === 'string' ? [path, beside] : [path],
    )
    const placed = await readTags(written.map((path) => join(library, path)))
    samples = made.media.map((truth, index) => {
      const asset = assets.find(({ source }) => source === truth.sha1)!
      const path = paths[index]!
      return {
        name: path,
        before: tags.get(path)!,
        after: { ...placed.get(join(library, asset.path))!, ...besideTags(asset, placed) },
        asset,
        truth,
      }
    })
  })
  after(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  test('all of them are there', async () => {
    assert.ok(samples.length >= 30, `only ${samples.length} samples`)
    assert.deepEqual(await contradictions(library), [])
    for (const { after, name } of samples) assert.ok(after !== undefined, name)
  })

  test('only a motion photo in HEIC has its metadata beside it, and keeps every byte', () => {
    const beside = samples.filter(({ asset }) => asset['sidecar_path'] !== null)
    assert.deepEqual(
      beside.map(({ name }) => basename(name)),
      ['motionphoto-samsung-one-ui-6.heic'],
    )
    for (const { asset, name } of beside) {
      assert.equal(asset.written, asset.source, name)
      assert.equal(asset['problems'], '[]', name)
    }
  })

  test('a camera date is as it was, and has its offset', () => {
    let count = 0
    for (const { before, after, name, truth, asset } of samples) {
      const local = cameraDate(before)
      if (local === undefined) continue
      count += 1
      assert.equal(cameraDate(after), local, name)
      assert.equal(Math.floor(Number(asset['taken_at']) / 1000) * 1000, truth.takenAt, name)
      // A PNG's own field has no room for an offset.
      if (before['PNG:CreationTime'] === undefined) assert.equal(instantOf(after), truth.takenAt, name)
    }
    assert.ok(count >= 20, `only ${count} with a camera date`)
  })

  test('a picture without a date has that of the export', () => {
    let count = 0
    for (const { before, after, name } of samples) {
      if (cameraDate(before) !== undefined) continue
      count += 1
      assert.equal(instantOf(after), TAKEN_AT, name)
    }
    assert.ok(count >= 3, `only ${count} without a camera date`)
  })

  test('a place is as it was, or that of the export', () => {
    for (const { before, after, name } of samples) {
      const own = placeOf(before)
      const [latitude, longitude] = placeOf(after) ?? [0, 0]
      const expected = own ?? [PLACE.latitude, PLACE.longitude]
      assert.ok(Math.abs(latitude - expected[0]) < 1e-4 && Math.abs(longitude - expected[1]) < 1e-4, name)
    }
    assert.ok(samples.some(({ before }) => placeOf(before) !== undefined))
  })

  test("a caption stays, and the export's comes behind it", () => {
    let count = 0
    for (const { before, after, name } of samples) {
      for (const tag of CAPTION_TAGS.filter((one) => isCaption(before[one]))) {
        const [own, added] = String(after[tag]).split('\n\n')
        assert.equal(own, String(before[tag]).trimEnd(), `${tag} of ${name}`)
        assert.equal(added, CAPTION, `${tag} of ${name}`)
        count += 1
      }
    }
    assert.ok(count >= 3, `only ${count} captions`)
  })

  test('a picture without a caption has that of the export', () => {
    let count = 0
    for (const { before, after, name } of samples) {
      if (CAPTION_TAGS.some((tag) => isCaption(before[tag]))) continue
      assert.equal(after['XMP-dc:Description'] ?? after['IFD0:ImageDescription'], CAPTION, name)
      count += 1
    }
    assert.ok(count >= 20, `only ${count} without a caption`)
  })

  test('all that the camera wrote about the picture stays', () => {
    for (const { before, after, name } of samples) {
      for (const [tag, value] of Object.entries(before)) {
        if (!isOfCamera(tag)) continue
        assert.deepEqual(after[tag], value, `${tag} of ${name}`)
      }
    }
  })

  test('no picture is changed', () => {
    let count = 0
    for (const { before, after, name } of samples) {
      const hash = before['File:ImageDataHash']
      if (hash === undefined) continue
      count += 1
      assert.equal(after['File:ImageDataHash'], hash, name)
    }
    assert.ok(count >= 30, `only ${count} hashes`)
  })
})

/** What the `.xmp` beside a file says, which readers put on top of the file's own. */
function besideTags(asset: CatalogAsset, placed: ReadonlyMap<string, Tags>): Tags {
  const path = asset['sidecar_path']
  if (typeof path !== 'string') return {}
  const tags = placed.get(join(library, path))
  assert.ok(tags, path)
  return Object.fromEntries(Object.entries(tags).filter(([tag]) => tag.startsWith('XMP-')))
}

async function findSamples(): Promise<string[]> {
  const lists = await Promise.all(
    FOLDERS.map(async (name) => {
      const names = await readdir(join(SAMPLES, name))
      return names.sort().map((file) => join(SAMPLES, name, file))
    }),
  )
  return lists.flat()
}

/** As Google would have it: the camera's date as an instant, in summer in Graz where nothing tells more. */
function itemOf(path: string, index: number, tags: Tags): TakeoutItem {
  const local = cameraDate(tags)
  return {
    title: `sample-${index}${extname(path)}`,
    takenAt:
      local === undefined
        ? TAKEN_AT
        : (instantOf(tags) ?? instantByGps(tags) ?? Date.parse(`${local}+02:00`)),
    content: () => readFile(path),
    caption: CAPTION,
    ...(placeOf(tags) === undefined ? { place: PLACE } : {}),
  }
}

const QUARTER_MS = 15 * 60_000
const DATE_TAGS = [
  'ExifIFD:DateTimeOriginal',
  'XMP-exif:DateTimeOriginal',
  'XMP-photoshop:DateCreated',
  'PNG:CreationTime',
]

/** `2019-07-14T12:11:12` */
function cameraDate(tags: Tags): string | undefined {
  const value = DATE_TAGS.map((tag) => tags[tag]).find((found) => found !== undefined)
  const [, year, month, day, time] = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)/.exec(String(value)) ?? []
  return time === undefined || year === '0000' ? undefined : `${year}-${month}-${day}T${time}`
}

function instantOf(tags: Tags): number | undefined {
  const offset = offsetOf(tags)
  return offset === undefined ? undefined : Date.parse(`${cameraDate(tags)}${offset}`)
}

/** The camera's second, in the zone that brings it next to the satellites' time. */
function instantByGps(tags: Tags): number | undefined {
  const stamp = tags['Composite:GPSDateTime']
  if (stamp === undefined) return undefined
  const gps = Date.parse(String(stamp).replace(/^(\d+):(\d+):(\d+) /, '$1-$2-$3T'))
  const local = Date.parse(`${cameraDate(tags)}Z`)
  const zoneMs = Math.round((local - gps) / QUARTER_MS) * QUARTER_MS
  return Math.abs(zoneMs) > 14 * 4 * QUARTER_MS ? undefined : local - zoneMs
}

function offsetOf(tags: Tags): string | undefined {
  const dates = [
    tags['XMP-exif:DateTimeOriginal'],
    tags['XMP-photoshop:DateCreated'],
    // Programs that know no zone write zero there.
    String(tags['IPTC:TimeCreated']).replace('+00:00', ''),
  ]
  const [stated] = dates.flatMap((date) => /[+-]\d\d:\d\d$/.exec(String(date))?.[0] ?? [])
  const inExif = tags['ExifIFD:OffsetTimeOriginal']
  return inExif === undefined ? stated : String(inExif)
}

function placeOf(tags: Tags): readonly [number, number] | undefined {
  const latitude = Number(tags['Composite:GPSLatitude'] ?? tags['XMP-exif:GPSLatitude'] ?? Number.NaN)
  const longitude = Number(tags['Composite:GPSLongitude'] ?? tags['XMP-exif:GPSLongitude'] ?? Number.NaN)
  return Number.isNaN(latitude + longitude) ? undefined : [latitude, longitude]
}

/** Not blanks, and not what cameras write into every picture. */
function isCaption(value: unknown): boolean {
  return value !== undefined && !/^(?:SONY DSC|OLYMPUS DIGITAL CAMERA|\s*)$/.test(String(value))
}

/** Not: where something lies in the file, which a longer header moves, and warnings about it. */
function isOfCamera(tag: string): boolean {
  if (/Offset|Start$|Warning|PreviewImage|ThumbnailImage|ImageDescription|IPTCDigest/.test(tag)) return false
  return /^(?:ExifIFD|IFD0|MakerNotes|Apple|Nikon|Canon|Sony|Samsung|Google|ICC-|MPF|Photoshop):/.test(tag)
}
