/**
 * From a patch to exiftool's arguments, by family of formats. Pure.
 *
 * Every value is one argument on one line: line breaks and `&` go as numeric entities, which `-E` makes
 * exiftool decode. An empty value would delete the tag, so none is ever made from a patch's text. Lists are
 * changed by "remove this item, add this item", which adds what is missing and repeats nothing.
 *
 * @module
 */

import { mayReplaceCaption } from '../exif/caption-text.ts'
import { formatOffset } from '../exif/metadata-date.ts'
import type { MetadataPatch, Position, TakenEvidence } from '../metadata.ts'

/**
 * Which tags a format has. `jpeg`: EXIF, XMP and IPTC; `picture`: EXIF and XMP; `xmp`: XMP alone;
 * `movie`: QuickTime's own atoms and XMP.
 */
export type TagFamily = 'jpeg' | 'picture' | 'xmp' | 'movie'

const FAMILIES: Readonly<Record<string, TagFamily>> = {
  jpeg: 'jpeg',
  gif: 'xmp',
  mp4: 'movie',
  m4v: 'movie',
  mov: 'movie',
  '3gp': 'movie',
  '3g2': 'movie',
}

/** The family of a format whose carrier is exiftool, or of a JPEG that our own writer hands over. */
export function familyOf(formatId: string): TagFamily {
  return FAMILIES[formatId] ?? 'picture'
}

export interface WriteContext {
  readonly family: TagFamily
  /** The file's own dates: needed when the patch has only an offset, which belongs to one of them. */
  readonly taken: readonly TakenEvidence[]
  /** False where the file has IPTC text in an unnamed character set, which declaring UTF-8 would garble. */
  readonly iptc: boolean
  /** What stands in the caption fields, by the names of {@link captionFields}: needed when the patch has a caption. */
  readonly captions: Readonly<Record<string, string>>
}

/** The arguments that write the patch, without options and file; empty when there is nothing to write. */
export function toWriteArgs(patch: MetadataPatch, context: WriteContext): string[] {
  return [
    ...dateArgs(patch, context),
    ...positionArgs(patch.position, context.family),
    ...captionArgs(patch.caption, context),
    ...itemArgs('XMP-iptcExt:PersonInImage', patch.people),
    ...itemArgs('XMP-dc:Subject', patch.keywords),
    ...itemArgs('XMP-lr:HierarchicalSubject', patch.hierarchicalKeywords),
    ...(context.family === 'jpeg' && context.iptc ? itemArgs('IPTC:Keywords', patch.keywords) : []),
    ...iptcCharset(patch, context),
    ...setArg('XMP-xmp:Rating', patch.rating?.toString()),
    ...setArg('XMP-xmpMM:PreservedFileName', patch.originalName),
  ]
}

// # Dates

/** QuickTime's 32-bit seconds reach from 1904 to 2040; before 1970 exiftool and players disagree. */
const QUICKTIME_FIRST_MS = Date.UTC(1970, 0, 1)
const QUICKTIME_LAST_MS = Date.UTC(2040, 0, 1)

const QUICKTIME_DATES = [
  'QuickTime:CreateDate',
  'QuickTime:ModifyDate',
  'QuickTime:TrackCreateDate',
  'QuickTime:TrackModifyDate',
  'QuickTime:MediaCreateDate',
  'QuickTime:MediaModifyDate',
]

function dateArgs(patch: MetadataPatch, context: WriteContext): string[] {
  const { taken, offsetMinutes } = patch
  if (taken === undefined) return offsetMinutes === undefined ? [] : offsetArgs(offsetMinutes, context)
  if (context.family === 'movie') return movieDateArgs(taken)
  const xmp = xmpDateArgs(taken)
  return context.family === 'xmp' ? xmp : [...exifDateArgs(taken), ...xmp]
}

type WrittenDate = NonNullable<MetadataPatch['taken']>

