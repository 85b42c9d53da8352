/**
 * One asset while rules are being decided: what the server has, and what rules have made of it in memory.
 *
 * Tags are kept as they were given; that an asset with `kind/scan` also has `kind` is worked out. The server shows both
 * alike, so a parent is taken as given only where no child of it is.
 *
 * @module
 */

import type { AssetView } from '../asset-view.ts'
import type { Override, Remark } from '../plan.ts'
import type { Snapshot, SnapshotAsset, TakenDate } from '../snapshot.ts'
import type { Classification } from './classify.ts'
import type { DateChoice } from './date-choice.ts'

/** The id of an album of the server, or {@link newAlbumKey} of one that is to be made. */
export type AlbumKey = string

/** What a rule changes: `tag kind/scan`, `album <key>`, `date`, `favorite`, `rating`. */
export type CellKey = string

/** Of one round: what a cell was at its beginning, and who has changed it since. */
export interface RoundEntry {
  readonly before: CellValue
  readonly rules: string[]
}

export type CellValue = boolean | string | number | undefined

/** A view, and what only deciding needs of it. */
export interface DraftView extends AssetView {
  readonly classification: Classification
}

export interface AssetDraft {
  readonly asset: SnapshotAsset
  /** Of its duplicates that are in scope, itself included; empty without any. */
  group: readonly AssetDraft[]
  readonly hasDuplicates: boolean
  /** Given, not implied by a child. Of many assets the same set: replaced by a change, never changed itself. */
  tags: ReadonlySet<string>
  /** The same. */
  albums: ReadonlySet<AlbumKey>
  taken: TakenDate | undefined
  isFavourite: boolean
  rating: number | undefined
  /** Grows with every change: what was worked out of an older one is stale. */
  version: number
  /** What was seen of it at `viewVersion`. */
  view: DraftView | undefined
  viewVersion: number
  /** The last rule that changed a cell. */
  writers: ReadonlyMap<CellKey, string>
  round: ReadonlyMap<CellKey, RoundEntry>
  /** The rules that changed a cell in the round before. */
  lastRounds: ReadonlyMap<CellKey, readonly string[]>
  /** Cells that stay as they are on the server. */
  frozen: Set<CellKey> | undefined
  isFrozen: boolean
  overrides: Map<CellKey, Override> | undefined
  remarks: readonly AssetRemark[]
  /** What rules that keep two sides in step did last, by rule and tag: true for both sides there. */
  inStep: Map<string, boolean> | undefined
  /** Of tags and albums that several rules ensure: what each of them found. */
  verdicts: Map<CellKey, Map<string, boolean>> | undefined
  /** How its date was chosen, from which present dates of it and its duplicates. */
  dateChoice: { readonly of: readonly (TakenDate | undefined)[]; readonly choice: DateChoice } | undefined
  /** Facts that say otherwise than both the server and the rule that made them so. */
  stale: Map<CellKey, Override> | undefined
}

/** Most assets are changed by no rule, and share these: a library has many thousand of them. */
const NO_ROUNDS: ReadonlyMap<CellKey, readonly string[]> = new Map()
const NO_ENTRIES: ReadonlyMap<CellKey, RoundEntry> = new Map()
const NO_WRITERS: ReadonlyMap<CellKey, string> = new Map()
export const NO_REMARKS: readonly AssetRemark[] = []

/** A new round begins: what was changed in the last one is remembered for those who ask which rules fight. */
export function beginRound(draft: AssetDraft): void {
  if (draft.round.size === 0) return
  draft.lastRounds = new Map([...draft.round].map(([cell, { rules }]) => [cell, rules]))
  draft.round = NO_ENTRIES
}

/** A rule has changed a cell, which was `before`. */
export function noteChange(draft: AssetDraft, cell: CellKey, rule: string, before: CellValue): void {
  const entry = draft.round.get(cell)
  if (entry === undefined) draft.round = new Map(draft.round).set(cell, { before, rules: [rule] })
  else entry.rules.push(rule)
  draft.writers = new Map(draft.writers).set(cell, rule)
  draft.version += 1
}

export type AssetRemark = Pick<Remark, 'rule' | 'kind' | 'says'>

