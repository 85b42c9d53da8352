/**
 * Albums from folders, days and places: what a rule puts into which album, and what it takes out again.
 *
 * A rule that follows moves is judged as if its assets were not in the albums that it put them into: an album from a
 * folder may be just what gives them a category, and the rule for those without one must not take that back.
 *
 * @module
 */

import type { AlbumRule } from '../rules.ts'
import { putBy, wishOf } from './album-wish.ts'
import type { AssetDraft } from './asset-draft.ts'
import { holdingStage } from './holding-stage.ts'
import { setAlbum } from './ledger.ts'
import type { LibraryDraft } from './library-draft.ts'

export function albumStage(library: LibraryDraft, drafts: readonly AssetDraft[]): void {
  for (const rule of library.rules.albums) {
    if (rule.holding) holdingStage(library, drafts, rule)
    else for (const draft of drafts) applyRule(library, draft, rule)
  }
}

function applyRule(library: LibraryDraft, draft: AssetDraft, rule: AlbumRule): void {
  const name = `albums/${rule.id}`
  const put = rule.followMoves ? putBy(library, draft, name) : []
  const { album, isBlocked } = wishOf(library, draft, rule, put)
  if (album !== undefined) setAlbum(library, draft, { album, is: true, rule: name })
  if (isBlocked) return
  for (const old of put) if (old !== album) setAlbum(library, draft, { album: old, is: false, rule: name })
}
