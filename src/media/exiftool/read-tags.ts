/**
 * From exiftool's answer to our vocabulary. Pure.
 *
 * exiftool is asked for raw values with their group (`-G1 -n -struct`), and no zone is ever converted for us:
 * EXIF times are wall-clock times, QuickTime's header times are UTC, and only Apple's `CreationDate` and fields
 * with a stated offset are both.
 *
 * @module
 */

import { toCaption } from '../exif/caption-text.ts'
import { parseMetadataDate, parseOffset, toEvidence } from '../exif/metadata-date.ts'
import type { EmbeddedMetadata, Position, TakenEvidence } from '../metadata.ts'

/** exiftool's JSON object of one file, keyed `Group1:Tag`. */
export type Tags = Readonly<Record<string, unknown>>

/** The tags that {@link toEmbedded} looks at, as exiftool arguments. */
export const READ_ARGS: readonly string[] = [
  '-json',
  '-G1',
  '-n',
  '-struct',
  '-api',
  'LargeFileSupport=1',
  ...[
    'Error',
    'DateTimeOriginal',
    'CreateDate',
    'ModifyDate',
    'SubSecTimeOriginal',
    'SubSecTimeDigitized',
    'OffsetTime',
    'OffsetTimeOriginal',
    'OffsetTimeDigitized',
    'DateCreated',
    'TimeCreated',
    'CreationDate',
    'CreationTime',
    'MediaCreateDate',
    'DateTimeDigitized',
    'GPSDateTime',
    'GPSLatitude',
    'GPSLongitude',
    'GPSAltitude',
    'GPSAltitudeRef',
    'GPSCoordinates',
    'ImageDescription',
    'Description',
    'Caption-Abstract',
    'UserComment',
    'PersonInImage',
    'RegionInfo',
    'RegionInfoMP',
    'Subject',
    'HierarchicalSubject',
    'Keywords',
    'Rating',
    'PreservedFileName',
    'ContentIdentifier',
    'MediaGroupUUID',
    'Make',
    'Model',
    'ImageSize',
    'MotionPhoto',
    'MicroVideo',
    'MotionPhotoVideo',
    'EmbeddedVideoType',
  ].map((tag) => `-${tag}`),
]

/** What exiftool's tags say of the file. */
export function toEmbedded(tags: Tags): EmbeddedMetadata {
  const position = readPosition(tags)
  const caption = firstOf(tags, CAPTIONS, toCaption)
  const rating = readRating(tags['XMP-xmp:Rating'] ?? tags['IFD0:Rating'])
  const originalName = textOf(tags['XMP-xmpMM:PreservedFileName'])
  const contentIdentifier = firstOf(tags, CONTENT_IDENTIFIERS)
  const make = firstOf(tags, ['IFD0:Make', 'Keys:Make', 'UserData:Make', 'QuickTime:Make', 'XMP-tiff:Make'])
  const model = firstOf(tags, [
    'IFD0:Model',
    'Keys:Model',
    'UserData:Model',
    'QuickTime:Model',
    'XMP-tiff:Model',
  ])
  return {
    taken: readDates(tags),
    people: readPeople(tags),
    keywords: unique(KEYWORDS.flatMap((name) => listOf(tags[name]))),
    ...(position && { position }),
    ...(caption !== undefined && { caption }),
    ...(rating !== undefined && { rating }),
    ...(originalName !== undefined && { originalName }),
    ...(contentIdentifier !== undefined && { contentIdentifier }),
    ...(make !== undefined && { make }),
    ...(model !== undefined && { model }),
    ...readSize(tags),
    ...(isMotionPhoto(tags) && { motionPhoto: true }),
  }
}

const CAPTIONS = [
  'IFD0:ImageDescription',
  'XMP-dc:Description',
  'IPTC:Caption-Abstract',
  'Keys:Description',
  'ItemList:Description',
  'UserData:Description',
  'PNG:Description',
  'ExifIFD:UserComment',
]

const CONTENT_IDENTIFIERS = ['Apple:ContentIdentifier', 'Apple:MediaGroupUUID', 'Keys:ContentIdentifier']

const KEYWORDS = [
  'XMP-dc:Subject',
  'XMP-lr:HierarchicalSubject',
  'IPTC:Keywords',
  'Keys:Keywords',
  'ItemList:Keyword',
]

