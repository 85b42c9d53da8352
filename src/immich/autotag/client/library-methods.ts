/**
 * What a library is made of besides its assets and albums: who asks, other users, duplicates, the tags of one asset.
 *
 * @module
 */

import { type ClientContext, type Methods, unlessRefused } from '../../client-context.ts'
import { ForbiddenError } from '../../immich-errors.ts'
import type { DuplicateGroup } from '../snapshot.ts'
import { listOwnedAlbums, ownerOf } from './album-reads.ts'
import { type DuplicateAnswer, duplicatesAnswer, idPageAnswer, taggedAnswer, usersAnswer } from './answers.ts'
import { type AutotagMethods, ask, part } from './api-call.ts'
import { serverTag } from './tag-methods.ts'

export function libraryReads(
  context: ClientContext,
  account: Methods<'me'>,
): AutotagMethods<'me' | 'users' | 'duplicates' | 'tagsOfAsset'> {
  return {
    me: async (signal) => {
      const user = await account.me(signal)
      if (user !== undefined) return user
      const id = await findOwner(context, signal)
      return id === undefined ? undefined : { id, name: '' }
    },
    users: async (signal) => {
      const users = await ask(context, {
        name: 'listing users',
        route: 'GET /users',
        permission: 'user.read',
        callClass: 'read',
        schema: () => usersAnswer,
        signal,
      })
      return users.map(({ id, name, email }) => ({ id, name, email: email.toLowerCase() }))
    },
    duplicates: async (signal) => {
      const groups = await ask(context, {
        name: 'listing duplicates',
        route: 'GET /duplicates',
        permission: 'duplicate.read',
        callClass: 'album',
        schema: () => duplicatesAnswer,
        isSlow: true,
        signal,
      })
      return groups.map(duplicateGroup)
    },
    tagsOfAsset: async (assetId, signal) => {
      const { tags } = await ask(context, {
        name: `asking for the asset ${assetId}`,
        route: `GET /assets/${part(assetId)}`,
        permission: 'asset.read',
        callClass: 'read',
        schema: () => taggedAnswer,
        signal,
      })
      return (tags ?? []).map(serverTag)
    },
  }
}

/**
 * A key that may not ask for its user may see an album of its own, whose owner is the user. Assets do not tell: those of
 * partners are found beside the user's, and taking a partner for the user would be to change the wrong library.
 *
 * @throws ForbiddenError when there is something to keep in order, and no album
 */
async function findOwner(context: ClientContext, signal?: AbortSignal): Promise<string | undefined> {
  for (const album of (await unlessRefused(listOwnedAlbums(context, signal))) ?? []) {
    const owner = ownerOf(album)
    if (owner !== undefined) return owner
  }
  const page = await unlessRefused(
    ask(context, {
      name: 'asking whether there are assets',
      route: 'POST /search/metadata',
      permission: 'asset.read',
      callClass: 'read',
      body: { size: 1 },
      schema: () => idPageAnswer,
      signal,
    }),
  )
  if (page === undefined || page.assets.items.length === 0) return undefined
  throw new ForbiddenError('asking for the user', 'no album tells whose key it is either', 'user.read')
}

function duplicateGroup({ duplicateId, assets, suggestedKeepAssetIds }: DuplicateAnswer): DuplicateGroup {
  const assetIds = assets.filter(({ isTrashed }) => isTrashed !== true).map(({ id }) => id)
  return { id: duplicateId, assetIds, suggestedKeepIds: suggestedKeepAssetIds ?? [] }
}
