/**
 * Duplicates: what one copy has that the others lack is carried over, and what cannot be agreed on is marked.
 *
 * A group agrees on something when all have the same, or when there is only one thing to have; else it is in conflict,
 * all of its members alike. Marks go when the group agrees again, also from assets that no longer have duplicates.
 *
 * @module
 */

import type { DuplicateRules } from '../rules.ts'
import type { AlbumKey, AssetDraft } from './asset-draft.ts'
import { hasTag } from './asset-draft.ts'
import { namedAlbums, namedTags } from './classify.ts'
import { type DateCandidate, presentDate, toWallClockMs } from './date-candidates.ts'
import { byDayAndPrecision } from './date-choice.ts'
import { dateContextOf } from './date-stage.ts'
import { ensure, ensuredTags } from './ensure.ts'
import { toDayText, toZoneText } from './file-zone.ts'
import { remark, setAlbum, setDate, setFavourite, setRating, setTag } from './ledger.ts'
import { compareText, foldTag, type LibraryDraft, seeAlbums, viewOf } from './library-draft.ts'

type Group = readonly AssetDraft[]

/** What a member has for a category: by its tags and its albums. */
interface Sorted {
  readonly categories: ReadonlySet<string>
  readonly tags: ReadonlySet<string>
  readonly albums: ReadonlySet<AlbumKey>
}

export function duplicateStage(library: LibraryDraft, drafts: readonly AssetDraft[]): void {
  const { duplicates } = library.rules
  if (duplicates === undefined) return
  const isEnsured = ensuredTags(library.rules)
  const done = new Set<Group>()
  for (const draft of drafts) {
    const { group } = draft
    if (group.length === 0) mark(library, draft, duplicates, undefined)
    else if (!done.has(group)) {
      done.add(group)
      settleGroup(library, group, duplicates, isEnsured)
    }
  }
}

function settleGroup(
  library: LibraryDraft,
  group: Group,
  rules: DuplicateRules,
  isEnsured: ReadonlySet<string>,
): void {
  const sorted = group.map((draft) => sortOf(library, draft))
  const categories = agree(sorted.map((one) => one.categories))
  const albums = agree(sorted.map((one) => one.albums))
  const takers = rules.to === 'each' ? group : keptOf(library, group)
  if (categories !== 'conflict') carryTags(library, group, takers, { rules, sorted, isEnsured })
  if (albums !== 'conflict') carryAlbums(library, group, takers, { rules, sorted })
  carryPlain(library, group, takers, rules)
  if (rules.carry.date === 'most-precise') carryDate(library, group, takers)
  const conflict = conflictOf(categories, albums)
  for (const draft of group) mark(library, draft, rules, conflict)
}

/** What they have in common, or one of them for all. */
function agree(sets: readonly ReadonlySet<string>[]): 'same' | 'carry' | 'conflict' {
  const union = new Set(sets.flatMap((set) => [...set]))
  if (sets.every((set) => set.size === union.size)) return 'same'
  return union.size === 1 ? 'carry' : 'conflict'
}

function conflictOf(categories: string, albums: string): string | undefined {
  if (categories === 'conflict') return 'duplicates are of different categories'
  return albums === 'conflict' ? 'duplicates are in different albums of categories' : undefined
}

function mark(
  library: LibraryDraft,
  draft: AssetDraft,
  { conflict }: DuplicateRules,
  says: string | undefined,
): void {
  const rule = 'duplicates.conflict'
  if (says !== undefined)
    remark(draft, { rule, kind: 'duplicate-conflict', says: `${says} (${groupName(draft)})` })
  ensure(library, draft, { rule, ensured: conflict }, says !== undefined)
}

function groupName({ asset, group }: AssetDraft): string {
  return asset.duplicateId ?? group[0]?.asset.id ?? asset.id
}

function sortOf(library: LibraryDraft, draft: AssetDraft): Sorted {
  const view = viewOf(library, draft)
  const categories = new Set<string>()
  const tags = new Set<string>()
  const albums = new Set<AlbumKey>()
  const held = (library.rules.categories?.list ?? []).filter(({ id }) => view.categories.includes(id))
  const named = seeAlbums(library, draft.albums).plain
  for (const { id, is } of held) {
    const byTags = namedTags(is, draft.tags)
    const byAlbums = named.filter(({ name }) => namedAlbums(is, [name]).length > 0)
    if (byTags.length + byAlbums.length > 0) categories.add(id)
    for (const tag of byTags) tags.add(tag)
    for (const { key } of byAlbums) albums.add(key)
  }
  return { categories, tags, albums }
}

