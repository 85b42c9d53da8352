/**
 * What an EXIF block says of a photo: when, where, by which camera, in which words.
 *
 * @module
 */

import type { EmbeddedMetadata, Position, TakenEvidence } from '../metadata.ts'
import { toCaption } from './caption-text.ts'
import { parseMetadataDate, parseOffset, toEvidence } from './metadata-date.ts'
import type { TiffBlock, TiffDirectory } from './tiff.ts'
import { parseTiff, readDirectory, readInteger, readRationals, valueBytes } from './tiff.ts'

/** Tag numbers of EXIF 2.32 and of Windows (`xp…`, `rating`). */
export const TAGS = {
  imageDescription: 0x010e,
  make: 0x010f,
  model: 0x0110,
  orientation: 0x0112,
  modifyDate: 0x0132,
  rating: 0x4746,
  ratingPercent: 0x4749,
  xpTitle: 0x9c9b,
  xpComment: 0x9c9c,
  xpKeywords: 0x9c9e,
  dateTimeOriginal: 0x9003,
  createDate: 0x9004,
  offsetTime: 0x9010,
  offsetTimeOriginal: 0x9011,
  offsetTimeDigitized: 0x9012,
  subSecTime: 0x9290,
  subSecTimeOriginal: 0x9291,
  subSecTimeDigitized: 0x9292,
  makerNote: 0x927c,
  userComment: 0x9286,
  exifImageWidth: 0xa002,
  exifImageHeight: 0xa003,
} as const

/** Tag numbers of the GPS directory. */
export const GPS_TAGS = {
  versionId: 0x00,
  latitudeRef: 0x01,
  latitude: 0x02,
  longitudeRef: 0x03,
  longitude: 0x04,
  altitudeRef: 0x05,
  altitude: 0x06,
  timeStamp: 0x07,
  dateStamp: 0x1d,
} as const

/** What EXIF adds to the common fields. */
export interface ExifMetadata extends EmbeddedMetadata {
  /** 1 to 8, as EXIF numbers them. */
  readonly orientation?: number
}

const NOTHING: ExifMetadata = { taken: [], people: [], keywords: [] }

/** No caption is longer; a hostile count must not fill the memory with text. */
const MAX_TEXT_BYTES = 64 * 1024

/** Reads an EXIF block (from `II` or `MM` on). A block that is broken says what can still be read of it. */
export function readExif(bytes: Buffer): ExifMetadata {
  const tiff = parseTiff(bytes)
  return tiff === undefined ? NOTHING : readTiffBlock(tiff)
}

/** The same for a block that is already parsed. */
export function readTiffBlock(tiff: TiffBlock): ExifMetadata {
  const { image, exif } = tiff
  const caption = readCaption(tiff)
  const position = readPosition(tiff)
  const rating = readRating(tiff)
  const orientation = integerOf(tiff, image, TAGS.orientation)
  const [make, model] = [textOf(tiff, image, TAGS.make), textOf(tiff, image, TAGS.model)]
  const contentIdentifier = readContentIdentifier(tiff)
  const widthPx = integerOf(tiff, exif, TAGS.exifImageWidth)
  const heightPx = integerOf(tiff, exif, TAGS.exifImageHeight)
  return {
    taken: readDates(tiff),
    people: [],
    keywords: readKeywords(tiff),
    ...(position && { position }),
    ...(caption !== undefined && { caption }),
    ...(rating !== undefined && { rating }),
    ...(make !== undefined && { make }),
    ...(model !== undefined && { model }),
    ...(contentIdentifier !== undefined && { contentIdentifier }),
    ...(widthPx && heightPx ? { widthPx, heightPx } : {}),
    ...(orientation !== undefined && orientation >= 1 && orientation <= 8 && { orientation }),
  }
}

