import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import sharp from 'sharp'
import { tinyMovie } from '../../../test/support/tiny-mp4.ts'
import type { MetadataPatch } from '../metadata.ts'
import { ExiftoolProcess } from './exiftool-process.ts'
import { type ExiftoolTool, exiftoolTool } from './exiftool-tool.ts'

const SAMPLES = resolve('../shared/samples')

const TAKEN = { local: '2020-01-02T03:04:05.678', at: Date.UTC(2020, 0, 2, 1, 4, 5, 678), offsetMinutes: 120 }

const PATCH: MetadataPatch = {
  taken: TAKEN,
  position: { latitude: -33.5, longitude: 151.25, altitudeM: -3 },
  caption: 'Zoë &amp; 東京 <b>\n-execute\n"second" line',
  people: ['Zoë Müller', 'A, B'],
  keywords: ['Sommer 2020', '-delete_original!'],
  hierarchicalKeywords: ['Album|Sommer 2020'],
  rating: 5,
  originalName: 'IMG 1 &#10; (x).heic',
}

/** A one-frame picture by the encoder's name. */
function picture(format: 'jpeg' | 'png' | 'webp' | 'gif' | 'avif' | 'tiff'): Promise<Buffer> {
  const pixels = Buffer.from(Array.from({ length: 16 * 16 * 3 }, (_, index) => (index * 7) % 256))
  return sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
    .toFormat(format, format === 'tiff' ? { compression: 'lzw' } : {})
    .toBuffer()
}

/** A bare codestream, which exiftool has to wrap into a container before it can carry anything. */
const JXL = Buffer.from('/woIELASCAgQAFwASxLFgkWAHL0xqnCBCV0qDp901Te/5QM=', 'base64')

const FORMATS: readonly { name: string; make: () => Promise<Buffer> | Buffer; hashed?: boolean }[] = [
  { name: 'JPEG', make: () => picture('jpeg') },
  { name: 'PNG', make: () => picture('png') },
  { name: 'WebP', make: () => picture('webp') },
  { name: 'GIF', make: () => picture('gif'), hashed: false },
  { name: 'AVIF', make: () => picture('avif') },
  { name: 'TIFF', make: () => picture('tiff') },
  { name: 'JXL', make: () => JXL },
  { name: 'MP4', make: () => tinyMovie() },
  { name: 'MP4 with its header behind the samples', make: () => tinyMovie({ samplesFirst: true }) },
  { name: 'MOV', make: () => tinyMovie({ brand: 'qt  ' }) },
  { name: 'M4V', make: () => tinyMovie({ brand: 'M4V ' }) },
  { name: '3GP', make: () => tinyMovie({ brand: '3gp4' }) },
]