// # Dates

/** Key, then where an offset or fractions of a second may stand. */
type DateField = readonly [key: string, detail: string, offsetKey?: string, subSecondKey?: string]

/** Times on the wall clock, best first, with offset where the file states one. */
const LOCAL_DATES: readonly DateField[] = [
  [
    'ExifIFD:DateTimeOriginal',
    'DateTimeOriginal',
    'ExifIFD:OffsetTimeOriginal',
    'ExifIFD:SubSecTimeOriginal',
  ],
  ['Keys:CreationDate', 'Keys:CreationDate'],
  ['Keys:DateTimeOriginal', 'Keys:DateTimeOriginal'],
  ['UserData:DateTimeOriginal', 'UserData:DateTimeOriginal'],
  ['H264:DateTimeOriginal', 'H264:DateTimeOriginal'],
  ['RIFF:DateTimeOriginal', 'RIFF:DateTimeOriginal'],
  ['XMP-exif:DateTimeOriginal', 'XMP-exif:DateTimeOriginal'],
  ['XMP-photoshop:DateCreated', 'XMP-photoshop:DateCreated'],
  ['ExifIFD:CreateDate', 'CreateDate', 'ExifIFD:OffsetTimeDigitized', 'ExifIFD:SubSecTimeDigitized'],
  ['XMP-exif:DateTimeDigitized', 'XMP-exif:DateTimeDigitized'],
  ['XMP-xmp:CreateDate', 'XMP-xmp:CreateDate'],
  ['PNG:CreationTime', 'PNG:CreationTime'],
  ['IFD0:ModifyDate', 'ModifyDate', 'ExifIFD:OffsetTime'],
]

/** Times in UTC by definition of their container. */
const UTC_DATES: readonly DateField[] = [
  ['QuickTime:CreateDate', 'QuickTime:CreateDate'],
  ['Track1:MediaCreateDate', 'QuickTime:MediaCreateDate'],
  ['Matroska:DateTimeOriginal', 'Matroska:DateTimeOriginal'],
  ['ASF:CreationDate', 'ASF:CreationDate'],
  ['Composite:GPSDateTime', 'GPSDateTime'],
]

function readDates(tags: Tags): TakenEvidence[] {
  const local = LOCAL_DATES.flatMap((field) => readLocalDate(tags, field))
  const utc = UTC_DATES.flatMap((field) => readUtcDate(tags, field))
  const fileDate = local.findIndex(({ detail }) => detail === 'ModifyDate')
  const split = fileDate < 0 ? local.length : fileDate
  return [...local.slice(0, split), ...readIptcDate(tags), ...utc, ...local.slice(split)]
}

function readLocalDate(
  tags: Tags,
  [key, detail, offsetKey = '', subSecondKey = '']: DateField,
): TakenEvidence[] {
  const stated = parseMetadataDate(textOf(tags[key]) ?? '', textOf(tags[subSecondKey]))
  const offsetMinutes = parseOffset(textOf(tags[offsetKey]) ?? '')
  return stated === undefined ? [] : [toEvidence(stated, detail, { offsetMinutes })]
}

function readUtcDate(tags: Tags, [key, detail]: DateField): TakenEvidence[] {
  const stated = parseMetadataDate(textOf(tags[key]) ?? '')
  if (stated === undefined || stated.precision !== 'second') return []
  const { at } = toEvidence(stated, detail, { offsetMinutes: 0 })
  return at === undefined ? [] : [{ source: 'embedded', detail, at, precision: 'second' }]
}

function readIptcDate(tags: Tags): TakenEvidence[] {
  const day = textOf(tags['IPTC:DateCreated'])
  if (day === undefined) return []
  const time = textOf(tags['IPTC:TimeCreated'])
  const stated = parseMetadataDate(time === undefined ? day : `${day} ${time}`) ?? parseMetadataDate(day)
  return stated === undefined ? [] : [toEvidence(stated, 'IPTC:DateCreated')]
}

// # Places

