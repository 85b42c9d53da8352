/**
 * Which tags of which assets go into a call together.
 *
 * `PUT /tags/assets` gives all of its tags to all of its assets, takes its time for each asset whatever the number of
 * tags, and makes the server write one sidecar file an asset. So assets with the same set of tags share calls, each
 * is touched once; only where small sets would need a call each, it is cheaper to add their assets to calls of the
 * single tags. Choosing which sets to take apart is a covering problem; two greedy walks and the best of them do.
 *
 * @module
 */

import { MAX_PAIRS } from './call-sizes.ts'

/** Tags, and the assets that get all of them. */
export interface TagGroup {
  readonly tags: readonly string[]
  readonly assetIds: readonly string[]
}

/**
 * A call's fixed cost in assets: about 200 ms of round trip, checks and journal against 20 ms for tagging an asset
 * (measured on 3.1.0), and the asset's sidecar job behind it.
 */
const CALL_COST_ASSETS = 10

/** `wanted`: by tag, the assets that get it. Every pair is in exactly one group. */
export function groupTags(
  wanted: ReadonlyMap<string, ReadonlySet<string>>,
  chunkSize: number,
): readonly TagGroup[] {
  const sets = tagSets(wanted)
  const candidates = [
    sets.filter(({ tags }) => tags.length > 1),
    [],
    dissolveSmall(sets, chunkSize),
    gatherLarge(sets, chunkSize),
  ]
  const plans = candidates.map((kept) => compose(sets, new Set(kept)))
  const costs = plans.map((groups) => costOf(groups, chunkSize))
  return plans[costs.indexOf(Math.min(...costs))] ?? []
}

/** In assets: what the calls of these groups cost together. */
export function costOf(groups: readonly TagGroup[], chunkSize: number): number {
  let cost = 0
  for (const { tags, assetIds } of groups) {
    cost += callsFor(assetIds.length, tags.length, chunkSize) * CALL_COST_ASSETS + assetIds.length
  }
  return cost
}

export function callsFor(assets: number, tags: number, chunkSize: number): number {
  return Math.ceil(assets / assetsInCall(tags, chunkSize))
}

export function assetsInCall(tags: number, chunkSize: number): number {
  return Math.max(1, Math.min(Math.floor(chunkSize), Math.floor(MAX_PAIRS / Math.max(1, tags))))
}

/** Assets by their exact set of wanted tags. */
function tagSets(wanted: ReadonlyMap<string, ReadonlySet<string>>): TagGroup[] {
  const tagsOf = new Map<string, string[]>()
  for (const tag of [...wanted.keys()].toSorted()) {
    for (const id of wanted.get(tag) ?? []) {
      const tags = tagsOf.get(id)
      if (tags === undefined) tagsOf.set(id, [tag])
      else tags.push(tag)
    }
  }
  const sets = new Map<string, { tags: readonly string[]; assetIds: string[] }>()
  for (const [id, tags] of tagsOf) {
    const key = JSON.stringify(tags)
    const set = sets.get(key)
    if (set === undefined) sets.set(key, { tags, assetIds: [id] })
    else set.assetIds.push(id)
  }
  return [...sets.values()]
}

/** The groups when just `kept` sets stay together and all others go to the calls of their single tags. */
function compose(sets: readonly TagGroup[], kept: ReadonlySet<TagGroup>): TagGroup[] {
  const single = new Map<string, string[]>()
  for (const { tags, assetIds } of sets.filter((set) => !kept.has(set))) {
    for (const tag of tags) {
      const ids = single.get(tag) ?? []
      for (const id of assetIds) ids.push(id)
      single.set(tag, ids)
    }
  }
  return [...kept, ...[...single].map(([tag, assetIds]) => ({ tags: [tag], assetIds }))]
}

/** Begins with all sets together; takes apart what is cheaper apart, the smallest first. */
function dissolveSmall(sets: readonly TagGroup[], chunkSize: number): TagGroup[] {
  const singles = singleCounts(sets.filter(({ tags }) => tags.length === 1))
  const several = sets.filter(({ tags }) => tags.length > 1)
  return several
    .toSorted((a, b) => a.assetIds.length - b.assetIds.length)
    .filter((set) => {
      if (gainOfApart(set, singles, chunkSize) <= 0) return true
      for (const tag of set.tags) singles.set(tag, (singles.get(tag) ?? 0) + set.assetIds.length)
      return false
    })
}

/** Begins with all sets apart; puts together what is cheaper together, the largest first. */
function gatherLarge(sets: readonly TagGroup[], chunkSize: number): TagGroup[] {
  const singles = singleCounts(sets)
  const several = sets.filter(({ tags }) => tags.length > 1)
  return several
    .toSorted((a, b) => b.assetIds.length - a.assetIds.length)
    .filter((set) => {
      for (const tag of set.tags) singles.set(tag, (singles.get(tag) ?? 0) - set.assetIds.length)
      if (gainOfApart(set, singles, chunkSize) <= 0) return true
      for (const tag of set.tags) singles.set(tag, (singles.get(tag) ?? 0) + set.assetIds.length)
      return false
    })
}

function singleCounts(sets: readonly TagGroup[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { tags, assetIds } of sets) {
    for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + assetIds.length)
  }
  return counts
}

/** What is saved by adding a set's assets to the calls of its single tags, which hold `singles` without it. */
function gainOfApart(set: TagGroup, singles: ReadonlyMap<string, number>, chunkSize: number): number {
  const assets = set.assetIds.length
  const together = callsFor(assets, set.tags.length, chunkSize) * CALL_COST_ASSETS + assets
  let apart = assets * set.tags.length
  for (const tag of set.tags) {
    const others = singles.get(tag) ?? 0
    apart += (callsFor(others + assets, 1, chunkSize) - callsFor(others, 1, chunkSize)) * CALL_COST_ASSETS
  }
  return together - apart
}
