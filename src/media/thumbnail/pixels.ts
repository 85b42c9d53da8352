/**
 * Pixels between decoder and encoder: eight bits a channel, upright, sRGB unless a decoder says otherwise.
 *
 * @module
 */

import type { OutputInfo, Sharp } from 'sharp'
import type { SharpLibrary } from './sharp-library.ts'

export interface Pixels {
  readonly data: Buffer
  readonly widthPx: number
  readonly heightPx: number
  /** Red, green, blue, and alpha that is not premultiplied. */
  readonly channels: 3 | 4
}

/** What a decoder makes of a file: the picture at about the largest size that is wanted, and what it was. */
export interface DecodedPicture {
  /** Never smaller than asked for, unless the picture is. */
  readonly pixels: Pixels
  /** Of the whole picture, upright. */
  readonly widthPx: number
  readonly heightPx: number
  /** True when the file is cut off or damaged and a part of the pixels is made up. */
  readonly damaged: boolean
}

/** What a decoder is to make. */
export interface DecodeRequest {
  /** Longest edge in pixels. */
  readonly sizePx: number
  /** Paint transparent pixels over white. */
  readonly opaque: boolean
  readonly maxPixels: number
  readonly signal: AbortSignal | undefined
}

export function openPixels(sharp: SharpLibrary, { data, widthPx, heightPx, channels }: Pixels): Sharp {
  return sharp(data, { raw: { width: widthPx, height: heightPx, channels }, limitInputPixels: false })
}

/** Runs what the image was told to do. */
export async function toPixels(image: Sharp): Promise<Pixels> {
  return pixelsOf(await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true }))
}

function pixelsOf({ data, info }: { data: Buffer; info: OutputInfo }): Pixels {
  const { width, height, channels } = info
  if (channels !== 3 && channels !== 4) throw new RangeError(`${channels} channels`)
  return { data, widthPx: width, heightPx: height, channels }
}

/** Fits the picture into a square; what is smaller stays as it is. */
export async function fitPixels(
  sharp: SharpLibrary,
  pixels: Pixels,
  { sizePx, opaque = false }: { readonly sizePx: number; readonly opaque?: boolean },
): Promise<Pixels> {
  const flattens = opaque && pixels.channels === 4
  if (Math.max(pixels.widthPx, pixels.heightPx) <= sizePx && !flattens) return pixels
  const image = openPixels(sharp, pixels)
  if (flattens) image.flatten({ background: '#fff' })
  return await toPixels(image.resize(square(sizePx)))
}

interface Square {
  readonly width: number
  readonly height: number
  readonly fit: 'inside'
  readonly withoutEnlargement: true
}

export function square(sizePx: number): Square {
  return { width: sizePx, height: sizePx, fit: 'inside', withoutEnlargement: true }
}
