/**
 * The small picture that cameras put into a JPEG's EXIF.
 *
 * @module
 */

import { parseTiff, readUint } from '../exif/tiff.ts'
import { EXIF_HEADER, parseJpegHeader } from './segments.ts'

const APP1 = 0xe1
const ENTRY_BYTES = 12
const OFFSET_TAG = 0x0201
const LENGTH_TAG = 0x0202

/**
 * Finds the thumbnail's own JPEG.
 *
 * @param head - The file's beginning, with its whole EXIF segment.
 * @returns Undefined when there is none, or what is there is no JPEG.
 */
export function findExifThumbnail(head: Buffer): Buffer | undefined {
  const header = parseJpegHeader(head)
  if (typeof header === 'string') return undefined
  const exif = header.segments.find(
    ({ marker, dataAt }) =>
      marker === APP1 && head.toString('latin1', dataAt, dataAt + EXIF_HEADER.length) === EXIF_HEADER,
  )
  if (exif === undefined) return undefined
  const bytes = head.subarray(exif.dataAt + EXIF_HEADER.length, exif.to)
  const block = parseTiff(bytes)
  const at = block?.image?.nextAt ?? 0
  if (block === undefined || at === 0 || at + 2 > bytes.length) return undefined
  const { littleEndian } = block
  const values = new Map<number, number>()
  const count = Math.min(readUint(bytes, at, 2, littleEndian), 64)
  for (let index = 0; index < count; index += 1) {
    const entryAt = at + 2 + index * ENTRY_BYTES
    if (entryAt + ENTRY_BYTES > bytes.length) break
    values.set(readUint(bytes, entryAt, 2, littleEndian), readUint(bytes, entryAt + 8, 4, littleEndian))
  }
  const start = values.get(OFFSET_TAG) ?? 0
  const thumbnail = bytes.subarray(start, start + (values.get(LENGTH_TAG) ?? 0))
  return thumbnail.length > 2 && thumbnail.readUInt16BE(0) === 0xffd8 ? thumbnail : undefined
}
