/**
 * What a predicate sees of an asset while rules are being decided: the asset as it was read, and what rules have made of
 * it so far in memory.
 *
 * @module
 */

import type { SnapshotAsset } from './snapshot.ts'

export interface AssetView {
  readonly asset: SnapshotAsset
  /** Whole paths of its tags now. */
  readonly tags: Iterable<string>
  /** Names of its albums now, without those of `holding` rules. */
  readonly albums: Iterable<string>
  /** Ids of its categories now. */
  readonly categories: readonly string[]
  /** Where it was taken, wall-clock time as if UTC, with what rules made of its date; undefined without a date. */
  readonly wallClockMs: number | undefined
  /** The same as an instant: epoch milliseconds. */
  readonly takenMs: number | undefined
  /** How far the days of the dated albums that it is in are from its own, the furthest; undefined without any. */
  readonly albumDateDiffersMs: number | undefined
  readonly hasDuplicates: boolean
}

/** What a predicate made of a view. */
export interface Verdict {
  readonly holds: boolean
  /** Named groups of the patterns that matched; of several the last. Empty when it does not hold. */
  readonly groups: Readonly<Record<string, string>>
}

/** A predicate taken apart, for a person who asks why. */
export interface Reason {
  readonly holds: boolean
  /** `tag is kind/scan`, `any of`. */
  readonly says: string
  /** What it looked at: `has trip/2019, auto/unsorted`. Empty for all, any and not. */
  readonly saw: string
  readonly of: readonly Reason[]
}
