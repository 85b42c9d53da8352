/**
 * Holding albums: where assets wait until they are sorted.
 *
 * They leave as soon as they have a category, and move on when their date does. An album whose assets would lie too far
 * apart holds nothing together: it is taken apart.
 *
 * @module
 */

import type { AlbumRule } from '../rules.ts'
import type { AlbumDraft } from './album-register.ts'
import { type AlbumWish, heldBy, NO_WISH, wishOf } from './album-wish.ts'
import type { AssetDraft } from './asset-draft.ts'
import { remark, setAlbum } from './ledger.ts'
import { type LibraryDraft, viewOf } from './library-draft.ts'

/** Album keys to the days of the assets that are to be in them. */
type Spans = Map<string, { firstMs: number; lastMs: number }>

export function holdingStage(library: LibraryDraft, drafts: readonly AssetDraft[], rule: AlbumRule): void {
  const wishes = new Map<AssetDraft, AlbumWish>()
  for (const draft of drafts) {
    const wish = wishOf(library, draft, rule, [])
    if (wish !== NO_WISH) wishes.set(draft, wish)
  }
  const isTooLong =
    rule.maxSpanMs === undefined ? undefined : findTooLong(library, wishes, rule, rule.maxSpanMs)
  for (const draft of drafts) settle(library, draft, rule, wishes.get(draft) ?? NO_WISH, isTooLong)
  if (isTooLong === undefined || isTooLong.size === 0) return
  const isSettled = new Set(drafts)
  for (const draft of library.assets.values()) {
    if (!isSettled.has(draft)) settle(library, draft, rule, wishOf(library, draft, rule, []), isTooLong)
  }
}

function settle(
  library: LibraryDraft,
  draft: AssetDraft,
  rule: AlbumRule,
  wish: AlbumWish,
  isTooLong: ReadonlySet<string> | undefined,
): void {
  const name = `albums/${rule.id}`
  const held = heldBy(library, draft, rule.id)
  const album = wish.album !== undefined && isTooLong?.has(wish.album.key) === true ? undefined : wish.album
  if (wish.album !== undefined && album === undefined) {
    const says = `the assets of album "${wish.album.name}" would lie too far apart`
    remark(draft, { rule: name, kind: 'span-too-long', says })
  }
  if (album !== undefined) setAlbum(library, draft, { album, is: true, rule: name })
  const isSorted = viewOf(library, draft).categories.length > 0
  for (const old of held) {
    const leaves =
      isSorted ||
      rule.followMoves ||
      (album !== undefined && old !== album) ||
      isTooLong?.has(old.key) === true
    if (old !== album && old.isOurs && leaves && !wish.isBlocked) {
      setAlbum(library, draft, { album: old, is: false, rule: name })
    }
  }
}

/** Albums whose assets, those that stay and those that come, lie further apart than the rule allows. */
function findTooLong(
  library: LibraryDraft,
  wishes: ReadonlyMap<AssetDraft, AlbumWish>,
  rule: AlbumRule,
  maxSpanMs: number,
): ReadonlySet<string> {
  const spans: Spans = new Map()
  for (const draft of library.assets.values()) {
    const wish = wishes.get(draft)
    const held = heldBy(library, draft, rule.id)
    if (wish?.album !== undefined && !held.includes(wish.album)) {
      widen(spans, wish.album.key, viewOf(library, draft).wallClockMs)
    }
    for (const album of held) {
      if (staysIn(library, draft, album, wish)) widen(spans, album.key, viewOf(library, draft).wallClockMs)
    }
  }
  return new Set(
    [...spans].filter(([, { firstMs, lastMs }]) => lastMs - firstMs > maxSpanMs).map(([key]) => key),
  )
}

/** It is wanted there, or nothing takes it out. */
function staysIn(
  library: LibraryDraft,
  draft: AssetDraft,
  album: AlbumDraft,
  wish: AlbumWish | undefined,
): boolean {
  if (wish?.album === album) return true
  if (wish?.album !== undefined) return false
  return viewOf(library, draft).categories.length === 0
}

function widen(spans: Spans, key: string, atMs: number | undefined): void {
  if (atMs === undefined) return
  const span = spans.get(key)
  if (span === undefined) spans.set(key, { firstMs: atMs, lastMs: atMs })
  else {
    span.firstMs = Math.min(span.firstMs, atMs)
    span.lastMs = Math.max(span.lastMs, atMs)
  }
}
