/**
 * What a JPEG's own headers say that a new EXIF block repeats.
 *
 * @module
 */

import type { PictureFacts } from '../exif/exif-writer.ts'
import type { JpegSegment } from './segments.ts'
import { APP0, readFrameSize, startsWith } from './segments.ts'

/** Dimensions of the frame, and the density of the JFIF header where it states one. */
export function jpegPictureFacts(head: Buffer, segments: readonly JpegSegment[]): PictureFacts {
  const size = readFrameSize(head, segments) ?? { widthPx: 0, heightPx: 0 }
  const jfif = segments.find((segment) => segment.marker === APP0 && startsWith(head, segment, 'JFIF\0'))
  if (jfif === undefined || jfif.dataAt + 12 > jfif.to) return size
  const unit = head[jfif.dataAt + 7]
  const [x, y] = [head.readUInt16BE(jfif.dataAt + 8), head.readUInt16BE(jfif.dataAt + 10)]
  if ((unit !== 1 && unit !== 2) || x === 0 || y === 0) return size
  return { ...size, density: { x, y, unit: unit === 1 ? 'inch' : 'centimetre' } }
}
