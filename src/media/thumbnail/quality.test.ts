/** The measure of the benchmark, and what it says of the default output. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import sharp from 'sharp'
import { type GrayPicture, ssim } from '../../../bench/thumbs-ssim.ts'
import { formatById } from '../formats.ts'
import { plainJpegQuality } from './encoder.ts'
import { renderThumbnails } from './render.ts'
import { DEFAULT_THUMBNAIL_OPTIONS } from './thumbnail.ts'

function picture(value: (x: number, y: number) => number, edgePx = 32): GrayPicture {
  const data = Uint8Array.from({ length: edgePx * edgePx }, (_, at) =>
    value(at % edgePx, Math.floor(at / edgePx)),
  )
  return { widthPx: edgePx, heightPx: edgePx, data }
}

const checkers = picture((x, y) => ((x + y) % 2) * 255)

describe('ssim', () => {
  test('equal pictures are alike', () => assert.equal(ssim(checkers, checkers), 1))

  test('a negative is as unlike as can be', () => {
    const negative = picture((x, y) => 255 - ((x + y) % 2) * 255)
    // Means are equal, the covariance is minus the variance, 127.5²: (C2 - 2 v) / (C2 + 2 v).
    const variance = 127.5 ** 2
    assert.ok(Math.abs(ssim(checkers, negative) - (58.5225 - 2 * variance) / (58.5225 + 2 * variance)) < 1e-9)
  })

  test('even pictures differ by their brightness only', () => {
    const [one, other] = [100, 120]
    const wanted = (2 * one * other + 6.5025) / (one ** 2 + other ** 2 + 6.5025)
    assert.ok(
      Math.abs(
        ssim(
          picture(() => one),
          picture(() => other),
        ) - wanted,
      ) < 1e-9,
    )
  })

  test('more noise is less alike', () => {
    const slope = picture((x) => x * 4)
    const noisy = (amplitude: number): GrayPicture =>
      picture((x, y) => x * 4 + ((x * 7 + y * 13) % 5) * amplitude)
    assert.ok(ssim(slope, noisy(2)) > ssim(slope, noisy(8)))
  })

  test('pictures of different sizes are refused', () => {
    assert.throws(
      () =>
        ssim(
          checkers,
          picture(() => 0, 16),
        ),
      RangeError,
    )
  })
})

describe('default output', () => {
  test('is as like to a lossless reduction as mozjpeg at 85 is, within 1 %', async () => {
    const photo = await sharp({
      create: {
        width: 1600,
        height: 1200,
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    })
      .blur(3)
      .jpeg({ quality: 95 })
      .toBuffer()
    const sizePx = 400
    const whole = await sharp(photo).png({ compressionLevel: 0 }).toBuffer()
    const reference = await sharp(whole).resize(sizePx).png().toBuffer()
    const theirs = await sharp(whole).resize(sizePx).jpeg({ quality: 85, mozjpeg: true }).toBuffer()
    const { thumbnails } = await renderThumbnails(
      { path: '', bytes: photo, format: formatById('jpeg') ?? assert.fail() },
      { ...DEFAULT_THUMBNAIL_OPTIONS, sizes: [800, sizePx] },
      { limits: { maxPixels: 1e7 } },
    )
    const likeness = async (bytes: Uint8Array): Promise<number> =>
      ssim(await grayOf(reference), await grayOf(bytes))
    const ours = await likeness(thumbnails[1]?.bytes ?? new Uint8Array())
    const wanted = await likeness(theirs)
    assert.ok(ours > wanted * 0.99, `${ours} against ${wanted}`)
  })

  test('the encoder’s number rises with the quality asked for', () => {
    const numbers = Array.from({ length: 100 }, (_, index) => plainJpegQuality(index + 1))
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    )
    assert.deepEqual([numbers[0], plainJpegQuality(85), numbers.at(-1)], [1, 79, 100])
  })
})

async function grayOf(bytes: Uint8Array): Promise<GrayPicture> {
  const { data, info } = await sharp(bytes).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true })
  return {
    widthPx: info.width,
    heightPx: info.height,
    data: data.filter((_, at) => at % info.channels === 0),
  }
}
