/**
 * What a JSON of Takeout says, told by its content and never by its name.
 *
 * The files have no version and the schema changed at least three times, so every field is read alone: one of a
 * wrong type is as good as absent and takes no other with it. Only what is needed is kept.
 *
 * Schemas: `docs/formats/google-takeout.md`.
 *
 * @module
 */

import { HeirloomError } from '../../errors.ts'
import type { Position } from '../../media/metadata.ts'
import { asNumber, asText, field, isJsonObject, itemsOf, type JsonObject } from './json-fields.ts'
import {
  decodeEntities,
  isMediaExtension,
  parseMediaName,
  parseSidecarName,
  withoutSupplement,
} from './names.ts'
import { isAlbumFileName, isServiceFileName } from './words.ts'

/** Larger ones than this are no sidecars: real ones have a few kilobytes, and albums with many comments some hundred. */
export const MAX_SIDECAR_BYTES: number = 16 * 1024 * 1024

/** What is known of one picture or clip. */
export interface AssetFacts {
  /** As Google knew it, entities and all: what the file names were made from. */
  readonly title?: string
  /** Epoch milliseconds; may lie before 1970. */
  readonly takenAt?: number
  /** When Google received it, epoch milliseconds: only tells whether {@link takenAt} is that very time. */
  readonly uploadedAt?: number
  readonly position?: Position
  readonly caption?: string
  readonly people: readonly string[]
  readonly favourite: boolean
  readonly archived: boolean
  readonly trashed: boolean
  /** From a partner or a shared album. */
  readonly shared: boolean
}

export interface AlbumFacts {
  /** Empty for an album that was never given a title. */
  readonly title: string
  readonly description?: string
  readonly position?: Position
}

/** `titles` are album titles as the user typed them; `unclear` is an object that may be a sidecar or not. */
export type GoogleJson =
  | { readonly kind: 'asset'; readonly facts: AssetFacts }
  | { readonly kind: 'album'; readonly facts: AlbumFacts }
  | { readonly kind: 'service'; readonly reason: string; readonly titles: readonly string[] }
  | { readonly kind: 'unclear'; readonly facts: AssetFacts }

/** Thrown for a JSON file that cannot be understood at all; its picture is imported without it. */
export class SidecarFormatError extends HeirloomError {
  readonly code = 'google-photos/sidecar-format'
  readonly recovery = 'discard'
}

/** Keys that only pictures have; those of 2017 had no `photoTakenTime`. */
const ASSET_KEYS = [
  'photoTakenTime',
  'creationTime',
  'googlePhotosOrigin',
  'geoDataExif',
  'imageViews',
  'url',
]

/** Keys that only albums have. */
const ALBUM_KEYS = ['albumData', 'access', 'date', 'enrichments', 'sharedAlbumComments']

/**
 * Reads one JSON file.
 *
 * @param name - Its file name, which decides only where the content does not.
 * @throws {@link SidecarFormatError} for what is no JSON object.
 */
export function parseGoogleJson(bytes: Buffer, name: string): GoogleJson {
  const value = parseObject(bytes)
  const service = serviceReason(value, name)
  if (service !== undefined) {
    const titles = Array.isArray(value['title'])
      ? value['title'].filter((title) => typeof title === 'string')
      : []
    return { kind: 'service', reason: service, titles }
  }
  switch (kindOfObject(value, name)) {
    case 'asset':
      return { kind: 'asset', facts: assetFacts(value) }
    case 'album':
      return { kind: 'album', facts: albumFacts(value) }
    case 'unclear':
      return { kind: 'unclear', facts: assetFacts(value) }
  }
}

