/**
 * Places an asset again whose file is gone from the library.
 *
 * The catalog's row stays, with its albums and all that is known; only the bytes are new, and may differ from the
 * lost ones, since another copy may have brought more metadata.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { toBlob } from './asset-row.ts'
import { findAsset } from './catalog.ts'
import { addOutbox, type NewOutboxEntry, type OutboxEntry } from './outbox.ts'
import { prepared } from './statements.ts'

type TempFile = Pick<NewOutboxEntry, 'temp' | 'sizeBytes' | 'sha1'>

/** What can stand in for an asset's files: temporary files of the same source content. */
export interface StandIn {
  readonly assetId: number
  readonly exportId: number
  readonly media: TempFile
  readonly sidecar?: TempFile
}

/**
 * Decides that the stand-in gets the asset's name. Answers what is to be published: nothing when the asset's own
 * bytes still wait for their name, or when it is no more.
 */
export function replaceAsset(
  db: DatabaseSync,
  { assetId, exportId, media, sidecar }: StandIn,
): OutboxEntry[] {
  const asset = findAsset(db, assetId)
  const waits = prepared(db, 'SELECT 1 FROM outbox WHERE asset_id = ?').get(assetId) !== undefined
  if (asset === undefined || waits) return []
  prepared(db, 'UPDATE assets SET written_sha1 = ?, size_bytes = ? WHERE id = ?').run(
    toBlob(media.sha1),
    media.sizeBytes,
    assetId,
  )
  prepared(db, 'DELETE FROM catalog_only WHERE asset_id = ? AND export_id = ?').run(assetId, exportId)
  const entries: NewOutboxEntry[] = [{ ...media, assetId, part: 'media', final: asset.path }]
  if (sidecar !== undefined) {
    const final = `${asset.path}.xmp`
    prepared(db, 'UPDATE assets SET sidecar_path = ?, sidecar_sha1 = ? WHERE id = ?').run(
      final,
      toBlob(sidecar.sha1),
      assetId,
    )
    entries.push({ ...sidecar, assetId, part: 'sidecar', final })
  }
  return entries.map((entry) => ({ ...entry, id: addOutbox(db, entry) }))
}

/** An asset, and where its file should be. */
export interface PlacedAsset {
  readonly assetId: number
  readonly path: string
}

/** A page of the assets that an export has a file of, by id; without those whose file waits for its name. */
export function listPlaced(
  db: DatabaseSync,
  page: { readonly exportName: string; readonly afterId: number; readonly limit: number },
): PlacedAsset[] {
  return prepared(
    db,
    `SELECT assets.id, assets.path FROM assets
     WHERE assets.id > $afterId AND NOT EXISTS (SELECT 1 FROM outbox WHERE asset_id = assets.id)
       AND EXISTS (SELECT 1 FROM files INDEXED BY files_by_asset WHERE asset_id = assets.id
         AND export_id = (SELECT id FROM exports WHERE name = $exportName))
     ORDER BY assets.id LIMIT $limit`,
  )
    .all({ ...page })
    .map((row) => ({ assetId: Number(row['id']), path: String(row['path']) }))
}

/** The export's files of assets that are gone are open again, so that its next plan places them. */
export function reopenFiles(
  db: DatabaseSync,
  { exportName, assetIds }: { readonly exportName: string; readonly assetIds: readonly number[] },
): void {
  const reopen = prepared(
    db,
    `UPDATE files SET prior_outcome = coalesce(outcome, prior_outcome), outcome = NULL
     WHERE asset_id = ? AND export_id = (SELECT id FROM exports WHERE name = ?)`,
  )
  for (const assetId of assetIds) reopen.run(assetId, exportName)
}
