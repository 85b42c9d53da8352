/**
 * An asset of the fake from a few parts, and what the server's metadata job makes of it.
 *
 * A date that a client writes is in `exifInfo` at once; `fileCreatedAt` and `localDateTime` follow when the job has
 * run (read in 2.5.6; measured on 3.1.0: 900 jobs took 125 s). Here jobs wait until a test runs them.
 *
 * @module
 */

import { createHash, randomUUID } from 'node:crypto'
import { offsetAt } from '../../../src/media/zones.ts'
import type { FakeAsset, FakeExif } from './fake-state.ts'
import { kindOf } from './media-extensions.ts'

const MINUTE_MS = 60_000

export const EMPTY_EXIF: FakeExif = Object.freeze({
  dateTimeOriginal: null,
  timeZone: null,
  make: null,
  model: null,
  lensModel: null,
  city: null,
  state: null,
  country: null,
  latitude: null,
  longitude: null,
  exifImageWidth: null,
  exifImageHeight: null,
})

/** What is not given is as of an upload whose file says nothing. */
export type AssetParts = Pick<FakeAsset, 'ownerId' | 'fileName'> &
  Partial<Omit<FakeAsset, 'ownerId' | 'fileName' | 'exif'>> & { readonly exif?: Partial<FakeExif> }

/** With an exif date and no `fileCreatedAt`, the dates are as the metadata job makes them. */
export function newFakeAsset(parts: AssetParts): FakeAsset {
  const id = parts.id ?? randomUUID()
  const now = new Date().toISOString()
  const exif = { ...EMPTY_EXIF, ...parts.exif }
  const fileCreatedAt = parts.fileCreatedAt ?? exif.dateTimeOriginal ?? now
  const given = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined))
  return {
    sha1: createHash('sha1').update(id).digest('hex'),
    sizeBytes: 1_000,
    type: kindOf(parts.fileName) ?? 'IMAGE',
    fileModifiedAt: fileCreatedAt,
    localDateTime: wallClock(fileCreatedAt, exif.timeZone),
    createdAt: now,
    updatedAt: now,
    isFavorite: false,
    visibility: 'timeline',
    livePhotoVideoId: undefined,
    duration: undefined,
    deviceAssetId: undefined,
    deviceId: undefined,
    sidecar: undefined,
    description: '',
    rating: null,
    deletedAt: undefined,
    stackId: undefined,
    duplicateId: null,
    tagIds: new Set(),
    personIds: new Set(),
    metadata: new Map(),
    ...given,
    originalPath:
      parts.originalPath ?? `/data/upload/${parts.ownerId}/${id.slice(0, 2)}/${id}/${parts.fileName}`,
    id,
    ownerId: parts.ownerId,
    fileName: parts.fileName,
    fileCreatedAt,
    exif,
  }
}

/** Sidecar written, file read again: the dates follow, and the row changes. */
export function extractMetadata(asset: FakeAsset): void {
  const { dateTimeOriginal, timeZone } = asset.exif
  if (dateTimeOriginal !== null) {
    asset.fileCreatedAt = new Date(dateTimeOriginal).toISOString()
    asset.localDateTime = wallClock(dateTimeOriginal, timeZone)
  }
  asset.updatedAt = new Date().toISOString()
}

/** The clock's time where it was taken, written as if it were UTC. Without a known zone: of UTC. */
export function wallClock(instant: string, timeZone: string | null): string {
  const atMs = Date.parse(instant)
  return new Date(atMs + offsetMinutes(timeZone, atMs) * MINUTE_MS).toISOString()
}

/** Of an IANA name, or of `UTC+2`, `UTC-3:30` as luxon writes fixed offsets. */
function offsetMinutes(timeZone: string | null, atMs: number): number {
  const fixed = /^(?:UTC|GMT)(?<sign>[+-])(?<hours>\d{1,2})(?::?(?<minutes>\d\d))?$/u.exec(
    timeZone ?? '',
  )?.groups
  if (fixed !== undefined) {
    const minutes = Number(fixed['hours']) * 60 + Number(fixed['minutes'] ?? 0)
    return fixed['sign'] === '-' ? -minutes : minutes
  }
  return timeZone === null ? 0 : (offsetAt(timeZone, atMs) ?? 0)
}

/** `UTC+2` of `…+02:00`: how the server keeps the offset of a date that was sent; undefined for none and for `Z`. */
export function zoneOfDate(dateTime: string): string | undefined {
  const { sign, hours, minutes } =
    /T.*(?<sign>[+-])(?<hours>\d\d):?(?<minutes>\d\d)$/u.exec(dateTime)?.groups ?? {}
  if (sign === undefined) return /T.*Z$/u.test(dateTime) ? 'UTC' : undefined
  const rest = minutes === '00' ? '' : `:${minutes}`
  return Number(hours) === 0 && rest === '' ? 'UTC' : `UTC${sign}${Number(hours)}${rest}`
}
