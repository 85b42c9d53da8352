/**
 * The catalog: every different content that the library holds, once.
 *
 * The unique source hash decides what is a duplicate, also between exports that run side by side; a duplicate
 * adds what its copy alone knows (album, favourite, people) to the asset that is there. Reserving a name and
 * inserting the row are one step, so two files never get one name. Plain functions on the database handle, run
 * inside the caller's transaction.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { type Asset, type AssetFacts, toAsset, toBlob } from './asset-row.ts'
import { knowledgeColumns, mergeKnowledge } from './merge-knowledge.ts'
import {
  type AssetRole,
  companionNames,
  foldPath,
  longerNames,
  type NameParts,
  type PlacedName,
  primaryNames,
} from './names.ts'
import { orNull, prepared } from './statements.ts'

export type { Asset, AssetFacts } from './asset-row.ts'

export interface NewAsset extends AssetFacts {
  /** Folder in the library, `/` between segments: `takeout-anna/photos`. */
  readonly folder: string
  /** Date and hash are taken from the facts. */
  readonly name: Pick<NameParts, 'stem' | 'account' | 'extension'>
  readonly role: AssetRole
  /** The asset that a companion belongs to; without it a companion is named like a primary. */
  readonly primaryAssetId?: number
  /** SHA-1 of the `.xmp` beside it, when there is one. */
  readonly sidecarSha1?: string
  readonly now: number
}

/** `duplicate`: the content was there already, and is at `path`. */
export interface InsertedAsset {
  readonly status: 'inserted' | 'duplicate'
  readonly assetId: number
  readonly path: string
  readonly sidecarPath?: string
}

/**
 * Enters a content, and reserves its final name; or answers the asset that already holds it, to which the
 * duplicate's knowledge is added. The caller then settles the file ({@link settleWithAsset}), adds albums, and
 * puts the links of an `inserted` one into the outbox.
 */
export function insertAsset(db: DatabaseSync, asset: NewAsset): InsertedAsset {
  const existing = findAssetBySha1(db, asset.sourceSha1)
  if (existing !== undefined) {
    mergeKnowledge(db, existing, asset)
    return answerOf('duplicate', existing)
  }
  const { path, stem } = freeName(db, asset.folder, candidatesOf(db, asset))
  const sidecarPath = asset.sidecarSha1 === undefined ? undefined : `${path}.xmp`
  const { lastInsertRowid } = prepared(
    db,
    `INSERT INTO assets (source_sha1, written_sha1, path, path_folded, stem_folded, sidecar_path, sidecar_sha1,
       size_bytes, source_size_bytes, format, mime, platform, export_id, role, primary_asset_id,
       taken_at, taken_local, taken_offset_minutes, taken_precision, taken_source, taken_detail, taken_zone,
       camera_local, latitude, longitude, altitude_m, caption, keywords, rating, original_name, favourite, archived, trashed, shared,
       people, width_px, height_px, problems, created_at)
     VALUES ($sourceSha1, $writtenSha1, $path, $pathFolded, $stemFolded, $sidecarPath, $sidecarSha1,
       $sizeBytes, $sourceSizeBytes, $format, $mime, $platform, $exportId, $role, $primaryAssetId,
       $takenAt, $takenLocal, $takenOffsetMinutes, $takenPrecision, $takenSource, $takenDetail, $takenZone,
       $cameraLocal, $latitude, $longitude, $altitudeM, $caption, $keywords, $rating, $originalName, $favourite, $archived, $trashed, $shared,
       $people, $widthPx, $heightPx, $problems, $createdAt)`,
  ).run({
    ...contentColumns(asset),
    ...knowledgeColumns(asset),
    path,
    pathFolded: foldPath(path),
    stemFolded: foldPath(stem),
    sidecarPath: orNull(sidecarPath),
    sidecarSha1: asset.sidecarSha1 === undefined ? null : toBlob(asset.sidecarSha1),
    createdAt: asset.now,
  })
  return answerOf('inserted', {
    id: Number(lastInsertRowid),
    path,
    ...(sidecarPath === undefined ? {} : { sidecarPath }),
  })
}

function answerOf(
  status: InsertedAsset['status'],
  asset: { readonly id: number; readonly path: string; readonly sidecarPath?: string },
): InsertedAsset {
  const { id: assetId, path, sidecarPath } = asset
  return sidecarPath === undefined ? { status, assetId, path } : { status, assetId, path, sidecarPath }
}

function contentColumns(asset: NewAsset): Record<string, string | number | null | Uint8Array> {
  return {
    sourceSha1: toBlob(asset.sourceSha1),
    writtenSha1: toBlob(asset.writtenSha1),
    sizeBytes: asset.sizeBytes,
    sourceSizeBytes: asset.sourceSizeBytes,
    format: asset.format,
    mime: asset.mime,
    platform: asset.platform,
    exportId: asset.exportId,
    role: asset.role,
    primaryAssetId: orNull(asset.primaryAssetId),
    widthPx: orNull(asset.widthPx),
    heightPx: orNull(asset.heightPx),
    problems: JSON.stringify(asset.problems ?? []),
  }
}