/** A replaced date takes its old fraction and offset along, or they would now be said of another time. */
function exifDateArgs({ local, offsetMinutes }: WrittenDate): string[] {
  const [seconds = '', fraction = ''] = toExifDate(local).split('.')
  const offset = offsetMinutes === undefined ? '' : formatOffset(offsetMinutes)
  return [
    `-ExifIFD:DateTimeOriginal=${seconds}`,
    `-ExifIFD:CreateDate=${seconds}`,
    `-ExifIFD:SubSecTimeOriginal=${fraction}`,
    `-ExifIFD:SubSecTimeDigitized=${fraction}`,
    `-ExifIFD:OffsetTimeOriginal=${offset}`,
    `-ExifIFD:OffsetTimeDigitized=${offset}`,
  ]
}

function xmpDateArgs({ local, offsetMinutes }: WrittenDate): string[] {
  const date = toExifDate(local) + (offsetMinutes === undefined ? '' : formatOffset(offsetMinutes))
  return ['XMP-exif:DateTimeOriginal', 'XMP-photoshop:DateCreated', 'XMP-xmp:CreateDate'].map(
    (tag) => `-${tag}=${date}`,
  )
}

/** The header's times are UTC; Apple's key has the wall clock with its offset, where one is known. */
function movieDateArgs({ local, at, offsetMinutes }: WrittenDate): string[] {
  const utc = toExifDate(new Date(at).toISOString()).slice(0, 19)
  const inRange = at >= QUICKTIME_FIRST_MS && at < QUICKTIME_LAST_MS
  return [
    ...(inRange ? QUICKTIME_DATES.map((tag) => `-${tag}=${utc}`) : []),
    ...(offsetMinutes === undefined ? [] : [creationDateArg(local, offsetMinutes)]),
    ...(inRange ? [] : xmpDateArgs({ local, at, ...(offsetMinutes !== undefined && { offsetMinutes }) })),
  ]
}

function creationDateArg(local: string, offsetMinutes: number): string {
  return `-Keys:CreationDate=${toExifDate(local).slice(0, 19)}${formatOffset(offsetMinutes)}`
}

/** An offset for a date that stays: with each of the file's own dates that it belongs to. */
function offsetArgs(offsetMinutes: number, { family, taken }: WriteContext): string[] {
  if (family === 'movie') return movieOffsetArgs(offsetMinutes, taken)
  const xmp = xmpOffsetArgs(offsetMinutes, taken)
  return family === 'xmp' ? xmp : [...exifOffsetArgs(offsetMinutes, taken), ...xmp]
}

function findWithoutOffset(taken: readonly TakenEvidence[], detail: string): TakenEvidence | undefined {
  return taken.find((evidence) => evidence.detail === detail && evidence.offsetMinutes === undefined)
}

/** Apple's key, from the header's UTC time. */
function movieOffsetArgs(offsetMinutes: number, taken: readonly TakenEvidence[]): string[] {
  const header = findWithoutOffset(taken, 'QuickTime:CreateDate')?.at
  if (header === undefined || taken.some(({ detail }) => detail === 'Keys:CreationDate')) return []
  const local = new Date(header + offsetMinutes * 60_000).toISOString().slice(0, 19)
  return [creationDateArg(local, offsetMinutes)]
}

/** A scan's `CreateDate` was made elsewhere and at another time, so it gets the offset only when it is the same. */
function exifOffsetArgs(offsetMinutes: number, taken: readonly TakenEvidence[]): string[] {
  const offset = formatOffset(offsetMinutes)
  const original = findWithoutOffset(taken, 'DateTimeOriginal')
  const digitized = findWithoutOffset(taken, 'CreateDate')
  const together = original === undefined || original.local === digitized?.local
  return [
    ...(original === undefined ? [] : [`-ExifIFD:OffsetTimeOriginal=${offset}`]),
    ...(digitized !== undefined && together ? [`-ExifIFD:OffsetTimeDigitized=${offset}`] : []),
  ]
}

function xmpOffsetArgs(offsetMinutes: number, taken: readonly TakenEvidence[]): string[] {
  return ['XMP-exif:DateTimeOriginal', 'XMP-photoshop:DateCreated'].flatMap((tag) => {
    const stated = findWithoutOffset(taken, tag)
    if (stated?.local === undefined || stated.precision !== 'second') return []
    return [`-${tag}=${toExifDate(stated.local)}${formatOffset(offsetMinutes)}`]
  })
}

/** `2020-01-02T03:04:05.678` to `2020:01:02 03:04:05.678`. */
function toExifDate(local: string): string {
  return local.replace(/^(\d+)-(\d+)-(\d+)T/u, '$1:$2:$3 ')
}

