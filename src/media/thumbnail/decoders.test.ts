/**
 * The decoders besides sharp: HEIC, JPEG XL, raw previews; and colour profiles, which HEIC needs by hand.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import {
  colorDistance,
  fixture,
  quadrants,
  quartersOf,
  TURNED,
  UPRIGHT,
} from '../../../test/fixtures/images/quadrants.ts'
import { toErrorRecord } from '../../errors.ts'
import { formatById } from '../formats.ts'
import { identify } from '../identify.ts'
import { readHeifHeader } from './heif-header.ts'
import { readJxlSize } from './jxl-header.ts'
import { readOrientation } from './raw-decoder.ts'
import { renderThumbnails, type ThumbnailServices } from './render.ts'
import { DEFAULT_THUMBNAIL_OPTIONS, type RenderedThumbnails } from './thumbnail.ts'

const exec = promisify(execFile)

const folder = await mkdtemp(join(tmpdir(), 'heirloom-decoders-'))
after(() => rm(folder, { recursive: true, force: true }))

const LIMITS = { maxPixels: 20_000_000 }

async function render(
  bytes: Buffer,
  { formatId, ...services }: Partial<ThumbnailServices> & { readonly formatId?: string } = {},
): Promise<RenderedThumbnails> {
  const format = formatId === undefined ? identify(bytes) : formatById(formatId)
  assert.ok(format, 'no format')
  const options = { ...DEFAULT_THUMBNAIL_OPTIONS, sizes: [64] }
  const source = { path: join(folder, 'in-memory'), format, bytes }
  return await renderThumbnails(source, options, { limits: LIMITS, ...services })
}

async function code(rendering: Promise<unknown>): Promise<string> {
  return await rendering.then(
    () => 'rendered',
    (error: unknown) => toErrorRecord(error).code,
  )
}

async function distance(
  rendered: RenderedThumbnails,
  wanted: Parameters<typeof colorDistance>[1],
): Promise<number> {
  return colorDistance(await quartersOf(rendered.thumbnails[0]?.bytes ?? new Uint8Array()), wanted)
}

describe('HEIC', () => {
  test('is turned once, and its profile is applied', async () => {
    const rendered = await render(await fixture('quadrants-p3-turned.heic'))
    assert.deepEqual([rendered.widthPx, rendered.heightPx], [48, 64])
    assert.ok((await distance(rendered, TURNED)) <= 14)
  })

  test('primaries that are only numbered are applied as well', async () => {
    assert.ok((await distance(await render(await fixture('quadrants-p3-nclx.heic')), UPRIGHT)) <= 14)
  })

  test('the primary picture is taken, whichever place it has', async () => {
    const bytes = await fixture('two-pictures.heic')
    assert.ok((await distance(await render(bytes), UPRIGHT)) <= 14)
    const second = Buffer.from(bytes)
    second.writeUInt16BE(4, second.indexOf('pitm') + 8)
    const negative = UPRIGHT.map((color) => color.map((value) => 255 - value)) as unknown as typeof UPRIGHT
    assert.ok((await distance(await render(second), negative)) <= 14)
  })

  test('is refused by its header when it is too large', async () => {
    const bytes = await fixture('quadrants-p3-turned.heic')
    bytes.writeUInt32BE(50_000, bytes.lastIndexOf('ispe') + 8)
    bytes.writeUInt32BE(50_000, bytes.lastIndexOf('ispe') + 12)
    assert.equal(await code(render(bytes)), 'thumbnail/too-large')
  })

  test('no cut and no changed byte of the header throws anything else than our errors', async () => {
    const bytes = await fixture('quadrants-p3-nclx.heic')
    for (let length = 12; length < bytes.length; length += 7) await readHeifHeader(bytes.subarray(0, length))
    for (let at = 0; at < 420; at += 3) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 0xff
      assert.match(
        await code(render(changed, { formatId: 'heic' })),
        /^rendered$|^thumbnail\//u,
        `byte ${at}`,
      )
    }
  })

  const samples = resolve('../shared/samples/heic')
  test('photos of phones', { skip: !existsSync(samples) && 'no samples beside the checkout' }, async () => {
    // The first was taken upright: stored lying, with Exif orientation and `irot` that both say so.
    const sizes = { 'iphone_13_pro_max.HEIC': [3024, 4032], 'IMG_2682.heic': [4032, 3024] }
    for (const [name, size] of Object.entries(sizes)) {
      const { widthPx, heightPx, thumbnails } = await render(await readFile(join(samples, name)))
      assert.deepEqual([widthPx, heightPx], size)
      assert.equal(Math.max(thumbnails[0]?.widthPx ?? 0, thumbnails[0]?.heightPx ?? 0), 64)
    }
  })
})

describe('JPEG XL', () => {
  test('is turned and converted to sRGB', async () => {
    assert.ok((await distance(await render(await fixture('quadrants-p3.jxl')), UPRIGHT)) <= 14)
    const turned = await render(await fixture('quadrants-turned.jxl'))
    assert.deepEqual([turned.widthPx, turned.heightPx], [48, 64])
    assert.ok((await distance(turned, TURNED)) <= 14)
  })

  test('transparency is painted over white', async () => {
    const half = UPRIGHT.map((color) => color.map((value) => (value + 255) / 2)) as unknown as typeof UPRIGHT
    assert.ok((await distance(await render(await fixture('quadrants-half-transparent.jxl')), half)) <= 14)
  })

  test('the size is read from the header', async () => {
    assert.deepEqual(await readJxlSize(await fixture('quadrants-p3.jxl')), { widthPx: 64, heightPx: 48 })
    assert.deepEqual(await readJxlSize(await fixture('quadrants-turned.jxl')), { widthPx: 64, heightPx: 48 })
    // Bits from the lowest: 0, selector 3, 30 bits of height - 1, ratio 1 (a square).
    const header = Buffer.alloc(14)
    header.set([0xff, 0x0a])
    const bits = (1n << 1n) | (1n << 2n) | (BigInt(50_000 - 1) << 3n) | (1n << 33n)
    header.writeBigUInt64LE(bits, 2)
    assert.deepEqual(await readJxlSize(header), { widthPx: 50_000, heightPx: 50_000 })
    assert.equal(await code(render(header)), 'thumbnail/too-large')
  })

  test('a part of a file is damaged', async () => {
    const bytes = await fixture('quadrants-p3.jxl')
    for (const length of [2, 12, 60, 200]) {
      assert.equal(await code(render(bytes.subarray(0, length), { formatId: 'jxl' })), 'thumbnail/damaged')
    }
  })
})

/** TIFF header with one directory entry: orientation. */
function tiffOf(orientation: number, magic = 'II*\0'): Buffer {
  const tiff = Buffer.alloc(64)
  tiff.write(magic, 'latin1')
  tiff.writeUInt32LE(8, 4)
  tiff.writeUInt16LE(1, 8)
  tiff.writeUInt16LE(0x0112, 10)
  tiff.writeUInt16LE(3, 12)
  tiff.writeUInt32LE(1, 14)
  tiff.writeUInt16LE(orientation, 18)
  return tiff
}

