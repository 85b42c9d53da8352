/**
 * Reads what an MP4 or QuickTime file says of itself from a few hundred bytes, wherever they lie.
 *
 * The movie header says when (in UTC, as seconds since 1904), Apple's keys say when and where with the zone,
 * and a box that ends behind the file's end says that the file is cut off. Anything that this reader does not
 * know (XMP, tags of other programs) makes the answer `complete: false`: then exiftool has to be asked.
 *
 * @module
 */

import { toCaption } from '../exif/caption-text.ts'
import { parseMetadataDate, toEvidence } from '../exif/metadata-date.ts'
import type { EmbeddedMetadata, Position, TakenEvidence } from '../metadata.ts'
import { type Box, type ReadAt, readBox, walkBoxes } from './boxes.ts'
import { readKeys, readPlace } from './movie-tags.ts'

export interface MovieHeader {
  readonly embedded: EmbeddedMetadata
  /** Undefined when the file does not say. */
  readonly durationMs?: number
  /** The file ends within a box, or its header or its samples are missing. */
  readonly truncated: boolean
  /** False when the file holds metadata that was not read here. */
  readonly complete: boolean
}

/** Seconds from 1904, where QuickTime's time begins, to 1970. */
const EPOCH_OFFSET_SECONDS = 2_082_844_800

/** More than enough for any box that is read here as a whole. */
const MAX_BOX_BYTES = 1024 * 1024

/** Tracks beyond this are not looked at. */
const MAX_TRACKS = 64

/** Reads a movie of `sizeBytes`. Never throws for what the file contains; errors of `read` go through. */
export async function readMovieHeader(read: ReadAt, sizeBytes: number): Promise<MovieHeader> {
  const { boxes, cutOff } = await walkBoxes(read, 0, sizeBytes)
  const moov = boxes.find(({ type }) => type === 'moov')
  const truncated = cutOff || moov === undefined || !boxes.some(({ type }) => type === 'mdat')
  if (moov === undefined || moov.to > sizeBytes) {
    return { embedded: { taken: [], people: [], keywords: [] }, truncated, complete: false }
  }
  const children = (await walkBoxes(read, moov.from, moov.to)).boxes.filter(({ to }) => to <= moov.to)
  const header = await readMvhd(read, children)
  const tags = await readTags(read, children)
  const known = [...boxes, ...children].every(({ type }) => type !== 'uuid' && type !== 'XMP_')
  const outside = boxes.some(({ type }) => type === 'meta' || type === 'udta')
  return {
    embedded: toEmbedded(header, tags, await readSize(read, children)),
    ...(header.durationMs !== undefined && { durationMs: header.durationMs }),
    truncated,
    complete: known && !outside && tags.complete,
  }
}

interface Mvhd {
  /** Epoch milliseconds. */
  readonly createdAt?: number
  readonly durationMs?: number
}

async function readMvhd(read: ReadAt, boxes: readonly Box[]): Promise<Mvhd> {
  const box = boxes.find(({ type }) => type === 'mvhd')
  const data = box === undefined ? undefined : await readBox(read, box, MAX_BOX_BYTES)
  if (data === undefined || data.length < 32) return {}
  const wide = data[0] === 1
  const seconds = wide ? Number(data.readBigUInt64BE(4)) : data.readUInt32BE(4)
  const timescale = data.readUInt32BE(wide ? 20 : 12)
  const duration = wide ? Number(data.readBigUInt64BE(24)) : data.readUInt32BE(16)
  // All bits set means that the duration is not known.
  const knownDuration = timescale > 0 && duration < (wide ? 2 ** 63 : 0xffffffff)
  const createdAt = (seconds - EPOCH_OFFSET_SECONDS) * 1000
  return {
    ...(seconds > 0 && Math.abs(createdAt) < 8.64e15 && { createdAt }),
    ...(knownDuration && { durationMs: Math.round((duration / timescale) * 1000) }),
  }
}

interface Size {
  readonly widthPx: number
  readonly heightPx: number
}

