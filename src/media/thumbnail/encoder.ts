/**
 * Makes the thumbnails and the thumbhash of a decoded picture. Each size is reduced from the one before it.
 *
 * @module
 */

import type { Sharp } from 'sharp'
import { fitPixels, openPixels, type Pixels } from './pixels.ts'
import { loadSharp } from './sharp-library.ts'
import { thumbhashOf } from './thumbhash.ts'
import { THUMBNAIL_MIMES, type Thumbnail, type ThumbnailOptions } from './thumbnail.ts'

export async function encodeThumbnails(
  picture: Pixels,
  options: ThumbnailOptions,
): Promise<{ thumbnails: Thumbnail[]; thumbhash: Uint8Array }> {
  const sharp = await loadSharp()
  const thumbnails: Thumbnail[] = []
  let pixels = picture
  for (const size of options.sizes) {
    pixels = await fitPixels(sharp, pixels, { sizePx: size, opaque: options.format === 'jpeg' })
    const { widthPx, heightPx } = pixels
    const bytes = await encode(openPixels(sharp, pixels), options)
    thumbnails.push({ size, widthPx, heightPx, mime: THUMBNAIL_MIMES[options.format], bytes })
  }
  return { thumbnails, thumbhash: thumbhashOf(pixels) }
}

/** WebP and AVIF take three and twenty times as long with the libraries' own defaults, for a tenth of the bytes. */
const WEBP_EFFORT = 0
const AVIF_EFFORT = 0

async function encode(image: Sharp, options: ThumbnailOptions): Promise<Uint8Array> {
  const { format, quality, mozjpeg } = options
  if (format === 'webp') return await image.webp({ quality, effort: WEBP_EFFORT }).toBuffer()
  if (format === 'avif') return await image.avif({ quality, effort: AVIF_EFFORT }).toBuffer()
  if (mozjpeg) return await image.jpeg({ quality, mozjpeg }).toBuffer()
  // Tables fitted to the picture save 1.5 % of a large and 4 % of a small one, and take longer than all else here.
  return await image.jpeg({ quality: plainJpegQuality(quality), optimiseCoding: false }).toBuffer()
}

/**
 * The number that makes the plain encoder's pictures about as like to the original as mozjpeg's are at `quality`:
 * 79 for 85. Both count to 100, but with other tables. The measurements are in `docs/decisions/thumbnail-quality.md`.
 */
export function plainJpegQuality(quality: number): number {
  return Math.max(1, Math.round(quality - 6 * Math.min(1, (100 - quality) / 15)))
}
