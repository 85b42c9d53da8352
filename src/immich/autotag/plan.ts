/**
 * A plan: what the rules would change, with what is there now. Data only; it is printed, stored, signed and applied.
 *
 * A step changes one thing of many assets, albums or members, in the name of one rule. It holds what it found before, so
 * that it is done only while that is still so, and can be undone. Steps are in the order in which they are applied:
 * album.create, album.add, tag.add, tag.remove, date.set, asset.set, album.remove, share.*, album.delete. What does not
 * depend on each other goes on at the same time, but nothing is taken before all is given (`apply/run-lanes.ts`).
 *
 * @module
 */

import type { ServerVersion } from '../api.ts'
import type { AlbumRole } from './snapshot.ts'

/** A date as it is sent: ISO 8601 with offset; `zone` is what the server shows beside it. */
export interface DateText {
  readonly dateTimeOriginal: string
  readonly timeZone: string | null
}

/** An album that is there, or one that an `album.create` of the same plan makes (`key` is its name). */
export type AlbumRef =
  | { readonly id: string; readonly name: string }
  | { readonly key: string; readonly name: string }

export interface ShareTarget {
  readonly album: AlbumRef
  readonly userId: string
  readonly email: string
}

export type Step = { /** `categories.unsorted`, `albums/days`. */ readonly rule: string } & (
  | { readonly op: 'tag.add' | 'tag.remove'; readonly tag: string; readonly assetIds: readonly string[] }
  | {
      readonly op: 'album.create'
      readonly album: { readonly key: string; readonly name: string }
      readonly description: string
      /** Its first assets. */
      readonly assetIds: readonly string[]
    }
  | {
      readonly op: 'album.add' | 'album.remove'
      readonly album: AlbumRef
      readonly assetIds: readonly string[]
    }
  /** Only of empty albums (or emptied by this plan) that this tool made. */
  | {
      readonly op: 'album.delete'
      readonly album: { readonly id: string; readonly name: string }
      readonly before: { readonly description: string; readonly members: readonly ShareBefore[] }
    }
  /** All get the same value; `before` is in the order of `assetIds`, null where the server had none. */
  | {
      readonly op: 'date.set'
      readonly to: DateText
      readonly precision: 'second' | 'day'
      readonly assetIds: readonly string[]
      readonly before: readonly (DateText | null)[]
    }
  | {
      readonly op: 'asset.set'
      readonly to: { readonly isFavourite: boolean } | { readonly rating: number | null }
      readonly assetIds: readonly string[]
      readonly before: readonly (boolean | number | null)[]
    }
  | ({ readonly op: 'share.add'; readonly role: AlbumRole } & ShareTarget)
  | ({ readonly op: 'share.role'; readonly role: AlbumRole; readonly before: AlbumRole } & ShareTarget)
  | ({ readonly op: 'share.remove'; readonly before: AlbumRole } & ShareTarget)
)

export type StepOp = Step['op']

export interface ShareBefore {
  readonly userId: string
  readonly role: AlbumRole
}

/** A change that a rule wants and somebody has taken back: it is left as it is. */
export interface Override {
  readonly rule: string
  readonly fact: Fact
  /** Asset or album. */
  readonly subjectId: string
  /** `user removed tag auto/clash` */
  readonly says: string
}

/** What one subject has by a rule's doing: the memory that tells an override from a change that is still to be made. */
export type Fact =
  | { readonly kind: 'tag'; readonly value: string; readonly is: boolean }
  /**
   * `value`: the album's id, or its name where an undone run's album is gone. With `name` (as it was then), an album that
   * somebody has deleted since is known again.
   */
  | { readonly kind: 'album'; readonly value: string; readonly name?: string; readonly is: boolean }
  | { readonly kind: 'date'; readonly value: string }
  | { readonly kind: 'favorite'; readonly is: boolean }
  | { readonly kind: 'rating'; readonly value: number }
  /** Of an album; `value` is a user's id. */
  | { readonly kind: 'share'; readonly value: string; readonly role: AlbumRole | null }

/** A fact, and who made it so. */
export type AppliedFact = Fact & {
  readonly rule: string
  /** Grows with the time of applying; without it, a removal counts as later than an addition. */
  readonly seq?: number
  /** An undo took it back: left alone like any override, and a rule that keeps two sides in step follows it nowhere. */
  readonly undone?: boolean
}

/** What was applied last, for this server and user. */
export interface AppliedFacts {
  /** By subject and kind of fact; the last one for each `value`. */
  of(subjectId: string, kind: Fact['kind']): readonly AppliedFact[]
  /** Albums that this tool made and that nobody has been seen to delete: id to the rule that made it. */
  readonly madeAlbums: ReadonlyMap<string, string>
}

/** Something a person should know that is no change. */
export interface Remark {
  readonly rule: string
  readonly kind:
    | 'album-name-not-unique'
    | 'album-missing'
    | 'tag-missing'
    /** A holding album whose assets would lie too far apart. */
    | 'span-too-long'
    | 'user-unknown'
    | 'not-owned'
    | 'no-permission'
    | 'date-unsure'
    | 'duplicate-conflict'
    | 'several-folders'
    | 'parent-tag'
    | 'oscillates'
    /** What an undo cannot bring back. */
    | 'undo-limit'
  readonly says: string
  readonly assetIds: readonly string[]
}

export interface Plan {
  readonly format: 1
  /** SHA-256 of the canonical JSON of all else: 64 hexadecimal digits. */
  readonly id: string
  readonly madeAt: string
  readonly server: { readonly address: string; readonly userId: string; readonly version: ServerVersion }
  readonly rulesHash: string
  readonly snapshot: {
    readonly takenAt: string
    readonly assets: number
    /** Of the albums that steps touch, as they were: id to fingerprint. */
    readonly albums: Readonly<Record<string, string>>
  }
  readonly steps: readonly Step[]
  readonly overrides: readonly Override[]
  readonly remarks: readonly Remark[]
}
