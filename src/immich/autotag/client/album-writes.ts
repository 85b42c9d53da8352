/**
 * What becomes of albums: made, filled, emptied, deleted, shared.
 *
 * @module
 */

import { pluralize } from '../../../units.ts'
import { chunksOf } from '../../client-context.ts'
import { NotFoundError, RejectedError } from '../../immich-errors.ts'
import type { IdOutcome } from '../autotag-api.ts'
import { snapshotAlbum } from './album-reads.ts'
import { albumAnswer, outcomesAnswer } from './answers.ts'
import { type AutotagMethods, change, createDoubt, part } from './api-call.ts'
import type { AutotagContext } from './bulk-chunks.ts'
import { additionOutcome, removalOutcome } from './id-outcomes.ts'

/** A body may have 10 MiB, an id takes 39 bytes of it; 80,000 went well (measured on 3.1.0). */
const MAX_IDS = 50_000

export function albumWrites(
  context: AutotagContext,
): AutotagMethods<
  | 'createAlbum'
  | 'addToAlbum'
  | 'removeFromAlbum'
  | 'deleteAlbum'
  | 'addAlbumMembers'
  | 'setAlbumRole'
  | 'removeAlbumMember'
> {
  return {
    createAlbum: async ({ name, description, assetIds, members }, signal) => {
      const album = await change(context, {
        name: `creating the album ${name}`,
        route: 'POST /albums',
        permission: 'album.create',
        callClass: 'album-write',
        body: { albumName: name, description, assetIds, albumUsers: members },
        units: assetIds.length,
        schema: () => albumAnswer,
        repeat: 'never',
        signal,
      })
      return snapshotAlbum(album, true)
    },
    addToAlbum: async (albumId, assetIds, signal) =>
      await changeMembers(context, { method: 'PUT', albumId, assetIds, signal }),
    removeFromAlbum: async (albumId, assetIds, signal) =>
      await changeMembers(context, { method: 'DELETE', albumId, assetIds, signal }),
    deleteAlbum: async (albumId, signal) => {
      try {
        await change<void>(context, {
          name: `deleting the album ${albumId}`,
          route: `DELETE /albums/${part(albumId)}`,
          permission: 'album.delete',
          callClass: 'album-write',
          units: 0,
          signal,
        })
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error
      }
    },
    ...sharing(context),
  }
}

async function changeMembers(
  context: AutotagContext,
  wanted: {
    readonly method: 'PUT' | 'DELETE'
    readonly albumId: string
    readonly assetIds: readonly string[]
    readonly signal: AbortSignal | undefined
  },
): Promise<readonly IdOutcome[]> {
  const { method, albumId, assetIds, signal } = wanted
  const isAddition = method === 'PUT'
  const outcomes: IdOutcome[] = []
  for (const ids of chunksOf(assetIds, MAX_IDS)) {
    const doubt = createDoubt()
    const assets = pluralize(ids.length, 'asset')
    const answers = await change(context, {
      name: isAddition
        ? `adding ${assets} to the album ${albumId}`
        : `taking ${assets} out of the album ${albumId}`,
      route: `${method} /albums/${part(albumId)}/assets`,
      permission: isAddition ? 'albumAsset.create' : 'albumAsset.delete',
      callClass: 'album-write',
      body: { ids },
      units: ids.length,
      bulk: 'album',
      schema: () => outcomesAnswer,
      beforeRepeat: doubt.beforeRepeat,
      signal,
    })
    const outcomeOf = isAddition ? additionOutcome : removalOutcome
    outcomes.push(...answers.map((answer) => outcomeOf(answer, doubt.isRepeated())))
  }
  return outcomes
}

function sharing(
  context: AutotagContext,
): AutotagMethods<'addAlbumMembers' | 'setAlbumRole' | 'removeAlbumMember'> {
  return {
    addAlbumMembers: async (albumId, members, signal) => {
      if (members.length === 0) return
      await change<void>(context, {
        name: `sharing the album ${albumId} with ${pluralize(members.length, 'user')}`,
        route: `PUT /albums/${part(albumId)}/users`,
        permission: 'albumUser.create',
        callClass: 'album-write',
        body: { albumUsers: members },
        units: members.length,
        repeat: 'never',
        signal,
      })
    },
    setAlbumRole: async (albumId, userId, role, signal) => {
      await change<void>(context, {
        name: `making the user ${userId} ${role} of the album ${albumId}`,
        route: `PUT /albums/${part(albumId)}/user/${part(userId)}`,
        permission: 'albumUser.update',
        callClass: 'album-write',
        body: { role },
        units: 0,
        signal,
      })
    },
    removeAlbumMember: async (albumId, userId, signal) => {
      const doubt = createDoubt()
      try {
        await change<void>(context, {
          name: `taking the user ${userId} out of the album ${albumId}`,
          route: `DELETE /albums/${part(albumId)}/user/${part(userId)}`,
          permission: 'albumUser.delete',
          callClass: 'album-write',
          units: 0,
          beforeRepeat: doubt.beforeRepeat,
          signal,
        })
      } catch (error) {
        // The call whose answer was lost did it: the server refuses to take out who is not in it.
        if (!(doubt.isRepeated() && (error instanceof RejectedError || error instanceof NotFoundError)))
          throw error
      }
    },
  }
}
