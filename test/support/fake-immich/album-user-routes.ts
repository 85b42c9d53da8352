/**
 * With whom albums are shared: `/albums/{id}/users` and `/albums/{id}/user/{userId}`. Only the owner may change it.
 *
 * @module
 */

import { z } from 'zod'
import { albumOfPath, isOwner } from './album-routes.ts'
import { HttpError, NO_CONTENT, ok } from './answer.ts'
import type { Call } from './call.ts'
import type { FakeAlbum } from './fake-state.ts'
import { ID, jsonRoute, plainRoute, type Route } from './route.ts'
import { albumShape } from './shapes.ts'

const ROLE = z.enum(['viewer', 'editor'])
/** Without a role: an editor (description of 3.1.0). */
const NEW_GUESTS = z.object({
  albumUsers: z.array(z.object({ userId: ID, role: ROLE.default('editor') })).min(1),
})
const CHANGED_ROLE = z.object({ role: ROLE })

export const ALBUM_USER_ROUTES: readonly Route[] = [
  jsonRoute('PUT /albums/:id/users', { permission: 'albumUser.create', body: NEW_GUESTS }, (call, body) => {
    const album = albumOfPath(call, 'album.share', isOwner)
    for (const { userId, role } of body.albumUsers) addGuest(call, album, userId, role)
    return ok(albumShape(call.state, album, call.version))
  }),
  jsonRoute(
    'PUT /albums/:id/user/:userId',
    { permission: 'albumUser.update', body: CHANGED_ROLE },
    (call, { role }) => {
      const album = albumOfPath(call, 'album.share', isOwner)
      album.roles.set(guestOfPath(call, album), role)
      return NO_CONTENT
    },
  ),
  plainRoute('DELETE /albums/:id/user/:userId', { permission: 'albumUser.delete' }, (call) => {
    const isOneself = call.param('userId') === call.user.id
    const album = albumOfPath(call, 'album.share', (caller, one) => isOneself || isOwner(caller, one))
    const userId = guestOfPath(call, album)
    album.sharedWith.delete(userId)
    album.roles.delete(userId)
    return NO_CONTENT
  }),
]

/**
 * One after the other: who came before a bad one is in already. Who is there already fails it in 2.5.6; a later 3.x
 * passes over them (both read), which a careful client cannot rely on, so here they fail it always.
 */
function addGuest(call: Call, album: FakeAlbum, userId: string, role: 'viewer' | 'editor'): void {
  const bad = (message: string): HttpError => {
    call.violate('invalid-body', `${message}: ${userId}`)
    return new HttpError(400, message)
  }
  if (userId === album.ownerId) throw bad('Cannot be shared with owner')
  if (album.sharedWith.has(userId)) throw bad('User already added')
  if (!call.state.users.has(userId)) throw bad('User not found')
  album.sharedWith.add(userId)
  album.roles.set(userId, role)
}

function guestOfPath(call: Call, album: FakeAlbum): string {
  const userId = call.param('userId')
  if (userId === album.ownerId) throw new HttpError(400, 'Cannot remove album owner')
  if (!album.sharedWith.has(userId)) throw new HttpError(400, 'Album not shared with user')
  return userId
}