function candidatesOf(db: DatabaseSync, asset: NewAsset): Iterable<PlacedName> {
  const primary = asset.primaryAssetId === undefined ? undefined : findAsset(db, asset.primaryAssetId)
  if (primary === undefined || asset.role === 'primary') {
    const { local, precision } = asset.taken ?? {}
    return primaryNames({
      ...asset.name,
      sha1Hex: asset.sourceSha1,
      ...(local === undefined ? {} : { local }),
      ...(precision === undefined ? {} : { precision }),
    })
  }
  return companionNames({
    primaryStem: stemOf(primary),
    role: asset.role,
    sha1Hex: asset.sourceSha1,
    extension: asset.name.extension,
  })
}

/** A primary's own name is the stem; its extension has no dot in it. */
function stemOf(primary: Asset): string {
  const name = primary.path.slice(primary.path.lastIndexOf('/') + 1)
  return name.slice(0, name.lastIndexOf('.'))
}

function freeName(
  db: DatabaseSync,
  folder: string,
  candidates: Iterable<PlacedName>,
): { readonly path: string; readonly stem: string } {
  for (const candidate of candidates) {
    const path = `${folder}/${candidate.name}`
    const stem = `${folder}/${candidate.stem}`
    if (isFree(db, path, candidate.startsFamily ? stem : undefined)) return { path, stem }
  }
  // Only one content has the last candidate, which carries the whole hash, and it is not in the catalog.
  throw new TypeError(`no free name in ${folder}`)
}

/** A primary takes its whole stem, whatever the extension: what shares it looks like its companion. */
function isFree(db: DatabaseSync, path: string, stem: string | undefined): boolean {
  if (prepared(db, 'SELECT 1 FROM assets WHERE path_folded = ?').get(foldPath(path)) !== undefined)
    return false
  if (stem === undefined) return true
  const family = prepared(db, "SELECT 1 FROM assets WHERE stem_folded = ? AND role = 'primary'")
  return family.get(foldPath(stem)) === undefined
}

/**
 * Another name for an asset whose file cannot have the reserved one, because a file that is not ours lies there.
 * Its outbox entries follow.
 */
export function renameAsset(db: DatabaseSync, assetId: number): InsertedAsset {
  const asset = getAsset(db, assetId)
  const slash = asset.path.lastIndexOf('/')
  const dot = asset.path.lastIndexOf('.')
  const stem = asset.path.slice(slash + 1, dot)
  const candidates = longerNames(stem, asset.sourceSha1, asset.path.slice(dot + 1))
  const free = freeName(db, asset.path.slice(0, slash), candidates)
  const sidecarPath = asset.sidecarPath === undefined ? undefined : `${free.path}.xmp`
  const stemFolded = asset.role === 'primary' ? foldPath(free.stem) : undefined
  prepared(
    db,
    `UPDATE assets SET path = ?, path_folded = ?, stem_folded = coalesce(?, stem_folded), sidecar_path = ?
     WHERE id = ?`,
  ).run(free.path, foldPath(free.path), orNull(stemFolded), orNull(sidecarPath), assetId)
  prepared(db, "UPDATE outbox SET final = ? WHERE asset_id = ? AND part = 'media'").run(free.path, assetId)
  if (sidecarPath !== undefined) {
    prepared(db, "UPDATE outbox SET final = ? WHERE asset_id = ? AND part = 'sidecar'").run(
      sidecarPath,
      assetId,
    )
  }
  return answerOf('inserted', {
    id: assetId,
    path: free.path,
    ...(sidecarPath === undefined ? {} : { sidecarPath }),
  })
}

function getAsset(db: DatabaseSync, assetId: number): Asset {
  const asset = findAsset(db, assetId)
  if (asset === undefined) throw new TypeError(`asset ${assetId} is not in the catalog`)
  return asset
}

/** By the SHA-1 of the source bytes, 40 hexadecimal digits. */
export function findAssetBySha1(db: DatabaseSync, sourceSha1: string): Asset | undefined {
  const row = prepared(db, 'SELECT * FROM assets WHERE source_sha1 = ?').get(toBlob(sourceSha1))
  return row === undefined ? undefined : toAsset(row)
}

export function findAsset(db: DatabaseSync, assetId: number): Asset | undefined {
  const row = prepared(db, 'SELECT * FROM assets WHERE id = ?').get(assetId)
  return row === undefined ? undefined : toAsset(row)
}

/** A page of the catalog in the order of ids, from after `afterId`. */
export function listAssets(
  db: DatabaseSync,
  page: { readonly afterId?: number; readonly limit: number },
): Asset[] {
  return prepared(db, 'SELECT * FROM assets WHERE id > ? ORDER BY id LIMIT ?')
    .all(page.afterId ?? 0, page.limit)
    .map(toAsset)
}

/** The primary and its companions, whichever of them is asked for; the primary first. */
export function listStack(db: DatabaseSync, assetId: number): Asset[] {
  return prepared(
    db,
    `WITH top AS (SELECT coalesce(primary_asset_id, id) AS id FROM assets WHERE id = ?)
     SELECT assets.* FROM assets, top WHERE assets.id = top.id OR assets.primary_asset_id = top.id
     ORDER BY assets.id <> top.id, assets.id`,
  )
    .all(assetId)
    .map(toAsset)
}
