/**
 * All changes of assets in memory go through here: what may be changed, who changed it, and what a user has taken back.
 *
 * A change is refused, and the asset stays as it is on the server, where a rule has made that very change before and the
 * server no longer shows it (an override), where the album belongs to others, and where rules were found to fight. Every
 * function answers whether the asset now is as it was wanted.
 *
 * @module
 */

import type { AppliedFact, Fact } from '../plan.ts'
import type { TakenDate } from '../snapshot.ts'
import { type AlbumDraft, newAlbumKey, toAlbumName } from './album-register.ts'
import {
  type AlbumKey,
  type AssetDraft,
  type AssetRemark,
  type CellKey,
  type CellValue,
  hasChildOf,
  hasTag,
  noteChange,
  parentsOf,
  withItem,
  withoutItem,
} from './asset-draft.ts'
import { toDateTextOf } from './file-zone.ts'
import { foldTag, type LibraryDraft, toTagValue } from './library-draft.ts'

export interface WriteOptions {
  /** For rules that weigh the facts themselves. */
  readonly ignoresOverrides?: boolean
}

export function tagCell(value: string): CellKey {
  return `tag ${value}`
}

export function albumCell(key: AlbumKey): CellKey {
  return `album ${key}`
}

/** Gives or takes away a tag. */
export function setTag(
  library: LibraryDraft,
  draft: AssetDraft,
  write: { readonly tag: string; readonly is: boolean; readonly rule: string } & WriteOptions,
): boolean {
  const { is, rule } = write
  const value = toTagValue(library, write.tag)
  if (hasTag(draft, value) === is) return true
  const cell = tagCell(value)
  if (isFrozen(draft, cell)) return false
  if (!is && hasChildOf(draft, value)) {
    remark(draft, {
      rule,
      kind: 'parent-tag',
      says: `tag ${value} is there by a tag below it, and stays`,
    })
    return false
  }
  const fact: Fact = { kind: 'tag', value, is }
  if (write.ignoresOverrides !== true && isTagOverride(library, draft, fact)) {
    return override(draft, cell, { rule, fact, says: `user ${is ? 'removed' : 'added'} tag ${value}` })
  }
  noteChange(draft, cell, rule, !is)
  if (is) {
    giveTag(draft, value)
    library.made.tags.add(foldTag(value))
  } else takeTag(library, draft, value)
  return true
}

/** The parents come with it, so that they are no longer known to be given. */
function giveTag(draft: AssetDraft, value: string): void {
  const tags = new Set(draft.tags).add(value)
  for (const parent of parentsOf(value)) tags.delete(parent)
  draft.tags = tags
}

function takeTag({ starts }: LibraryDraft, draft: AssetDraft, value: string): void {
  draft.tags = withoutItem(draft.tags, value)
  const given = starts.tagsOf(draft.asset)
  for (const parent of parentsOf(value)) {
    if (given.has(parent) && !draft.writers.has(tagCell(parent)) && !hasTag(draft, parent))
      draft.tags = withItem(draft.tags, parent)
  }
}

function isTagOverride(
  library: LibraryDraft,
  { asset }: AssetDraft,
  fact: { readonly value: string; readonly is: boolean },
): boolean {
  const wasApplied = library.facts
    .of(asset.id, 'tag')
    .some((known) => known.kind === 'tag' && known.value === fact.value && known.is === fact.is)
  return wasApplied && hasTag({ tags: library.starts.tagsOf(asset) }, fact.value) !== fact.is
}

/** Puts an asset into an album, or takes it out. */
export function setAlbum(
  library: LibraryDraft,
  draft: AssetDraft,
  write: { readonly album: AlbumDraft; readonly is: boolean; readonly rule: string } & WriteOptions,
): boolean {
  const { album, is, rule } = write
  if (draft.albums.has(album.key) === is) return true
  const cell = albumCell(album.key)
  if (isFrozen(draft, cell)) return false
  if (!mayChange(library, draft, album, is)) {
    remark(draft, { rule, kind: 'not-owned', says: `album "${album.name}" belongs to others` })
    return false
  }
  if (write.ignoresOverrides !== true && isAlbumOverride(library, draft, { album, is, rule })) {
    const fact: Fact = { kind: 'album', value: album.existing?.id ?? album.name, name: album.name, is }
    const says = `user ${is ? 'took it out of' : 'put it into'} album "${album.name}"`
    return override(draft, cell, { rule, fact, says })
  }
  noteChange(draft, cell, rule, !is)
  if (is) {
    draft.albums = withItem(draft.albums, album.key)
    if (album.existing === undefined) library.made.albums.add(album.key)
  } else draft.albums = withoutItem(draft.albums, album.key)
  return true
}

/** What others have put into their album stays there; what rules put in may be taken out again. */
function mayChange(library: LibraryDraft, { asset }: AssetDraft, album: AlbumDraft, is: boolean): boolean {
  if (album.isOwned || is || !asset.albumIds.includes(album.existing?.id ?? '')) return album.isEditable
  const facts = library.facts.of(asset.id, 'album')
  return album.isEditable && facts.some((fact) => fact.kind === 'album' && fact.is && isOfAlbum(fact, album))
}