function parseObject(bytes: Buffer): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new SidecarFormatError(`not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
  if (!isJsonObject(value)) throw new SidecarFormatError('not a JSON object')
  return value
}

function serviceReason(value: JsonObject, name: string): string | undefined {
  if (Array.isArray(value['title'])) return 'titles of memories'
  if ('externalOrderId' in value) return 'print order'
  if (isServiceFileName(name) && !('photoTakenTime' in value)) return 'describes the account, no picture'
  return undefined
}

function kindOfObject(value: JsonObject, name: string): 'asset' | 'album' | 'unclear' {
  if ('photoTakenTime' in value) return 'asset'
  if (ALBUM_KEYS.some((key) => key in value)) return 'album'
  if (ASSET_KEYS.some((key) => key in value)) return 'asset'
  if (typeof value['title'] !== 'string') return 'unclear'
  if (isAlbumFileName(name)) return 'album'
  const { base } = parseSidecarName(name)
  const isOfMedia = [value['title'], base].some((file) => isMediaExtension(parseMediaName(file).extension))
  return isOfMedia || withoutSupplement(base) !== undefined ? 'asset' : 'album'
}

function assetFacts(value: JsonObject): AssetFacts {
  const title = asText(value['title'])
  const takenAt = toEpochMs(field(value['photoTakenTime'], 'timestamp'))
  const uploadedAt = toEpochMs(field(value['creationTime'], 'timestamp'))
  const position = toPosition(value['geoData']) ?? toPosition(value['geoDataExif'])
  const caption = toText(value['description'])
  const origin = value['googlePhotosOrigin']
  const isFrom = (key: string): boolean => isJsonObject(origin) && key in origin
  return {
    ...(isFileName(title) && { title }),
    ...(takenAt !== undefined && { takenAt }),
    ...(uploadedAt !== undefined && { uploadedAt }),
    ...(position && { position }),
    ...(caption !== undefined && { caption }),
    people: [...new Set(itemsOf(value['people']).flatMap((person) => toText(field(person, 'name')) ?? []))],
    favourite: value['favorited'] === true,
    archived: value['archived'] === true,
    trashed: value['trashed'] === true,
    shared: isFrom('fromPartnerSharing') || isFrom('fromSharedAlbum'),
  }
}

function albumFacts(value: JsonObject): AlbumFacts {
  const wrapped = value['albumData']
  const album = isJsonObject(wrapped) ? wrapped : value
  const enrichments = itemsOf(album['enrichments'])
  const narratives = enrichments.map((entry) => field(field(entry, 'narrativeEnrichment'), 'text'))
  const description = [album['description'], ...narratives].flatMap((part) => toText(part) ?? []).join('\n')
  const positions = enrichments.flatMap((entry) => placesOf(field(entry, 'locationEnrichment')))
  const position = toPosition(album['geoData']) ?? positions.find((found) => found !== undefined)
  return {
    title: toText(album['title']) ?? '',
    ...(description !== '' && { description }),
    ...(position && { position }),
  }
}

/** Degrees times ten million. A list with a place that is none is not understood, and says nothing. */
function placesOf(enrichment: unknown): (Position | undefined)[] {
  const places = itemsOf(field(enrichment, 'location')).map((place) => ({
    latitudeE7: asNumber(field(place, 'latitudeE7')),
    longitudeE7: asNumber(field(place, 'longitudeE7')),
  }))
  return places.some(({ latitudeE7, longitudeE7 }) => latitudeE7 === undefined || longitudeE7 === undefined)
    ? []
    : places.map(({ latitudeE7 = 0, longitudeE7 = 0 }) =>
        toPosition({ latitude: latitudeE7 / 1e7, longitude: longitudeE7 / 1e7 }),
      )
}

/** Longer than any file system allows it names no file. */
function isFileName(title: string | undefined): title is string {
  return title !== undefined && title !== '' && title.length <= 1000
}

/** Seconds since 1970 as text or number; zero, which stands for "unknown", and what no date holds are undefined. */
function toEpochMs(timestamp: unknown): number | undefined {
  if (typeof timestamp !== 'string' && typeof timestamp !== 'number') return undefined
  if (!/^-?\d{1,12}$/u.test(String(timestamp))) return undefined
  const seconds = Number(timestamp)
  const isDate = seconds !== 0 && seconds >= -62_135_596_800 && seconds <= 253_402_300_799
  return isDate ? seconds * 1000 : undefined
}

/** Undefined for 0/0, which stands for "unknown"; a single zero is the equator or Greenwich. */
function toPosition(geo: unknown): Position | undefined {
  const latitude = asNumber(field(geo, 'latitude'))
  const longitude = asNumber(field(geo, 'longitude'))
  const altitude = asNumber(field(geo, 'altitude'))
  if (latitude === undefined || longitude === undefined) return undefined
  if (latitude === 0 && longitude === 0) return undefined
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return undefined
  const isHeight = altitude !== undefined && altitude !== 0 && Math.abs(altitude) < 100_000
  return { latitude, longitude, ...(isHeight && { altitudeM: altitude }) }
}

function toText(value: unknown): string | undefined {
  const trimmed = decodeEntities(asText(value) ?? '').trim()
  return trimmed === '' ? undefined : trimmed
}
