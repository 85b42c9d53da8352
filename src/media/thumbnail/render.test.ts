import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, describe, test } from 'node:test'
import { crc32 } from 'node:zlib'
import sharp from 'sharp'
import { thumbHashToRGBA } from 'thumbhash'
import {
  BLUE,
  colorDistance,
  GREEN,
  quadrants,
  quartersOf,
  RED,
  TURNED,
  UPRIGHT,
} from '../../../test/fixtures/images/quadrants.ts'
import { toErrorRecord } from '../../errors.ts'
import { formatById } from '../formats.ts'
import { identify } from '../identify.ts'
import { renderThumbnails, type ThumbnailServices } from './render.ts'
import { DEFAULT_THUMBNAIL_OPTIONS, type RenderedThumbnails, type ThumbnailOptions } from './thumbnail.ts'

const folder = await mkdtemp(join(tmpdir(), 'heirloom-thumbnail-'))
after(() => rm(folder, { recursive: true, force: true }))

const LIMITS = { maxPixels: 20_000_000 }

interface Case {
  readonly options?: Partial<ThumbnailOptions>
  readonly services?: Partial<ThumbnailServices>
  readonly formatId?: string
  readonly path?: string
}

/** Thumbnails of bytes, as what they are unless a format is named. */
async function render(
  bytes: Buffer,
  { options, services, formatId, path }: Case = {},
): Promise<RenderedThumbnails> {
  const format = formatId === undefined ? identify(bytes) : formatById(formatId)
  assert.ok(format, 'no format')
  const source = path === undefined ? { path: join(folder, 'in-memory'), format, bytes } : { path, format }
  const limits = { limits: LIMITS, ...services }
  return await renderThumbnails(source, { ...DEFAULT_THUMBNAIL_OPTIONS, sizes: [32, 16], ...options }, limits)
}

function bytesAt(rendered: RenderedThumbnails, index = 0): Uint8Array {
  return rendered.thumbnails[index]?.bytes ?? new Uint8Array()
}

async function code(rendering: Promise<unknown>): Promise<string> {
  return await rendering.then(
    () => 'rendered',
    (error: unknown) => toErrorRecord(error).code,
  )
}

describe('formats by sharp', () => {
  const encoded: Record<string, () => Promise<Buffer>> = {
    jpeg: () => quadrants().jpeg({ quality: 95 }).toBuffer(),
    'progressive jpeg': () => quadrants().jpeg({ quality: 95, progressive: true }).toBuffer(),
    'gray jpeg': () => quadrants().grayscale().jpeg().toBuffer(),
    png: () => quadrants().png().toBuffer(),
    'png with 16 bits': () => quadrants().toColourspace('rgb16').png().toBuffer(),
    'png with a palette': () => quadrants().png({ palette: true }).toBuffer(),
    webp: () => quadrants().webp({ quality: 95 }).toBuffer(),
    'lossless webp': () => quadrants().webp({ lossless: true }).toBuffer(),
    gif: () => quadrants().gif().toBuffer(),
    avif: () => quadrants().avif({ quality: 90, effort: 0 }).toBuffer(),
    tiff: () => quadrants().tiff({ compression: 'lzw' }).toBuffer(),
    'tiff with 16 bits': () => quadrants().toColourspace('rgb16').tiff().toBuffer(),
    'tiff with tiles': () => quadrants().tiff({ tile: true, compression: 'deflate' }).toBuffer(),
  }
  for (const [name, make] of Object.entries(encoded)) {
    test(`${name} keeps its colours`, async () => {
      const rendered = await render(await make(), { options: { sizes: [48, 32] } })
      assert.deepEqual([rendered.widthPx, rendered.heightPx], [64, 48])
      assert.deepEqual(
        rendered.thumbnails.map(({ size, widthPx, heightPx, mime }) => [size, widthPx, heightPx, mime]),
        [
          [48, 48, 36, 'image/jpeg'],
          [32, 32, 24, 'image/jpeg'],
        ],
      )
      const gray = UPRIGHT.map((color) => {
        const luma = 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2]
        return [luma, luma, luma] as const
      })
      const [wanted, within] = name.startsWith('gray') ? [gray, 45] : [UPRIGHT, 12]
      for (const index of [0, 1]) {
        const distance = colorDistance(await quartersOf(bytesAt(rendered, index)), wanted)
        assert.ok(distance <= within, `thumbnail ${index} is off by ${distance}`)
      }
    })
  }

  test('the first frame of an animation is taken', async () => {
    const frames = [RED, BLUE].map((color) => ({
      create: {
        width: 40,
        height: 30,
        channels: 3 as const,
        background: { r: color[0], g: color[1], b: color[2] },
      },
    }))
    const png = await Promise.all(frames.map((frame) => sharp(frame).png().toBuffer()))
    for (const make of ['gif', 'webp'] as const) {
      const animation = await sharp(png, { join: { animated: true } })
        [make]()
        .toBuffer()
      assert.equal((await sharp(animation).metadata()).pages, 2)
      const rendered = await render(animation)
      assert.deepEqual([rendered.widthPx, rendered.heightPx], [40, 30])
      assert.ok(colorDistance(await quartersOf(bytesAt(rendered)), [RED, RED, RED, RED]) <= 12)
    }
  })
})

