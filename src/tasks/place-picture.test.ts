import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import sharp from 'sharp'
import { box, tinyMovie } from '../../test/support/tiny-mp4.ts'
import { exiftoolTool } from '../media/exiftool/exiftool-tool.ts'
import type { MetadataTool } from '../media/metadata-file.ts'
import type { PlacedFile } from './item.ts'
import { placeContent, type Wanted } from './place-content.ts'

const SAMPLES = join(import.meta.dirname, '../../../shared/samples/heic')

/** Samsung's trailer: the last box ends with the word that its own readers look for. */
const TRAILER = box('sefd', Buffer.from('SEFH\0\0\0\0SEFT', 'latin1'))

function wantedFor(path: string): Wanted {
  const at = Date.UTC(2021, 6, 4, 22, 30, 5)
  const facts = {
    taken: [{ source: 'export', detail: 'photoTakenTime', at, precision: 'second' }],
    people: ['Ann'],
    albums: [],
  } as const
  return {
    role: 'primary',
    path,
    facts,
    albumTitles: {},
    options: { tempFolder: '', metadata: 'embed' },
    xmps: [],
  }
}

const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

describe('placing a HEIC or AVIF picture', () => {
  let folder: string
  let temp: string
  let tool: MetadataTool
  let picture: Buffer

  before(async () => {
    tool = exiftoolTool()
    picture = await sharp({ create: { width: 40, height: 30, channels: 3, background: 'teal' } })
      .avif()
      .toBuffer()
  })
  after(() => tool.close())
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heirloom-place-picture-'))
    temp = join(folder, 'temp.part')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  function place(source: Buffer, path: string): Promise<PlacedFile> {
    const content = {
      sha1: sha1(source),
      sizeBytes: source.length,
      head: source.subarray(0, 4096),
      whole: source,
    }
    return placeContent(content, wantedFor(path), temp, { tool, now: () => Date.UTC(2026, 0, 1) })
  }

  function assertKept(source: Buffer, placed: PlacedFile): void {
    assert.equal(sha1(readFileSync(temp)), sha1(source))
    assert.equal(placed.writtenSha1, sha1(source))
    assert.ok(placed.sidecar)
    assert.ok(readFileSync(join(folder, placed.sidecar.temp)).includes('Ann'))
  }

  test('a motion photo keeps every byte, has its metadata beside it, and that is no problem', async () => {
    const source = Buffer.concat([picture, box('mpvd', tinyMovie()), TRAILER])
    const placed = await place(source, 'motion.avif')
    assertKept(source, placed)
    assert.deepEqual(placed.problems, [])
  })

  test('a video appended without a box of its own stays at the end', async () => {
    const source = Buffer.concat([picture, tinyMovie()])
    const placed = await place(source, 'motion.avif')
    assertKept(source, placed)
    assert.deepEqual(placed.problems, [])
  })

  test('a plain picture carries its metadata', async () => {
    const placed = await place(picture, 'plain.avif')
    assert.ok(readFileSync(temp).includes('Ann'))
    assert.equal(placed.sidecar, undefined)
    assert.deepEqual(placed.problems, [])
  })

  test('a picture that breaks off has one problem, which does not name our own file', async () => {
    const source = picture.subarray(0, picture.length - 20)
    const placed = await place(source, 'cut.avif')
    assertKept(source, placed)
    assert.deepEqual(
      placed.problems.map(({ code }) => code),
      ['truncated'],
    )
  })

  test('a movie that breaks off has one problem', async () => {
    const whole = tinyMovie()
    const source = whole.subarray(0, whole.length - 4)
    const placed = await place(source, 'cut.mp4')
    assertKept(source, placed)
    assert.deepEqual(
      placed.problems.map(({ code }) => code),
      ['truncated'],
    )
  })

  test('what exiftool refuses is told without the path of the temporary file', async () => {
    const png = await sharp(picture).png().toBuffer()
    // A chunk whose checksum is wrong.
    png.writeUInt32BE(0, 29)
    const placed = await place(png, 'broken.png')
    assert.notEqual(placed.problems.length, 0)
    for (const { message } of placed.problems) assert.ok(!message.includes(folder), message)
  })

  test("Samsung's own motion photo still finds its video from the file's end", async (context) => {
    const sample = join(SAMPLES, 'motionphoto-samsung-one-ui-6.heic')
    if (!existsSync(sample)) return context.skip(`${sample} is missing`)
    const source = readFileSync(sample)
    const placed = await place(source, 'motion.heic')
    assertKept(source, placed)
    const written = readFileSync(temp)
    assert.equal(written.toString('latin1', written.length - 4), 'SEFT')
    const xmp = written.toString('latin1')
    const lengths = [...xmp.matchAll(/Item:Length="(?<bytes>\d+)"/gu)].map((match) => Number(match[1]))
    const lengthBytes = Math.max(...lengths)
    const video = written.subarray(written.length - lengthBytes)
    assert.equal(video.toString('latin1', 4, 8), 'ftyp')
    assert.deepEqual(placed.problems, [])
  })

  test("an iPhone's picture carries its metadata", async (context) => {
    const sample = join(SAMPLES, 'IMG_5195.HEIC')
    if (!existsSync(sample)) return context.skip(`${sample} is missing`)
    const placed = await place(readFileSync(sample), 'IMG_5195.HEIC')
    assert.ok(readFileSync(temp).includes('Ann'))
    assert.equal(placed.sidecar, undefined)
    assert.deepEqual(placed.problems, [])
  })
})
