/**
 * The catalog as an upload reads it: items with what belongs to them, their albums, and what the server has.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { type Asset, toAsset } from './asset-row.ts'
import { accountOf } from './names.ts'
import { orNull, prepared, type Row } from './statements.ts'
import { toUpload, type Upload } from './uploads.ts'

export interface FamilyPage {
  readonly serverId: number
  /** Items that this export has a file of; without it, all. */
  readonly exportName?: string
  /** Ids of primaries. */
  readonly after: number
  readonly limit: number
}

export interface FamilyAlbum {
  readonly title: string
  readonly description?: string
  readonly exportName: string
  readonly user?: string
}

/** All that the catalog knows of one content, and what the server is known to have. */
export interface FamilyAsset extends Asset {
  readonly favourite: boolean
  readonly archived: boolean
  readonly trashed: boolean
  readonly exportName: string
  /** Whose export it is, where its name tells. */
  readonly user?: string
  /** Another export's copy told more than the placed file says. */
  readonly knowsMore: boolean
  readonly albums: readonly FamilyAlbum[]
  readonly record?: Upload
}

export interface Family {
  /** The primary first. */
  readonly assets: readonly FamilyAsset[]
}

/**
 * A page of items by the ids of their primaries, from after `after`; the id of the last one's first asset is where the
 * next page begins. A companion of what is itself a companion (two exports disagree) is an item of its own.
 */
export function listFamilies(db: DatabaseSync, page: FamilyPage): Family[] {
  const heads = prepared(
    db,
    `SELECT id FROM assets AS head
     WHERE id > $after AND (primary_asset_id IS NULL
         OR (SELECT primary_asset_id FROM assets WHERE id = head.primary_asset_id) IS NOT NULL)
       AND ($exportName IS NULL
         OR EXISTS (SELECT 1 FROM files INDEXED BY files_by_asset WHERE asset_id = head.id
           AND export_id = (SELECT id FROM exports WHERE name = $exportName))
         OR EXISTS (SELECT 1 FROM assets AS companion JOIN files INDEXED BY files_by_asset
           ON asset_id = companion.id AND files.export_id = (SELECT id FROM exports WHERE name = $exportName)
           WHERE companion.primary_asset_id = head.id))
     ORDER BY id LIMIT $limit`,
  )
    .all({ after: page.after, limit: page.limit, exportName: orNull(page.exportName) })
    .map((row) => Number(row['id']))
  return readFamilies(db, page.serverId, heads)
}

function readFamilies(db: DatabaseSync, serverId: number, heads: readonly number[]): Family[] {
  const ids = JSON.stringify(heads)
  const rows = [
    ...prepared(db, `${SELECT_ASSETS} WHERE assets.id IN (SELECT value FROM json_each($ids))`).all({
      serverId,
      ids,
    }),
    ...prepared(
      db,
      `${SELECT_ASSETS} JOIN assets AS head ON head.id = assets.primary_asset_id
       WHERE head.id IN (SELECT value FROM json_each($ids)) AND head.primary_asset_id IS NULL
       ORDER BY assets.id`,
    ).all({ serverId, ids }),
  ]
  const albums = readAlbums(
    db,
    rows.map((row) => Number(row['id'])),
  )
  const families = new Map<number, FamilyAsset[]>(heads.map((id) => [id, []]))
  for (const [index, row] of rows.entries()) {
    const asset = toFamilyAsset(row, albums.get(Number(row['id'])) ?? [])
    const head = index < heads.length ? asset.id : (asset.primaryAssetId ?? asset.id)
    families.get(head)?.push(asset)
  }
  return [...families.values()].map((assets) => ({ assets }))
}

/** Columns of `uploads` are null, and `state` with them, for what the server was never asked about. */
const SELECT_ASSETS = `SELECT assets.*, exports.name AS export_name,
    EXISTS (SELECT 1 FROM catalog_only WHERE catalog_only.asset_id = assets.id) AS knows_more,
    uploads.asset_id, uploads.state, uploads.remote_id, uploads.sha1, uploads.error, uploads.told_favourite,
    uploads.told_archived, uploads.told_caption, uploads.told_rating
  FROM assets JOIN exports ON exports.id = assets.export_id
    LEFT JOIN uploads ON uploads.server_id = $serverId AND uploads.asset_id = assets.id`

function toFamilyAsset(row: Row, albums: readonly FamilyAlbum[]): FamilyAsset {
  const exportName = String(row['export_name'])
  const user = accountOf(exportName)
  return {
    ...toAsset(row),
    favourite: row['favourite'] === 1,
    archived: row['archived'] === 1,
    trashed: row['trashed'] === 1,
    exportName,
    knowsMore: row['knows_more'] === 1,
    albums,
    ...(user === undefined ? {} : { user }),
    ...(row['state'] === null ? {} : { record: toUpload(row) }),
  }
}

function readAlbums(db: DatabaseSync, assetIds: readonly number[]): ReadonlyMap<number, FamilyAlbum[]> {
  const albums = new Map<number, FamilyAlbum[]>()
  const rows = prepared(
    db,
    `SELECT album_assets.asset_id, title, description, exports.name FROM album_assets
       JOIN albums ON albums.id = album_id JOIN exports ON exports.id = albums.export_id
     WHERE album_assets.asset_id IN (SELECT value FROM json_each(?)) ORDER BY albums.id`,
  ).all(JSON.stringify(assetIds))
  for (const row of rows) {
    const exportName = String(row['name'])
    const user = accountOf(exportName)
    const album = {
      title: String(row['title']),
      exportName,
      ...(row['description'] === null ? {} : { description: String(row['description']) }),
      ...(user === undefined ? {} : { user }),
    }
    const assetId = Number(row['asset_id'])
    albums.set(assetId, [...(albums.get(assetId) ?? []), album])
  }
  return albums
}
