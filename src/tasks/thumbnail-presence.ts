/**
 * Whether the thumbnails that the database names are really there.
 *
 * Sizes are compared, since thumbnails are not synced one by one: after a power cut some of the last may be empty.
 *
 * @module
 */

import type { ThumbnailSet } from '../library/thumbnails.ts'
import type { ObjectStore } from '../storage/object-store.ts'

/** True when the store has all of these sizes. A set in another store is none. */
export async function areThere(
  { state, objects }: ThumbnailSet,
  sizes: readonly number[],
  store: ObjectStore,
): Promise<boolean> {
  if (state !== 'done') return false
  for (const size of sizes) {
    const known = objects.find((object) => object.size === size && object.store === store.address)
    if (known === undefined) return false
    const found = await store.stat(known.objectName)
    if (found?.sizeBytes !== known.sizeBytes) return false
  }
  return true
}
