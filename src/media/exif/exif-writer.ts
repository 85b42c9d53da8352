/**
 * Applies a metadata patch to an EXIF block without moving a byte of it.
 *
 * Maker notes are private structures full of offsets into the EXIF block, so everything that is there stays at
 * its place. New values are appended; a directory that gains entries is written anew at the end and the pointer
 * to it changed. What the old directory and values occupied stays behind as a few unused bytes. A block with
 * anything odd in it is not touched: see `oddities` in `tiff.ts`.
 *
 * @module
 */

import type { MetadataPatch, Position } from '../metadata.ts'
import { mayReplaceCaption } from './caption-text.ts'
import { GPS_TAGS, readTiffBlock, TAGS } from './exif-reader.ts'
import { formatOffset } from './metadata-date.ts'
import type { TiffBlock, TiffDirectory, TiffEntry } from './tiff.ts'
import { EXIF_POINTER, GPS_POINTER, parseTiff, valueBytes } from './tiff.ts'
import type { TiffValue } from './tiff-append.ts'
import { appendChanges, ascii, bytesValue, long, rationals, short } from './tiff-append.ts'

/** What a new block is told of the picture around it. */
export interface PictureFacts {
  readonly widthPx: number
  readonly heightPx: number
  /** Dots per inch or centimetre of the JFIF header, which a new EXIF block must not contradict. */
  readonly density?: { readonly x: number; readonly y: number; readonly unit: 'inch' | 'centimetre' }
}

/** What came of a patch. `unsafe`: the block is left alone and `reason` says why. */
export type ExifPatchResult =
  | { readonly kind: 'patched'; readonly bytes: Buffer }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'unsafe'; readonly reason: string }

type Changes = Map<number, TiffValue>

/** A big-endian header, as exiftool begins a new block; its pointer is set when the first directory is there. */
const EMPTY_BLOCK: TiffBlock = {
  bytes: Buffer.from('4d4d002a00000000', 'hex'),
  littleEndian: false,
  image: undefined,
  exif: undefined,
  gps: undefined,
  oddities: [],
}

/**
 * Applies a patch to an EXIF block.
 *
 * @param existing - The block from `II` or `MM` on; undefined when the file has none: then one is made.
 */
export function patchExif(
  existing: Buffer | undefined,
  patch: MetadataPatch,
  picture: PictureFacts,
): ExifPatchResult {
  const tiff = existing === undefined ? EMPTY_BLOCK : parseTiff(existing)
  if (tiff === undefined) return { kind: 'unsafe', reason: 'the EXIF block has no TIFF header' }
  const [oddity] = tiff.oddities
  if (oddity !== undefined) return { kind: 'unsafe', reason: `the EXIF block is odd: ${oddity}` }

  const image = imageChanges(tiff, patch)
  const exif = exifChanges(tiff, patch)
  const gps = gpsChanges(tiff, patch.position)
  if (image.size + exif.size + gps.size === 0) return { kind: 'unchanged' }
  if (existing === undefined) addImageDefaults(image, picture)
  if (tiff.exif === undefined && (existing === undefined || exif.size > 0)) {
    addExifDefaults(exif, picture, tiff.littleEndian)
  }
  return { kind: 'patched', bytes: applyChanges(tiff, { image, exif, gps }) }
}

function applyChanges(tiff: TiffBlock, changes: { image: Changes; exif: Changes; gps: Changes }): Buffer {
  const image = new Map(changes.image)
  let bytes = tiff.bytes
  for (const [directory, pointer, own] of [
    [tiff.exif, EXIF_POINTER, changes.exif],
    [tiff.gps, GPS_POINTER, changes.gps],
  ] as const) {
    if (own.size === 0) continue
    const result = appendChanges(bytes, tiff.littleEndian, directory, own)
    bytes = result.bytes
    if (result.at !== directory?.at) image.set(pointer, long(result.at, tiff.littleEndian))
  }
  if (image.size === 0) return bytes
  const result = appendChanges(bytes, tiff.littleEndian, tiff.image, image)
  const header = long(result.at, tiff.littleEndian).data
  if (result.at !== tiff.image?.at) header.copy(result.bytes, 4)
  return result.bytes
}

