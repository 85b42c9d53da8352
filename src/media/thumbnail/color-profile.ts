/**
 * Converts pixels from the colours of an ICC profile to sRGB.
 *
 * sharp applies a profile only when it comes with the picture and takes raw pixels for sRGB. So the pixels are wrapped
 * into the plainest picture file that can carry a profile: an uncompressed TIFF.
 *
 * @module
 */

import { type Pixels, toPixels } from './pixels.ts'
import type { SharpLibrary } from './sharp-library.ts'

/** Pixels as they are when the profile is broken: better a pale picture than none. */
export async function toSrgb(sharp: SharpLibrary, pixels: Pixels, icc: Buffer): Promise<Pixels> {
  const image = sharp(toTiff(pixels, icc), { limitInputPixels: false })
  return await toPixels(image.toColourspace('srgb')).catch(() => pixels)
}

/** The profile of Display P3, for files that only name its primaries. */
export async function displayP3(sharp: SharpLibrary): Promise<Buffer> {
  const dot = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } })
  const { icc } = await sharp(await dot.withIccProfile('p3').png().toBuffer()).metadata()
  if (icc === undefined) throw new TypeError('sharp wrote no profile')
  return icc
}

const SHORT = 3
const LONG = 4
const UNDEFINED = 7

type Entry = readonly [tag: number, type: number, count: number, value: number]

/** TIFF 6.0, little-endian: header, one directory, the values that do not fit into it, the pixels in one strip. */
export function toTiff({ data, widthPx, heightPx, channels }: Pixels, icc: Buffer): Buffer {
  const hasAlpha = channels === 4
  const entryCount = hasAlpha ? 11 : 10
  const directoryBytes = 2 + entryCount * 12 + 4
  const bitsAt = 8 + directoryBytes
  const iccAt = bitsAt + 8
  const pixelsAt = iccAt + icc.length + (icc.length % 2)
  const entries: Entry[] = [
    [256, LONG, 1, widthPx],
    [257, LONG, 1, heightPx],
    // Bits a sample; not compressed; RGB.
    [258, SHORT, channels, bitsAt],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, 2],
    [273, LONG, 1, pixelsAt],
    [277, SHORT, 1, channels],
    [278, LONG, 1, heightPx],
    [279, LONG, 1, data.length],
    // Alpha that is not premultiplied.
    ...(hasAlpha ? [[338, SHORT, 1, 2] as const] : []),
    [34675, UNDEFINED, icc.length, iccAt],
  ]
  const head = Buffer.alloc(pixelsAt)
  head.write('II*\0', 'latin1')
  head.writeUInt32LE(8, 4)
  head.writeUInt16LE(entryCount, 8)
  for (const [index, entry] of entries.entries()) writeEntry(head, 10 + index * 12, entry)
  for (let channel = 0; channel < 4; channel += 1) head.writeUInt16LE(8, bitsAt + channel * 2)
  icc.copy(head, iccAt)
  return Buffer.concat([head, data])
}

function writeEntry(head: Buffer, at: number, [tag, type, count, value]: Entry): void {
  head.writeUInt16LE(tag, at)
  head.writeUInt16LE(type, at + 2)
  head.writeUInt32LE(count, at + 4)
  // A single short fills the first half of the field; little-endian makes that the same number.
  head.writeUInt32LE(value, at + 8)
}