describe('exiftoolTool', () => {
  let folder: string
  let tool: ExiftoolTool
  let judge: ExiftoolProcess

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heirloom-exiftool-'))
    tool = exiftoolTool()
    judge = new ExiftoolProcess()
  })
  after(async () => {
    await tool.close()
    await judge.close()
    await rm(folder, { recursive: true })
  })

  let count = 0
  async function place(content: Buffer): Promise<string> {
    const file = join(folder, `${count++}-1-0.part`)
    await writeFile(file, content)
    return file
  }

  async function tagsOf(file: string, ...args: string[]): Promise<Record<string, unknown>> {
    const { stdout } = await judge.run(['-json', '-G1', '-n', ...args, file], 10_000)
    return (JSON.parse(stdout) as Record<string, unknown>[])[0]!
  }

  const imageHash = async (file: string): Promise<unknown> =>
    (await tagsOf(file, '-api', 'ImageHashType=SHA256', '-ImageDataHash'))['File:ImageDataHash']

  async function assertWrites(file: string, hashed: boolean): Promise<void> {
    const hash = await imageHash(file)
    assert.equal(typeof hash, hashed ? 'string' : 'undefined')
    assert.equal(await tool.write(file, PATCH), 'embedded')
    assert.equal(await imageHash(file), hash, 'image data is as before')
    const embedded = await tool.read(file)
    const [first] = embedded.taken
    assert.equal(first?.local?.slice(0, 19), TAKEN.local.slice(0, 19))
    assert.equal(first?.offsetMinutes, 120)
    assert.deepEqual(embedded.position, PATCH.position)
    assert.equal(embedded.caption, PATCH.caption)
    assert.deepEqual(embedded.people, PATCH.people)
    assert.deepEqual(embedded.keywords, [...PATCH.keywords!, ...PATCH.hierarchicalKeywords!])
    assert.equal(embedded.rating, 5)
    assert.equal(embedded.originalName, PATCH.originalName)
  }

  for (const { name, make, hashed = true } of FORMATS) {
    test(`writes everything into ${name} and leaves its image data alone`, async () => {
      const original = await make()
      const file = await place(original)
      await assertWrites(file, hashed)
      if (name === 'JXL') assert.ok((await readFile(file)).includes(original), 'the codestream is inside')
    })
  }

  for (const name of ['IMG_2682.heic', 'iphone_13_pro_max.HEIC', 'motionphoto-samsung-one-ui-6.heic']) {
    const sample = join(SAMPLES, 'heic', name)
    const skip = existsSync(sample) ? false : 'no ../shared/samples here: HEIC is not tried'
    test(`writes everything into ${name} and leaves its image data alone`, { skip }, async () => {
      const file = join(folder, `${count++}-1-0.part`)
      await copyFile(sample, file)
      const motion = (await tool.read(file)).motionPhoto
      await assertWrites(file, true)
      assert.equal((await tool.read(file)).motionPhoto, motion)
    })
  }

  test('leaves no other file behind', async () => {
    const file = await place(await picture('png'))
    await tool.write(file, PATCH)
    assert.deepEqual(
      (await readdir(folder)).filter((name) => !/^\d+-1-0\.part$/u.test(name)),
      [],
    )
  })

  test('writes the UTC time of a movie into all of its headers, and places where phones do', async () => {
    const file = await place(tinyMovie())
    await tool.write(file, PATCH)
    const tags = await tagsOf(file, '-time:all', '-GPSCoordinates')
    for (const key of ['QuickTime:CreateDate', 'Track1:TrackCreateDate', 'Track1:MediaCreateDate']) {
      assert.equal(tags[key], '2020:01:02 01:04:05', key)
    }
    assert.equal(tags['Keys:CreationDate'], '2020:01:02 03:04:05+02:00')
    assert.equal(tags['Keys:GPSCoordinates'], '-33.5 151.25 -3')
    assert.equal(tags['UserData:GPSCoordinates'], '-33.5 151.25 -3')
  })

  test('keeps a movie time that QuickTime cannot hold in XMP', async () => {
    const file = await place(tinyMovie())
    const local = '1950-06-01T12:00:00'
    await tool.write(file, { taken: { local, at: Date.parse(`${local}Z`) } })
    assert.equal((await tool.read(file)).taken[0]?.local, local)
    assert.equal((await tagsOf(file, '-QuickTime:CreateDate'))['QuickTime:CreateDate'], '0000:00:00 00:00:00')
  })

  test('adds an offset to the camera date that it belongs to', async () => {
    const file = await place(await picture('png'))
    const { local, at } = TAKEN
    await tool.write(file, { taken: { local, at } })
    assert.equal((await tool.read(file)).taken[0]?.offsetMinutes, undefined)
    assert.equal(await tool.write(file, { offsetMinutes: -210 }), 'embedded')
    const tags = await tagsOf(file, '-OffsetTime*', '-DateTimeOriginal')
    assert.equal(tags['ExifIFD:OffsetTimeOriginal'], '-03:30')
    assert.equal(tags['ExifIFD:OffsetTimeDigitized'], '-03:30')
    assert.equal(tags['ExifIFD:DateTimeOriginal'], '2020:01:02 03:04:05')
  })

  test('adds an offset to a date that only XMP has', async () => {
    const file = await place(await picture('gif'))
    await tool.write(file, { taken: { local: '2021-06-01T12:00:00', at: 0 } })
    assert.equal(await tool.write(file, { offsetMinutes: 120 }), 'embedded')
    const { taken } = await tool.read(file)
    assert.deepEqual(
      taken.map(({ detail, local, offsetMinutes }) => [detail, local, offsetMinutes]),
      [
        ['XMP-exif:DateTimeOriginal', '2021-06-01T12:00:00', 120],
        ['XMP-photoshop:DateCreated', '2021-06-01T12:00:00', 120],
        ['XMP-xmp:CreateDate', '2021-06-01T12:00:00', undefined],
      ],
    )
  })

  test('adds an offset to a movie as the wall clock of its header time', async () => {
    const file = await place(tinyMovie({ createdAt: Date.UTC(2021, 5, 1, 10) }))
    assert.equal(await tool.write(file, { offsetMinutes: 120 }), 'embedded')
    const [first, second] = (await tool.read(file)).taken
    assert.equal(first?.local, '2021-06-01T12:00:00')
    assert.equal(first?.at, second?.at)
  })

  test('a second date takes the first one\u2019s offset and fraction away', async () => {
    const file = await place(await picture('webp'))
    await tool.write(file, { taken: TAKEN })
    await tool.write(file, { taken: { local: '2021-05-06T07:08:09', at: 0 } })
    assert.deepEqual((await tool.read(file)).taken[0], {
      source: 'embedded',
      detail: 'DateTimeOriginal',
      local: '2021-05-06T07:08:09',
      precision: 'second',
    })
  })

  test('adds to lists without repeating what is there', async () => {
    const file = await place(await picture('png'))
    await tool.write(file, { people: ['Ann', 'Bob'] })
    await tool.write(file, { people: ['Bob', 'Cem'] })
    assert.deepEqual((await tool.read(file)).people, ['Ann', 'Bob', 'Cem'])
  })

  test('declares UTF-8 for IPTC in a JPEG that had none', async () => {
    const file = await place(await picture('jpeg'))
    await tool.write(file, { caption: '東京', keywords: ['Ōsaka'] })
    const tags = await tagsOf(file, '-IPTC:all')
    assert.equal(tags['IPTC:Caption-Abstract'], '東京')
    assert.equal(tags['IPTC:Keywords'], 'Ōsaka')
  })

  test('keeps a caption field that says something else than the one that was planned for', async () => {
    const file = await place(await picture('jpeg'))
    const own = ['-IFD0:ImageDescription=Beach', '-XMP-dc:Description=Strand', '-IPTC:Caption-Abstract=Plage']
    await judge.run(['-overwrite_original', '-IPTC:CodedCharacterSet=UTF8', ...own, file], 10_000)
    await tool.write(file, { caption: 'Beach\n\nGrandmother, aged 80' })
    const tags = await tagsOf(file, '-Description', '-ImageDescription', '-Caption-Abstract')
    assert.equal(tags['IFD0:ImageDescription'], 'Beach\n\nGrandmother, aged 80')
    assert.equal(tags['XMP-dc:Description'], 'Strand')
    assert.equal(tags['IPTC:Caption-Abstract'], 'Plage')
  })

  test('keeps a caption that looks like a number, and ones in other languages', async () => {
    const file = await place(await picture('png'))
    const own = ['-IFD0:ImageDescription=1.50', '-XMP-dc:Description=Sea', '-XMP-dc:Description-de=Meer']
    await judge.run(['-overwrite_original', ...own, file], 10_000)
    await tool.write(file, { caption: 'Sea, 1.5 km away' })
    const tags = await tagsOf(file, '-IFD0:all', '-XMP-dc:all', '-api', 'StructFormat=JSONQ')
    assert.equal(tags['IFD0:ImageDescription'], '1.50')
    assert.equal(tags['XMP-dc:Description'], 'Sea, 1.5 km away')
    assert.equal(tags['XMP-dc:Description-de'], 'Meer')
  })

  test('keeps the other caption of a movie', async () => {
    const file = await place(tinyMovie())
    await judge.run(['-overwrite_original', '-Keys:Description=First steps', file], 10_000)
    await tool.write(file, { caption: 'Garden' })
    const tags = await tagsOf(file, '-Description')
    assert.equal(tags['Keys:Description'], 'First steps')
    assert.equal(tags['XMP-dc:Description'], 'Garden')
  })

  test('replaces the words of a camera', async () => {
    const file = await place(await picture('png'))
    await judge.run(['-overwrite_original', '-IFD0:ImageDescription=OLYMPUS DIGITAL CAMERA', file], 10_000)
    await tool.write(file, { caption: 'Garden' })
    assert.equal((await tagsOf(file, '-ImageDescription'))['IFD0:ImageDescription'], 'Garden')
  })

  test('keeps the video behind the picture of a motion photo', async () => {
    const video = tinyMovie()
    const file = await place(Buffer.concat([await picture('jpeg'), video]))
    assert.equal(await tool.write(file, PATCH), 'embedded')
    assert.deepEqual((await readFile(file)).subarray(-video.length), video)
  })

  test('leaves IPTC of an unnamed character set as it is', async () => {
    const file = await place(await picture('jpeg'))
    await judge.run(['-overwrite_original', '-charset', 'iptc=Latin', '-IPTC:City=Zürich', file], 10_000)
    await tool.write(file, { caption: '東京' })
    const tags = await tagsOf(file, '-IPTC:all')
    assert.equal(tags['IPTC:City'], 'Zürich')
    assert.equal('IPTC:Caption-Abstract' in tags, false)
    assert.equal((await tool.read(file)).caption, '東京')
  })

  test('is unchanged by an empty patch', async () => {
    const content = await picture('png')
    const file = await place(content)
    assert.equal(await tool.write(file, { caption: ' \0 ' }), 'unchanged')
    assert.deepEqual(await readFile(file), content)
  })

  test('asks for a sidecar where exiftool cannot or should not write', async () => {
    const bmp = Buffer.alloc(64)
    bmp.write('BM')
    bmp.writeUInt32LE(40, 14)
    const avi = Buffer.from('RIFF\x10\0\0\0AVI LIST\0\0\0\0', 'latin1')
    for (const content of [bmp, avi, Buffer.from('no media at all')]) {
      const file = await place(content)
      assert.equal(await tool.write(file, PATCH), 'sidecar')
      assert.deepEqual(await readFile(file), content)
    }
  })

  test('refuses a broken file, names the trouble, leaves the bytes, and works on', async () => {
    const whole = tinyMovie({ samplesFirst: true })
    const broken = whole.subarray(0, whole.length - 40)
    const file = await place(broken)
    await assert.rejects(tool.write(file, PATCH), { code: 'media/metadata-unwritable', recovery: 'discard' })
    assert.deepEqual(await readFile(file), broken)
    assert.match(await tool.version(), /^\d+\.\d+/u)
  })

  test('does not write over what it could not read', async () => {
    const content = await picture('png')
    const file = await place(Buffer.from('00ff00fe018000ff00fe0180', 'hex'))
    await assert.rejects(tool.read(file), { code: 'media/metadata-unreadable' })
    await writeFile(file, content)
    await assert.rejects(tool.write(file, PATCH), /could not be read/u)
    assert.deepEqual(await readFile(file), content)
    await tool.read(file)
    assert.equal(await tool.write(file, PATCH), 'embedded')
  })

  test('refuses a movie in fragments rather than break it', async () => {
    const moof = Buffer.from('\0\0\0\x10moof\0\0\0\x08mfhd', 'latin1')
    const content = Buffer.concat([tinyMovie(), moof])
    const file = await place(content)
    await assert.rejects(tool.write(file, PATCH), /fragments/u)
    assert.deepEqual(await readFile(file), content)
  })

  test('reads and writes files whose names look like options', async () => {
    const content = await picture('png')
    for (const name of ['-execute', '#[CSTR]x', '@args', ' -b.png ', 'a%f;$x`.png', 'ü 東.png', '*.png']) {
      const file = join(folder, name)
      await writeFile(file, content)
      assert.equal(await tool.write(file, { caption: name }), 'embedded', name)
      assert.equal((await tool.read(file)).caption, name.trim())
      await rm(file)
    }
  })

  test('refuses a path with a line break and runs nothing that hides in it', async () => {
    const file = join(folder, `x\n-o\n${join(folder, 'stolen')}\n-execute`)
    await writeFile(join(folder, 'x'), await picture('png'))
    await assert.rejects(judge.run(['-json', file], 1000), { code: 'media/unsafe-path' })
    assert.equal(existsSync(join(folder, 'stolen')), false)
    await rm(join(folder, 'x'))
  })

  test('says nothing of a file without metadata', async () => {
    const { widthPx, heightPx, ...rest } = await tool.read(await place(await picture('png')))
    assert.deepEqual({ widthPx, heightPx }, { widthPx: 16, heightPx: 16 })
    assert.deepEqual(rest, { taken: [], people: [], keywords: [] })
  })
})