describe('raw', () => {
  const preview = (orientation?: number): Promise<Buffer> => {
    const image = quadrants({ widthPx: 128, heightPx: 96 }).jpeg({ quality: 95 })
    return (orientation === undefined ? image : image.withMetadata({ orientation })).toBuffer()
  }

  for (let orientation = 1; orientation <= 8; orientation += 1) {
    test(`a preview without orientation is turned by the raw file's, ${orientation}`, async () => {
      const upright = await sharp(await preview(orientation))
        .autoOrient()
        .png()
        .toBuffer()
      const rendered = await render(tiffOf(orientation), { formatId: 'dng', preview: () => preview() })
      const { width, height } = await sharp(upright).metadata()
      assert.deepEqual([rendered.widthPx, rendered.heightPx], [width, height])
      assert.ok((await distance(rendered, await quartersOf(upright))) <= 14)
    })
  }

  test("the preview's own orientation counts", async () => {
    const rendered = await render(tiffOf(3), { formatId: 'dng', preview: () => preview(6) })
    assert.ok((await distance(rendered, TURNED)) <= 14)
  })

  test('a preview that stands already is not turned', async () => {
    const standing = quadrants({ widthPx: 96, heightPx: 128 }).jpeg({ quality: 95 }).toBuffer()
    const rendered = await render(tiffOf(6), { formatId: 'nef', preview: () => standing })
    assert.deepEqual([rendered.widthPx, rendered.heightPx], [96, 128])
    assert.ok((await distance(rendered, UPRIGHT)) <= 14)
  })

  test('the orientation is found in the variants of TIFF and in CR3', () => {
    for (const magic of ['II*\0', 'IIRO', 'IIRS', 'IIU\0'])
      assert.equal(readOrientation(tiffOf(8, magic)), 8, magic)
    const cr3 = Buffer.concat([
      Buffer.from('\0\0\0\x18ftypcrx \0\0\0\x01crx isom\0\0\0\x48CMT1', 'latin1'),
      tiffOf(6),
    ])
    assert.equal(readOrientation(cr3), 6)
    assert.equal(readOrientation(Buffer.from('FUJIFILMCCD-RAW 0201')), 1)
    assert.equal(readOrientation(tiffOf(99)), 1)
  })

  test('without a preview, or without anybody to read it, it is said so', async () => {
    const none = render(tiffOf(1), { formatId: 'cr2', preview: () => Promise.resolve(undefined) })
    assert.equal(await code(none), 'thumbnail/unsupported-format')
    assert.equal(await code(render(tiffOf(1), { formatId: 'cr2' })), 'thumbnail/missing-decoder')
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    const active = render(tiffOf(1), { formatId: 'cr2', preview: () => Promise.resolve(svg) })
    assert.equal(await code(active), 'thumbnail/damaged')
  })
})