export function createAssetDraft(asset: SnapshotAsset, sets: StartSets, hasDuplicates: boolean): AssetDraft {
  return {
    asset,
    group: NO_GROUP,
    hasDuplicates,
    tags: sets.tagsOf(asset),
    albums: sets.albumsOf(asset),
    taken: asset.taken,
    isFavourite: asset.isFavourite,
    rating: asset.rating,
    version: 0,
    view: undefined,
    viewVersion: -1,
    writers: NO_WRITERS,
    round: NO_ENTRIES,
    lastRounds: NO_ROUNDS,
    frozen: undefined,
    isFrozen: false,
    overrides: undefined,
    remarks: NO_REMARKS,
    inStep: undefined,
    verdicts: undefined,
    dateChoice: undefined,
    stale: undefined,
  }
}

const NO_GROUP: readonly AssetDraft[] = []

/** Undoes in memory all that rules have done; what is frozen stays frozen. */
export function resetDraft(draft: AssetDraft, sets: StartSets): void {
  const { asset } = draft
  draft.tags = sets.tagsOf(asset)
  draft.albums = sets.albumsOf(asset)
  draft.taken = asset.taken
  draft.isFavourite = asset.isFavourite
  draft.rating = asset.rating
  draft.version += 1
  draft.writers = NO_WRITERS
  draft.round = NO_ENTRIES
  draft.lastRounds = NO_ROUNDS
  draft.inStep = undefined
  draft.verdicts = undefined
  draft.stale = undefined
}

/** What assets have on the server: one set for all that have the same. */
export interface StartSets {
  /** Tags that were given to it, as far as that can be known. */
  tagsOf(asset: SnapshotAsset): ReadonlySet<string>
  albumsOf(asset: SnapshotAsset): ReadonlySet<AlbumKey>
}

export function createStartSets(snapshot: Pick<Snapshot, 'tags'>): StartSets {
  const tags = new Map<string, ReadonlySet<string>>()
  const albums = new Map<string, ReadonlySet<AlbumKey>>()
  return {
    tagsOf: ({ tagIds }) => shared(tags, tagIds, () => givenTags(tagIds, snapshot)),
    albumsOf: ({ albumIds }) => shared(albums, albumIds, () => new Set(albumIds)),
  }
}

function shared(
  known: Map<string, ReadonlySet<string>>,
  ids: readonly string[],
  make: () => ReadonlySet<string>,
): ReadonlySet<string> {
  const key = ids.length === 1 ? (ids[0] ?? '') : ids.join(' ')
  let set = known.get(key)
  if (set === undefined) {
    set = make()
    known.set(key, set)
  }
  return set
}

function givenTags(tagIds: readonly string[], { tags }: Pick<Snapshot, 'tags'>): ReadonlySet<string> {
  const given = new Set<string>()
  for (const id of tagIds) {
    const tag = tags.get(id)
    if (tag !== undefined) given.add(tag.value)
  }
  for (const value of [...given]) for (const parent of parentsOf(value)) given.delete(parent)
  return given
}

/** True for an asset that has the tag or one below it. */
export function hasTag(draft: Pick<AssetDraft, 'tags'>, value: string): boolean {
  return draft.tags.has(value) || hasChildOf(draft, value)
}

export function hasChildOf({ tags }: Pick<AssetDraft, 'tags'>, value: string): boolean {
  if (tags.size === 0) return false
  const start = `${value}/`
  for (const tag of tags) if (tag.startsWith(start)) return true
  return false
}

/** `a/b` and `a` of `a/b/c`. */
export function* parentsOf(value: string): Generator<string> {
  for (let at = value.lastIndexOf('/'); at > 0; at = value.lastIndexOf('/', at - 1)) yield value.slice(0, at)
}

/** Tags and all above them. */
export function allTags(tags: ReadonlySet<string>): readonly string[] {
  const all = new Set<string>()
  for (const tag of tags) {
    all.add(tag)
    for (const parent of parentsOf(tag)) all.add(parent)
  }
  return [...all]
}

export function withItem<Item>(set: ReadonlySet<Item>, item: Item): ReadonlySet<Item> {
  return new Set(set).add(item)
}

export function withoutItem<Item>(set: ReadonlySet<Item>, item: Item): ReadonlySet<Item> {
  const rest = new Set(set)
  rest.delete(item)
  return rest
}