// # Places

function positionArgs(position: Position | undefined, family: TagFamily): string[] {
  if (position === undefined) return []
  const { latitude, longitude, altitudeM } = position
  if (family === 'movie') {
    const coordinates = [latitude, longitude, ...(altitudeM === undefined ? [] : [altitudeM])].map(toDecimal)
    return ['Keys:GPSCoordinates', 'UserData:GPSCoordinates'].map(
      (tag) => `-${tag}=${coordinates.join(', ')}`,
    )
  }
  if (family === 'xmp') {
    return [
      `-XMP-exif:GPSLatitude=${toDecimal(latitude)}`,
      `-XMP-exif:GPSLongitude=${toDecimal(longitude)}`,
      ...altitudeArgs('XMP-exif', altitudeM),
    ]
  }
  return [
    `-GPS:GPSLatitude=${toDecimal(Math.abs(latitude))}`,
    `-GPS:GPSLatitudeRef=${latitude < 0 ? 'S' : 'N'}`,
    `-GPS:GPSLongitude=${toDecimal(Math.abs(longitude))}`,
    `-GPS:GPSLongitudeRef=${longitude < 0 ? 'W' : 'E'}`,
    ...altitudeArgs('GPS', altitudeM),
  ]
}

function altitudeArgs(group: string, altitudeM: number | undefined): string[] {
  if (altitudeM === undefined) return []
  return [
    `-${group}:GPSAltitude=${toDecimal(Math.abs(altitudeM))}`,
    `-${group}:GPSAltitudeRef#=${altitudeM < 0 ? 1 : 0}`,
  ]
}

/** Never `1e-7`. Nine decimals of a degree are a tenth of a millimetre. */
function toDecimal(value: number): string {
  return value.toFixed(9).replace(/\.?0+$/u, '')
}

// # Words

/** The fields that a family keeps a caption in, as exiftool names them with `-G1`. */
export function captionFields(family: TagFamily): readonly string[] {
  if (family === 'movie') return ['Keys:Description', XMP_CAPTION]
  if (family === 'xmp') return [XMP_CAPTION]
  const iptc = family === 'jpeg' ? [IPTC_CAPTION] : []
  return ['IFD0:ImageDescription', ...iptc, XMP_CAPTION]
}

const IPTC_CAPTION = 'IPTC:Caption-Abstract'

/** Written with its language `x-default`: without one, exiftool removes the texts in all other languages. */
const XMP_CAPTION = 'XMP-dc:Description'

/** Each field on its own: they may hold different texts, and the plan has seen only one of them. */
function captionArgs(caption: string | undefined, { family, iptc, captions }: WriteContext): string[] {
  if (caption === undefined) return []
  return captionFields(family)
    .filter((field) => (field !== IPTC_CAPTION || iptc) && mayReplaceCaption(captions[field], caption))
    .flatMap((field) => setArg(field === XMP_CAPTION ? `${XMP_CAPTION}-x-default` : field, caption))
}

function iptcCharset(patch: MetadataPatch, { family, iptc }: WriteContext): string[] {
  const written = patch.caption !== undefined || (patch.keywords ?? []).length > 0
  return family === 'jpeg' && iptc && written ? ['-IPTC:CodedCharacterSet=UTF8'] : []
}

function setArg(tag: string, text: string | undefined): string[] {
  const value = encodeValue(text ?? '')
  return value === '' ? [] : [`-${tag}=${value}`]
}

function itemArgs(tag: string, items: readonly string[] | undefined): string[] {
  return (items ?? []).flatMap((item) => {
    const value = encodeValue(item)
    return value === '' ? [] : [`-${tag}-=${value}`, `-${tag}+=${value}`]
  })
}

/** One line for `-E` to decode; what neither XML nor EXIF can carry is dropped. */
function encodeValue(text: string): string {
  return text
    .replaceAll(/\p{Surrogate}/gu, '\uFFFD')
    .replaceAll(/\r\n?/gu, '\n')
    .replaceAll(FORBIDDEN, '')
    .trim()
    .replaceAll('&', '&#38;')
    .replaceAll('\n', '&#10;')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the very characters to be removed
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/gu
