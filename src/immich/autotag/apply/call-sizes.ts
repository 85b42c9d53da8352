/**
 * How many assets go into one call.
 *
 * Immich has no limit but ten megabytes of body and the pairs of a tag call; what counts is the time of a call, because
 * proxies give up after a minute and the server's other users wait.
 *
 * @module
 */

import type { AutotagApi, BulkKind } from '../autotag-api.ts'
import type { StepOp } from '../plan.ts'

/** Assets in a call. */
export type CallSizes = Readonly<Record<BulkKind, number>>

/** For two seconds a call: tags take 12 to 27 ms an asset, albums 0.1, dates 0.6 (measured on 3.1.0). */
export const DEFAULT_SIZES: CallSizes = Object.freeze({ tag: 100, untag: 100, album: 5_000, asset: 1_000 })

/** Tags times assets of a call; more is answered with 500 (measured on 3.1.0: two SQL parameters a pair). */
export const MAX_PAIRS = 32_767

export function sizeKindOf(op: StepOp): BulkKind {
  if (op === 'tag.add') return 'tag'
  if (op === 'tag.remove') return 'untag'
  return op === 'date.set' || op === 'asset.set' ? 'asset' : 'album'
}

/** Sizes that follow what calls take, as the client has seen it; fixed ones where it does not say. */
export function sizesOf(api: Pick<AutotagApi, 'chunkSize'>): CallSizes {
  const size = (kind: BulkKind): number => api.chunkSize?.(kind) ?? DEFAULT_SIZES[kind]
  return { tag: size('tag'), untag: size('untag'), album: size('album'), asset: size('asset') }
}