describe('sizes', () => {
  test('a picture is never enlarged', async () => {
    const rendered = await render(await quadrants().png().toBuffer(), { options: { sizes: [1440, 250, 40] } })
    assert.deepEqual(
      rendered.thumbnails.map(({ size, widthPx, heightPx }) => [size, widthPx, heightPx]),
      [
        [1440, 64, 48],
        [250, 64, 48],
        [40, 40, 30],
      ],
    )
  })

  test('a line keeps one pixel of height', async () => {
    const rendered = await render(await quadrants({ widthPx: 2000, heightPx: 2 }).png().toBuffer())
    assert.deepEqual(
      rendered.thumbnails.map(({ widthPx, heightPx }) => [widthPx, heightPx]),
      [
        [32, 1],
        [16, 1],
      ],
    )
  })

  test('sizes that do not fall are refused', async () => {
    const png = await quadrants().png().toBuffer()
    for (const sizes of [[], [16, 32], [16, 16], [0], [1.5], [100_000]]) {
      await assert.rejects(render(png, { options: { sizes } }), RangeError)
    }
  })
})

describe('orientation', () => {
  for (let orientation = 1; orientation <= 8; orientation += 1) {
    test(`Exif orientation ${orientation} comes upright`, async () => {
      const stored = await quadrants({ widthPx: 640, heightPx: 480 })
        .withMetadata({ orientation })
        .jpeg({ quality: 95 })
        .toBuffer()
      const wanted = await sharp(await sharp(stored).autoOrient().png().toBuffer())
        .metadata()
        .then(({ width, height }) => [width, height])
      const rendered = await render(stored)
      assert.deepEqual([rendered.widthPx, rendered.heightPx], wanted)
      const upright = await quartersOf(await sharp(stored).autoOrient().png().toBuffer())
      assert.ok(colorDistance(await quartersOf(bytesAt(rendered)), upright) <= 12)
      const { orientation: left } = await sharp(bytesAt(rendered)).metadata()
      assert.equal(left, undefined)
    })
  }

  test('orientation 6 is a turn to the right', async () => {
    const stored = await quadrants().withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer()
    assert.ok(colorDistance(await quartersOf(bytesAt(await render(stored))), TURNED) <= 12)
  })
})

describe('transparency', () => {
  const halfGreen = (): Promise<Buffer> =>
    quadrants({ quarters: [GREEN, GREEN, GREEN, GREEN] })
      .ensureAlpha(0.5)
      .png()
      .toBuffer()

  test('is painted over white in JPEG', async () => {
    const [color] = await quartersOf(bytesAt(await render(await halfGreen())))
    const wanted = GREEN.map((value) => (value + 255) / 2) as unknown as typeof GREEN
    assert.ok(colorDistance([color], [wanted]) <= 6, `${color}`)
  })

  for (const format of ['webp', 'avif'] as const) {
    test(`is kept in ${format}`, async () => {
      const rendered = await render(await halfGreen(), { options: { format } })
      assert.deepEqual(
        rendered.thumbnails.map(({ mime }) => mime),
        [`image/${format}`, `image/${format}`],
      )
      const { data } = await sharp(bytesAt(rendered)).raw().toBuffer({ resolveWithObject: true })
      assert.ok(Math.abs((data[3] ?? 0) - 128) <= 4, `alpha ${data[3]}`)
      assert.ok(Math.abs((data[1] ?? 0) - GREEN[1]) <= 12, `green ${data[1]}`)
    })
  }
})

