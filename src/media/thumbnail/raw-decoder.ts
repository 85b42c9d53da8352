/**
 * Makes a picture of a raw file: of the preview that the camera put into it.
 *
 * Developing raw data is another program's work, and the preview shows what the photographer saw. Most previews carry no
 * orientation of their own; then that of the raw file counts, unless the camera has turned the preview already.
 *
 * @module
 */

import { open } from 'node:fs/promises'
import { parseTiff, readInteger, type TiffBlock } from '../exif/tiff.ts'
import { MissingDecoderError, UnsupportedPictureError } from './errors.ts'
import { swapsEdges, turnUpright } from './orientation.ts'
import type { DecodedPicture, DecodeRequest } from './pixels.ts'
import { decodeBySharp } from './sharp-decoder.ts'
import { loadSharp } from './sharp-library.ts'
import type { ThumbnailSource } from './thumbnail.ts'

export type PreviewReader = (path: string) => Promise<Buffer | undefined>

const JPEG = {
  id: 'jpeg',
  kind: 'image',
  mime: 'image/jpeg',
  extensions: ['jpg'],
  carrier: 'jpeg-splice',
} as const

export async function decodeRaw(
  source: ThumbnailSource,
  request: DecodeRequest,
  preview: PreviewReader | undefined,
): Promise<DecodedPicture> {
  if (preview === undefined) {
    throw new MissingDecoderError('raw photos', 'Run it where exiftool is, which takes the preview out.')
  }
  const bytes = await preview(source.path)
  if (bytes === undefined) throw new UnsupportedPictureError('a raw photo without an embedded preview')
  const picture = await decodeBySharp({ path: source.path, format: JPEG, bytes }, request)
  const { orientation: ofPreview } = await (await loadSharp())(bytes, { failOn: 'none' }).metadata()
  return ofPreview === undefined ? await turn(picture, readOrientation(await readHead(source))) : picture
}

async function turn(picture: DecodedPicture, orientation: number): Promise<DecodedPicture> {
  const { widthPx, heightPx } = picture
  const swaps = swapsEdges(orientation)
  // Sensors lie; a preview that stands was turned when it was made.
  if (swaps && heightPx > widthPx) return picture
  const pixels = await turnUpright(await loadSharp(), picture.pixels, orientation)
  return { ...picture, pixels, widthPx: swaps ? heightPx : widthPx, heightPx: swaps ? widthPx : heightPx }
}

/** The first directory lies near the start of every raw file that has one. */
const HEAD_BYTES = 256 * 1024

async function readHead({ path, bytes }: ThumbnailSource): Promise<Buffer> {
  if (bytes !== undefined) return bytes
  const file = await open(path)
  try {
    const head = Buffer.alloc(HEAD_BYTES)
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0)
    return head.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

const ORIENTATION = 0x0112

/**
 * Orientation of a raw file that is a TIFF (all but Canon's CR3, Fujifilm's RAF and old ones), or of the TIFF in the
 * box `CMT1` of a CR3; 1 when there is none. RAF previews are whole JPEGs with their own.
 */
export function readOrientation(head: Buffer): number {
  const tiff = parseRawTiff(head)
  const entry = tiff?.image?.entries.find(({ tag }) => tag === ORIENTATION)
  if (tiff === undefined || entry === undefined) return 1
  const value = readInteger(tiff.bytes, entry, tiff.littleEndian) ?? 1
  return value >= 1 && value <= 8 ? value : 1
}

/** Olympus and Panasonic write other numbers than 42 behind the byte order; the rest is TIFF. */
const TIFF_VARIANTS = new Set(['IIRO', 'IIRS', 'MMOR', 'IIU\0'])

function parseRawTiff(head: Buffer): TiffBlock | undefined {
  const start = head.toString('latin1', 0, 4)
  if (TIFF_VARIANTS.has(start)) {
    const plain = Buffer.from(head)
    plain.write(start.startsWith('II') ? '*\0' : '\0*', 2, 'latin1')
    return parseTiff(plain)
  }
  const cmt1At = head.toString('latin1', 4, 12) === 'ftypcrx ' ? head.indexOf('CMT1', 0, 'latin1') : -1
  return parseTiff(cmt1At < 0 ? head : head.subarray(cmt1At + 4))
}
