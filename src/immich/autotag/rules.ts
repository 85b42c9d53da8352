/**
 * Rules as they are after reading a rules file: checked, compiled, nothing left to look up but the library itself.
 *
 * One language of predicates for scope, moves, categories, dates, albums and checks. Missing data makes a test false,
 * so `not` of it is true. What each word of the file means: `docs/guides/autotag.md`.
 *
 * @module
 */

import type { Visibility } from '../api.ts'
import type { AlbumRole, AssetType } from './snapshot.ts'

/** A text to compare with: `text` (whole, any case), `glob*` (whole, any case), or `/regex/` (RE2, anywhere). */
export interface TextPattern {
  /** As in the file. */
  readonly source: string
  readonly kind: 'text' | 'glob' | 'regex'
  /** Names of its groups; those that a match left out are not in what {@link match} returns. */
  readonly groups: readonly string[]
  /** The named groups of the first match (empty for text and globs), or undefined. Texts are compared in NFC. */
  match(text: string): Readonly<Record<string, string>> | undefined
  /** All matches of a regex from left to right, in a text that is NFC; of text and globs the whole text, or none. */
  findAll(text: string): readonly TextMatch[]
}

export interface TextMatch {
  /** In UTF-16 units, `to` exclusive. */
  readonly from: number
  readonly to: number
  readonly groups: Readonly<Record<string, string>>
}

export type TextField =
  /** The whole path of a tag that it has, or of one above it. */
  | 'tag'
  /** The name of an album that it is in; those of `holding` rules do not count. */
  | 'album'
  | 'path'
  | 'file'
  /** Make and model, with a space between. */
  | 'camera'
  | 'city'
  | 'state'
  | 'country'
  | 'description'

export type Predicate =
  | { readonly kind: 'always' }
  | { readonly kind: 'all' | 'any'; readonly of: readonly Predicate[] }
  | { readonly kind: 'not'; readonly of: Predicate }
  /** Any of the patterns matches any of the values. */
  | { readonly kind: 'text'; readonly field: TextField; readonly patterns: readonly TextPattern[] }
  /** With `only`: somebody is in it, and nobody else. */
  | { readonly kind: 'people'; readonly patterns: readonly TextPattern[]; readonly only: boolean }
  | { readonly kind: 'link'; readonly assetIds: ReadonlySet<string> }
  | { readonly kind: 'type'; readonly types: readonly AssetType[] }
  | { readonly kind: 'visibility'; readonly visibilities: readonly Visibility[] }
  | { readonly kind: 'favorite'; readonly is: boolean }
  /** Inclusive; unrated is neither. */
  | { readonly kind: 'rating'; readonly min: number; readonly max: number }
  /** Epoch milliseconds of its instant, `from` inclusive, `to` exclusive. */
  | { readonly kind: 'taken' | 'uploaded'; readonly fromMs: number; readonly toMs: number }
  /** Ids of categories, or `none`, or `several`. */
  | { readonly kind: 'category'; readonly ids: readonly string[] }
  /** Is in a dated album whose days are further from its own than this. */
  | { readonly kind: 'album-date-differs'; readonly byMs: number }
  /** The server has found duplicates of it. */
  | { readonly kind: 'duplicate'; readonly is: boolean }

/** A name to be filled in: `{taken:yyyy-MM-dd}`, `{path[-1]}`, `{match.name}`, `{tag}`, `{tag.leaf}`, `{place.city}`. */
export interface NameTemplate {
  readonly source: string
  /** What stands between its braces: `taken:yyyy-MM-dd`, `match.name`. Empty: it is always the same name. */
  readonly words: readonly string[]
  /** Undefined when a value that it needs is missing. `match` holds the groups of the rule's predicate. */
  fill(values: TemplateValues): string | undefined
}

export interface TemplateValues {
  /** Wall-clock time where it was taken, as if UTC: epoch milliseconds. */
  readonly wallClockMs: number | undefined
  readonly path: string
  readonly fileName: string
  readonly place: {
    readonly city: string | undefined
    readonly state: string | undefined
    readonly country: string | undefined
  }
  readonly camera: { readonly make: string | undefined; readonly model: string | undefined }
  readonly match: Readonly<Record<string, string>>
  /** Of rules for each tag. */
  readonly tag: string | undefined
  /** Of rules for each album. */
  readonly album: string | undefined
}

export type AlbumTarget =
  /** The one album of that name; several are an error of this rule, none makes one where the rule may. */
  { readonly by: 'name'; readonly name: NameTemplate } | { readonly by: 'id'; readonly id: string }

/** What holds exactly while a condition holds. */
export interface Ensured {
  /** Whole paths. */
  readonly tags: readonly string[]
  readonly albums: readonly AlbumTarget[]
}

/** Reads a date out of a file's name. */
export interface NamePattern {
  readonly id: string
  /** With the groups `d` (date) and maybe `t` (time): digits with any separators. */
  readonly pattern: TextPattern
  /** `path` looks at the folders too. */
  readonly looksAt: 'file' | 'path'
  readonly precision: 'second' | 'day'
  /** An IANA name, `local` for the zone of the file, or `utc`. */
  readonly zone: string
}

