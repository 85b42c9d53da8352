/**
 * Moves: what has one tag or album gets others, and with `move` loses those that it had.
 *
 * Nothing is taken away before all that it moves to is there: an asset is never left with neither.
 *
 * @module
 */

import { judge } from '../rules/predicate.ts'
import type { MoveRule } from '../rules.ts'
import type { AlbumDraft } from './album-register.ts'
import { type AssetDraft, parentsOf } from './asset-draft.ts'
import { namedAlbums, namedTags } from './classify.ts'
import { findTarget } from './ensure.ts'
import { remark, setAlbum, setTag } from './ledger.ts'
import { compareText, foldTag, type LibraryDraft, seeAlbums, toTagValue, viewOf } from './library-draft.ts'
import { createSync } from './sync-stage.ts'

/** Applies all moves to these assets, rule after rule. */
export function moveStage(library: LibraryDraft, drafts: readonly AssetDraft[]): void {
  for (const move of library.rules.moves) {
    const apply = move.kind === 'sync' ? createSync(library, move) : applyMove.bind(undefined, library, move)
    for (const draft of drafts) apply(draft)
  }
}

function applyMove(library: LibraryDraft, move: MoveRule, draft: AssetDraft): void {
  const view = viewOf(library, draft)
  const verdict = judge(move.from, view)
  if (!verdict.holds) return
  const tags = namedTags(move.from, view.tags)
  const albums = sourceAlbums(library, draft, move)
  const targets = reach(library, draft, move, verdict.groups)
  if (move.mode === 'copy' || targets === undefined) return
  takeTags(library, draft, move, tags)
  for (const album of albums) {
    if (!targets.includes(album)) setAlbum(library, draft, { album, is: false, rule: ruleOf(move) })
  }
}

/** The longest first, so that a child is gone before its parent is looked at. */
function takeTags(library: LibraryDraft, draft: AssetDraft, move: MoveRule, tags: readonly string[]): void {
  const kept = new Set(move.to.tags.flatMap((tag) => [tag, ...parentsOf(tag)]).map(foldTag))
  const taken = tags.filter((tag) => !kept.has(foldTag(tag)))
  const longestFirst = taken.sort((one, other) => other.length - one.length || compareText(one, other))
  for (const tag of longestFirst) setTag(library, draft, { tag, is: false, rule: ruleOf(move) })
}

/** The albums that it moves to; undefined unless the asset has all that it is to have. */
function reach(
  library: LibraryDraft,
  draft: AssetDraft,
  move: MoveRule,
  match: Readonly<Record<string, string>>,
): readonly AlbumDraft[] | undefined {
  const rule = ruleOf(move)
  const hasTags = move.to.tags.map((tag) => giveTarget(library, draft, move, tag))
  const albums = move.to.albums.map((target) =>
    findTarget(library, draft, target, { rule, match, makesNone: !move.create, saysMissing: true }),
  )
  const found = albums.filter((album): album is AlbumDraft => album !== undefined)
  const hasAlbums = found.map((album) => setAlbum(library, draft, { album, is: true, rule }))
  const isAll = found.length === albums.length && !hasTags.includes(false) && !hasAlbums.includes(false)
  return isAll ? found : undefined
}

function giveTarget(library: LibraryDraft, draft: AssetDraft, move: MoveRule, tag: string): boolean {
  const rule = ruleOf(move)
  const isThere = library.tagValues.has(foldTag(tag)) || library.made.tags.has(foldTag(tag))
  if (!move.create && !isThere) {
    remark(draft, { rule, kind: 'tag-missing', says: `there is no tag ${toTagValue(library, tag)}` })
    return false
  }
  return setTag(library, draft, { tag, is: true, rule })
}

function sourceAlbums(library: LibraryDraft, draft: AssetDraft, { from }: MoveRule): readonly AlbumDraft[] {
  return seeAlbums(library, draft.albums).plain.filter(({ name }) => namedAlbums(from, [name]).length > 0)
}

function ruleOf({ id }: MoveRule): string {
  return `moves/${id}`
}
