/**
 * Facts that are over: a rule that ensures something finds it as it wants it, and the memory still says the opposite.
 *
 * Whoever takes `auto/unsorted` off a picture while sorting it has done what the rule would have done. The memory that
 * the rule gave the tag must go with it, or else the tag would look taken back when the rule wants it again one day.
 *
 * @module
 */

import type { AppliedFact, Override } from '../plan.ts'
import type { AlbumDraft } from './album-register.ts'
import type { AssetDraft, CellKey } from './asset-draft.ts'
import { hasTag } from './asset-draft.ts'
import { albumCell, isOfAlbum, tagCell } from './ledger.ts'
import type { LibraryDraft } from './library-draft.ts'

interface Ensuring {
  readonly is: boolean
  /** Those that ensure it: what others have done is not theirs to forget. */
  readonly rules: readonly string[]
}

export function noteStaleTag(
  library: LibraryDraft,
  draft: AssetDraft,
  { value, is, rules }: Ensuring & { readonly value: string },
): void {
  const fact = library.facts
    .of(draft.asset.id, 'tag')
    .find((known) => known.kind === 'tag' && known.value === value)
  if (fact === undefined) return
  const isThere = hasTag({ tags: library.starts.tagsOf(draft.asset) }, value)
  note(draft, tagCell(value), isThere === is && isOver(fact, is, rules) ? fact : undefined)
}

export function noteStaleAlbum(
  library: LibraryDraft,
  draft: AssetDraft,
  { album, is, rules }: Ensuring & { readonly album: AlbumDraft },
): void {
  const fact = library.facts
    .of(draft.asset.id, 'album')
    .find((known) => known.kind === 'album' && isOfAlbum(known, album))
  if (fact === undefined) return
  const isIn = draft.asset.albumIds.includes(album.key)
  note(draft, albumCell(album.key), isIn === is && isOver(fact, is, rules) ? fact : undefined)
}

function isOver(fact: AppliedFact, is: boolean, rules: readonly string[]): boolean {
  return (fact.kind === 'tag' || fact.kind === 'album') && fact.is !== is && rules.includes(fact.rule)
}

/** What the last round finds counts: a rule may want something else by then. */
function note(draft: AssetDraft, cell: CellKey, fact: AppliedFact | undefined): void {
  if (fact === undefined) draft.stale?.delete(cell)
  else {
    draft.stale ??= new Map<CellKey, Override>()
    const says = 'somebody has done what the rule wants'
    draft.stale.set(cell, { rule: fact.rule, fact, subjectId: draft.asset.id, says })
  }
}
