/**
 * Which album of a group each found asset is in, and whether that is proved.
 *
 * The albums of a group have no day in common (`album-colouring.ts`), so an asset's own day names its album. Whoever
 * changes the library meanwhile can spoil that; so an album counts only if it got as many assets as the server says it
 * has, from the day of its oldest to that of its newest, and no album of a group counts in which an asset was found that
 * none of them can hold. What does not count has to be read by itself.
 *
 * @module
 */

import { type DatedAlbum, isOnFirstDay, isOnLastDay, spanOf } from './album-colouring.ts'

export interface CountedAlbum extends DatedAlbum {
  readonly assetCount: number
}

export interface FoundMember {
  readonly id: string
  /** Wall-clock time where it was taken, as if UTC. */
  readonly wallClockMs: number
}

export interface Placed {
  /** Of the albums that are proved. */
  readonly members: ReadonlyMap<string, readonly string[]>
  /** Ids of the others. */
  readonly unproved: readonly string[]
}

export function placeMembers(albums: readonly CountedAlbum[], found: readonly FoundMember[]): Placed {
  const byStart = albums.toSorted((a, b) => a.startMs - b.startMs)
  const holding = new Map<string, FoundMember[]>(albums.map(({ id }) => [id, []]))
  let isAllPlaced = true
  for (const asset of found) {
    const album = albumOf(byStart, asset.wallClockMs)
    if (album === undefined) isAllPlaced = false
    else holding.get(album.id)?.push(asset)
  }
  const isProved = (album: CountedAlbum): boolean => isAllPlaced && fits(album, holding.get(album.id) ?? [])
  const proved = albums.filter(isProved)
  return {
    members: new Map(proved.map(({ id }) => [id, (holding.get(id) ?? []).map((asset) => asset.id)])),
    unproved: albums.filter((album) => !isProved(album)).map(({ id }) => id),
  }
}

/** The only one that can hold this day: the last of those that begin before it. */
function albumOf(byStart: readonly CountedAlbum[], wallClockMs: number): CountedAlbum | undefined {
  let low = 0
  let high = byStart.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const album = byStart[middle]
    if (album !== undefined && spanOf(album).fromMs <= wallClockMs) low = middle + 1
    else high = middle
  }
  const album = byStart[low - 1]
  return album !== undefined && wallClockMs <= spanOf(album).toMs ? album : undefined
}

function fits(album: CountedAlbum, assets: readonly FoundMember[]): boolean {
  if (assets.length !== album.assetCount || assets.length === 0) return false
  let firstMs = Number.POSITIVE_INFINITY
  let lastMs = Number.NEGATIVE_INFINITY
  for (const { wallClockMs } of assets) {
    firstMs = Math.min(firstMs, wallClockMs)
    lastMs = Math.max(lastMs, wallClockMs)
  }
  return isOnFirstDay(album, firstMs) && isOnLastDay(album, lastMs)
}
