/**
 * How much alike thumbnails are to a lossless reduction of the photo, and how many bytes they take.
 *
 * The reference is the whole photo decoded and reduced by Lanczos' kernel. Every picture is compared by its luma.
 *
 * @module
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { formatById } from '../src/media/formats.ts'
import { renderThumbnails } from '../src/media/thumbnail/render.ts'
import { DEFAULT_THUMBNAIL_OPTIONS, type ThumbnailOptions } from '../src/media/thumbnail/thumbnail.ts'
import { median } from './measure.ts'
import { type GrayPicture, ssim } from './thumbs-ssim.ts'

export interface Quality {
  readonly encoder: 'default' | 'mozjpeg' | 'seed'
  readonly sizePx: number
  /** Medians over the photos. */
  readonly ssim: number
  readonly bytes: number
  /** Medians of the ratios to the seed's, photo by photo. */
  readonly ssimRatio: number
  readonly bytesRatio: number
}

type Encoder = (path: string, sizePx: number) => Promise<Uint8Array>

const ENCODERS: Readonly<Record<Quality['encoder'], Encoder>> = {
  default: (path, sizePx) => render(path, sizePx, {}),
  mozjpeg: (path, sizePx) => render(path, sizePx, { mozjpeg: true }),
  seed: (path, sizePx) =>
    sharp(readFileSync(path))
      .autoOrient()
      .resize(sizePx, sizePx, { fit: 'inside' })
      .jpeg({ quality: 85, mozjpeg: true })
      .toBuffer(),
}

export async function measureQuality(folder: string, photos: number): Promise<Quality[]> {
  const paths = readdirSync(folder)
    .slice(0, photos)
    .map((name) => join(folder, name))
  const results: Quality[] = []
  for (const sizePx of DEFAULT_THUMBNAIL_OPTIONS.sizes) {
    const references = await Promise.all(paths.map((path) => losslessOf(path, sizePx)))
    const measured = new Map<string, { ssim: number; bytes: number }[]>()
    for (const [encoder, encode] of Object.entries(ENCODERS)) {
      const rows: { ssim: number; bytes: number }[] = []
      for (const [index, path] of paths.entries()) {
        const bytes = await encode(path, sizePx)
        rows.push({ ssim: ssim(references[index]!, await grayOf(bytes)), bytes: bytes.length })
      }
      measured.set(encoder, rows)
    }
    const seed = measured.get('seed')!
    for (const [encoder, rows] of measured) {
      results.push({
        encoder: encoder as Quality['encoder'],
        sizePx,
        ssim: median(rows.map((row) => row.ssim)),
        bytes: median(rows.map((row) => row.bytes)),
        ssimRatio: median(rows.map((row, index) => row.ssim / seed[index]!.ssim)),
        bytesRatio: median(rows.map((row, index) => row.bytes / seed[index]!.bytes)),
      })
    }
  }
  return results
}

/** As thumbnails are made: with both sizes asked for, for the small one is reduced from the large one. */
async function render(path: string, sizePx: number, options: Partial<ThumbnailOptions>): Promise<Uint8Array> {
  const { thumbnails } = await renderThumbnails(
    { path, format: formatById('jpeg')! },
    { ...DEFAULT_THUMBNAIL_OPTIONS, ...options },
    { limits: { maxPixels: 100_000_000 } },
  )
  return thumbnails.find(({ size }) => size === sizePx)!.bytes
}

async function losslessOf(path: string, sizePx: number): Promise<GrayPicture> {
  // As a file in between, or else it would be reduced while it is decoded.
  const whole = await sharp(path).autoOrient().png({ compressionLevel: 0 }).toBuffer()
  return await grayOf(
    await sharp(whole).resize(sizePx, sizePx, { fit: 'inside' }).png({ compressionLevel: 0 }).toBuffer(),
  )
}

/** Luma of BT.601, as JPEG has it. */
async function grayOf(bytes: Uint8Array): Promise<GrayPicture> {
  const { data, info } = await sharp(bytes)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  const gray = new Uint8Array(info.width * info.height)
  for (let pixel = 0; pixel < gray.length; pixel += 1) {
    const at = pixel * 3
    gray[pixel] = (data[at]! * 77 + data[at + 1]! * 150 + data[at + 2]! * 29) >> 8
  }
  return { widthPx: info.width, heightPx: info.height, data: gray }
}