function imageChanges(tiff: TiffBlock, patch: MetadataPatch): Changes {
  const changes: Changes = new Map()
  const { caption, rating, taken } = patch
  const { littleEndian } = tiff
  // A NUL would end the field for every reader.
  const words = caption?.replaceAll('\0', '').trim() ?? ''
  if (words !== '' && mayReplaceCaption(currentText(tiff, tiff.image, TAGS.imageDescription), words)) {
    set(changes, tiff, tiff.image, [TAGS.imageDescription, ascii(words)])
  }
  if (taken !== undefined && !readTiffBlock(tiff).taken.some(({ detail }) => detail === 'ModifyDate')) {
    set(changes, tiff, tiff.image, [TAGS.modifyDate, ascii(toExifDate(taken.local))])
  }
  // Ratings belong into XMP; Windows' own field is only kept from contradicting it.
  if (rating !== undefined && find(tiff.image, TAGS.rating) !== undefined) {
    set(changes, tiff, tiff.image, [TAGS.rating, short(rating, littleEndian)])
    if (find(tiff.image, TAGS.ratingPercent) !== undefined) {
      set(changes, tiff, tiff.image, [TAGS.ratingPercent, short(toPercent(rating), littleEndian)])
    }
  }
  return changes
}

/** Windows' percentages for stars. */
function toPercent(rating: number): number {
  return [0, 1, 25, 50, 75, 99][rating] ?? 0
}

function exifChanges(tiff: TiffBlock, patch: MetadataPatch): Changes {
  if (patch.taken !== undefined) return takenChanges(tiff, patch.taken)
  const changes: Changes = new Map()
  if (patch.offsetMinutes === undefined) return changes
  const dates = readTiffBlock(tiff).taken
  const original = dates.find(({ detail }) => detail === 'DateTimeOriginal')
  const anchor = original ?? dates.find(({ detail }) => detail === 'CreateDate')
  const offset = ascii(formatOffset(patch.offsetMinutes))
  for (const [detail, tag] of [
    ['DateTimeOriginal', TAGS.offsetTimeOriginal],
    ['CreateDate', TAGS.offsetTimeDigitized],
    ['ModifyDate', TAGS.offsetTime],
  ] as const) {
    const date = dates.find((candidate) => candidate.detail === detail)
    // A date of another moment (a scan, an edit) may have been made in another zone.
    if (date?.offsetMinutes !== undefined || date?.local?.slice(0, 19) !== anchor?.local?.slice(0, 19))
      continue
    if (date !== undefined) set(changes, tiff, tiff.exif, [tag, offset])
  }
  return changes
}

function takenChanges(tiff: TiffBlock, taken: NonNullable<MetadataPatch['taken']>): Changes {
  const changes: Changes = new Map()
  const hasModifyDate = readTiffBlock(tiff).taken.some(({ detail }) => detail === 'ModifyDate')
  const date = ascii(toExifDate(taken.local))
  const fraction = taken.local.slice(20)
  const fields: readonly [number, TiffValue | undefined][] = [
    [TAGS.dateTimeOriginal, date],
    [TAGS.createDate, date],
    ...subSecondFields(tiff, fraction, hasModifyDate),
    ...offsetFields(tiff, taken.offsetMinutes, hasModifyDate),
  ]
  for (const [tag, value] of fields) if (value !== undefined) set(changes, tiff, tiff.exif, [tag, value])
  return changes
}

/** Fractions of the old date must not stay beside the new one: they are blanked where there is no new one. */
function subSecondFields(
  tiff: TiffBlock,
  fraction: string,
  hasModifyDate: boolean,
): [number, TiffValue | undefined][] {
  const tags = [TAGS.subSecTimeOriginal, TAGS.subSecTimeDigitized]
  return [...tags, ...(hasModifyDate ? [] : [TAGS.subSecTime])].map((tag) => {
    if (fraction !== '') return [tag, ascii(fraction)]
    const isStale = (currentText(tiff, tiff.exif, tag)?.trim() ?? '') !== ''
    return [tag, isStale ? ascii('   ') : undefined]
  })
}

function offsetFields(
  tiff: TiffBlock,
  offsetMinutes: number | undefined,
  hasModifyDate: boolean,
): [number, TiffValue | undefined][] {
  const tags = [TAGS.offsetTimeOriginal, TAGS.offsetTimeDigitized]
  return [...tags, ...(hasModifyDate ? [] : [TAGS.offsetTime])].map((tag) => {
    if (offsetMinutes !== undefined) return [tag, ascii(formatOffset(offsetMinutes))]
    const isStale = (currentText(tiff, tiff.exif, tag)?.trim() ?? '') !== ''
    // EXIF 2.31: an unknown offset is blanks around the colon.
    return [tag, isStale ? ascii('   :  ') : undefined]
  })
}

