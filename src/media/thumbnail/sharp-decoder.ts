/**
 * Decodes JPEG, PNG, WebP, GIF, AVIF and TIFF by sharp, at once near the wanted size where the format allows it.
 *
 * The first attempt is strict. A file that fails it is decoded once more as far as it goes, for a cut-off photo may be
 * the only copy that somebody has, and the upper half of it is better than nothing.
 *
 * @module
 */

import { access, readFile } from 'node:fs/promises'
import type { Metadata, Sharp } from 'sharp'
import { checkPixels, DamagedPictureError, reasonOf, UnsupportedPictureError } from './errors.ts'
import { type DecodedPicture, type DecodeRequest, type Pixels, square, toPixels } from './pixels.ts'
import { loadSharp } from './sharp-library.ts'
import type { ThumbnailSource } from './thumbnail.ts'

/** Our format -> the loader's name for what it found in the bytes, which must be the same. */
const LOADED_AS: ReadonlyMap<string, string> = new Map([
  ['jpeg', 'jpeg'],
  ['png', 'png'],
  ['webp', 'webp'],
  ['gif', 'gif'],
  ['avif', 'heif'],
  ['heif', 'heif'],
  ['tiff', 'tiff'],
])

type Strictness = 'warning' | 'none'
type Open = (failOn: Strictness) => Sharp

/** Of the formats that sharp reads: HEIF goes to libheif first, which tells the codecs apart. */
export function isDecodedBySharp(formatId: string): boolean {
  return LOADED_AS.has(formatId)
}

export async function decodeBySharp(
  source: ThumbnailSource,
  request: DecodeRequest,
): Promise<DecodedPicture> {
  const sharp = await loadSharp()
  const input = await toInput(source)
  const limits = { limitInputPixels: request.maxPixels, sequentialRead: true, autoOrient: true }
  // libvips gives a JPEG up after a hundred complaints, of which one lost byte can cause thousands.
  const isPatient = (failOn: Strictness): boolean => failOn === 'none' && source.format.id === 'jpeg'
  const open: Open = (failOn) => sharp(input, { ...limits, failOn, unlimited: isPatient(failOn) })
  const header = await readHeader(sharp(input, { failOn: 'none', limitInputPixels: false }), source)
  checkPixels(header.width, header.height, request.maxPixels)
  const { width: widthPx, height: heightPx } = header.autoOrient
  return { ...(await decodePixels(open, request)), widthPx, heightPx }
}

/** libvips takes what stands in brackets at the end of a file's name for options, so such a file is read here. */
async function toInput({ bytes, path }: ThumbnailSource): Promise<Buffer | string> {
  if (bytes !== undefined) return bytes
  return path.endsWith(']') ? await readFile(path) : path
}

async function readHeader(image: Sharp, { path, bytes, format }: ThumbnailSource): Promise<Metadata> {
  const header = await image.metadata().catch(async (cause: unknown) => {
    // sharp words it as a missing file, whatever the system said.
    if (bytes === undefined) await access(path)
    throw new DamagedPictureError(reasonOf(cause), { cause })
  })
  const expected = LOADED_AS.get(format.id)
  if (header.format !== expected) {
    throw new UnsupportedPictureError(`a file that is ${header.format} and was taken for ${format.id}`)
  }
  return header
}

async function decodePixels(
  open: Open,
  request: DecodeRequest,
): Promise<{ pixels: Pixels; damaged: boolean }> {
  try {
    return { pixels: await reduce(open('warning'), request), damaged: false }
  } catch {
    request.signal?.throwIfAborted()
    const pixels = await reduce(open('none'), request).catch((cause: unknown) => {
      throw new DamagedPictureError(reasonOf(cause), { cause })
    })
    return { pixels, damaged: true }
  }
}

async function reduce(image: Sharp, { sizePx, opaque }: DecodeRequest): Promise<Pixels> {
  image.resize(square(sizePx))
  if (opaque) image.flatten({ background: '#fff' })
  // The embedded profile is applied on the way: what comes out is sRGB.
  return await toPixels(image.toColourspace('srgb'))
}
