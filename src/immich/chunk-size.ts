/**
 * How many ids a bulk change takes at once: as many as the server does in a given time.
 *
 * A limit of ids knows nothing of the server: 500 tagged assets took 6 to 14 s where 500 in an album took 0.1 s (measured
 * on 3.1.0), and proxies give up after 60 s. So each call tells what it took, and the next is cut to the target. What a
 * call may hold at most (32,767 pairs of tags and assets, 10 MiB) is the caller's to know: it is `max`.
 *
 * @module
 */

export interface ChunkOptions {
  /** What one call should take. Default 2 s. */
  readonly targetMs?: number
  /** Ids of the first call. */
  readonly start: number
  /** Default 10. */
  readonly min?: number
  readonly max: number
}

const DEFAULT_TARGET_MS = 2_000
const DEFAULT_MIN = 10

/** One call says little: a pause of the server must not make all that follow tiny, or one fast call huge. */
const MOST_GROWTH = 2
const MOST_SHRINK = 4

/** A chunk smaller than this part of the size takes as long as a call takes anyway: it tells nothing of larger ones. */
const TELLING = 0.25

/** Ids of the next call, after one with `units` took `latencyMs`. Whole, within the limits. */
export function nextChunkSize(
  size: number,
  sample: { readonly units: number; readonly latencyMs: number },
  options: ChunkOptions,
): number {
  const { targetMs = DEFAULT_TARGET_MS } = options
  const { units, latencyMs } = sample
  const isTelling = units >= size * TELLING || latencyMs > targetMs
  if (units <= 0 || !isTelling) return size
  const fitting = (units * targetMs) / Math.max(1, latencyMs)
  // A chunk that was cut short for want of ids proves only what it had.
  const bounded = Math.min(Math.max(fitting, size / MOST_SHRINK), size * MOST_GROWTH)
  return clamped(bounded, options)
}

function clamped(size: number, { min = DEFAULT_MIN, max }: ChunkOptions): number {
  return Math.max(1, Math.min(Math.max(Math.floor(size), min), max))
}

export interface ChunkSizer {
  /** Ids of the next call. */
  readonly size: number
  /** A call with so many ids went well. */
  tell(units: number, latencyMs: number): void
  /** A call failed in a way that less at a time could help. */
  tellOverload(): void
}

export function createChunkSizer(options: ChunkOptions): ChunkSizer {
  let size = clamped(options.start, options)
  return {
    get size() {
      return size
    },
    tell: (units, latencyMs) => {
      size = nextChunkSize(size, { units, latencyMs }, options)
    },
    tellOverload: () => {
      size = clamped(size / 2, options)
    },
  }
}

/** For `PUT /tags/assets` and its inverse. 500 at the beginning would take 6 to 14 s. */
export const TAG_CHUNKS: ChunkOptions = Object.freeze({ start: 100, max: 32_767 })

/** For the assets of an album, and for dates and the like. */
export const ALBUM_CHUNKS: ChunkOptions = Object.freeze({ start: 1_000, max: 50_000 })