describe('colour profiles', () => {
  test('Display P3 becomes sRGB', async () => {
    const p3 = await quadrants().withIccProfile('p3').png().toBuffer()
    const stored = await sharp(p3, { ignoreIcc: true }).raw().toBuffer()
    assert.ok(Math.abs((stored[0] ?? 0) - UPRIGHT[0][0]) > 6, 'the test needs numbers that differ')
    assert.ok((await distance(await render(p3), UPRIGHT)) <= 12)
  })

  test('CMYK becomes sRGB, with its profile and without', async () => {
    // Colours that four inks can show.
    const quarters: typeof UPRIGHT = [
      [150, 110, 100],
      [110, 140, 110],
      [110, 120, 150],
      [170, 160, 120],
    ]
    const cmyk = quadrants({ quarters }).toColourspace('cmyk').jpeg({ quality: 95 })
    const marked = await cmyk.clone().withIccProfile('cmyk').toBuffer()
    assert.equal((await sharp(marked).metadata()).space, 'cmyk')
    assert.ok((await distance(await render(marked), quarters)) <= 15)
    assert.ok((await distance(await render(await cmyk.toBuffer()), quarters)) <= 15)
  })

  test('Adobe RGB becomes sRGB', async () => {
    const stored = UPRIGHT.map(adobeOf) as unknown as typeof UPRIGHT
    const png = await quadrants({ quarters: stored }).png().toBuffer()
    const marked = withProfile(png, adobeRgbProfile())
    assert.equal((await sharp(marked).metadata()).hasProfile, true)
    assert.ok((await distance(await render(marked), UPRIGHT)) <= 12)
    assert.ok((await distance(await render(png), UPRIGHT)) > 20, 'the test needs numbers that differ')
  })

  test('thumbnails carry no profile and no metadata', async () => {
    const p3 = await quadrants()
      .withIccProfile('p3')
      .withExif({ IFD0: { Artist: 'x' } })
      .jpeg()
      .toBuffer()
    const { icc, exif, xmp } = await sharp((await render(p3)).thumbnails[0]?.bytes).metadata()
    assert.deepEqual([icc, exif, xmp], [undefined, undefined, undefined])
  })
})

