/**
 * `/albums`: bulk calls answer an outcome for each id and never fail as a whole.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { created, NO_CONTENT, noAccess, ok } from './answer.ts'
import type { Call } from './call.ts'
import type { FakeAlbum } from './fake-state.ts'
import { ID, IDS, jsonRoute, plainRoute, type Route } from './route.ts'
import { albumShape } from './shapes.ts'

interface MemberOutcome {
  readonly id: string
  readonly success: boolean
  readonly error?: 'duplicate' | 'no_permission' | 'not_found'
}

const NEW_ALBUM = z.object({
  albumName: z.string(),
  description: z.string().optional(),
  assetIds: z.array(ID).optional(),
})
const ALBUM_CHANGE = z.object({ albumName: z.string().optional(), description: z.string().optional() })
const ALBUMS_AND_ASSETS = z.object({ albumIds: z.array(ID), assetIds: z.array(ID) })

export const ALBUM_ROUTES: readonly Route[] = [
  plainRoute('GET /albums', { permission: 'album.read' }, (call) => {
    const albums = [...call.state.albums.values()].filter((album) => isListed(call, album))
    return ok(albums.map((album) => albumShape(call.state, album, call.version)))
  }),
  jsonRoute('POST /albums', { permission: 'album.create', body: NEW_ALBUM }, (call, body) => {
    const now = new Date().toISOString()
    const album: FakeAlbum = {
      id: randomUUID(),
      ownerId: call.user.id,
      name: body.albumName,
      description: body.description ?? '',
      createdAt: now,
      updatedAt: now,
      assetIds: new Set(),
      sharedWith: new Set(),
    }
    call.state.albums.set(album.id, album)
    add(call, album, body.assetIds ?? [])
    return created(albumShape(call.state, album, call.version, { withAssets: true }))
  }),
  jsonRoute(
    'PUT /albums/assets',
    { permission: 'albumAsset.create', body: ALBUMS_AND_ASSETS },
    (call, body) => {
      const albums = body.albumIds
        .map((id) => call.state.albums.get(id))
        .filter((album) => mayFill(call, album))
      const outcomes = albums.flatMap((album) => add(call, album!, body.assetIds))
      if (outcomes.some(({ success }) => success)) return ok({ success: true })
      return ok({ success: false, error: outcomes[0]?.error ?? 'no_permission' })
    },
  ),
  plainRoute('GET /albums/:id', { permission: 'album.read' }, (call) => {
    const withAssets = call.query.get('withoutAssets') !== 'true'
    return ok(albumShape(call.state, visibleAlbum(call, 'album.read'), call.version, { withAssets }))
  }),
  jsonRoute('PATCH /albums/:id', { permission: 'album.update', body: ALBUM_CHANGE }, (call, body) => {
    const album = visibleAlbum(call, 'album.update')
    album.name = body.albumName ?? album.name
    album.description = body.description ?? album.description
    album.updatedAt = new Date().toISOString()
    return ok(albumShape(call.state, album, call.version))
  }),
  plainRoute('DELETE /albums/:id', { permission: 'album.delete' }, (call) => {
    call.state.albums.delete(visibleAlbum(call, 'album.delete').id)
    return NO_CONTENT
  }),
  jsonRoute('PUT /albums/:id/assets', { permission: 'albumAsset.create', body: IDS }, (call, { ids }) =>
    ok(add(call, visibleAlbum(call, 'albumAsset.create'), ids)),
  ),
  jsonRoute('DELETE /albums/:id/assets', { permission: 'albumAsset.delete', body: IDS }, (call, { ids }) => {
    const album = visibleAlbum(call, 'albumAsset.delete')
    const outcomes = ids.map(
      (id): MemberOutcome =>
        album.assetIds.delete(id) ? { id, success: true } : { id, success: false, error: 'not_found' },
    )
    return ok(outcomes)
  }),
]

function add(call: Call, album: FakeAlbum, ids: readonly string[]): MemberOutcome[] {
  const outcomes = ids.map((id): MemberOutcome => {
    if (album.assetIds.has(id)) return { id, success: false, error: 'duplicate' }
    if (call.state.assets.get(id)?.ownerId !== call.user.id)
      return { id, success: false, error: 'no_permission' }
    album.assetIds.add(id)
    return { id, success: true }
  })
  if (outcomes.some(({ success }) => success)) album.updatedAt = new Date().toISOString()
  return outcomes
}

function mayFill(call: Call, album: FakeAlbum | undefined): boolean {
  return album !== undefined && (album.ownerId === call.user.id || album.sharedWith.has(call.user.id))
}

/** Of the path. */
function visibleAlbum(call: Call, permission: string): FakeAlbum {
  const album = call.state.albums.get(call.param('id'))
  if (album === undefined || !mayFill(call, album)) {
    call.violate('unknown-id', call.param('id'))
    throw noAccess(permission)
  }
  return album
}

function isListed(call: Call, album: FakeAlbum): boolean {
  const { query, user, version } = call
  const isOwned = album.ownerId === user.id
  if (!mayFill(call, album)) return false
  const assetId = query.get('assetId')
  if (assetId !== null && !album.assetIds.has(assetId)) return false
  const isShared = album.sharedWith.size > 0
  if (version.major < 3) {
    const shared = query.get('shared')
    return shared === null ? isOwned : isShared === (shared === 'true')
  }
  const name = query.get('name')
  return (
    isWanted(query.get('isOwned'), isOwned) &&
    isWanted(query.get('isShared'), isShared) &&
    (name === null || album.name === name)
  )
}

function isWanted(filter: string | null, value: boolean): boolean {
  return filter === null || (filter === 'true') === value
}