function carryTags(
  library: LibraryDraft,
  group: Group,
  takers: Group,
  {
    rules,
    sorted,
    isEnsured,
  }: {
    readonly rules: DuplicateRules
    readonly sorted: readonly Sorted[]
    readonly isEnsured: ReadonlySet<string>
  },
): void {
  const { tags: carried } = rules.carry
  if (carried === 'none') return
  const found =
    carried === 'union' ? group.flatMap((draft) => [...draft.tags]) : sorted.flatMap(({ tags }) => [...tags])
  const tags = [...new Set(found)].filter((tag) => !isEnsured.has(foldTag(tag))).sort(compareText)
  for (const draft of takers) {
    for (const tag of tags.filter((one) => !hasTag(draft, one))) {
      setTag(library, draft, { tag, is: true, rule: 'duplicates/tags' })
    }
  }
}

function carryAlbums(
  library: LibraryDraft,
  group: Group,
  takers: Group,
  { rules, sorted }: { readonly rules: DuplicateRules; readonly sorted: readonly Sorted[] },
): void {
  const { albums: carried } = rules.carry
  if (carried === 'none') return
  const found =
    carried === 'all'
      ? group.flatMap((draft) => seeAlbums(library, draft.albums).plain.map(({ key }) => key))
      : sorted.flatMap(({ albums }) => [...albums])
  const albums = [...new Set(found)].sort(compareText).flatMap((key) => library.albums.get(key) ?? [])
  for (const draft of takers) {
    for (const album of albums) setAlbum(library, draft, { album, is: true, rule: 'duplicates/albums' })
  }
}

function carryPlain(library: LibraryDraft, group: Group, takers: Group, { carry }: DuplicateRules): void {
  const isFavourite = carry.favorite === 'any' && group.some((draft) => draft.isFavourite)
  // A rejected picture (-1) says nothing of its duplicates.
  const rating = Math.max(0, ...group.map((draft) => draft.rating ?? 0))
  for (const draft of takers) {
    if (isFavourite) setFavourite(library, draft, 'duplicates/favorite')
    if (carry.rating === 'max' && rating > 0) setRating(library, draft, { rating, rule: 'duplicates/rating' })
  }
}

/** A time of day goes to members that know only its day; which day is right, `dates` decides. Who has no date gets the best. */
function carryDate(library: LibraryDraft, group: Group, takers: Group): void {
  const context = dateContextOf(library)
  const dates = group.map((draft) => presentDate(draft, context)).filter((date) => date !== undefined)
  const best = dates.sort(byDayAndPrecision)
  const precise = best.filter(({ precision }) => precision === 'second')
  for (const draft of takers) {
    const present = presentDate(draft, context)
    const better = present === undefined ? (precise[0] ?? best[0]) : morePrecise(present, precise)
    if (better === undefined) continue
    const taken = { atMs: better.atMs, zone: toZoneText(better.offsetMinutes) }
    setDate(library, draft, { taken, rule: 'duplicates/date' })
  }
}

function morePrecise(present: DateCandidate, precise: readonly DateCandidate[]): DateCandidate | undefined {
  if (present.precision === 'second') return undefined
  return precise.find((one) => isSameDay(one, present))
}

function isSameDay(one: DateCandidate, other: DateCandidate): boolean {
  return toDayText(toWallClockMs(one)) === toDayText(toWallClockMs(other))
}

/** What the server would keep; where it says nothing the largest picture, then the largest file. */
function keptOf({ snapshot }: LibraryDraft, group: Group): Group {
  const ids = new Set(group.map(({ asset }) => asset.id))
  const known = snapshot.duplicates.find(({ assetIds }) => assetIds.some((id) => ids.has(id)))
  const kept = group.filter(({ asset }) => known?.suggestedKeepIds.includes(asset.id))
  if (kept.length > 0) return kept
  return [...group].sort(byQuality).slice(0, 1)
}

function byQuality({ asset: one }: AssetDraft, { asset: other }: AssetDraft): number {
  const pixels = (asset: typeof one): number => (asset.widthPixels ?? 0) * (asset.heightPixels ?? 0)
  return (
    pixels(other) - pixels(one) ||
    (other.sizeBytes ?? 0) - (one.sizeBytes ?? 0) ||
    one.uploadedAtMs - other.uploadedAtMs ||
    compareText(one.id, other.id)
  )
}
