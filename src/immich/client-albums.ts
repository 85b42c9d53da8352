/**
 * What a server's assets are gathered in: albums and stacks.
 *
 * @module
 */

import { pluralize } from '../units.ts'
import type { MemberResult, ServerAlbum } from './api.ts'
import { type ClientContext, chunksOf, get, ID_CHUNK, type Methods } from './client-context.ts'
import type { AlbumAnswer } from './schemas.ts'

export function albumMethods(context: ClientContext): Methods<'albums' | 'createAlbum' | 'addToAlbum'> {
  const { calls, answerMs } = context
  return {
    albums: async (signal) => {
      const { major } = await context.versionOnce(signal)
      // Without a filter 2.x gives the owned ones, 3.x all. Who owns one is told differently by both.
      const [ownedQuery, othersQuery] = major < 3 ? ['', '?shared=true'] : ['?isOwned=true', '?isOwned=false']
      const list = async (query: string): Promise<AlbumAnswer[]> =>
        await calls.call({
          ...get('listing albums', `/albums${query}`, (answers) => answers.albumsAnswer, signal),
          callClass: 'album',
        })
      const owned = await list(ownedQuery)
      const ownedIds = new Set(owned.map(({ id }) => id))
      const others = (await list(othersQuery)).filter(({ id }) => !ownedIds.has(id))
      return [
        ...owned.map((album) => serverAlbum(album, true)),
        ...others.map((album) => serverAlbum(album, false)),
      ]
    },
    createAlbum: async ({ name, description }, signal) => {
      const album = await calls.call({
        name: `creating the album ${name}`,
        method: 'POST',
        route: '/albums',
        body: JSON.stringify({ albumName: name, description }),
        schema: (answers) => answers.albumAnswer,
        signal,
        callClass: 'album',
        repeat: 'never',
        answerMs,
      })
      return serverAlbum(album, true)
    },
    addToAlbum: async (albumId, assetIds, signal) => {
      const results: MemberResult[] = []
      for (const ids of chunksOf(assetIds, ID_CHUNK)) {
        const members = await calls.call({
          name: `adding ${pluralize(ids.length, 'asset')} to the album ${albumId}`,
          method: 'PUT',
          route: `/albums/${encodeURIComponent(albumId)}/assets`,
          body: JSON.stringify({ ids }),
          schema: (answers) => answers.membersAnswer,
          signal,
          callClass: 'album',
          repeat: 'safe',
          answerMs,
        })
        results.push(
          ...members.map(({ id, success, error }) => ({
            assetId: id,
            outcome: memberOutcome(success, error),
          })),
        )
      }
      return results
    },
  }
}

function memberOutcome(success: boolean, error: string | null | undefined): MemberResult['outcome'] {
  if (success) return 'added'
  if (error === 'duplicate') return 'present'
  return error === 'no_permission' ? 'no-permission' : 'not-found'
}

function serverAlbum(album: AlbumAnswer, isOwned: boolean): ServerAlbum {
  const { id, albumName: name, description, assetCount } = album
  return { id, name, description: description ?? '', assetCount, isOwned }
}

export function stackMethods({ calls, answerMs }: ClientContext): Methods<'createStack' | 'stacksOf'> {
  return {
    createStack: async (assetIds, signal) => {
      const { id } = await calls.call({
        name: `stacking ${pluralize(assetIds.length, 'asset')}`,
        method: 'POST',
        route: '/stacks',
        body: JSON.stringify({ assetIds }),
        schema: (answers) => answers.stackAnswer,
        signal,
        callClass: 'stack',
        repeat: 'never',
        answerMs,
      })
      return { id }
    },
    stacksOf: async (assetId, signal) => {
      // An asset is in one stack at most. Listing all stacks has no pages; asking the asset is two small answers.
      const asset = await calls.call(
        get(
          `asking for the asset ${assetId}`,
          `/assets/${encodeURIComponent(assetId)}`,
          (answers) => answers.stackedAnswer,
          signal,
        ),
      )
      if (asset.stack === null || asset.stack === undefined) return []
      const route = `/stacks/${encodeURIComponent(asset.stack.id)}`
      const stack = await calls.call(
        get(`asking for the stack ${asset.stack.id}`, route, (answers) => answers.stackAnswer, signal),
      )
      return [{ id: stack.id, assetIds: stack.assets.map(({ id }) => id) }]
    },
  }
}