function readDates(tiff: TiffBlock): TakenEvidence[] {
  const { image, exif } = tiff
  const date = (
    detail: string,
    directory: TiffDirectory | undefined,
    tags: { date: number; subSec: number; offset: number },
  ): TakenEvidence[] => {
    const subSeconds = textOf(tiff, exif, tags.subSec)
    const stated = parseMetadataDate(textOf(tiff, directory, tags.date) ?? '', subSeconds)
    if (stated === undefined) return []
    const offsetMinutes = parseOffset(textOf(tiff, exif, tags.offset) ?? '')
    return [toEvidence(stated, detail, { offsetMinutes })]
  }
  return [
    ...date('DateTimeOriginal', exif, {
      date: TAGS.dateTimeOriginal,
      subSec: TAGS.subSecTimeOriginal,
      offset: TAGS.offsetTimeOriginal,
    }),
    ...date('CreateDate', exif, {
      date: TAGS.createDate,
      subSec: TAGS.subSecTimeDigitized,
      offset: TAGS.offsetTimeDigitized,
    }),
    ...readGpsDate(tiff),
    ...date('ModifyDate', image, {
      date: TAGS.modifyDate,
      subSec: TAGS.subSecTime,
      offset: TAGS.offsetTime,
    }),
  ]
}

/** GPS time is UTC: an instant without a wall clock. */
function readGpsDate(tiff: TiffBlock): TakenEvidence[] {
  const date = parseMetadataDate(textOf(tiff, tiff.gps, GPS_TAGS.dateStamp) ?? '')
  const [hour, minute, second] = rationalsOf(tiff, GPS_TAGS.timeStamp)
  if (date?.precision !== 'day' || hour === undefined || minute === undefined || second === undefined)
    return []
  const seconds = hour * 3600 + minute * 60 + second
  if (!(seconds >= 0 && seconds < 86_400)) return []
  const at = Date.parse(`${date.local}Z`) + Math.round(seconds * 1000)
  return [{ source: 'embedded', detail: 'GPSDateTime', at, precision: 'second' }]
}

/** A position needs both numbers and both references; 0/0 is what phones write when they have no fix. */
function readPosition(tiff: TiffBlock): Position | undefined {
  const latitude = coordinate(tiff, GPS_TAGS.latitude, GPS_TAGS.latitudeRef, 'NS')
  const longitude = coordinate(tiff, GPS_TAGS.longitude, GPS_TAGS.longitudeRef, 'EW')
  if (latitude === undefined || longitude === undefined) return undefined
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return undefined
  if (latitude === 0 && longitude === 0) return undefined
  const [altitude] = rationalsOf(tiff, GPS_TAGS.altitude)
  if (altitude === undefined || Number.isNaN(altitude)) return { latitude, longitude }
  const isBelowSea = integerOf(tiff, tiff.gps, GPS_TAGS.altitudeRef) === 1
  return { latitude, longitude, altitudeM: isBelowSea ? -altitude : altitude }
}

function coordinate(tiff: TiffBlock, tag: number, refTag: number, refs: 'NS' | 'EW'): number | undefined {
  const [degrees, minutes = 0, seconds = 0] = rationalsOf(tiff, tag)
  const ref = textOf(tiff, tiff.gps, refTag)?.charAt(0).toUpperCase()
  if (degrees === undefined || ref === undefined || !refs.includes(ref)) return undefined
  // Degrees alone with blank minutes (0/0) are still a position.
  const size = degrees + (minutes || 0) / 60 + (seconds || 0) / 3600
  if (Number.isNaN(size)) return undefined
  return ref === refs[1] && size !== 0 ? -size : size
}

function readCaption(tiff: TiffBlock): string | undefined {
  return (
    toCaption(textOf(tiff, tiff.image, TAGS.imageDescription)) ??
    toCaption(readUserComment(tiff)) ??
    toCaption(utf16Of(tiff, TAGS.xpComment)) ??
    toCaption(utf16Of(tiff, TAGS.xpTitle))
  )
}

/** UserComment begins with eight bytes that name its character code. */
function readUserComment(tiff: TiffBlock): string | undefined {
  const bytes = bytesOf(tiff, tiff.exif, TAGS.userComment)
  if (bytes === undefined || bytes.length <= 8) return undefined
  const code = bytes.toString('latin1', 0, 8)
  const text = bytes.subarray(8)
  if (code.startsWith('ASCII')) return toText(text)
  if (code.startsWith('UNICODE')) return toUtf16(text, tiff.littleEndian)
  // JIS is left alone; unnamed code ("undefined") is read only where it is plain text.
  if (!/^\0+$/u.test(code)) return undefined
  const plain = toText(text)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: binary data is recognised by them
  return /[\u0001-\u0008\u000E-\u001F\uFFFD]/u.test(plain) ? undefined : plain
}

