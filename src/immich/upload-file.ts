/**
 * How one file is presented to the server: its name, its time, and words that the file cannot carry.
 *
 * @module
 */

import { basename } from 'node:path/posix'
import { extensionOf, formatById, formatByName } from '../media/formats.ts'
import type { Taken, WantedMetadata } from '../media/metadata.ts'
import type { UploadAsset, Words } from './upload-asset.ts'

/** Longest file name of most filesystems, in bytes of UTF-8: the server may store files under their names. */
const MAX_NAME_BYTES = 255

/** In a name that came out of an export: separators, what some system refuses, control and direction characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a name
const UNSAFE = /[\u0000-\u001f\u007f-\u009f<>:"/\\|?*\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/**
 * The name that the owner knows it by, with the extension of its content, since the server goes by that; else the
 * library's name.
 */
export function uploadName({ originalName, path, format }: UploadAsset): string {
  const own = basename(path)
  const extension = extensionOf(own)
  const known = cleanName(originalName ?? '')
  if (known === '') return own
  const has = extensionOf(known)
  if (has === extension || formatById(format)?.extensions.includes(has) === true) {
    return withExtension(known.slice(0, -has.length - 1), known.slice(-has.length))
  }
  // Only what is an extension of media is replaced: "Trip v1.2" ends in none.
  const stem = formatByName(known) === undefined ? known : known.slice(0, -has.length - 1)
  return withExtension(stem, extension)
}

function cleanName(name: string): string {
  return name
    .normalize('NFC')
    .toWellFormed()
    .replaceAll(UNSAFE, '_')
    .replace(/^[.\s]+/u, '')
    .replace(/[.\s]+$/u, '')
}

function withExtension(stem: string, extension: string): string {
  let room = MAX_NAME_BYTES - Buffer.byteLength(extension) - 1
  let end = 0
  for (const character of stem) {
    room -= Buffer.byteLength(character)
    if (room < 0) break
    end += character.length
  }
  return `${stem.slice(0, end)}.${extension}`
}

/**
 * ISO 8601 with the offset of the place, which the server keeps as the local time; where no offset is known, the
 * one that the library took for it. Undated files have the time at which they came into the library: the server
 * asks for one.
 */
export function createdAtOf({ taken, createdAt }: Pick<UploadAsset, 'taken' | 'createdAt'>): string {
  return taken === undefined ? new Date(createdAt).toISOString() : withOffset(taken)
}

function withOffset({ local, at }: Taken): string {
  const wallClock = Date.parse(`${local}Z`)
  if (Number.isNaN(wallClock)) return new Date(at).toISOString()
  const minutes = Math.round((wallClock - at) / 60_000)
  const size = Math.abs(minutes)
  const pad = (value: number): string => String(value).padStart(2, '0')
  return `${local}${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`
}

export function wordsOf({ favourite, archived, caption, rating }: Words): Words {
  return {
    favourite,
    archived,
    ...(caption === undefined ? {} : { caption }),
    ...(rating === undefined ? {} : { rating }),
  }
}

/** Guesses are not told as facts; and the time of an upload is that of another moment. */
function isStated({ source, detail }: Taken): boolean {
  return source === 'export' ? detail !== 'creationTime' : source === 'xmp-sidecar' || source === 'file-name'
}

/**
 * All that the catalog knows, for a sidecar: where the server finds a sidecar, it takes lists from there only.
 * A date that the file has itself stays the file's.
 */
export function wantedOf(asset: UploadAsset): WantedMetadata {
  const { taken, position, caption, rating, favourite, people, keywords, albums } = asset
  const isTold = taken !== undefined && asset.cameraLocal === undefined && isStated(taken)
  return {
    people,
    keywords,
    albums: [...new Set(albums.map(({ title }) => title))],
    ...(isTold ? { taken } : {}),
    ...(position === undefined ? {} : { position }),
    ...(caption === undefined ? {} : { caption }),
    ...(rating === undefined ? {} : { rating }),
    ...(favourite ? { favourite } : {}),
  }
}
