/**
 * Where a run's thumbnails and its database lie, opened: in a library, or in a folder that the user named.
 *
 * @module
 */

import { existsSync, lstatSync, mkdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HeirloomError } from '../errors.ts'
import { takeLease } from '../library/lease.ts'
import { findNetworkFilesystem, libraryPaths, NetworkStateError } from '../library/library-folder.ts'
import type { Backend } from '../queue/backend.ts'
import { openSqliteBackend } from '../queue/sqlite/index.ts'
import { STATE_FOLDER } from '../storage/local-storage.ts'
import type { ObjectStoreConfig } from '../storage/object-store.ts'
import { UnsafeNameError } from '../storage/storage.ts'
import { openLibrarySession, requireLibrary } from './library-session.ts'
import type { ThumbsTarget } from './thumbnail-api.ts'
import { PROGRAM } from './worker-processes.ts'

export interface ThumbnailPlaces {
  readonly backend: Backend
  /** Absolute: the library, or the folder that was named. */
  readonly root: string
  /** Of the thumbnails by content. Not synced one by one: what a power cut takes is made again. */
  readonly store: ObjectStoreConfig
  readonly tempFolder: string
  close(): Promise<void>
}

/** Thrown when thumbnails of other files should go into a library. */
export class IsLibraryError extends HeirloomError {
  readonly code = 'thumbnail/is-library'
  readonly recovery = 'discard'
}

/** @throws NoLibraryError, LibraryInUseError, NetworkStateError and their kin; {@link IsLibraryError} */
export function openThumbnailPlaces(
  target: ThumbsTarget,
  state: string | undefined,
  now: number,
): Promise<ThumbnailPlaces> {
  return target.kind === 'library'
    ? openInLibrary(target.library, state, now)
    : openFolder(target.output, state, now)
}

async function openInLibrary(
  library: string,
  state: string | undefined,
  now: number,
): Promise<ThumbnailPlaces> {
  await requireLibrary(library, state)
  const { backend, paths, close } = await openLibrarySession({ library, state, command: 'thumbs', now })
  const { root, thumbsFolder, tempFolder } = paths
  return { backend, root, store: localStore(thumbsFolder), tempFolder, close }
}

async function openFolder(root: string, state: string | undefined, now: number): Promise<ThumbnailPlaces> {
  const { database, idFile, tempFolder, thumbsFolder } = libraryPaths(root)
  if (existsSync(database) || existsSync(idFile)) {
    throw new IsLibraryError(`${root} is a library`, {
      hint: `Choose another folder for these thumbnails; those of the library itself: heirloom thumbs ${root}`,
    })
  }
  const own = join(root, STATE_FOLDER)
  const stateFolder = state ?? own
  const filesystem = await findNetworkFilesystem(stateFolder)
  if (filesystem !== undefined) throw new NetworkStateError(stateFolder, filesystem)
  await mkdir(root, { recursive: true })
  for (const folder of [own, tempFolder]) makeOwnFolder(folder)
  await mkdir(stateFolder, { recursive: true })
  const lockFolders = stateFolder === own ? [own] : [own, stateFolder]
  const lease = takeLease({ root, lockFolders }, { command: 'thumbs', now })
  try {
    // What the last moments before a power cut had recorded is found or made again.
    const file = join(stateFolder, 'thumbs.db')
    const backend = await openSqliteBackend({ file, program: PROGRAM, durability: 'process' })
    const close = async (): Promise<void> => {
      await backend.close()
      lease.release()
    }
    return { backend, root, store: localStore(thumbsFolder), tempFolder, close }
  } catch (error) {
    lease.release()
    throw error
  }
}

function localStore(root: string): ObjectStoreConfig {
  return { kind: 'local', root, durable: false }
}

/** Files in it are made and removed without asking, so it must not be somebody's folder behind a link. */
function makeOwnFolder(folder: string): void {
  mkdirSync(folder, { recursive: true })
  if (lstatSync(folder).isDirectory()) return
  throw new UnsafeNameError(`${folder} is a link, not a folder`, {
    hint: 'Move it away: heirloom makes a folder of its own there.',
  })
}