/** An sRGB colour in the numbers of Adobe RGB (1998): linear light, the matrix between the two, gamma 2.2. */
function adobeOf(color: readonly number[]): number[] {
  const linear = color.map((value) => {
    const part = value / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  const matrix = [
    [0.7152, 0.2848, 0],
    [0, 1, 0],
    [0, 0.0412, 0.9588],
  ]
  return matrix.map((row) => {
    const light = row.reduce((sum, weight, index) => sum + weight * (linear[index] ?? 0), 0)
    return Math.round(255 * light ** (1 / 2.2))
  })
}

/** A matrix profile as ICC.1:2001 describes it, with the primaries of Adobe RGB adapted to D50. */
function adobeRgbProfile(): Buffer {
  const xyz = (...values: readonly number[]): Buffer => {
    const tag = Buffer.alloc(20)
    tag.write('XYZ ')
    for (const [index, value] of values.entries()) tag.writeInt32BE(Math.round(value * 65_536), 8 + index * 4)
    return tag
  }
  const curve = Buffer.from('curv\0\0\0\0\0\0\0\x01\x02\x33\0\0', 'latin1')
  const text = Buffer.from('text\0\0\0\0none\0\0\0\0', 'latin1')
  const description = Buffer.alloc(100)
  description.write('desc')
  description.writeUInt32BE(5, 8)
  description.write('Adobe', 12)
  const tags: readonly (readonly [string, Buffer])[] = [
    ['desc', description],
    ['cprt', text],
    ['wtpt', xyz(0.9642, 1, 0.8249)],
    ['rXYZ', xyz(0.60974, 0.31111, 0.01947)],
    ['gXYZ', xyz(0.20528, 0.62567, 0.06087)],
    ['bXYZ', xyz(0.14919, 0.06322, 0.74457)],
    ['rTRC', curve],
    ['gTRC', curve],
    ['bTRC', curve],
  ]
  const table = Buffer.alloc(4 + tags.length * 12)
  table.writeUInt32BE(tags.length)
  let at = 128 + table.length
  for (const [index, [name, content]] of tags.entries()) {
    table.write(name, 4 + index * 12)
    table.writeUInt32BE(at, 8 + index * 12)
    table.writeUInt32BE(content.length, 12 + index * 12)
    at += content.length
  }
  const header = Buffer.alloc(128)
  header.writeUInt32BE(at)
  header.writeUInt32BE(0x02_40_00_00, 8)
  header.write('mntrRGB XYZ ', 12)
  header.write('acsp', 36)
  xyz(0.9642, 1, 0.8249).copy(header, 68, 8)
  return Buffer.concat([header, table, ...tags.map(([, content]) => content)])
}

/** Behind a PNG's header, where `iCCP` belongs. */
function withProfile(png: Buffer, icc: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from('iCCPa\0\0', 'latin1'), deflateSync(icc)])
  const chunk = Buffer.alloc(content.length + 8)
  chunk.writeUInt32BE(content.length - 4)
  content.copy(chunk, 4)
  chunk.writeUInt32BE(crc32(content), content.length + 4)
  return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)])
}

test('a library that is not installed is named, each time', async () => {
  const program = `
    import { registerHooks } from 'node:module'
    registerHooks({ resolve: (name, context, next) => {
      if (/^(sharp$|libheif-js|@jsquash)/u.test(name)) throw new Error('not here: ' + name)
      return next(name, context)
    } })
    const { renderThumbnails } = await import(${JSON.stringify(new URL('render.ts', import.meta.url).href)})
    const { formatById } = await import(${JSON.stringify(new URL('../formats.ts', import.meta.url).href)})
    const options = { sizes: [64], format: 'jpeg', quality: 85, mozjpeg: false }
    for (const id of ['jpeg', 'jpeg', 'tiff']) {
      const source = { path: 'x', format: formatById(id), bytes: Buffer.from('x') }
      await renderThumbnails(source, options, { limits: { maxPixels: 1e6 } }).catch((error) => console.log(error.code, error.hint))
    }`
  const { stdout } = await exec(process.execPath, ['--input-type=module', '-e', program])
  const line = 'thumbnail/missing-decoder Install the npm package sharp.\n'
  assert.equal(stdout, line.repeat(3))
})
