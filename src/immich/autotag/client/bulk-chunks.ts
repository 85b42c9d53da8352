/**
 * How many assets a bulk change should take, by what its kind has taken on this server so far.
 *
 * @module
 */

import { ALBUM_CHUNKS, type ChunkSizer, createChunkSizer, TAG_CHUNKS } from '../../chunk-size.ts'
import type { ClientContext } from '../../client-context.ts'
import type { BulkKind } from '../autotag-api.ts'

export type BulkChunks = Readonly<Record<BulkKind, ChunkSizer>>

export interface AutotagContext extends ClientContext {
  readonly chunks: BulkChunks
}

export function createBulkChunks(): BulkChunks {
  return {
    tag: createChunkSizer(TAG_CHUNKS),
    untag: createChunkSizer(TAG_CHUNKS),
    album: createChunkSizer(ALBUM_CHUNKS),
    asset: createChunkSizer(ALBUM_CHUNKS),
  }
}