function readPosition(tags: Tags): Position | undefined {
  return (
    fromCoordinates(tags['Keys:GPSCoordinates']) ??
    fromCoordinates(tags['UserData:GPSCoordinates']) ??
    fromCoordinates(tags['ItemList:GPSCoordinates']) ??
    toPosition(tags['Composite:GPSLatitude'], tags['Composite:GPSLongitude'], altitudeOf(tags)) ??
    toPosition(tags['XMP-exif:GPSLatitude'], tags['XMP-exif:GPSLongitude'], altitudeOf(tags))
  )
}

/** exiftool's own altitude loses the sign where it comes from XMP. */
function altitudeOf(tags: Tags): unknown {
  const altitudeM = numberOf(tags['GPS:GPSAltitude'] ?? tags['XMP-exif:GPSAltitude'])
  const below = numberOf(tags['GPS:GPSAltitudeRef'] ?? tags['XMP-exif:GPSAltitudeRef']) === 1
  if (altitudeM === undefined) return tags['Composite:GPSAltitude']
  return below ? -Math.abs(altitudeM) : altitudeM
}

function fromCoordinates(value: unknown): Position | undefined {
  const [latitude, longitude, altitude] = textOf(value)?.split(' ') ?? []
  return toPosition(latitude, longitude, altitude)
}

/** 0/0 is what programs write for "nowhere". */
function toPosition(north: unknown, east: unknown, up: unknown): Position | undefined {
  const latitude = numberOf(north)
  const longitude = numberOf(east)
  if (latitude === undefined || longitude === undefined) return undefined
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return undefined
  if (latitude === 0 && longitude === 0) return undefined
  const altitudeM = numberOf(up)
  return altitudeM === undefined ? { latitude, longitude } : { latitude, longitude, altitudeM }
}

// # Words and names

function readPeople(tags: Tags): string[] {
  const regions = structs(tags['XMP-mwg-rs:RegionInfo'], 'RegionList')
    .filter((region) => (textOf(region['Type']) ?? 'Face') === 'Face')
    .map((region) => textOf(region['Name']))
  const microsoft = structs(tags['XMP-MP:RegionInfoMP'], 'Regions').map((region) =>
    textOf(region['PersonDisplayName']),
  )
  const named = listOf(tags['XMP-iptcExt:PersonInImage'])
  return unique([...named, ...regions, ...microsoft].filter((name) => name !== undefined))
}

function structs(parent: unknown, list: string): Tags[] {
  const children: unknown = isTags(parent) ? parent[list] : undefined
  return Array.isArray(children) ? children.filter(isTags) : []
}

function isTags(value: unknown): value is Tags {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readRating(value: unknown): number | undefined {
  const rating = Math.round(numberOf(value) ?? Number.NaN)
  return rating >= -1 && rating <= 5 ? rating : undefined
}

function isMotionPhoto(tags: Tags): boolean {
  const flags = [tags['XMP-GCamera:MotionPhoto'], tags['XMP-GCamera:MicroVideo']]
  const video = Object.keys(tags).some((key) => /:(?:MotionPhotoVideo|EmbeddedVideoType)$/u.test(key))
  return video || flags.some((flag) => numberOf(flag) === 1)
}

function readSize(tags: Tags): { widthPx?: number; heightPx?: number } {
  const [widthPx, heightPx] = (textOf(tags['Composite:ImageSize']) ?? '').split(/[ x]/u).map(Number)
  return isSize(widthPx) && isSize(heightPx) ? { widthPx, heightPx } : {}
}

function isSize(px: number | undefined): px is number {
  return px !== undefined && Number.isInteger(px) && px > 0
}

// # exiftool's JSON values: text that looks like a number comes as one

function firstOf(
  tags: Tags,
  keys: readonly string[],
  clean: (text: string) => string | undefined = (text) => text,
): string | undefined {
  for (const key of keys) {
    const text = textOf(tags[key])
    const value = text === undefined ? undefined : clean(text)
    if (value !== undefined) return value
  }
  return undefined
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const text = String(value).replaceAll('\0', '').trim()
  return text === '' ? undefined : text
}

function numberOf(value: unknown): number | undefined {
  const text = textOf(value)
  const number = text === undefined ? Number.NaN : Number(text)
  return Number.isFinite(number) ? number : undefined
}

function listOf(value: unknown): string[] {
  const items: unknown[] = Array.isArray(value) ? value : [value]
  return items.map(textOf).filter((text) => text !== undefined)
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}
