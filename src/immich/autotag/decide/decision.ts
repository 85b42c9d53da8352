/**
 * What the rules make of a library: all that is to be changed, before it is put into calls.
 *
 * @module
 */

import type { AlbumRef, DateText, Override, Remark } from '../plan.ts'
import type { AlbumRole, SnapshotAlbum } from '../snapshot.ts'
import type { DatePrecision } from './date-candidates.ts'
import type { LibraryDraft } from './library-draft.ts'

/** One thing of one asset, album or member. */
export type Change = { readonly rule: string } & (
  | { readonly kind: 'tag'; readonly assetId: string; readonly tag: string; readonly is: boolean }
  | { readonly kind: 'album'; readonly assetId: string; readonly album: AlbumRef; readonly is: boolean }
  | {
      readonly kind: 'date'
      readonly assetId: string
      readonly to: DateText
      readonly precision: DatePrecision
      readonly before: DateText | null
    }
  | { readonly kind: 'favorite'; readonly assetId: string; readonly before: boolean }
  | { readonly kind: 'rating'; readonly assetId: string; readonly to: number; readonly before: number | null }
  | ShareChange
  | { readonly kind: 'album-delete'; readonly album: SnapshotAlbum }
)

export interface ShareChange {
  readonly kind: 'share'
  readonly rule: string
  readonly album: AlbumRef
  readonly userId: string
  readonly email: string
  /** Null: no member. */
  readonly role: AlbumRole | null
  readonly before: AlbumRole | null
}

export interface Decision {
  /** In a stable order. */
  readonly changes: readonly Change[]
  readonly overrides: readonly Override[]
  readonly remarks: readonly Remark[]
  /** Of facts that are over and are to be forgotten (`stale-facts.ts`). */
  readonly stale: readonly Override[]
  /** How often all stages were run. */
  readonly rounds: number
  /** The library as it will be; for explanations. */
  readonly library: LibraryDraft
}
