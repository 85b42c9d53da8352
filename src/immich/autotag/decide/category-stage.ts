/**
 * Categories: each asset is to have one. Those without, and those with several, are marked.
 *
 * @module
 */

import type { CategoryRules } from '../rules.ts'
import type { AssetDraft } from './asset-draft.ts'
import { ensure } from './ensure.ts'
import { type LibraryDraft, viewOf } from './library-draft.ts'

export function categoryStage(library: LibraryDraft, drafts: readonly AssetDraft[]): void {
  const { categories } = library.rules
  if (categories === undefined) return
  for (const draft of drafts) mark(library, draft, categories)
}

function mark(library: LibraryDraft, draft: AssetDraft, { unsorted, clash }: CategoryRules): void {
  const { categories, isInSeveralHomes } = viewOf(library, draft).classification
  ensure(library, draft, { rule: 'categories.unsorted', ensured: unsorted }, categories.length === 0)
  ensure(
    library,
    draft,
    { rule: 'categories.clash', ensured: clash },
    categories.length > 1 || isInSeveralHomes,
  )
}
