/**
 * What a JPEG says of itself, from the segments before its picture data.
 *
 * @module
 */

import type { ExifMetadata } from '../exif/exif-reader.ts'
import { readExif } from '../exif/exif-reader.ts'
import { PHOTOSHOP_HEADER, readIptc } from '../iptc/iptc.ts'
import type { EmbeddedMetadata, TakenEvidence } from '../metadata.ts'
import { BrokenXmpError } from '../xmp/xmp-packet.ts'
import { readXmp } from '../xmp/xmp-reader.ts'
import type { JpegSegment } from './segments.ts'
import {
  APP1,
  APP13,
  EXIF_HEADER,
  parseJpegHeader,
  readFrameSize,
  startsWith,
  XMP_HEADER,
} from './segments.ts'

const NOTHING: EmbeddedMetadata = { taken: [], people: [], keywords: [] }

/**
 * Best first. The moment of the picture as the camera and the person say it, then the digital file's, then the
 * satellites' (exact, but as old as the last fix), then the last change.
 */
const DATE_RANK: readonly string[] = [
  'DateTimeOriginal',
  'XMP-exif:DateTimeOriginal',
  'XMP-photoshop:DateCreated',
  'IPTC:DateCreated',
  'CreateDate',
  'XMP-exif:DateTimeDigitized',
  'XMP-xmp:CreateDate',
  'GPSDateTime',
  'XMP-exif:GPSDateTime',
  'ModifyDate',
]

/**
 * Reads a JPEG's metadata.
 *
 * @param head - The file's beginning, at least up to the picture data (4 MiB is plenty), or all of it.
 * @returns What it says; nothing for what is no JPEG or broken before the metadata.
 */
export function readJpegMetadata(head: Buffer): ExifMetadata {
  const header = parseJpegHeader(head)
  if (typeof header === 'string') return NOTHING
  const { segments } = header
  const dataOf = (segment: JpegSegment): Buffer => head.subarray(segment.dataAt, segment.to)
  const of = (marker: number, prefix: string): JpegSegment | undefined =>
    segments.find((segment) => segment.marker === marker && startsWith(head, segment, prefix))

  const exifSegment = of(APP1, EXIF_HEADER)
  const xmpSegment = of(APP1, XMP_HEADER)
  const iptcSegment = of(APP13, PHOTOSHOP_HEADER.toString('latin1'))
  const exif = exifSegment ? readExif(dataOf(exifSegment).subarray(EXIF_HEADER.length)) : NOTHING
  const xmp = xmpSegment ? readEmbeddedXmp(dataOf(xmpSegment).subarray(XMP_HEADER.length)) : NOTHING
  const iptc = iptcSegment ? readIptc(dataOf(iptcSegment)) : NOTHING
  const merged = mergeEmbedded([exif, xmp, iptc])
  // The frame header is what decoders go by; EXIF's numbers survive croppings that they no longer describe.
  return { ...merged, ...readFrameSize(head, segments) }
}

function readEmbeddedXmp(data: Buffer): EmbeddedMetadata {
  try {
    return readXmp(data.toString('utf8'))
  } catch (error) {
    if (error instanceof BrokenXmpError) return NOTHING
    throw error
  }
}

/**
 * Joins what the metadata blocks of one file say: dates ranked over all of them, lists united, and of single
 * values the first block's that has one.
 */
export function mergeEmbedded<T extends EmbeddedMetadata>(blocks: readonly T[]): T | EmbeddedMetadata {
  const singles: T | EmbeddedMetadata = Object.assign({ ...NOTHING }, ...blocks.toReversed())
  const rating = blocks.map((block) => block.rating).find((value) => value !== undefined && value !== 0)
  return {
    ...singles,
    ...(rating !== undefined && { rating }),
    taken: blocks.flatMap(({ taken }) => taken).sort((left, right) => rankOf(left) - rankOf(right)),
    people: [...new Set(blocks.flatMap(({ people }) => people))],
    keywords: [...new Set(blocks.flatMap(({ keywords }) => keywords))],
  }
}

function rankOf({ detail }: TakenEvidence): number {
  const rank = DATE_RANK.indexOf(detail)
  return rank < 0 ? DATE_RANK.length : rank
}
