/**
 * An object as a file, since decoders of large files want one.
 *
 * @module
 */

import { open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { TaskContext } from '../queue/handler.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { tempName } from '../storage/storage.ts'
import type { ThumbnailPayload } from './thumbnail-task.ts'

export interface FetchedObject {
  readonly path: string
  /** Removes the file, if it was made for this. */
  remove(): Promise<void>
}

/** An object that lies on this machine is not copied. A name of the attempt's own is swept after a crash. */
export async function fetchObject(
  store: ObjectStore,
  name: string,
  { payload, context }: { readonly payload: ThumbnailPayload; readonly context: TaskContext },
): Promise<FetchedObject> {
  const local = store.localPath(name)
  if (local !== undefined) return { path: local, remove: async () => undefined }
  const { taskId, attempt, signal } = context
  const path = join(payload.tempFolder ?? tmpdir(), tempName({ taskId, attempt, index: 0 }))
  const remove = (): Promise<void> => rm(path, { force: true })
  // A link that somebody has put there, where all may write, is not followed.
  const handle = await open(path, 'wx', 0o600)
  try {
    await pipeline(store.read(name, {}, { signal }), handle.createWriteStream(), { signal })
    return { path, remove }
  } catch (error) {
    await remove()
    throw error
  }
}
