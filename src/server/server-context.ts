/**
 * What the routes are given: the library, its queue, its stores. They make nothing of this themselves.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import type { LeaseHolder } from '../library/lease.ts'
import type { LibraryPaths } from '../library/library-folder.ts'
import type { Logger } from '../logger.ts'
import type { ThumbnailOptions } from '../media/thumbnail/thumbnail.ts'
import type { Backend } from '../queue/backend.ts'
import type { OpenRemoteLanes } from '../queue/bullmq/remote-lanes.ts'
import type { QueueEngine } from '../queue/queue-engine.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { ThumbnailPlan } from '../tasks/photo-calls.ts'

/** How the server stands to its library now. */
export type ServerRole =
  /** It holds the lease: takes uploads and runs tasks. */
  | {
      readonly kind: 'working'
      readonly queue: QueueEngine
      /** Where its tasks run on worker hosts. */
      readonly remote?: Pick<OpenRemoteLanes, 'workerHosts' | 'queueDepths'>
    }
  /** Another process holds it: the server shows, and steers from outside; uploads are refused until it is free. */
  | { readonly kind: 'watching'; readonly holder: LeaseHolder | undefined }

export interface ServerContext {
  readonly clock: Clock
  readonly logger: Logger
  readonly paths: LibraryPaths
  /** May change between requests: when the other process is done, the server takes over. */
  role(): ServerRole
  /** Calls back when the role has changed, and the backend with it; the returned function ends that. */
  onRoleChange(listener: (role: ServerRole) => void): () => void
  /** Of the library's database; the named transactions of `tasks/store-calls.ts` are called through it. */
  backend(): Backend
  /**
   * A connection that only reads, for single looks by index: in WAL it waits for no writer, and takes microseconds
   * where the backend's thread takes a round trip behind whatever that is writing.
   */
  reading(): DatabaseSync
  /** Where uploads lie. */
  readonly photos: ObjectStore
  /** Where new thumbnails are put. */
  readonly thumbnails: ObjectStore
  /** A store by the address that a row names; undefined when this server was not told of it. */
  storeOf(address: string, what: 'photos' | 'thumbnails'): ObjectStore | undefined
  readonly thumbnailOptions: ThumbnailOptions
  /** What tasks for uploads are made of. */
  readonly thumbnailPlan: ThumbnailPlan
  /** Larger uploads are refused with 413. */
  readonly maxUploadBytes: number
  /** Aborted when the server ends: streams close, uploads in flight finish. */
  readonly ending: AbortSignal
}