function isAlbumOverride(
  library: LibraryDraft,
  { asset }: AssetDraft,
  { album, is, rule }: { readonly album: AlbumDraft; readonly is: boolean; readonly rule: string },
): boolean {
  if (album.existing !== undefined && asset.albumIds.includes(album.existing.id) === is) return false
  if (album.existing === undefined && !is) return false
  const facts = library.facts.of(asset.id, 'album')
  return facts.some((fact) => {
    if (fact.kind !== 'album' || fact.is !== is) return false
    return isOfAlbum(fact, album) || (fact.rule === rule && isOfLostAlbum(library, fact, album))
  })
}

/** True for what was applied to this album, or to one of the name that is gone. */
export function isOfAlbum(fact: AppliedFact & { readonly kind: 'album' }, album: AlbumDraft): boolean {
  if (fact.value === album.existing?.id) return true
  const name = toAlbumName(album.name)
  if (album.existing !== undefined) return toAlbumName(fact.value) === name
  return toAlbumName(fact.value) === name || (fact.name !== undefined && toAlbumName(fact.name) === name)
}

/** Put into an album that somebody has deleted since, whose name nobody knows: it is not made again. */
function isOfLostAlbum(
  { snapshot, albums }: LibraryDraft,
  fact: AppliedFact & { readonly kind: 'album' },
  album: AlbumDraft,
): boolean {
  if (album.existing !== undefined || fact.name !== undefined) return false
  return !snapshot.albums.has(fact.value) && albums.get(newAlbumKey(fact.value)) === undefined
}

/** Gives an asset another date. */
export function setDate(
  library: LibraryDraft,
  draft: AssetDraft,
  write: { readonly taken: TakenDate; readonly rule: string },
): boolean {
  const { taken, rule } = write
  if (draft.taken?.atMs === taken.atMs && draft.taken.zone === taken.zone) return true
  if (isFrozen(draft, 'date')) return false
  const fact: Fact = { kind: 'date', value: toDateTextOf(taken).dateTimeOriginal }
  const wasApplied =
    draft.asset.taken?.atMs !== taken.atMs &&
    library.facts
      .of(draft.asset.id, 'date')
      .some((known) => known.kind === 'date' && Date.parse(known.value) === taken.atMs)
  if (wasApplied) return override(draft, 'date', { rule, fact, says: `user changed the date ${fact.value}` })
  noteChange(draft, 'date', rule, toDateValue(draft.taken))
  const { asset } = draft
  const isAsBefore = asset.taken?.atMs === taken.atMs && asset.taken.zone === taken.zone
  draft.taken = isAsBefore ? asset.taken : taken
  return true
}

function toDateValue(taken: TakenDate | undefined): CellValue {
  return taken === undefined ? undefined : `${taken.atMs} ${taken.zone ?? ''}`
}

export function setFavourite(library: LibraryDraft, draft: AssetDraft, rule: string): boolean {
  if (draft.isFavourite) return true
  if (isFrozen(draft, 'favorite')) return false
  const fact: Fact = { kind: 'favorite', is: true }
  const facts = library.facts.of(draft.asset.id, 'favorite')
  if (!draft.asset.isFavourite && facts.some((known) => known.kind === 'favorite' && known.is)) {
    return override(draft, 'favorite', { rule, fact, says: 'user made it no favorite' })
  }
  noteChange(draft, 'favorite', rule, draft.isFavourite)
  draft.isFavourite = true
  return true
}

export function setRating(
  library: LibraryDraft,
  draft: AssetDraft,
  { rating, rule }: { readonly rating: number; readonly rule: string },
): boolean {
  if (draft.rating === rating) return true
  if (isFrozen(draft, 'rating')) return false
  const fact: Fact = { kind: 'rating', value: rating }
  const facts = library.facts.of(draft.asset.id, 'rating')
  const wasApplied = facts.some((known) => known.kind === 'rating' && known.value === rating)
  if (draft.asset.rating !== rating && wasApplied) {
    return override(draft, 'rating', { rule, fact, says: `user changed the rating ${rating}` })
  }
  noteChange(draft, 'rating', rule, draft.rating)
  draft.rating = rating
  return true
}

/** Something to be told of an asset; said once. */
export function remark(draft: AssetDraft, about: AssetRemark): void {
  const isKnown = draft.remarks.some(
    ({ rule, kind, says }) => rule === about.rule && kind === about.kind && says === about.says,
  )
  if (!isKnown) draft.remarks = [...draft.remarks, about]
}

/** The value of a cell, to compare it with what it was. */
export function cellValue(draft: AssetDraft, cell: CellKey): CellValue {
  if (cell.startsWith('tag ')) return hasTag(draft, cell.slice('tag '.length))
  if (cell.startsWith('album ')) return draft.albums.has(cell.slice('album '.length))
  if (cell === 'favorite') return draft.isFavourite
  return cell === 'rating' ? draft.rating : toDateValue(draft.taken)
}

function isFrozen(draft: AssetDraft, cell: CellKey): boolean {
  return draft.isFrozen || (draft.frozen?.has(cell) ?? false)
}

function override(
  draft: AssetDraft,
  cell: CellKey,
  about: { readonly rule: string; readonly fact: Fact; readonly says: string },
): false {
  draft.overrides ??= new Map()
  draft.overrides.set(cell, { ...about, subjectId: draft.asset.id })
  return false
}