function gpsChanges(tiff: TiffBlock, position: Position | undefined): Changes {
  const changes: Changes = new Map()
  if (position === undefined) return changes
  const { latitude, longitude, altitudeM } = position
  const { littleEndian } = tiff
  const fields: [number, TiffValue][] = [
    [GPS_TAGS.latitudeRef, ascii(latitude < 0 ? 'S' : 'N')],
    [GPS_TAGS.latitude, rationals(toSexagesimal(latitude), littleEndian)],
    [GPS_TAGS.longitudeRef, ascii(longitude < 0 ? 'W' : 'E')],
    [GPS_TAGS.longitude, rationals(toSexagesimal(longitude), littleEndian)],
  ]
  if (altitudeM !== undefined) {
    const millimetres = Math.round(Math.abs(altitudeM) * 1000)
    fields.push([GPS_TAGS.altitudeRef, bytesValue(1, Buffer.from([altitudeM < 0 ? 1 : 0]))])
    fields.push([GPS_TAGS.altitude, rationals([[millimetres, 1000]], littleEndian)])
  }
  if (find(tiff.gps, GPS_TAGS.versionId) === undefined) {
    fields.push([GPS_TAGS.versionId, bytesValue(1, Buffer.from([2, 3, 0, 0]))])
  }
  for (const field of fields) set(changes, tiff, tiff.gps, field)
  return changes
}

/** Degrees, minutes and seconds; a second's millionth is 0.03 mm. Rounded once, so 60 never appears. */
function toSexagesimal(degrees: number): readonly (readonly [number, number])[] {
  const micro = Math.round(Math.abs(degrees) * 3_600_000_000)
  const minutes = Math.floor(micro / 60_000_000)
  return [
    [Math.floor(minutes / 60), 1],
    [minutes % 60, 1],
    [micro % 60_000_000, 1_000_000],
  ]
}

/** Fields that EXIF 2.32 requires of an IFD0 of JPEG, in the byte order of {@link EMPTY_BLOCK}. */
function addImageDefaults(changes: Changes, picture: PictureFacts): void {
  const { x, y, unit } = picture.density ?? { x: 72, y: 72, unit: 'inch' }
  changes.set(0x011a, rationals([[x, 1]], false))
  changes.set(0x011b, rationals([[y, 1]], false))
  changes.set(0x0128, short(unit === 'inch' ? 2 : 3, false))
  changes.set(0x0213, short(1, false))
}

/** The same for an ExifIFD: versions, components, "uncalibrated" (no claim on the colours), dimensions. */
function addExifDefaults(changes: Changes, picture: PictureFacts, littleEndian: boolean): void {
  changes.set(0x9000, bytesValue(7, Buffer.from('0232')))
  changes.set(0x9101, bytesValue(7, Buffer.from([1, 2, 3, 0])))
  changes.set(0xa000, bytesValue(7, Buffer.from('0100')))
  changes.set(0xa001, short(0xffff, littleEndian))
  changes.set(TAGS.exifImageWidth, short(picture.widthPx, littleEndian))
  changes.set(TAGS.exifImageHeight, short(picture.heightPx, littleEndian))
}

/** Notes a change unless the field already says so. */
function set(
  changes: Changes,
  tiff: TiffBlock,
  directory: TiffDirectory | undefined,
  field: readonly [tag: number, value: TiffValue],
): void {
  const [tag, value] = field
  const entry = find(directory, tag)
  const current = entry === undefined ? undefined : valueBytes(tiff.bytes, entry)
  if (entry?.type === value.type && current?.equals(value.data) === true) return
  changes.set(tag, value)
}

function find(directory: TiffDirectory | undefined, tag: number): TiffEntry | undefined {
  return directory?.entries.find((entry) => entry.tag === tag)
}

function currentText(tiff: TiffBlock, directory: TiffDirectory | undefined, tag: number): string | undefined {
  const entry = find(directory, tag)
  return entry === undefined ? undefined : valueBytes(tiff.bytes, entry)?.toString('utf8')
}

/** `2014-05-01T12:30:00.123` to `2014:05:01 12:30:00`. */
function toExifDate(local: string): string {
  return local.slice(0, 19).replaceAll('-', ':').replace('T', ' ')
}
