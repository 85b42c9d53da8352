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

import { z } from 'zod'
import { HeirloomError } from '../../errors.ts'
import type { Position } from '../../media/metadata.ts'
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

const text = z.string().optional().catch(undefined)
const flag = z.boolean().optional().catch(undefined)
const time = z
  .object({ timestamp: z.union([z.string(), z.number()]) })
  .optional()
  .catch(undefined)
const place = z
  .object({ latitude: z.number(), longitude: z.number(), altitude: z.number().optional().catch(undefined) })
  .optional()
  .catch(undefined)
const people = z
  .array(z.object({ name: z.string() }).nullable().catch(null))
  .optional()
  .catch(undefined)

const assetSchema = z.object({
  title: text,
  description: text,
  photoTakenTime: time,
  creationTime: time,
  geoData: place,
  geoDataExif: place,
  people,
  favorited: flag,
  archived: flag,
  trashed: flag,
  googlePhotosOrigin: z.record(z.string(), z.unknown()).optional().catch(undefined),
})

const enrichmentSchema = z
  .object({
    narrativeEnrichment: z.object({ text: z.string() }).optional().catch(undefined),
    locationEnrichment: z
      .object({ location: z.array(z.object({ latitudeE7: z.number(), longitudeE7: z.number() })) })
      .optional()
      .catch(undefined),
  })
  .nullable()
  .catch(null)

const albumSchema = z.object({
  title: text,
  description: text,
  geoData: place,
  enrichments: z.array(enrichmentSchema).optional().catch(undefined),
})

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

function parseObject(bytes: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new SidecarFormatError(`not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
  if (!isObject(value)) throw new SidecarFormatError('not a JSON object')
  return value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function serviceReason(value: Record<string, unknown>, name: string): string | undefined {
  if (Array.isArray(value['title'])) return 'titles of memories'
  if ('externalOrderId' in value) return 'print order'
  if (isServiceFileName(name) && !('photoTakenTime' in value)) return 'describes the account, no picture'
  return undefined
}

function kindOfObject(value: Record<string, unknown>, name: string): 'asset' | 'album' | 'unclear' {
  if ('photoTakenTime' in value) return 'asset'
  if (ALBUM_KEYS.some((key) => key in value)) return 'album'
  if (ASSET_KEYS.some((key) => key in value)) return 'asset'
  if (typeof value['title'] !== 'string') return 'unclear'
  if (isAlbumFileName(name)) return 'album'
  const { base } = parseSidecarName(name)
  const isOfMedia = [value['title'], base].some((file) => isMediaExtension(parseMediaName(file).extension))
  return isOfMedia || withoutSupplement(base) !== undefined ? 'asset' : 'album'
}

function assetFacts(value: Record<string, unknown>): AssetFacts {
  const asset = assetSchema.parse(value)
  const takenAt = toEpochMs(asset.photoTakenTime?.timestamp)
  const uploadedAt = toEpochMs(asset.creationTime?.timestamp)
  const position = toPosition(asset.geoData) ?? toPosition(asset.geoDataExif)
  const caption = toText(asset.description)
  const origin = asset.googlePhotosOrigin ?? {}
  return {
    ...(isFileName(asset.title) && { title: asset.title }),
    ...(takenAt !== undefined && { takenAt }),
    ...(uploadedAt !== undefined && { uploadedAt }),
    ...(position && { position }),
    ...(caption !== undefined && { caption }),
    people: [...new Set((asset.people ?? []).flatMap((person) => toText(person?.name) ?? []))],
    favourite: asset.favorited === true,
    archived: asset.archived === true,
    trashed: asset.trashed === true,
    shared: 'fromPartnerSharing' in origin || 'fromSharedAlbum' in origin,
  }
}

function albumFacts(value: Record<string, unknown>): AlbumFacts {
  const wrapped = value['albumData']
  const album = albumSchema.parse(isObject(wrapped) ? wrapped : value)
  const enrichments = album.enrichments ?? []
  const texts = [album.description, ...enrichments.map((entry) => entry?.narrativeEnrichment?.text)]
  const description = texts.flatMap((part) => toText(part) ?? []).join('\n')
  const locations = enrichments.flatMap((entry) => entry?.locationEnrichment?.location ?? [])
  const positions = locations.map(({ latitudeE7, longitudeE7 }) =>
    toPosition({ latitude: latitudeE7 / 1e7, longitude: longitudeE7 / 1e7 }),
  )
  const position = toPosition(album.geoData) ?? positions.find((found) => found !== undefined)
  return {
    title: toText(album.title) ?? '',
    ...(description !== '' && { description }),
    ...(position && { position }),
  }
}

/** Longer than any file system allows it names no file. */
function isFileName(title: string | undefined): title is string {
  return title !== undefined && title !== '' && title.length <= 1000
}

/** Seconds since 1970 as text or number; zero, which stands for "unknown", and what no date holds are undefined. */
function toEpochMs(timestamp: string | number | undefined): number | undefined {
  if (timestamp === undefined || !/^-?\d{1,12}$/u.test(String(timestamp))) return undefined
  const seconds = Number(timestamp)
  const isDate = seconds !== 0 && seconds >= -62_135_596_800 && seconds <= 253_402_300_799
  return isDate ? seconds * 1000 : undefined
}

/** Undefined for 0/0, which stands for "unknown"; a single zero is the equator or Greenwich. */
function toPosition(
  geo: { latitude: number; longitude: number; altitude?: number | undefined } | undefined,
): Position | undefined {
  if (geo === undefined) return undefined
  const { latitude, longitude, altitude } = geo
  if (latitude === 0 && longitude === 0) return undefined
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return undefined
  const isHeight = altitude !== undefined && altitude !== 0 && Math.abs(altitude) < 100_000
  return { latitude, longitude, ...(isHeight && { altitudeM: altitude }) }
}

function toText(value: string | undefined): string | undefined {
  const trimmed = decodeEntities(value ?? '').trim()
  return trimmed === '' ? undefined : trimmed
}