describe('thumbhash', () => {
  test('shows the four colours where they are', async () => {
    const { thumbhash } = await render(await quadrants({ widthPx: 640, heightPx: 480 }).png().toBuffer(), {
      options: { sizes: [250] },
    })
    assert.ok(thumbhash.length <= 25)
    const { w, h, rgba } = thumbHashToRGBA(thumbhash)
    const png = await sharp(rgba, { raw: { width: w, height: h, channels: 4 } })
      .png()
      .toBuffer()
    assert.ok(Math.abs(w / h - 4 / 3) < 0.15, `${w} x ${h}`)
    assert.ok(colorDistance(await quartersOf(png), UPRIGHT) <= 60)
  })

  test('knows of transparency', async () => {
    const { thumbhash } = await render(await quadrants().ensureAlpha(0.5).png().toBuffer(), {
      options: { format: 'webp' },
    })
    const { rgba } = thumbHashToRGBA(thumbhash)
    assert.ok(Math.abs((rgba[3] ?? 0) - 128) <= 20, `alpha ${rgba[3]}`)
  })
})

describe('damage', () => {
  const noise = (): Promise<Buffer> =>
    sharp({
      create: {
        width: 800,
        height: 600,
        channels: 3,
        noise: { type: 'gaussian', mean: 128, sigma: 40 },
        background: '#000',
      },
    })
      .jpeg()
      .toBuffer()

  test('a cut-off JPEG is rendered as far as it goes, and says so', async () => {
    const whole = await noise()
    assert.equal((await render(whole)).damaged, undefined)
    const rendered = await render(whole.subarray(0, whole.length * 0.6), { options: { sizes: [800] } })
    assert.equal(rendered.damaged, true)
    assert.deepEqual([rendered.widthPx, rendered.heightPx], [800, 600])
    // Above is noise around gray, below nothing was decoded.
    const { data, info } = await sharp(bytesAt(rendered)).raw().toBuffer({ resolveWithObject: true })
    const rowSpread = (y: number): number => {
      const row = [...data.subarray(y * info.width * 3, (y + 1) * info.width * 3)]
      return Math.max(...row) - Math.min(...row)
    }
    assert.ok(
      rowSpread(2) > 80 && rowSpread(info.height - 2) <= 2,
      `${rowSpread(2)} ${rowSpread(info.height - 2)}`,
    )
  })

  test('a cut-off PNG is rendered as far as it goes', async () => {
    const png = await quadrants({ widthPx: 300, heightPx: 300 }).png({ compressionLevel: 0 }).toBuffer()
    assert.equal((await render(png.subarray(0, png.length / 2))).damaged, true)
  })

  const torn = resolve('../shared/samples/damaged/corrupted.jpg')
  const skip = !existsSync(torn) && 'no samples beside the checkout'
  test('a JPEG about which its decoder complains hundreds of times', { skip }, async () => {
    const rendered = await render(await readFile(torn))
    assert.equal(rendered.damaged, true)
    assert.deepEqual([rendered.widthPx, rendered.heightPx], [3648, 2736])
  })

  test('a file of which nothing can be decoded is refused', async () => {
    const jpeg = await noise()
    assert.equal(await code(render(jpeg.subarray(0, 100))), 'thumbnail/damaged')
    const png = await quadrants().png().toBuffer()
    assert.equal(await code(render(png.subarray(0, 20))), 'thumbnail/damaged')
  })

  test('a file that is not there is a system error', async () => {
    const path = join(folder, 'missing.jpg')
    assert.equal(await code(render(Buffer.alloc(0), { formatId: 'jpeg', path })), 'system/ENOENT')
  })
})

