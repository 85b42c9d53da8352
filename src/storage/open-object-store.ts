/**
 * Opens the store that a configuration names: in the server, and again in each worker process.
 *
 * @module
 */

import { LocalObjectStore } from './local-object-store.ts'
import type { ObjectStore, ObjectStoreConfig } from './object-store.ts'

/**
 * The S3 client is only loaded when it is needed: it is optional, and large.
 *
 * @throws {@link ObjectStoreError} when the folder cannot be used, the S3 client is not installed, or credentials are
 *   not set. A bucket is not asked here; see `checkObjectStore`.
 */
export async function openObjectStore(config: ObjectStoreConfig): Promise<ObjectStore> {
  if (config.kind === 'local') return LocalObjectStore.open(config)
  const { S3ObjectStore } = await import('./s3-object-store.ts')
  return S3ObjectStore.open(config)
}
