/**
 * `/assets` without the upload, and `/trash`.
 *
 * @module
 */

import { z } from 'zod'
import { INTERNAL_ERROR, NO_CONTENT, ok } from './answer.ts'
import type { Call } from './call.ts'
import { zoneOfDate } from './fake-asset.ts'
import type { FakeAsset, FakeExif } from './fake-state.ts'
import { ID, IDS, jsonRoute, ownAssets, plainRoute, type Route } from './route.ts'
import { assetShape } from './shapes.ts'

/** One SQL parameter a checksum: measured, 65,600 are answered with 500. */
const MAX_CHECKSUMS = 65_533

const CHECKS = z.object({ assets: z.array(z.object({ id: z.string(), checksum: z.string() })) })

const VISIBILITY = z.enum(['timeline', 'archive', 'hidden', 'locked'])
const CHANGE = z.object({
  isFavorite: z.boolean().optional(),
  visibility: VISIBILITY.optional(),
  rating: z.union([z.literal(-1), z.int().min(1).max(5)]).nullish(),
  description: z.string().optional(),
  dateTimeOriginal: z
    .string()
    .refine((text) => !Number.isNaN(Date.parse(text)), 'is no date')
    .optional(),
  livePhotoVideoId: ID.nullish(),
})
const BULK_CHANGE = CHANGE.extend({
  ids: z.array(ID),
  duplicateId: z.string().nullish(),
  /** Minutes: the description of 2.5.6 says seconds, its SQL adds minutes. */
  dateTimeRelative: z.int().optional(),
  timeZone: z.string().optional(),
})
type Change = z.infer<typeof CHANGE> & Partial<z.infer<typeof BULK_CHANGE>>
const DELETION = z.object({ ids: z.array(ID), force: z.boolean().optional() })
const METADATA_ITEM = z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) })
const METADATA = z.object({ items: z.array(METADATA_ITEM) })
const BULK_METADATA = z.object({ items: z.array(METADATA_ITEM.extend({ assetId: ID })) })

const BULK_RULES = {
  permission: 'asset.update',
  body: BULK_CHANGE,
  workMs: (call: Call, body: z.infer<typeof BULK_CHANGE>) =>
    body.ids.length * (call.parts.pool.load?.msPerChangedAsset ?? 0),
}

export const ASSET_ROUTES: readonly Route[] = [
  jsonRoute('POST /assets/bulk-upload-check', { permission: 'asset.upload', body: CHECKS }, (call, body) => {
    if (body.assets.length > MAX_CHECKSUMS) {
      call.violate('too-many-checksums', String(body.assets.length))
      throw INTERNAL_ERROR
    }
    return ok({ results: body.assets.map(({ id, checksum }) => verdict(call, id, checksum)) })
  }),
  plainRoute('GET /assets/statistics', { permission: 'asset.statistics' }, ({ state, user }) => {
    const own = [...state.assets.values()].filter((asset) => asset.ownerId === user.id && !asset.deletedAt)
    const images = own.filter(({ type }) => type === 'IMAGE').length
    return ok({ images, videos: own.length - images, total: own.length })
  }),
  jsonRoute(
    'PUT /assets/metadata',
    { permission: 'asset.update', body: BULK_METADATA },
    (call, { items }) => {
      ownAssets(call, [...new Set(items.map(({ assetId }) => assetId))], 'asset.update')
      for (const { assetId, key, value } of items) call.state.assets.get(assetId)?.metadata.set(key, value)
      const updatedAt = new Date().toISOString()
      return ok(items.map((item) => ({ ...item, updatedAt })))
    },
  ),
  jsonRoute('PUT /assets/:id/metadata', { permission: 'asset.update', body: METADATA }, (call, { items }) => {
    const asset = ownAsset(call, 'asset.update')
    for (const { key, value } of items) asset.metadata.set(key, value)
    return ok(metadataOf(asset))
  }),
  plainRoute('GET /assets/:id/metadata', { permission: 'asset.read' }, (call) =>
    ok(metadataOf(ownAsset(call, 'asset.read'))),
  ),
  plainRoute('GET /assets/:id', { permission: 'asset.read' }, (call) =>
    ok(assetShape(call.state, ownAsset(call, 'asset.read'))),
  ),
  jsonRoute('PUT /assets/:id', { permission: 'asset.update', body: CHANGE }, (call, body) => {
    const asset = ownAsset(call, 'asset.update')
    change(call, [asset], body)
    return ok(assetShape(call.state, asset))
  }),
  jsonRoute('PUT /assets', BULK_RULES, (call, body) => {
    checkSiblings(call, body)
    change(call, ownAssets(call, body.ids, 'asset.update'), body)
    return NO_CONTENT
  }),
  jsonRoute('DELETE /assets', { permission: 'asset.delete', body: DELETION }, (call, { ids, force }) => {
    for (const asset of ownAssets(call, ids, 'asset.delete')) {
      if (force === true) call.state.removeAsset(asset.id)
      else asset.deletedAt ??= new Date().toISOString()
    }
    return NO_CONTENT
  }),
  jsonRoute('POST /trash/restore/assets', { permission: 'asset.delete', body: IDS }, (call, { ids }) =>
    ok({ count: restore(ownAssets(call, ids, 'asset.delete')) }),
  ),
  plainRoute('POST /trash/restore', { permission: 'asset.delete' }, (call) =>
    ok({ count: restore(trashOf(call)) }),
  ),
  plainRoute('POST /trash/empty', { permission: 'asset.delete' }, (call) => {
    const trash = trashOf(call)
    for (const { id } of trash) call.state.removeAsset(id)
    return ok({ count: trash.length })
  }),
]

