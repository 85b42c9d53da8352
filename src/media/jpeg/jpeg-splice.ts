/**
 * Writes metadata into a JPEG by replacing three segments, and nothing else.
 *
 * EXIF (APP1), standard XMP (APP1) and Photoshop/IPTC (APP13) are made anew or put in; every other byte is copied
 * as it is: the picture, colour profiles, extended XMP, and what phones append behind the picture. Two kinds of
 * offsets count from places before the insertion to places behind it: those of multi-picture files (APP2 `MPF`),
 * which are corrected, and previews that some maker notes keep behind the picture, which are not understood
 * here. Such files, and any with an unusual header, are handed over to exiftool: see `docs/formats/jpeg.md`.
 *
 * @module
 */

import { patchExif } from '../exif/exif-writer.ts'
import { PHOTOSHOP_HEADER, patchIptc } from '../iptc/iptc.ts'
import type { MetadataPatch } from '../metadata.ts'
import { type SpliceEdit, type SplicePlan, toSplice } from '../splice-parts.ts'
import { BrokenXmpError } from '../xmp/xmp-packet.ts'
import { patchXmp } from '../xmp/xmp-writer.ts'
import { findHiddenOffset } from './hidden-offsets.ts'
import { jpegPictureFacts } from './jfif.ts'
import { isMultiPicture, shiftMultiPictureOffsets } from './mpf.ts'
import type { JpegHeader, JpegSegment } from './segments.ts'
import {
  APP0,
  APP1,
  APP2,
  APP13,
  EXIF_HEADER,
  MAX_SEGMENT_DATA_BYTES,
  parseJpegHeader,
  startsWith,
  toSegment,
  XMP_HEADER,
} from './segments.ts'

/** A segment that is to be replaced (`segment`) or put in at `at`. */
interface Edit {
  readonly at: number
  readonly segment: JpegSegment | undefined
  readonly bytes: Buffer
}

/** Thrown inside this module only: the plan becomes a handover. */
class Handover extends Error {}

/**
 * Plans the write of a patch into a JPEG.
 *
 * @param head - The whole file, or at least its first 4 MiB when it is larger.
 * @param fileSizeBytes - Size of the whole file.
 */
export function planJpegSplice(head: Buffer, fileSizeBytes: number, patch: MetadataPatch): SplicePlan {
  const header = parseJpegHeader(head)
  if (typeof header === 'string') return { kind: 'handover', reason: header }
  try {
    const edits = planEdits(head, header, patch)
    if (edits.length === 0) return { kind: 'unchanged' }
    const hidden = findHiddenOffset(head, header, fileSizeBytes)
    if (hidden !== undefined) return { kind: 'handover', reason: hidden }
    const all = [...edits, ...multiPictureEdits(head, header, edits)]
    return { kind: 'splice', ...toSplice(all.map(toSpliceEdit), fileSizeBytes) }
  } catch (error) {
    if (error instanceof Handover) return { kind: 'handover', reason: error.message }
    throw error
  }
}

function planEdits(head: Buffer, header: JpegHeader, patch: MetadataPatch): Edit[] {
  const { segments } = header
  const exif = single(head, segments, APP1, EXIF_HEADER)
  const xmp = single(head, segments, APP1, XMP_HEADER)
  const photoshop = single(head, segments, APP13, PHOTOSHOP_HEADER.toString('latin1'))

  const afterApp0 = endOfLeading(segments, (segment) => segment.marker === APP0)
  const afterExif = Math.max(afterApp0, exif?.to ?? 0)
  const afterApp1 = endOfLeading(segments, ({ marker }) => marker === APP0 || marker === APP1)
  const candidates: (Edit | undefined)[] = [
    toEdit(exif, afterApp0, APP1, newExif(head, header, exif, patch)),
    toEdit(xmp, afterExif, APP1, newXmp(head, xmp, patch)),
    toEdit(photoshop, Math.max(afterApp1, afterExif), APP13, newPhotoshop(head, photoshop, patch)),
  ]
  return candidates.filter((edit) => edit !== undefined)
}

function toEdit(
  segment: JpegSegment | undefined,
  insertAt: number,
  marker: number,
  data: Buffer | undefined,
): Edit | undefined {
  if (data === undefined) return undefined
  if (data.length > MAX_SEGMENT_DATA_BYTES) {
    throw new Handover(`a segment of ${data.length} bytes does not fit into a JPEG`)
  }
  return { at: segment?.from ?? insertAt, segment, bytes: toSegment(marker, data) }
}

function toSpliceEdit({ at, segment, bytes }: Edit): SpliceEdit {
  return { at, to: segment?.to ?? at, bytes }
}

/** The one segment of a kind; several would have to be joined first. */
function single(
  head: Buffer,
  segments: readonly JpegSegment[],
  marker: number,
  prefix: string,
): JpegSegment | undefined {
  const found = segments.filter((segment) => segment.marker === marker && startsWith(head, segment, prefix))
  if (found.length > 1) throw new Handover(`there are ${found.length} ${prefix.split('\0')[0]} segments`)
  return found[0]
}

/** Where the run of such segments at the file's start ends. */
function endOfLeading(segments: readonly JpegSegment[], belongs: (segment: JpegSegment) => boolean): number {
  const next = segments.find((segment) => !belongs(segment))
  return next?.from ?? segments.at(-1)?.to ?? 2
}

function newExif(
  head: Buffer,
  header: JpegHeader,
  segment: JpegSegment | undefined,
  patch: MetadataPatch,
): Buffer | undefined {
  const block = segment && head.subarray(segment.dataAt + EXIF_HEADER.length, segment.to)
  const result = patchExif(block, patch, jpegPictureFacts(head, header.segments))
  if (result.kind === 'unsafe') throw new Handover(result.reason)
  if (result.kind === 'unchanged') return undefined
  return Buffer.concat([Buffer.from(EXIF_HEADER, 'latin1'), result.bytes])
}

function newXmp(head: Buffer, segment: JpegSegment | undefined, patch: MetadataPatch): Buffer | undefined {
  const bytes = segment && head.subarray(segment.dataAt + XMP_HEADER.length, segment.to)
  try {
    const packet = patchXmp(bytes?.toString('utf8'), patch)
    return packet === undefined ? undefined : Buffer.from(XMP_HEADER + packet)
  } catch (error) {
    if (error instanceof BrokenXmpError) throw new Handover(error.message)
    throw error
  }
}

function newPhotoshop(
  head: Buffer,
  segment: JpegSegment | undefined,
  patch: MetadataPatch,
): Buffer | undefined {
  const result = patchIptc(segment && head.subarray(segment.dataAt, segment.to), patch)
  return result.kind === 'patched' ? result.bytes : undefined
}

/**
 * Offsets in an `MPF` segment count from its own TIFF header, so what is put in before it shifts both alike, and
 * only growth behind it must be added.
 */
function multiPictureEdits(head: Buffer, { segments }: JpegHeader, edits: readonly Edit[]): Edit[] {
  return segments
    .filter((segment) => isMultiPicture(head, segment))
    .flatMap((segment) => {
      const growth = edits.filter(({ at }) => at >= segment.to).reduce((sum, edit) => sum + growthOf(edit), 0)
      if (growth === 0) return []
      const data = shiftMultiPictureOffsets(head.subarray(segment.dataAt, segment.to), growth)
      if (data === undefined) throw new Handover('the multi-picture directory is not understood')
      return [{ at: segment.from, segment, bytes: toSegment(APP2, data) }]
    })
}

function growthOf({ segment, bytes }: Edit): number {
  return bytes.length - (segment === undefined ? 0 : segment.to - segment.from)
}