export interface MoveRule {
  readonly kind: 'move'
  readonly id: string
  readonly from: Predicate
  /** What `move` takes away from: tags and albums that `from` names and that matched. */
  readonly to: Ensured
  readonly mode: 'move' | 'copy'
  /** Makes tags and albums that are missing. */
  readonly create: boolean
}

/** Keeps a tag and an album in step. */
export interface SyncRule {
  readonly kind: 'sync'
  readonly id: string
  /** Each tag with such a path has an album. */
  readonly tags: readonly TextPattern[]
  readonly album: NameTemplate
  readonly direction: 'tag-to-album' | 'album-to-tag' | 'both'
}

export interface Category {
  readonly id: string
  readonly is: Predicate
}

export interface CategoryRules {
  readonly unsorted: Ensured
  readonly clash: Ensured
  /** Also one category by several of its albums is a clash. */
  readonly severalAlbumsClash: boolean
  readonly list: readonly Category[]
}

export type DateSource =
  | { readonly kind: 'exif' | 'duplicates' | 'folder' }
  | { readonly kind: 'patterns'; readonly ids: readonly string[] }

export interface DateRules {
  readonly where: Predicate
  /** The best first. */
  readonly sources: readonly DateSource[]
  readonly onlyEarlier: boolean
  /** Differences below it are left alone. */
  readonly byMs: number
  /** A time of day replaces a midnight also within {@link byMs}. */
  readonly betterPrecision: boolean
  /** A day without a time never replaces a time on that day. */
  readonly sameDayKeepsTime: boolean
  readonly unsure: Ensured
}

export interface DuplicateRules {
  readonly carry: {
    readonly tags: 'none' | 'union-of-category' | 'union'
    readonly albums: 'none' | 'category-albums' | 'all'
    readonly favorite: 'none' | 'any'
    readonly rating: 'none' | 'max'
    readonly date: 'none' | 'most-precise'
  }
  readonly to: 'each' | 'kept'
  readonly conflict: Ensured
}

export interface AlbumRule {
  readonly id: string
  readonly where: Predicate
  readonly into: NameTemplate
  /** How many folders below the matched one are part of the name, with `/` between (see `rules/folders.ts`). */
  readonly depth: number
  /** Takes out what this rule put in when it no longer belongs there. */
  readonly followMoves: boolean
  /** When its predicate matches several folders of a path. */
  readonly several: Ensured
  /** Never counts for categories; its assets leave it when they have one. */
  readonly holding: boolean
  /** A holding album whose assets lie further apart is taken apart. */
  readonly maxSpanMs: number | undefined
  /** Of those that this rule made. */
  readonly deleteEmpty: boolean
}

export interface CheckRule {
  readonly id: string
  readonly when: Predicate
  readonly ensure: Ensured
}

export interface Grant {
  /** Lower case. */
  readonly email: string
  readonly role: AlbumRole
}

export interface SharingRule {
  readonly id: string
  /** Of the album's name: whole words, in lower case. */
  readonly words: readonly string[]
  readonly names: readonly TextPattern[]
  readonly grants: readonly Grant[]
  /** Others are removed. */
  readonly exact: boolean
}

export interface SharingRules {
  /** What an address that nobody on the server has does to a rule. */
  readonly unresolved: 'stop' | 'skip'
  readonly merge: 'strongest' | 'last'
  readonly list: readonly SharingRule[]
}

/** How many changes an apply may make before it asks. */
export type ChangeLimit =
  | { readonly kind: 'share'; readonly ofAssets: number }
  | { readonly kind: 'count'; readonly assets: number }

export interface ServerSettings {
  readonly url: string | undefined
  /** References to the environment are resolved; never shown. */
  readonly key: string | undefined
  readonly session: string | undefined
  readonly read: 'auto' | 'session' | 'filter' | 'albums'
}

export interface RunSettings {
  readonly nice: boolean
  /** Undefined: it adapts. */
  readonly concurrency: number | undefined
  readonly maxChanges: ChangeLimit
  /** A folder; undefined: the default one. */
  readonly journal: string | undefined
}

export interface Rules {
  readonly server: ServerSettings
  readonly scope: { readonly visibilities: readonly Visibility[]; readonly where: Predicate }
  /** An IANA name: of dates in names that say none. */
  readonly zone: string
  readonly patterns: readonly NamePattern[]
  readonly moves: readonly (MoveRule | SyncRule)[]
  readonly categories: CategoryRules | undefined
  readonly dates: DateRules | undefined
  readonly duplicates: DuplicateRules | undefined
  readonly albums: readonly AlbumRule[]
  readonly checks: readonly CheckRule[]
  readonly sharing: SharingRules | undefined
  readonly run: RunSettings
  /** SHA-256 of what decides anything (not the server's address, keys or `run`): 64 hexadecimal digits. */
  readonly hash: string
}

/** Something wrong in a rules file. */
export interface RulesProblem {
  readonly severity: 'error' | 'warning'
  /** Both from 1. */
  readonly line: number
  readonly column: number
  /** `categories.list[2].is.tga` */
  readonly where: string
  readonly message: string
  /** Such as the nearest known word. */
  readonly hint: string | undefined
}
