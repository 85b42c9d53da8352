import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ExifTool } from 'exiftool-vendored'
import sharp from 'sharp'
import { derivePhoto, makePhoto, makeTinyPhoto } from './make-photo.ts'
import { makeVideo } from './make-video.ts'

let folder: string
let exiftool: ExifTool

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heirloom-photo-'))
  exiftool = new ExifTool()
})
after(async () => {
  await exiftool.end()
  await rm(folder, { recursive: true, force: true })
})

async function tagsOf(bytes: Buffer, name: string, ...args: string[]): Promise<Record<string, unknown>> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return (await exiftool.readRaw(path, { readArgs: ['-G1', '-n', ...args] })) as unknown as Record<
    string,
    unknown
  >
}

const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

async function pixelsOf(jpeg: Buffer): Promise<Buffer> {
  return await sharp(jpeg, { failOn: 'warning' }).raw().toBuffer()
}

const SIZE = { widthPx: 160, heightPx: 120 }

describe('a photo', () => {
  test('carries the EXIF that was asked for, and exiftool finds nothing wrong', async () => {
    const thumbnail = makeTinyPhoto(1)
    const jpeg = await makePhoto({
      ...SIZE,
      seed: 1,
      exif: {
        make: 'Samsung',
        model: 'SM-A536B',
        takenLocal: '2019:07:14 12:11:12',
        offset: '+02:00',
        place: { latitude: 46.6247, longitude: -14.3053 },
        description: 'Grüße',
        makerNoteBytes: 2001,
        thumbnail,
      },
    })
    const tags = await tagsOf(jpeg, 'exif.jpg', '-validate', '-warning', '-all')
    assert.equal(tags['IFD0:Make'], 'Samsung')
    assert.equal(tags['IFD0:ImageDescription'], 'Grüße')
    assert.equal(tags['ExifIFD:DateTimeOriginal'], '2019:07:14 12:11:12')
    assert.equal(tags['ExifIFD:OffsetTimeOriginal'], '+02:00')
    assert.equal(tags['Composite:GPSLatitude'], 46.6247)
    assert.equal(tags['Composite:GPSLongitude'], -14.3053)
    assert.equal(tags['IFD1:ThumbnailLength'], thumbnail.length)
    const { exif } = await sharp(jpeg).metadata()
    assert.ok(exif?.includes('SAMPLECAM'))
    assert.ok(exif?.includes(thumbnail))
  })

  test('is the same for the same seed and different for another', async () => {
    const made = await Promise.all([1, 1, 2].map((seed) => makePhoto({ ...SIZE, seed })))
    const [first, again, other] = made.map(sha1)
    assert.equal(first, again)
    assert.notEqual(first, other)
  })

  test('derived ones differ in bytes and pixels and decode without a warning', async () => {
    const base = await makePhoto({ ...SIZE, seed: 3, grain: 32 })
    const derived = Array.from({ length: 40 }, (_, seed) => derivePhoto(base, seed, { makerNoteBytes: 100 }))
    assert.equal(new Set(derived.map(sha1)).size, 40)
    const pixels = new Set<string>()
    for (const jpeg of derived) pixels.add(sha1(await pixelsOf(jpeg)))
    assert.equal(pixels.size, 40)
  })
})

describe('a tiny photo', () => {
  test('is a valid JPEG of less than 1 kB, different for every seed', async () => {
    const many = Array.from({ length: 5000 }, (_, seed) => makeTinyPhoto(seed))
    assert.equal(new Set(many.map(sha1)).size, 5000)
    assert.ok(many.every(({ length }) => length < 1000))
    assert.equal((await pixelsOf(many[4999] as Buffer)).length, 8 * 8 * 3)
  })
})

describe('a video', () => {
  test('has the time and the size, and exiftool writes into it', async () => {
    const createdAt = Date.UTC(2019, 6, 14, 10, 11, 12)
    const video = makeVideo({ seed: 1, createdAt, payloadBytes: 1_000_000 })
    assert.ok(video.length > 1_000_000 && video.length < 1_010_000)
    const tags = await tagsOf(video, 'video.mp4', '-validate', '-all')
    assert.equal(tags['QuickTime:CreateDate'], '2019:07:14 10:11:12')
    const path = join(folder, 'video.mp4')
    await exiftool.write(path, {}, { writeArgs: ['-Keys:DisplayName=Grüße', '-overwrite_original'] })
    const after = (await exiftool.readRaw(path, { readArgs: ['-Keys:DisplayName'] })) as Record<
      string,
      unknown
    >
    assert.equal(after['DisplayName'], 'Grüße')
  })

  test('is the same for the same seed and different for another', () => {
    const [first, again, other] = [1, 1, 2].map((seed) => sha1(makeVideo({ seed })))
    assert.equal(first, again)
    assert.notEqual(first, other)
  })
})
