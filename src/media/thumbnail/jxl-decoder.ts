/**
 * Decodes JPEG XL by libjxl, as WASM from the npm package @jsquash/jxl.
 *
 * Its answer is upright and sRGB: libjxl applies orientation and profile. It takes seven times the processor time of the
 * native `djxl`, which few people have installed; JPEG XL photos are few as well.
 *
 * @module
 */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { checkPixels, DamagedPictureError, MissingDecoderError, reasonOf } from './errors.ts'
import { readJxlSize } from './jxl-header.ts'
import { type DecodedPicture, type DecodeRequest, fitPixels, type Pixels } from './pixels.ts'
import { loadSharp } from './sharp-library.ts'
import type { ThumbnailSource } from './thumbnail.ts'
import { readWhole } from './whole-file.ts'

/** The `ImageData` of browsers. */
interface RgbaPicture {
  readonly width: number
  readonly height: number
  readonly data: Uint8ClampedArray
}

/** What is used of @jsquash/jxl 1.x. */
interface JxlLibrary {
  readonly default: (file: ArrayBufferView) => Promise<RgbaPicture>
  readonly init: (module: object) => Promise<unknown>
}

/** Node has it; the types of the browser that declare it are not loaded. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: { readonly Module: new (code: Uint8Array) => object }
}

export async function decodeJxl(source: ThumbnailSource, request: DecodeRequest): Promise<DecodedPicture> {
  const file = await readWhole(source)
  const size = await readJxlSize(file)
  if (size === undefined) throw new DamagedPictureError('no size stands in the header')
  checkPixels(size.widthPx, size.heightPx, request.maxPixels)
  const [sharp, library] = [await loadSharp(), await loadJxl()]
  request.signal?.throwIfAborted()
  const { width, height, data } = await library.default(file).catch((cause: unknown) => {
    throw new DamagedPictureError(reasonOf(cause), { cause })
  })
  const whole: Pixels = {
    data: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    widthPx: width,
    heightPx: height,
    channels: 4,
  }
  const pixels = await fitPixels(sharp, whole, request)
  return { pixels, widthPx: width, heightPx: height, damaged: false }
}

let loading: Promise<JxlLibrary> | undefined

function loadJxl(): Promise<JxlLibrary> {
  loading ??= load()
  return loading
}

/** In a browser the package fetches its WASM; here it is given it. */
async function load(): Promise<JxlLibrary> {
  try {
    const library = (await import('@jsquash/jxl/decode.js')) as unknown as JxlLibrary
    const wasm = fileURLToPath(import.meta.resolve('@jsquash/jxl/codec/dec/jxl_dec.wasm'))
    await library.init(new WebAssembly.Module(await readFile(wasm)))
    return library
  } catch (cause) {
    const hint = `Install the npm package @jsquash/jxl (${reasonOf(cause)}).`
    throw new MissingDecoderError('JPEG XL', hint, { cause })
  }
}
