/**
 * Decodes HEIC by libheif, as WASM.
 *
 * sharp's binaries have no HEVC. The npm package libheif-js brings libheif; its convenient interface (and heic-decode's)
 * takes the first picture instead of the primary one, needs four bytes a pixel, and prints to the console, so libheif is
 * called directly.
 * The pixels come upright: libheif applies the file's rotation, and the Exif orientation must not be applied on top.
 *
 * @module
 */

import { createRequire } from 'node:module'
import { displayP3, toSrgb } from './color-profile.ts'
import { checkPixels, DamagedPictureError, MissingDecoderError, reasonOf } from './errors.ts'
import { type HeifHeader, readHeifHeader } from './heif-header.ts'
import { type DecodedPicture, type DecodeRequest, fitPixels, type Pixels } from './pixels.ts'
import { decodeBySharp } from './sharp-decoder.ts'
import { loadSharp, type SharpLibrary } from './sharp-library.ts'
import type { ThumbnailSource } from './thumbnail.ts'
import { readWhole } from './whole-file.ts'

/** `image` is given when it worked, `code` and `message` when not. */
interface LibheifImage {
  readonly image?: unknown
  readonly message?: string
  readonly width: number
  readonly height: number
  readonly channels: readonly { readonly stride: number; readonly data: Uint8Array }[]
}

interface LibheifError {
  readonly code: unknown
  readonly message: string
}

/** What is used of libheif-js 1.x. Handles are pointers into the WASM memory: each is released. */
interface Libheif {
  readonly heif_error_code: { readonly heif_error_Ok: unknown }
  readonly heif_colorspace: { readonly heif_colorspace_RGB: unknown }
  readonly heif_chroma: {
    readonly heif_chroma_interleaved_RGB: unknown
    readonly heif_chroma_interleaved_RGBA: unknown
  }
  heif_context_alloc(): unknown
  heif_context_free(context: unknown): void
  heif_context_read_from_memory(context: unknown, file: Buffer): LibheifError
  heif_js_context_get_primary_image_handle(context: unknown): unknown
  heif_image_handle_get_width(handle: unknown): number
  heif_image_handle_get_height(handle: unknown): number
  heif_image_handle_has_alpha_channel(handle: unknown): number
  heif_js_decode_image2(
    handle: unknown,
    colorspace: unknown,
    chroma: unknown,
  ): LibheifImage | Promise<LibheifImage>
  heif_image_release(image: unknown): void
  heif_image_handle_release(handle: unknown): void
}

export async function decodeHeic(source: ThumbnailSource, request: DecodeRequest): Promise<DecodedPicture> {
  const file = await readWhole(source)
  const header = await readHeifHeader(file)
  if (header.isAv1) return await decodeBySharp({ ...source, bytes: file }, request)
  if (header.largest === undefined) throw new DamagedPictureError('no picture is announced in the header')
  checkPixels(header.largest.widthPx, header.largest.heightPx, request.maxPixels)
  const [sharp, libheif] = [await loadSharp(), await loadLibheif()]
  request.signal?.throwIfAborted()
  const whole = await decodePrimary(libheif, file, request.maxPixels)
  const { widthPx, heightPx } = whole
  const reduced = await fitPixels(sharp, whole, request)
  return { pixels: await inSrgb(sharp, reduced, header), widthPx, heightPx, damaged: header.cutOff }
}

/** H.273's number for the primaries of Display P3 (SMPTE EG 432-1). */
const P3_PRIMARIES = 12

async function inSrgb(sharp: SharpLibrary, pixels: Pixels, { icc, primaries }: HeifHeader): Promise<Pixels> {
  if (icc !== undefined) return await toSrgb(sharp, pixels, icc)
  return primaries === P3_PRIMARIES ? await toSrgb(sharp, pixels, await displayP3(sharp)) : pixels
}

async function decodePrimary(libheif: Libheif, file: Buffer, maxPixels: number): Promise<Pixels> {
  const context = libheif.heif_context_alloc()
  try {
    const { code, message } = libheif.heif_context_read_from_memory(context, file)
    if (code !== libheif.heif_error_code.heif_error_Ok) throw new DamagedPictureError(message)
    const handle = libheif.heif_js_context_get_primary_image_handle(context)
    if (isError(handle)) throw new DamagedPictureError(handle.message)
    try {
      return await decodeHandle(libheif, handle, maxPixels)
    } finally {
      libheif.heif_image_handle_release(handle)
    }
  } finally {
    libheif.heif_context_free(context)
  }
}

function isError(answer: unknown): answer is LibheifError {
  return typeof answer === 'object' && answer !== null && 'code' in answer && 'message' in answer
}

async function decodeHandle(libheif: Libheif, handle: unknown, maxPixels: number): Promise<Pixels> {
  const size = [
    libheif.heif_image_handle_get_width(handle),
    libheif.heif_image_handle_get_height(handle),
  ] as const
  checkPixels(...size, maxPixels)
  const hasAlpha = libheif.heif_image_handle_has_alpha_channel(handle) !== 0
  const { heif_chroma_interleaved_RGB: rgb, heif_chroma_interleaved_RGBA: rgba } = libheif.heif_chroma
  const decoded = await libheif.heif_js_decode_image2(
    handle,
    libheif.heif_colorspace.heif_colorspace_RGB,
    hasAlpha ? rgba : rgb,
  )
  if (decoded.image === undefined) throw new DamagedPictureError(decoded.message ?? 'libheif gave no reason')
  try {
    return packRows(decoded, hasAlpha ? 4 : 3)
  } finally {
    libheif.heif_image_release(decoded.image)
  }
}

/** Copied without the padding of the rows, for the original lies in memory that is released. */
function packRows({ width, height, channels: [plane] }: LibheifImage, channels: 3 | 4): Pixels {
  const rowBytes = width * channels
  if (plane === undefined || plane.stride < rowBytes || plane.data.length < plane.stride * height) {
    throw new DamagedPictureError('libheif gave fewer pixels than it announced')
  }
  const data = Buffer.allocUnsafe(rowBytes * height)
  for (let row = 0; row < height; row += 1) {
    data.set(plane.data.subarray(row * plane.stride, row * plane.stride + rowBytes), row * rowBytes)
  }
  return { data, widthPx: width, heightPx: height, channels }
}

let loading: Promise<Libheif> | undefined

function loadLibheif(): Promise<Libheif> {
  loading ??= Promise.resolve().then(requireLibheif)
  return loading
}

function requireLibheif(): Libheif {
  try {
    return createRequire(import.meta.url)('libheif-js/wasm-bundle') as Libheif
  } catch (cause) {
    throw new MissingDecoderError('HEIC', `Install the npm package libheif-js (${reasonOf(cause)}).`, {
      cause,
    })
  }
}
