/**
 * A library while rules are being decided, and what predicates see of its assets.
 *
 * Only assets in scope are here: whatever is not can be neither changed nor asked. Scope is settled once, on what the
 * server has, and never holds assets of others, whose tags and dates are not ours to set.
 *
 * @module
 */

import type { AssetView } from '../asset-view.ts'
import type { AppliedFacts } from '../plan.ts'
import { judge } from '../rules/predicate.ts'
import type { Rules, TemplateValues } from '../rules.ts'
import type { Snapshot, SnapshotAsset } from '../snapshot.ts'
import { type AlbumDraft, type AlbumRegister, createAlbumRegister } from './album-register.ts'
import {
  type AlbumKey,
  type AssetDraft,
  allTags,
  createAssetDraft,
  createStartSets,
  type DraftView,
  type StartSets,
} from './asset-draft.ts'
import { type Classification, classify, UNCLASSIFIED } from './classify.ts'
import { type DayRange, distanceMs } from './dated-album.ts'
import { wallClockOf } from './file-zone.ts'

export interface LibraryDraft {
  readonly snapshot: Snapshot
  readonly rules: Rules
  readonly facts: AppliedFacts
  /** In scope; by id. */
  readonly assets: ReadonlyMap<string, AssetDraft>
  readonly albums: AlbumRegister
  readonly starts: StartSets
  /** What several assets have alike, worked out once. */
  readonly seen: {
    readonly tags: WeakMap<ReadonlySet<string>, readonly string[]>
    readonly albums: WeakMap<ReadonlySet<AlbumKey>, SeenAlbums>
  }
  readonly takenAtMs: number
  /** Tags of the server, by their value in one case, so that a rule's spelling makes no second one. */
  readonly tagValues: ReadonlyMap<string, string>
  /** What {@link toTagValue} has found. */
  readonly spellings: Map<string, string>
  /** Tags and new albums that something was put into: they are there for rules that make none themselves. */
  readonly made: { readonly tags: Set<string>; readonly albums: Set<AlbumKey> }
  /** Rules that ensure a tag or an album, where several do. */
  readonly sharedCells: ReadonlyMap<string, readonly string[]>
}

/** Of albums that several assets are in, by name, so that nothing depends on the order in which they were read. */
interface SeenAlbums {
  /** Without those of holding rules. */
  readonly plain: readonly AlbumDraft[]
  readonly names: readonly string[]
  /** Of dated ones. */
  readonly days: readonly DayRange[]
  /** Those of holding rules. */
  readonly held: readonly AlbumDraft[]
}

export function createLibraryDraft(
  snapshot: Snapshot,
  rules: Rules,
  facts: AppliedFacts,
  sharedCells: ReadonlyMap<string, readonly string[]>,
): LibraryDraft {
  const albums = createAlbumRegister(snapshot, facts, rules.albums)
  const assets = new Map<string, AssetDraft>()
  const tags = [...snapshot.tags.values()].sort((one, other) => compareText(other.value, one.value))
  const library: LibraryDraft = {
    snapshot,
    rules,
    facts,
    assets,
    albums,
    starts: createStartSets(snapshot),
    seen: { tags: new WeakMap(), albums: new WeakMap() },
    takenAtMs: Date.parse(snapshot.takenAt),
    tagValues: new Map(tags.map(({ value }) => [foldTag(value), value])),
    spellings: new Map(),
    made: { tags: new Set(), albums: new Set() },
    sharedCells,
  }
  const duplicateIds = new Set(snapshot.duplicates.flatMap(({ assetIds }) => assetIds))
  for (const id of [...snapshot.assets.keys()].sort(compareText)) {
    const asset = snapshot.assets.get(id)
    if (asset === undefined || asset.ownerId !== snapshot.userId) continue
    if (!rules.scope.visibilities.includes(asset.visibility)) continue
    const draft = createAssetDraft(asset, library.starts, duplicateIds.has(id))
    if (judge(rules.scope.where, viewOf(library, draft)).holds) assets.set(id, draft)
  }
  joinGroups(library)
  return library
}

