/**
 * `/albums`: bulk calls answer an outcome for each id and never fail as a whole.
 *
 * @module
 */

import { z } from 'zod'
import { created, HttpError, NO_CONTENT, noAccess, ok } from './answer.ts'
import type { Call } from './call.ts'
import type { FakeAlbum } from './fake-state.ts'
import { ID, IDS, jsonRoute, plainRoute, type Route } from './route.ts'
import { albumShape } from './shapes.ts'

interface MemberOutcome {
  readonly id: string
  readonly success: boolean
  readonly error?: 'duplicate' | 'no_permission' | 'not_found'
}

export const GUEST: z.ZodType<{ userId: string; role: 'viewer' | 'editor' }> = z.object({
  userId: ID,
  role: z.enum(['viewer', 'editor']),
})
const NEW_ALBUM = z.object({
  albumName: z.string(),
  description: z.string().optional(),
  assetIds: z.array(ID).optional(),
  albumUsers: z.array(GUEST).optional(),
})
const ALBUM_CHANGE = z.object({ albumName: z.string().optional(), description: z.string().optional() })
const ALBUMS_AND_ASSETS = z.object({ albumIds: z.array(ID), assetIds: z.array(ID) })

export const ALBUM_ROUTES: readonly Route[] = [
  plainRoute('GET /albums', { permission: 'album.read' }, (call) => {
    const albums = [...call.state.albums.values()].filter((album) => isListed(call, album))
    return ok(albums.map((album) => albumShape(call.state, album, call.version, { withDates: true })))
  }),
  jsonRoute('POST /albums', { permission: 'album.create', body: NEW_ALBUM }, (call, body) => {
    const { state, user } = call
    // Whoever makes it is not a guest, and one unknown user fails it all, before anything is made (read).
    const guests = (body.albumUsers ?? []).filter(({ userId }) => userId !== user.id)
    if (guests.some(({ userId }) => !state.users.has(userId))) throw new HttpError(400, 'Invalid user')
    const album = state.addAlbum({
      ownerId: user.id,
      name: body.albumName,
      description: body.description ?? '',
      sharedWith: new Set(guests.map(({ userId }) => userId)),
      roles: new Map(guests.map(({ userId, role }) => [userId, role])),
    })
    add(call, album, body.assetIds ?? [])
    return created(albumShape(state, album, call.version, { withAssets: true }))
  }),
  jsonRoute(
    'PUT /albums/assets',
    { permission: 'albumAsset.create', body: ALBUMS_AND_ASSETS },
    (call, body) => {
      const albums = body.albumIds
        .map((id) => call.state.albums.get(id))
        .filter((album) => album !== undefined && mayFill(call, album))
      const outcomes = albums.flatMap((album) => add(call, album!, body.assetIds))
      if (outcomes.some(({ success }) => success)) return ok({ success: true })
      return ok({ success: false, error: outcomes[0]?.error ?? 'no_permission' })
    },
  ),
  plainRoute('GET /albums/:id', { permission: 'album.read' }, (call) => {
    const withAssets = call.query.get('withoutAssets') !== 'true'
    const album = albumOfPath(call, 'album.read', isVisible)
    return ok(albumShape(call.state, album, call.version, { withAssets, withDates: true }))
  }),
  jsonRoute('PATCH /albums/:id', { permission: 'album.update', body: ALBUM_CHANGE }, (call, body) => {
    const album = albumOfPath(call, 'album.update', mayFill)
    album.name = body.albumName ?? album.name
    album.description = body.description ?? album.description
    album.updatedAt = new Date().toISOString()
    return ok(albumShape(call.state, album, call.version))
  }),
  plainRoute('DELETE /albums/:id', { permission: 'album.delete' }, (call) => {
    call.state.albums.delete(albumOfPath(call, 'album.delete', isOwner).id)
    return NO_CONTENT
  }),
  jsonRoute('PUT /albums/:id/assets', { permission: 'albumAsset.create', body: IDS }, (call, { ids }) =>
    ok(add(call, albumOfPath(call, 'albumAsset.create', mayFill), ids)),
  ),
  jsonRoute('DELETE /albums/:id/assets', { permission: 'albumAsset.delete', body: IDS }, (call, { ids }) =>
    ok(remove(call, albumOfPath(call, 'albumAsset.delete', mayFill), ids)),
  ),
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

/** `updatedAt` stays (read in the source of 2.5.6 and 3.x). An editor may take out only what is theirs. */
function remove(call: Call, album: FakeAlbum, ids: readonly string[]): MemberOutcome[] {
  return ids.map((id): MemberOutcome => {
    if (!album.assetIds.has(id)) return { id, success: false, error: 'not_found' }
    const isTheirs = call.state.assets.get(id)?.ownerId === call.user.id
    if (!isTheirs && !isOwner(call, album)) return { id, success: false, error: 'no_permission' }
    album.assetIds.delete(id)
    return { id, success: true }
  })
}

type Access = (call: Call, album: FakeAlbum) => boolean

export const isOwner: Access = ({ user }, album) => album.ownerId === user.id

const isVisible: Access = ({ user }, album) => album.ownerId === user.id || album.sharedWith.has(user.id)

/** Viewers may not. */
const mayFill: Access = (call, album) => isVisible(call, album) && album.roles.get(call.user.id) !== 'viewer'

/** Of the path. */
export function albumOfPath(call: Call, permission: string, access: Access): FakeAlbum {
  const album = call.state.albums.get(call.param('id'))
  if (album === undefined || !access(call, album)) {
    call.violate('unknown-id', call.param('id'))
    throw noAccess(permission)
  }
  return album
}

function isListed(call: Call, album: FakeAlbum): boolean {
  const { query, user, version } = call
  const isOwned = album.ownerId === user.id
  if (!isVisible(call, album)) return false
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
    (name === null || album.name === name) &&
    (query.get('id') === null || album.id === query.get('id'))
  )
}

function isWanted(filter: string | null, value: boolean): boolean {
  return filter === null || (filter === 'true') === value
}
