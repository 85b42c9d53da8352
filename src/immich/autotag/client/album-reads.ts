/**
 * Which albums there are, and who sees them; no answer tells an album's assets.
 *
 * 2.x lists owned and shared ones apart and names the owner beside the members, 3.x lists all and has the owner among
 * them.
 *
 * @module
 */

import type { ClientContext, Methods } from '../../client-context.ts'
import { albumFingerprint } from '../load/album-fingerprint.ts'
import type { AlbumMember, SnapshotAlbum } from '../snapshot.ts'
import { type AlbumAnswer, albumsAnswer } from './answers.ts'
import { type AutotagMethods, ask } from './api-call.ts'

export function albumReads(context: ClientContext, account: Methods<'me'>): AutotagMethods<'albums'> {
  return {
    albums: async (signal) => {
      const { major } = await context.versionOnce(signal)
      const userId = major < 3 ? undefined : (await account.me(signal))?.id
      if (userId !== undefined) {
        const albums = await listAlbums(context, '', signal)
        return albums.map((album) => snapshotAlbum(album, ownerOf(album) === userId))
      }
      const owned = await listOwnedAlbums(context, signal)
      const ownedIds = new Set(owned.map(({ id }) => id))
      // 2.x lists shared ones whoever owns them.
      const others = await listAlbums(context, major < 3 ? '?shared=true' : '?isOwned=false', signal)
      return [
        ...owned.map((album) => snapshotAlbum(album, true)),
        ...others.filter(({ id }) => !ownedIds.has(id)).map((album) => snapshotAlbum(album, false)),
      ]
    },
  }
}

/** Without a filter 2.x gives the owned ones, 3.x all. */
export async function listOwnedAlbums(
  context: ClientContext,
  signal?: AbortSignal,
): Promise<readonly AlbumAnswer[]> {
  const { major } = await context.versionOnce(signal)
  return await listAlbums(context, major < 3 ? '' : '?isOwned=true', signal)
}

async function listAlbums(
  context: ClientContext,
  query: string,
  signal: AbortSignal | undefined,
): Promise<readonly AlbumAnswer[]> {
  return await ask(context, {
    name: 'listing albums',
    route: `GET /albums${query}`,
    permission: 'album.read',
    callClass: 'album',
    schema: () => albumsAnswer,
    signal,
  })
}

/** Undefined when the answer does not tell. */
export function ownerOf({ ownerId, albumUsers }: AlbumAnswer): string | undefined {
  return ownerId ?? albumUsers.find(({ role }) => role === 'owner')?.user.id
}

export function snapshotAlbum(album: AlbumAnswer, isOwned: boolean): SnapshotAlbum {
  return {
    id: album.id,
    name: album.albumName,
    description: album.description ?? '',
    isOwned,
    assetCount: album.assetCount,
    startMs: album.startDate ?? undefined,
    endMs: album.endDate ?? undefined,
    members: album.albumUsers.flatMap(({ role, user }): AlbumMember[] =>
      role === 'editor' || role === 'viewer' ? [{ userId: user.id, role }] : [],
    ),
    fingerprint: albumFingerprint(album),
  }
}
