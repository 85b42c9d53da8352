/**
 * The marker segments of a JPEG before its picture data.
 *
 * @module
 */

/** One marker segment. Offsets count from the file's start; `dataAt` is behind marker and length. */
export interface JpegSegment {
  /** Second byte of the marker: 0xE1 for APP1. */
  readonly marker: number
  readonly from: number
  readonly dataAt: number
  readonly to: number
}

/** The header of a JPEG: its segments up to the first start of scan. */
export interface JpegHeader {
  readonly segments: readonly JpegSegment[]
  /** Where the start-of-scan marker lies. */
  readonly scanAt: number
}

export const SOI = 0xd8
export const EOI = 0xd9
export const SOS = 0xda
export const APP0 = 0xe0
export const APP1 = 0xe1
export const APP2 = 0xe2
export const APP13 = 0xed

/** How the data of an EXIF segment (APP1) begins. */
export const EXIF_HEADER = 'Exif\0\0'
/** How the data of a standard XMP segment (APP1) begins. */
export const XMP_HEADER = 'http://ns.adobe.com/xap/1.0/\0'

/** What a segment's data may hold at most: the length field counts itself. */
export const MAX_SEGMENT_DATA_BYTES = 65_533

/** Whether the bytes begin as a JPEG does. */
export function isJpeg(head: Buffer): boolean {
  return head.length >= 4 && head[0] === 0xff && head[1] === SOI && head[2] === 0xff
}

/** Finds the segments; a text says why the header cannot be understood. */
export function parseJpegHeader(head: Buffer): JpegHeader | string {
  if (!isJpeg(head)) return 'the file does not begin as a JPEG does'
  const segments: JpegSegment[] = []
  let at = 2
  while (at + 4 <= head.length) {
    // Fill bytes may stand before any marker.
    while (head[at] === 0xff && head[at + 1] === 0xff) at += 1
    if (head[at] === 0xff && head[at + 1] === SOS) return { segments, scanAt: at }
    const segment = parseSegment(head, at)
    if (typeof segment === 'string') return segment
    segments.push(segment)
    at = segment.to
  }
  return 'the picture data does not begin in the part that was read'
}

function parseSegment(head: Buffer, at: number): JpegSegment | string {
  const marker = head[at + 1] ?? 0
  if (head[at] !== 0xff) return `there is no marker at byte ${at}`
  if (!hasLength(marker)) return `the marker 0x${marker.toString(16)} stands at byte ${at}`
  const to = at + 4 > head.length ? at : at + 2 + head.readUInt16BE(at + 2)
  if (to < at + 4 || to > head.length) return `the segment at byte ${at} is cut off`
  return { marker, from: at, dataAt: at + 4, to }
}

/** SOI, EOI, RSTn, TEM and the reserved low markers stand alone; none of them belongs into a header. */
function hasLength(marker: number): boolean {
  return marker >= 0xc0 && !(marker >= 0xd0 && marker <= EOI)
}

/** Whether the segment's data begins with these characters. */
export function startsWith(head: Buffer, segment: JpegSegment, prefix: string): boolean {
  const endAt = segment.dataAt + prefix.length
  return endAt <= segment.to && head.toString('latin1', segment.dataAt, endAt) === prefix
}

/** Width and height from the frame header (SOFn). */
export function readFrameSize(
  head: Buffer,
  segments: readonly JpegSegment[],
): { widthPx: number; heightPx: number } | undefined {
  const frame = segments.find(
    ({ marker }) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker),
  )
  if (frame === undefined || frame.dataAt + 5 > frame.to) return undefined
  return { heightPx: head.readUInt16BE(frame.dataAt + 1), widthPx: head.readUInt16BE(frame.dataAt + 3) }
}

/** A marker segment around some data. */
export function toSegment(marker: number, ...data: readonly Buffer[]): Buffer {
  const sizeBytes = data.reduce((sum, part) => sum + part.length, 0)
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(sizeBytes + 2, 2)
  return Buffer.concat([head, ...data])
}
