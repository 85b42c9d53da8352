/**
 * The journal of an upload, kept in the library's database.
 *
 * @module
 */

import type { UploadJournal } from '../immich/upload-journal.ts'
import type { Backend } from '../queue/backend.ts'
import { callLibrary } from './library-calls.ts'

/**
 * @param serverId - Of the call `upload.server`.
 * @param exportName - Counts (and so verifies) only the albums that this export has something in.
 */
export function libraryJournal(
  backend: Pick<Backend, 'call'>,
  serverId: number,
  exportName?: string,
): UploadJournal {
  const counted = exportName === undefined ? { serverId } : { serverId, exportName }
  return {
    openAlbums: async (page) => await callLibrary(backend, 'upload.albums', { serverId, ...page }),
    intendAlbum: async (albumId) => {
      await callLibrary(backend, 'upload.album.intend', { albumId })
    },
    linkAlbum: async (albumId, remoteId) => {
      await callLibrary(backend, 'upload.album.link', { albumId, remoteId })
    },
    openMembers: async (albumId, page) =>
      await callLibrary(backend, 'upload.members', { albumId, state: 'planned', ...page }),
    settleMembers: async (albumId, members) => {
      await callLibrary(backend, 'upload.members.settle', { albumId, members })
    },
    openStacks: async (page) => await callLibrary(backend, 'upload.stacks', { serverId, ...page }),
    intendStack: async (assetId) => {
      await callLibrary(backend, 'upload.stack.intend', { serverId, assetId })
    },
    settleStack: async (assetId, end) => {
      await callLibrary(backend, 'upload.stack.settle', { serverId, assetId, end })
    },
    openChanges: async (page) => await callLibrary(backend, 'upload.changes', { serverId, ...page }),
    settleChanges: async (changes) => {
      await callLibrary(backend, 'upload.changes.settle', { serverId, changes })
    },
    countAlbums: async (page) => await callLibrary(backend, 'upload.album.counts', { ...counted, ...page }),
    doneMembers: async (albumId, page) =>
      await callLibrary(backend, 'upload.members', { albumId, state: 'done', ...page }),
  }
}
