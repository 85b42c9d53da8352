/**
 * A Google Photos export as a listing in memory, and what is read of it.
 *
 * @module
 */

import assert from 'node:assert/strict'
import type { ArchiveEntry } from '../../src/exports/archive/archive.ts'
import { googlePhotos } from '../../src/exports/google-photos/google-photos.ts'
import type { MediaItem } from '../../src/exports/media-item.ts'
import type { Listing, Reading } from '../../src/exports/platform.ts'

/** Files of an export: an object is written as JSON, text as it is, a number is a media file of that size. */
export type Files = Record<string, object | string | number>

export const ROOT: string = 'Takeout/Google Photos'
export const YEAR: string = `${ROOT}/Photos from 2021`
export const TRIP: string = `${ROOT}/Trip`
export const TAKEN: { readonly photoTakenTime: { readonly timestamp: string } } = {
  photoTakenTime: { timestamp: '1625437805' },
}
export const AT: number = 1_625_437_805_000

export function read(files: Files): Promise<WholeReading> {
  return readListing(listingOf(files))
}

/** With all items at once. */
export type WholeReading = Reading & { readonly items: readonly MediaItem[] }

export async function readListing(listing: Listing): Promise<WholeReading> {
  const reading = await googlePhotos.read(listing)
  return { ...reading, items: [...reading.items] }
}

export function listingOf(files: Files, exportName = 'takeout'): Listing {
  const texts = Object.entries(files).map(([path, file]) => {
    const text = typeof file === 'object' ? JSON.stringify(file) : String(file)
    return {
      path,
      bytes: Buffer.from(text),
      sizeBytes: typeof file === 'number' ? file : Buffer.byteLength(text),
    }
  })
  const entries = texts.map(
    ({ path, sizeBytes }): ArchiveEntry => ({ path, sizeBytes, source: { kind: 'file', file: `/${path}` } }),
  )
  const bytes = new Map(texts.map((text) => [text.path, text.bytes]))
  return {
    exportName,
    entries,
    read: async ({ path }) => bytes.get(path) ?? assert.fail(`no ${path}`),
  }
}

export function byName(items: readonly MediaItem[], name: string): MediaItem {
  return (
    items.find(({ primary }) => primary.entry.path.endsWith(`/${name}`)) ?? assert.fail(`no item ${name}`)
  )
}
