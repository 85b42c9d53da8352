/**
 * One asset of the catalog, and how it is read from its row.
 *
 * @module
 */

import type { Position, Taken } from '../media/metadata.ts'
import type { Note } from './ledger.ts'
import type { AssetRole } from './names.ts'
import type { Row } from './statements.ts'

/** What is known of a placed content. Hashes are 40 hexadecimal digits. */
export interface AssetFacts {
  readonly exportId: number
  readonly platform: string
  readonly sourceSha1: string
  readonly writtenSha1: string
  /** As written. */
  readonly sizeBytes: number
  readonly sourceSizeBytes: number
  /** As identified by content: `jpeg`. */
  readonly format: string
  readonly mime: string
  readonly taken?: Taken
  /** Date in the file, where `taken` is another one: `2019`, `2019-07-04` or `2019-07-04T22:30:05`. */
  readonly cameraLocal?: string
  readonly position?: Position
  readonly caption?: string
  /** Hierarchical ones have `|` between their levels. */
  readonly keywords?: readonly string[]
  /** As somebody rated it: 1 to 5 stars. */
  readonly rating?: number
  readonly originalName?: string
  readonly favourite?: boolean
  readonly archived?: boolean
  readonly trashed?: boolean
  readonly shared?: boolean
  readonly people?: readonly string[]
  readonly widthPx?: number
  readonly heightPx?: number
  readonly problems?: readonly Note[]
}

export interface Asset extends AssetFacts {
  readonly id: number
  /** Relative to the library, `/` between segments. */
  readonly path: string
  readonly sidecarPath?: string
  readonly sidecarSha1?: string
  readonly role: AssetRole
  readonly primaryAssetId?: number
  readonly people: readonly string[]
  readonly keywords: readonly string[]
  readonly problems: readonly Note[]
  readonly createdAt: number
}

/** The bytes of 40 hexadecimal digits. */
export function toBlob(hex: string): Uint8Array {
  return Buffer.from(requireSha1(hex), 'hex')
}

/** @throws TypeError when they are not 40 hexadecimal digits. */
export function requireSha1(hex: string): string {
  if (!/^[0-9a-f]{40}$/iu.test(hex)) throw new TypeError(`SHA-1 ${hex} is not 40 hexadecimal digits`)
  return hex
}

/** The hexadecimal digits of a stored hash. */
export function toHex(blob: unknown): string {
  return Buffer.from(blob as Uint8Array).toString('hex')
}

/** An asset of a row of `SELECT * FROM assets`. */
export function toAsset(row: Row): Asset {
  const taken = takenOf(row)
  const position = positionOf(row)
  return {
    id: Number(row['id']),
    exportId: Number(row['export_id']),
    platform: String(row['platform']),
    sourceSha1: toHex(row['source_sha1']),
    writtenSha1: toHex(row['written_sha1']),
    path: String(row['path']),
    sizeBytes: Number(row['size_bytes']),
    sourceSizeBytes: Number(row['source_size_bytes']),
    format: String(row['format']),
    mime: String(row['mime']),
    role: row['role'] as AssetRole,
    favourite: row['favourite'] === 1,
    archived: row['archived'] === 1,
    trashed: row['trashed'] === 1,
    shared: row['shared'] === 1,
    people: JSON.parse(String(row['people'])),
    keywords: JSON.parse(String(row['keywords'])),
    problems: JSON.parse(String(row['problems'])),
    createdAt: Number(row['created_at']),
    ...(row['sidecar_path'] === null ? {} : { sidecarPath: String(row['sidecar_path']) }),
    ...(row['sidecar_sha1'] === null ? {} : { sidecarSha1: toHex(row['sidecar_sha1']) }),
    ...(row['primary_asset_id'] === null ? {} : { primaryAssetId: Number(row['primary_asset_id']) }),
    ...(taken === undefined ? {} : { taken }),
    ...(position === undefined ? {} : { position }),
    ...wordsOf(row),
  }
}

function wordsOf(
  row: Row,
): Pick<AssetFacts, 'cameraLocal' | 'caption' | 'rating' | 'originalName' | 'widthPx' | 'heightPx'> {
  return {
    ...(row['camera_local'] === null ? {} : { cameraLocal: String(row['camera_local']) }),
    ...(row['rating'] === null ? {} : { rating: Number(row['rating']) }),
    ...(row['caption'] === null ? {} : { caption: String(row['caption']) }),
    ...(row['original_name'] === null ? {} : { originalName: String(row['original_name']) }),
    ...(row['width_px'] === null ? {} : { widthPx: Number(row['width_px']) }),
    ...(row['height_px'] === null ? {} : { heightPx: Number(row['height_px']) }),
  }
}

function takenOf(row: Row): Taken | undefined {
  if (row['taken_at'] === null) return undefined
  const offset = row['taken_offset_minutes']
  return {
    at: Number(row['taken_at']),
    local: String(row['taken_local']),
    precision: row['taken_precision'] as Taken['precision'],
    source: row['taken_source'] as Taken['source'],
    detail: String(row['taken_detail']),
    zone: row['taken_zone'] as Taken['zone'],
    ...(offset === null ? {} : { offsetMinutes: Number(offset) }),
  }
}

function positionOf(row: Row): Position | undefined {
  if (row['latitude'] === null) return undefined
  const position = { latitude: Number(row['latitude']), longitude: Number(row['longitude']) }
  return row['altitude_m'] === null ? position : { ...position, altitudeM: Number(row['altitude_m']) }
}