/** Windows writes UTF-16 little-endian whatever the block's byte order. */
function utf16Of(tiff: TiffBlock, tag: number): string | undefined {
  const bytes = bytesOf(tiff, tiff.image, tag)
  return bytes === undefined ? undefined : toUtf16(bytes, true)
}

function toUtf16(bytes: Buffer, littleEndian: boolean): string {
  const whole = bytes.subarray(0, bytes.length & ~1)
  const hasMark = whole.length >= 2 && (whole.readUInt16LE(0) === 0xfeff || whole.readUInt16LE(0) === 0xfffe)
  const isLittle = hasMark ? whole[0] === 0xff : littleEndian
  const text = new TextDecoder(isLittle ? 'utf-16le' : 'utf-16be').decode(whole)
  return text.replace(/\0.*$/su, '')
}

const APPLE_HEADER = Buffer.from('Apple iOS\0\0\u0001MM', 'latin1')
const APPLE_CONTENT_IDENTIFIER = 0x0011

/** The pairing id of a live photo: in Apple's maker note, a big-endian directory with offsets of its own. */
function readContentIdentifier(tiff: TiffBlock): string | undefined {
  const entry = tiff.exif?.entries.find(({ tag }) => tag === TAGS.makerNote)
  const note = entry === undefined ? undefined : valueBytes(tiff.bytes, entry)
  if (note?.subarray(0, APPLE_HEADER.length).equals(APPLE_HEADER) !== true) return undefined
  const directory = readDirectory(note, APPLE_HEADER.length, false)
  const id = directory?.entries.find(({ tag }) => tag === APPLE_CONTENT_IDENTIFIER)
  const text = id === undefined ? undefined : valueBytes(note, id)?.toString('latin1').replaceAll('\0', '')
  return /^[0-9A-Fa-f-]{8,64}$/u.test(text ?? '') ? text : undefined
}

function readKeywords(tiff: TiffBlock): string[] {
  const keywords = (utf16Of(tiff, TAGS.xpKeywords) ?? '').split(';').map((keyword) => keyword.trim())
  return [...new Set(keywords)].filter((keyword) => keyword !== '')
}

function readRating(tiff: TiffBlock): number | undefined {
  const rating = integerOf(tiff, tiff.image, TAGS.rating)
  return rating !== undefined && rating <= 5 ? rating : undefined
}

function bytesOf(tiff: TiffBlock, directory: TiffDirectory | undefined, tag: number): Buffer | undefined {
  const entry = directory?.entries.find((candidate) => candidate.tag === tag)
  return entry === undefined ? undefined : valueBytes(tiff.bytes, entry)?.subarray(0, MAX_TEXT_BYTES)
}

function textOf(tiff: TiffBlock, directory: TiffDirectory | undefined, tag: number): string | undefined {
  const bytes = bytesOf(tiff, directory, tag)
  const text = bytes === undefined ? '' : toText(bytes).trim()
  return text === '' ? undefined : text
}

/** Up to the first NUL. EXIF says ASCII; what is found is UTF-8, or Latin-1 where that is not valid. */
function toText(bytes: Buffer): string {
  const endAt = bytes.indexOf(0)
  const text = endAt < 0 ? bytes : bytes.subarray(0, endAt)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text)
  } catch {
    return new TextDecoder('windows-1252').decode(text)
  }
}

function integerOf(tiff: TiffBlock, directory: TiffDirectory | undefined, tag: number): number | undefined {
  const entry = directory?.entries.find((candidate) => candidate.tag === tag)
  return entry === undefined ? undefined : readInteger(tiff.bytes, entry, tiff.littleEndian)
}

function rationalsOf(tiff: TiffBlock, tag: number): readonly number[] {
  const entry = tiff.gps?.entries.find((candidate) => candidate.tag === tag)
  return entry === undefined ? [] : readRationals(tiff.bytes, entry, tiff.littleEndian)
}
