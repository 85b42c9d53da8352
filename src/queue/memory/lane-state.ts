/**
 * What the governor remembers of each lane: what others want it to be, and how far memory lets it.
 *
 * Others set a lane's concurrency too (options, the command line, a lane that makes room for another). What differs from
 * what the governor set last was set by them, and is the new ceiling.
 *
 * @module
 */

import type { PoolLane } from './pool.ts'

export interface LaneState {
  /** What the lane was configured with, or set to by somebody else since. */
  readonly ceiling: number
  /** The concurrency that the lane had when it was last looked at or set by the governor. */
  readonly applied: number
  /** How many workers memory allows; Infinity while there is enough. */
  readonly cap: number
}

export type LaneStates = ReadonlyMap<string, LaneState>

/** One lane's concurrency is to change. */
export interface Resize {
  readonly type: 'resize'
  readonly lane: string
  readonly from: number
  readonly to: number
  /** For a person: words and numbers. */
  readonly reason: string
}

/** Takes in lanes that are new or were set by somebody else, and drops those that are gone. */
export function reconcileLanes(lanes: readonly PoolLane[], known: LaneStates): Map<string, LaneState> {
  return new Map(
    lanes.map(({ name, concurrency }) => {
      const state = known.get(name)
      if (state?.applied === concurrency) return [name, state]
      return [
        name,
        { ceiling: concurrency, applied: concurrency, cap: state?.cap ?? Number.POSITIVE_INFINITY },
      ]
    }),
  )
}