/** The server looks at bytes only: `unsupported-format` is in its description and was never seen. */
function verdict({ state, user }: Call, id: string, checksum: string): Record<string, unknown> {
  const known = state.assetBySha1(user.id, hexOf(checksum))
  if (known === undefined) return { id, action: 'accept' }
  const isTrashed = known.deletedAt !== undefined
  return { id, action: 'reject', reason: 'duplicate', assetId: known.id, isTrashed }
}

/** Base64 has 28 characters, hexadecimal 40. */
export function hexOf(checksum: string): string {
  return checksum.length === 28 ? Buffer.from(checksum, 'base64').toString('hex') : checksum.toLowerCase()
}

function ownAsset(call: Call, permission: string): FakeAsset {
  return ownAssets(call, [call.param('id')], permission)[0]!
}

/** An absolute and a relative date exclude each other; on 2.x a zone, too, is refused beside a date (read in both sources). */
function checkSiblings(call: Call, body: Change): void {
  if (body.dateTimeOriginal === undefined) return
  const alone =
    call.version.major >= 3 ? (['dateTimeRelative'] as const) : (['dateTimeRelative', 'timeZone'] as const)
  const extra = alone.find((field) => body[field] !== undefined)
  if (extra === undefined) return
  const text = `property ${extra} cannot exist alongside dateTimeOriginal`
  call.violate('invalid-body', text)
  throw call.invalid([{ path: [extra], message: text }], [text])
}

function change(call: Call, assets: readonly FakeAsset[], body: Change): void {
  const updatedAt = new Date().toISOString()
  if (body.dateTimeOriginal !== undefined && zoneOfDate(body.dateTimeOriginal) === undefined) {
    call.violate('date-without-offset', body.dateTimeOriginal)
  }
  // Null is a value here, that takes away what there was.
  const { isFavorite, visibility, rating, duplicateId, description, livePhotoVideoId } = body
  const fields = { isFavorite, visibility, rating, duplicateId, description, updatedAt }
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  for (const asset of assets) {
    Object.assign(asset, given, { exif: { ...asset.exif, ...newDate(asset, body) } })
    if (livePhotoVideoId !== undefined) asset.livePhotoVideoId = livePhotoVideoId ?? undefined
    if (visibility === 'locked') leaveAlbums(call, asset)
    call.state.queueMetadataJob(asset)
  }
}

/** Only in `exifInfo`: the other dates follow with the job. A shift of an asset without a date gives none. */
function newDate(asset: FakeAsset, body: Change): Partial<FakeExif> {
  const { dateTimeOriginal, dateTimeRelative = 0 } = body
  const base = dateTimeOriginal ?? asset.exif.dateTimeOriginal
  const timeZone =
    body.timeZone ?? (dateTimeOriginal === undefined ? undefined : zoneOfDate(dateTimeOriginal))
  return {
    dateTimeOriginal:
      base === null ? null : new Date(Date.parse(base) + dateTimeRelative * 60_000).toISOString(),
    ...(timeZone === undefined ? {} : { timeZone }),
  }
}

function leaveAlbums(call: Call, asset: FakeAsset): void {
  for (const album of call.state.albums.values()) album.assetIds.delete(asset.id)
}

function trashOf({ state, user }: Call): FakeAsset[] {
  return [...state.assets.values()].filter(
    (asset) => asset.ownerId === user.id && asset.deletedAt !== undefined,
  )
}

function restore(assets: readonly FakeAsset[]): number {
  const trashed = assets.filter(({ deletedAt }) => deletedAt !== undefined)
  for (const asset of trashed) asset.deletedAt = undefined
  return trashed.length
}

function metadataOf(asset: FakeAsset): { key: string; value: unknown; updatedAt: string }[] {
  return [...asset.metadata].map(([key, value]) => ({ key, value, updatedAt: asset.updatedAt }))
}
