/**
 * Makes thumbnails of one file: one decode serves all sizes.
 *
 * Decoders are native or WASM code that hostile files crash or hang. Nothing here can stop that: callers run this in a
 * process that can be killed. What is done here is to look at the header first, so that no picture over the limit is
 * decoded, and to let only such decoders near a file as belong to the format that was found in its bytes.
 *
 * @module
 */

import type { MediaFormat } from '../formats.ts'
import { encodeThumbnails } from './encoder.ts'
import { UnsupportedPictureError } from './errors.ts'
import { decodeHeic } from './heic-decoder.ts'
import { decodeJxl } from './jxl-decoder.ts'
import type { DecodedPicture, DecodeRequest } from './pixels.ts'
import { decodeRaw, type PreviewReader } from './raw-decoder.ts'
import { decodeBySharp, isDecodedBySharp } from './sharp-decoder.ts'
import {
  MAX_THUMBNAIL_SIZE,
  type RenderedThumbnails,
  type ThumbnailLimits,
  type ThumbnailOptions,
  type ThumbnailSource,
} from './thumbnail.ts'
import { decodeVideo } from './video-decoder.ts'

export interface ThumbnailServices {
  readonly limits: ThumbnailLimits
  /** Looked at between the steps; a running ffmpeg is killed. */
  readonly signal?: AbortSignal
  /** The largest preview in a raw file, a JPEG; undefined when there is none. */
  readonly preview?: PreviewReader
  /** Path of an ffmpeg; without one there are no thumbnails of videos. */
  readonly ffmpeg?: string
}

/**
 * @throws UnsupportedPictureError, DamagedPictureError, PictureTooLargeError, MissingDecoderError (see `errors.ts`), and
 *   system errors when the file cannot be read.
 */
export async function renderThumbnails(
  source: ThumbnailSource,
  options: ThumbnailOptions,
  services: ThumbnailServices,
): Promise<RenderedThumbnails> {
  const { signal, limits } = services
  signal?.throwIfAborted()
  const request = {
    sizePx: largestOf(options.sizes),
    opaque: options.format === 'jpeg',
    maxPixels: limits.maxPixels,
    signal,
  }
  const { pixels, widthPx, heightPx, damaged } = await decode(source, request, services)
  signal?.throwIfAborted()
  const encoded = await encodeThumbnails(pixels, options)
  return { widthPx, heightPx, ...encoded, ...(damaged && { damaged }) }
}

function largestOf(sizes: readonly number[]): number {
  const [largest] = sizes
  if (largest === undefined || sizes.some((size, index) => index > 0 && size >= (sizes[index - 1] ?? 0))) {
    throw new RangeError(`sizes have to fall: ${sizes.join(', ')}`)
  }
  if (largest > MAX_THUMBNAIL_SIZE || !sizes.every((size) => Number.isInteger(size) && size > 0)) {
    throw new RangeError(
      `sizes have to be whole numbers from 1 to ${MAX_THUMBNAIL_SIZE}: ${sizes.join(', ')}`,
    )
  }
  return largest
}

function decode(
  source: ThumbnailSource,
  request: DecodeRequest,
  { preview, ffmpeg }: ThumbnailServices,
): Promise<DecodedPicture> {
  const { id, kind } = source.format
  if (id === 'heic' || id === 'heif') return decodeHeic(source, request)
  if (id === 'jxl') return decodeJxl(source, request)
  if (isDecodedBySharp(id)) return decodeBySharp(source, request)
  if (kind === 'raw') return decodeRaw(source, request, preview)
  if (kind === 'video') return decodeVideo(source, request, ffmpeg)
  throw new UnsupportedPictureError(named(source.format))
}

function named({ id, kind }: MediaFormat): string {
  return kind === 'audio' ? `sound (${id})` : `a file of the format ${id}`
}