/** Width and height of the first track that has a picture. */
async function readSize(read: ReadAt, boxes: readonly Box[]): Promise<Size | undefined> {
  for (const trak of boxes.filter(({ type }) => type === 'trak').slice(0, MAX_TRACKS)) {
    const tkhd = (await walkBoxes(read, trak.from, trak.to)).boxes.find(({ type }) => type === 'tkhd')
    const data = tkhd === undefined ? undefined : await readBox(read, tkhd, MAX_BOX_BYTES)
    const size = data === undefined ? undefined : sizeOf(data)
    if (size !== undefined) return size
  }
  return undefined
}

/** The last eight bytes of a track header are width and height, 16.16 fixed point; 0 in a track of sound. */
function sizeOf(tkhd: Buffer): Size | undefined {
  const end = tkhd[0] === 1 ? 96 : 84
  if (tkhd.length < end) return undefined
  const size = { widthPx: tkhd.readUInt16BE(end - 8), heightPx: tkhd.readUInt16BE(end - 4) }
  return size.widthPx > 0 && size.heightPx > 0 ? size : undefined
}

/** Apple's keys by their short names, the place that Android writes, and whether that is all there is. */
interface MovieTags {
  readonly keys: ReadonlyMap<string, string>
  readonly place?: string
  readonly complete: boolean
}

async function readTags(read: ReadAt, boxes: readonly Box[]): Promise<MovieTags> {
  const meta = boxes.find(({ type }) => type === 'meta')
  const udta = boxes.find(({ type }) => type === 'udta')
  const metaData = meta === undefined ? undefined : await readBox(read, meta, MAX_BOX_BYTES)
  const udtaData = udta === undefined ? undefined : await readBox(read, udta, MAX_BOX_BYTES)
  const { keys, complete: allKeys } =
    metaData === undefined
      ? { keys: new Map<string, string>(), complete: meta === undefined }
      : readKeys(metaData)
  const { place, complete: allPlace } =
    udtaData === undefined ? { place: undefined, complete: udta === undefined } : readPlace(udtaData)
  return { keys, complete: allKeys && allPlace, ...(place !== undefined && { place }) }
}

function toEmbedded(header: Mvhd, { keys, place }: MovieTags, size: Size | undefined): EmbeddedMetadata {
  const position = parseIso6709(keys.get('location.ISO6709')) ?? parseIso6709(place)
  const caption = toCaption(keys.get('description'))
  const contentIdentifier = keys.get('content.identifier')
  const make = keys.get('make')
  const model = keys.get('model')
  return {
    taken: datesOf(header, keys.get('creationdate')),
    people: [],
    keywords: [],
    ...(position && { position }),
    ...(caption !== undefined && { caption }),
    ...(contentIdentifier !== undefined && { contentIdentifier }),
    ...(make !== undefined && { make }),
    ...(model !== undefined && { model }),
    ...size,
  }
}

function datesOf({ createdAt }: Mvhd, creationDate: string | undefined): TakenEvidence[] {
  const stated = parseMetadataDate((creationDate ?? '').replace(/([+-]\d\d)(\d\d)$/u, '$1:$2'))
  return [
    ...(stated === undefined ? [] : [toEvidence(stated, 'Keys:CreationDate')]),
    ...(createdAt === undefined
      ? []
      : [
          { source: 'embedded', detail: 'QuickTime:CreateDate', at: createdAt, precision: 'second' } as const,
        ]),
  ]
}

/** `+48.8577+002.2950+042.000/` (ISO 6709, decimal degrees). */
export function parseIso6709(text: string | undefined): Position | undefined {
  const parts =
    /^(?<north>[+-]\d{1,2}(?:\.\d+)?)(?<east>[+-]\d{1,3}(?:\.\d+)?)(?<up>[+-]\d+(?:\.\d+)?)?(?:\/|CRS|$)/u.exec(
      text?.trim() ?? '',
    )?.groups
  if (parts === undefined) return undefined
  const [latitude, longitude] = [Number(parts['north']), Number(parts['east'])]
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return undefined
  if (latitude === 0 && longitude === 0) return undefined
  const up = parts['up']
  return up === undefined ? { latitude, longitude } : { latitude, longitude, altitudeM: Number(up) }
}
