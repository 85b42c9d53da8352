/**
 * The directory of a multi-picture JPEG (CIPA DC-007): where the previews, gain maps and depth maps behind the
 * first picture lie.
 *
 * @module
 */

import { parseTiff, readUint, valueBytes } from '../exif/tiff.ts'
import type { JpegSegment } from './segments.ts'
import { APP2, startsWith } from './segments.ts'

const HEADER = 'MPF\0'
const MP_ENTRY = 0xb002
const MP_ENTRY_BYTES = 16

/** Where in the segment's data an offset stands, and what it says. */
interface PictureOffset {
  readonly at: number
  /** Counted from the directory's own TIFF header; 0 for the first picture, which lies before it. */
  readonly offset: number
}

/** Whether a segment holds such a directory. */
export function isMultiPicture(head: Buffer, segment: JpegSegment): boolean {
  return segment.marker === APP2 && startsWith(head, segment, HEADER)
}

/** Where in the file the pictures behind the first begin; undefined when the directory cannot be read. */
export function multiPictureStarts(head: Buffer, segment: JpegSegment): number[] | undefined {
  const offsets = readOffsets(head.subarray(segment.dataAt, segment.to))?.offsets
  return offsets?.map(({ offset }) => segment.dataAt + HEADER.length + offset)
}

/**
 * Adds to the offsets of all pictures but the first.
 *
 * @param data - The segment's data, from `MPF\0` on.
 * @returns A new segment's data; undefined when the directory cannot be read.
 */
export function shiftMultiPictureOffsets(data: Buffer, growthBytes: number): Buffer | undefined {
  const bytes = Buffer.from(data)
  const read = readOffsets(bytes)
  if (read === undefined) return undefined
  for (const { at, offset } of read.offsets) {
    const moved = offset + growthBytes
    if (moved < 0 || moved > 0xffffffff) return undefined
    if (read.littleEndian) bytes.writeUInt32LE(moved, at)
    else bytes.writeUInt32BE(moved, at)
  }
  return bytes
}

function readOffsets(data: Buffer): { littleEndian: boolean; offsets: PictureOffset[] } | undefined {
  const block = data.subarray(HEADER.length)
  const tiff = parseTiff(block)
  const entry = tiff?.image?.entries.find(({ tag }) => tag === MP_ENTRY)
  const list = entry === undefined ? undefined : valueBytes(block, entry)
  if (tiff === undefined || entry === undefined || list === undefined) return undefined
  const { littleEndian } = tiff
  const offsets: PictureOffset[] = []
  for (let from = 0; from + MP_ENTRY_BYTES <= list.length; from += MP_ENTRY_BYTES) {
    const offset = readUint(list, from + 8, 4, littleEndian)
    if (offset !== 0) offsets.push({ at: HEADER.length + entry.valueAt + from + 8, offset })
  }
  return { littleEndian, offsets }
}
