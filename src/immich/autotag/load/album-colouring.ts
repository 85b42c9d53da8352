/**
 * Puts albums into as few groups as possible, so that no two albums of a group have a day in common.
 *
 * Then the day of an asset that was found in a group says which of its albums it is in. The groups are the colours of an
 * interval graph: taking the intervals by their beginning, and for each the colour that is free, uses no more colours
 * than there are albums on the busiest day, and fewer are not possible.
 *
 * @module
 */

export interface DatedAlbum {
  readonly id: string
  /** Midnights of the days of its oldest and newest asset, wall-clock time as if UTC: epoch milliseconds. */
  readonly startMs: number
  readonly endMs: number
}

/** First and last moment in which an asset of the album can have been taken. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

const DAY_MS = 86_400_000

/** A day on either side: a database that has days without a zone may tell the midnight of its own zone. */
export function spanOf({ startMs, endMs }: DatedAlbum): Span {
  return { fromMs: startMs - DAY_MS, toMs: endMs + 2 * DAY_MS }
}

/** Whether something lies on the first day, or the last, as well as the server tells it. */
export function isOnFirstDay({ startMs }: DatedAlbum, wallClockMs: number): boolean {
  return wallClockMs <= startMs + 2 * DAY_MS
}

export function isOnLastDay({ endMs }: DatedAlbum, wallClockMs: number): boolean {
  return wallClockMs >= endMs - DAY_MS
}

/** Albums of one search: their ids, and those of a thousand more, are far below any limit of a body or of SQL. */
const MAX_GROUP = 1_000

export function groupAlbums<Album extends DatedAlbum>(
  albums: readonly Album[],
  maxGroup: number = MAX_GROUP,
): readonly (readonly Album[])[] {
  const groups: { readonly albums: Album[]; freeFromMs: number }[] = []
  for (const album of albums.toSorted((a, b) => a.startMs - b.startMs)) {
    const { fromMs, toMs } = spanOf(album)
    const free = groups.find((group) => group.freeFromMs < fromMs && group.albums.length < maxGroup)
    if (free === undefined) groups.push({ albums: [album], freeFromMs: toMs })
    else {
      free.albums.push(album)
      free.freeFromMs = Math.max(free.freeFromMs, toMs)
    }
  }
  return groups.map((group) => group.albums)
}