describe('what is not rendered', () => {
  const SVG =
    '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="9" height="9"/></svg>'
  const PDF = '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\ntrailer<</Root 1 0 R>>'
  for (const [name, text] of Object.entries({ SVG, PDF })) {
    test(`${name} under the name of a picture`, async () => {
      const path = join(folder, `${name}.png`)
      await writeFile(path, text)
      assert.equal(identify(Buffer.from(text), path), undefined)
      // Even if somebody trusted the name.
      for (const formatId of ['png', 'jpeg', 'tiff', 'webp', 'gif', 'avif', 'heic', 'jxl']) {
        assert.match(
          await code(render(Buffer.from(text), { formatId })),
          /^thumbnail\/(damaged|unsupported-format)$/u,
        )
        assert.match(
          await code(render(Buffer.alloc(0), { formatId, path })),
          /^thumbnail\/(damaged|unsupported-format)$/u,
        )
      }
    })
  }

  test('a picture that was taken for one of another format', async () => {
    const png = await quadrants().png().toBuffer()
    assert.equal(await code(render(png, { formatId: 'jpeg' })), 'thumbnail/unsupported-format')
  })

  test('sound, and pictures without a decoder here', async () => {
    for (const formatId of ['mp3', 'flac', 'psd', 'jp2', 'bmp']) {
      assert.equal(await code(render(Buffer.from('x'), { formatId })), 'thumbnail/unsupported-format')
    }
  })

  test('a name with options for libvips is a name', async () => {
    const path = join(folder, 'photo.jpg[shrink=8]')
    await writeFile(path, await quadrants({ widthPx: 640, heightPx: 480 }).jpeg().toBuffer())
    const rendered = await render(Buffer.alloc(0), { formatId: 'jpeg', path })
    assert.deepEqual([rendered.widthPx, rendered.heightPx], [640, 480])
  })
})

describe('limits', () => {
  /** The same picture, said to be of other dimensions: bytes at `at` are overwritten. */
  async function lying(file: Promise<Buffer>, find: string, behind: number, edges: Buffer): Promise<Buffer> {
    const bytes = Buffer.from(await file)
    edges.copy(bytes, bytes.indexOf(find, 0, 'latin1') + behind)
    return bytes
  }
  const big32 = Buffer.from([0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50])
  const big16 = Buffer.from([0xc3, 0x50, 0xc3, 0x50])

  const bombs: Record<string, () => Promise<Buffer>> = {
    png: async () =>
      Buffer.concat([pngHeader(50_000, 50_000), (await quadrants().png().toBuffer()).subarray(33)]),
    jpeg: () => lying(quadrants().jpeg().toBuffer(), '\xff\xc0\x00\x11\x08', 5, big16),
    gif: async () => {
      const screen = await lying(
        quadrants().gif().toBuffer(),
        'GIF89a',
        6,
        Buffer.from([0x50, 0xc3, 0x50, 0xc3]),
      )
      return await lying(Promise.resolve(screen), ',\0\0\0\0', 5, Buffer.from([0x50, 0xc3, 0x50, 0xc3]))
    },
    avif: () => lying(quadrants().avif({ effort: 0 }).toBuffer(), 'ispe', 8, big32),
  }
  for (const [name, make] of Object.entries(bombs)) {
    test(`${name} of 50,000 x 50,000 pixels is refused by its header`, async () => {
      const bomb = await make()
      const started = process.memoryUsage.rss()
      assert.equal(await code(render(bomb)), 'thumbnail/too-large')
      assert.ok(process.memoryUsage.rss() - started < 100e6)
    })
  }

  test('the error names pixels and limit', async () => {
    const png = await quadrants().png().toBuffer()
    await assert.rejects(render(png, { services: { limits: { maxPixels: 3071 } } }), {
      message: 'picture of 64 x 48 pixels has more than the limit of 3071',
      recovery: 'discard',
    })
    await render(png, { services: { limits: { maxPixels: 3072 } } })
  })

  test('an aborted signal ends the work before it begins', async () => {
    const png = await quadrants().png().toBuffer()
    const signal = AbortSignal.abort(new Error('enough'))
    await assert.rejects(render(png, { services: { signal } }), /enough/u)
  })
})

/** Signature and IHDR of an 8-bit RGB picture; sharp checks the sum. */
function pngHeader(widthPx: number, heightPx: number): Buffer {
  const header = Buffer.alloc(33)
  header.write('\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR', 'latin1')
  header.writeUInt32BE(widthPx, 16)
  header.writeUInt32BE(heightPx, 20)
  header.set([8, 2, 0, 0, 0], 24)
  header.writeUInt32BE(crc32(header.subarray(12, 29)), 29)
  return header
}