/** By code units: the same on every machine. */
export function compareText(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

/** Tags are few, and rules ask for each of them with every asset. */
const foldedTags = new Map<string, string>()
const MAX_FOLDED_TAGS = 10_000

export function foldTag(value: string): string {
  const known = foldedTags.get(value)
  if (known !== undefined) return known
  if (foldedTags.size >= MAX_FOLDED_TAGS) foldedTags.clear()
  const folded = value.normalize('NFC').toLowerCase()
  foldedTags.set(value, folded)
  return folded
}

/** A tag as the server spells it, if it has it in any case. */
export function toTagValue({ tagValues, spellings }: LibraryDraft, wanted: string): string {
  const known = spellings.get(wanted)
  if (known !== undefined) return known
  const value = tagValues.get(foldTag(wanted)) ?? wanted
  spellings.set(wanted, value)
  return value
}

function joinGroups({ snapshot, assets }: LibraryDraft): void {
  for (const { assetIds } of snapshot.duplicates) {
    const members = [...new Set(assetIds)].sort(compareText).flatMap((id) => assets.get(id) ?? [])
    if (members.length < 2) continue
    for (const member of members) member.group = members
  }
}

/** What predicates see of an asset now. */
export function viewOf(library: LibraryDraft, draft: AssetDraft): DraftView {
  const known = draft.view
  if (known !== undefined && draft.viewVersion === draft.version) return known
  const view = new View(library, draft, draft.albums)
  draft.view = view
  draft.viewVersion = draft.version
  return view
}

/** The same, as if it were not in some albums. */
export function viewWithout(
  library: LibraryDraft,
  draft: AssetDraft,
  without: ReadonlySet<AlbumKey>,
): DraftView {
  if (without.size === 0) return viewOf(library, draft)
  return new View(library, draft, new Set([...draft.albums].filter((key) => !without.has(key))))
}

/** What was so when it was made: a later change of the draft is not in it. */
class View implements DraftView {
  readonly asset: SnapshotAsset
  readonly tags: readonly string[]
  readonly albums: readonly string[]
  readonly wallClockMs: number | undefined
  readonly takenMs: number | undefined
  readonly hasDuplicates: boolean
  readonly #days: readonly DayRange[]
  readonly #rules: Rules
  #classification: Classification | undefined

  constructor(library: LibraryDraft, draft: AssetDraft, keys: ReadonlySet<AlbumKey>) {
    const { taken, asset } = draft
    const { names, days } = seeAlbums(library, keys)
    this.asset = currentAsset(draft)
    this.tags = seeTags(library, draft.tags)
    this.albums = names
    this.wallClockMs = taken === undefined ? undefined : wallClockOf(asset, taken, library.rules.zone)
    this.takenMs = taken?.atMs
    this.hasDuplicates = draft.hasDuplicates
    this.#days = days
    this.#rules = library.rules
  }

  get albumDateDiffersMs(): number | undefined {
    return furthestMs(this.#days, this.wallClockMs)
  }

  get classification(): Classification {
    if (this.#classification === undefined) {
      this.#classification = UNCLASSIFIED
      this.#classification = classify(this.#rules.categories, this)
    }
    return this.#classification
  }

  /** Empty while they are being found: a category cannot be asked by another. */
  get categories(): readonly string[] {
    return this.classification.categories
  }
}

function seeTags({ seen }: LibraryDraft, tags: ReadonlySet<string>): readonly string[] {
  let all = seen.tags.get(tags)
  if (all === undefined) {
    all = allTags(tags)
    seen.tags.set(tags, all)
  }
  return all
}

export function seeAlbums(library: LibraryDraft, keys: ReadonlySet<AlbumKey>): SeenAlbums {
  let found = library.seen.albums.get(keys)
  if (found === undefined) {
    const albums = [...keys].flatMap((key) => library.albums.get(key) ?? []).sort(byNameThenKey)
    const plain = albums.filter(({ holdingRule }) => holdingRule === undefined)
    const days = plain.map((album) => album.days).filter((range): range is DayRange => range !== undefined)
    const held = albums.filter(({ holdingRule }) => holdingRule !== undefined)
    found = { plain, names: plain.map(({ name }) => name), days, held }
    library.seen.albums.set(keys, found)
  }
  return found
}

/** With what rules have made of the fields that predicates read from the asset itself. */
function currentAsset({ asset, isFavourite, rating }: AssetDraft): SnapshotAsset {
  return asset.isFavourite === isFavourite && asset.rating === rating
    ? asset
    : { ...asset, isFavourite, rating }
}

export function byNameThenKey(one: AlbumDraft, other: AlbumDraft): number {
  return compareText(one.name, other.name) || compareText(one.key, other.key)
}

function furthestMs(days: readonly DayRange[], wallClockMs: number | undefined): number | undefined {
  if (wallClockMs === undefined || days.length === 0) return undefined
  return Math.max(...days.map((range) => distanceMs(range, wallClockMs)))
}

/** What a name of an album can be filled with. */
export function templateValuesOf(
  view: AssetView,
  match: Readonly<Record<string, string>>,
  tag?: string,
): TemplateValues {
  const { path, fileName, place, camera } = view.asset
  return { wallClockMs: view.wallClockMs, path, fileName, place, camera, match, tag, album: undefined }
}
