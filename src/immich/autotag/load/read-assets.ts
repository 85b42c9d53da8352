/**
 * Reads the assets of a library, and then those of each tag.
 *
 * Where a search finds one visibility at a time, each is listed beside the others, and one without any asset is not asked
 * for again.
 *
 * @module
 */

import type { Visibility } from '../../api.ts'
import type { AutotagApi, FoundAsset, ServerTag } from '../autotag-api.ts'
import { mapBeside } from './together.ts'

/** Searches that wait for a place in the limiter at a time. */
const WIDTH = 12

export interface Listing {
  /** By id. Fills while it is read. */
  readonly assets: ReadonlyMap<string, FoundAsset>
  /** Those visibilities that have an asset, as soon as that is known. */
  readonly shown: Promise<readonly Visibility[]>
  /** When all is read. */
  readonly done: Promise<void>
}

export function listAssets(
  api: AutotagApi,
  query: {
    readonly visibilities: readonly Visibility[]
    readonly withPeople: boolean
    /** All visibilities in one search. */
    readonly isOne: boolean
    readonly keep: (asset: FoundAsset) => FoundAsset
    readonly signal: AbortSignal
    readonly onProgress: (done: number) => void
  },
): Listing {
  const { visibilities, withPeople, isOne, keep, signal, onProgress } = query
  const assets = new Map<string, FoundAsset>()
  const listings = (isOne ? [visibilities] : visibilities.map((visibility) => [visibility])).map((some) => {
    const first = Promise.withResolvers<readonly Visibility[]>()
    const read = async (): Promise<void> => {
      for await (const page of api.findAssets({ visibilities: some, withPeople }, signal)) {
        first.resolve(some)
        for (const asset of page) assets.set(asset.id, keep(asset))
        onProgress(assets.size)
      }
      first.resolve([])
    }
    return { shown: first.promise, done: read().catch(rejectBoth(first.reject)) }
  })
  const shown = Promise.all(listings.map((listing) => listing.shown)).then((some) => some.flat())
  const done = Promise.all(listings.map((listing) => listing.done)).then(() => onProgress(assets.size))
  // Whoever waits for one of them may not wait for the other.
  shown.catch(() => undefined)
  done.catch(() => undefined)
  return { assets, shown, done }
}

function rejectBoth(reject: (error: unknown) => void): (error: unknown) => never {
  return (error) => {
    reject(error)
    throw error
  }
}

/** Ids of tags, by asset: of the given tags, with those above them. */
export async function readTagged(
  api: AutotagApi,
  tags: readonly ServerTag[],
  query: {
    readonly visibilities: readonly Visibility[]
    readonly signal: AbortSignal
    readonly onProgress: (done: number, total: number) => void
  },
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { visibilities, signal, onProgress } = query
  const tagged = new Map<string, string[]>()
  let done = 0
  onProgress(0, tags.length)
  const lists = await mapBeside(tags, WIDTH, async (tag) => {
    const ids: string[] = []
    for await (const page of api.findIds({ tagId: tag.id, visibilities }, signal)) ids.push(...page)
    done += 1
    onProgress(done, tags.length)
    return ids
  })
  // In the order of the tags, so that assets with the same ones have the same list.
  for (const [at, { id: tagId }] of tags.entries()) {
    for (const assetId of lists[at] ?? []) {
      const before = tagged.get(assetId)
      if (before === undefined) tagged.set(assetId, [tagId])
      else before.push(tagId)
    }
  }
  return tagged
}
