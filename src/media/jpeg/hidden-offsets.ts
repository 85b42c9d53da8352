/**
 * Finds out whether a maker note points behind the picture data, at something that an insertion would move.
 *
 * Some cameras keep a large preview behind the picture and its place in the maker note, whose layout is each
 * maker's secret. exiftool knows most of them and corrects the place; here such a file is only recognised.
 *
 * @module
 */

import { TAGS } from '../exif/exif-reader.ts'
import { parseTiff, valueBytes } from '../exif/tiff.ts'
import { isMultiPicture, multiPictureStarts } from './mpf.ts'
import type { JpegHeader, JpegSegment } from './segments.ts'
import { APP1, EOI, EXIF_HEADER, startsWith } from './segments.ts'

const END_OF_IMAGE: Buffer = Buffer.from([0xff, EOI])
const START_OF_IMAGE: Buffer = Buffer.from([0xff, 0xd8, 0xff])

/** Sony's maker note points 32 bytes before the preview; twice that for others that do alike. */
const SLACK_BYTES = 64

/** Why the file must not grow in front of its picture data; undefined when it may. */
export function findHiddenOffset(
  head: Buffer,
  header: JpegHeader,
  fileSizeBytes: number,
): string | undefined {
  const exif = header.segments.find(
    (segment) => segment.marker === APP1 && startsWith(head, segment, EXIF_HEADER),
  )
  const makerNote = exif && makerNoteOf(head, exif)
  if (exif === undefined || makerNote === undefined) return undefined
  if (head.length < fileSizeBytes) return 'a maker note may point behind the part that was read'
  const directory = header.segments.find((segment) => isMultiPicture(head, segment))
  if (directory === undefined) {
    return hasPreviewBehind(head, header.scanAt)
      ? 'a maker note may point to the preview behind the picture'
      : undefined
  }
  const starts = multiPictureStarts(head, directory)
  if (starts === undefined) return 'the multi-picture directory is not understood'
  const tiffAt = exif.dataAt + EXIF_HEADER.length
  const places = starts.flatMap((start) => [start, start - tiffAt])
  return pointsAt(makerNote, places) ? 'a maker note points to the preview behind the picture' : undefined
}

function makerNoteOf(head: Buffer, exif: JpegSegment): Buffer | undefined {
  const block = head.subarray(exif.dataAt + EXIF_HEADER.length, exif.to)
  const entry = parseTiff(block)?.exif?.entries.find(({ tag }) => tag === TAGS.makerNote)
  return entry === undefined ? undefined : valueBytes(block, entry)
}

/** A JPEG somewhere behind the picture; the videos of motion photos are known to be none. */
function hasPreviewBehind(file: Buffer, scanAt: number): boolean {
  const endAt = file.indexOf(END_OF_IMAGE, scanAt)
  if (endAt < 0) return false
  const trailer = file.subarray(endAt + END_OF_IMAGE.length)
  const isVideo = trailer.toString('latin1', 4, 8) === 'ftyp'
  const isSamsung = trailer.toString('latin1', trailer.length - 4) === 'SEFT'
  return !isVideo && !isSamsung && trailer.includes(START_OF_IMAGE)
}

/** Whether any 32-bit number of either byte order lies near one of the places. */
function pointsAt(makerNote: Buffer, places: readonly number[]): boolean {
  const isNear = (value: number): boolean => places.some((place) => Math.abs(value - place) <= SLACK_BYTES)
  for (let at = 0; at + 4 <= makerNote.length; at += 2) {
    if (isNear(makerNote.readUInt32LE(at)) || isNear(makerNote.readUInt32BE(at))) return true
  }
  return false
}
