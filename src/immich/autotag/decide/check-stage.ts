/**
 * Checks: a tag or an album that an asset has exactly while something about it is so.
 *
 * @module
 */

import { judge } from '../rules/predicate.ts'
import type { AssetDraft } from './asset-draft.ts'
import { ensure } from './ensure.ts'
import { type LibraryDraft, viewOf } from './library-draft.ts'

export function checkStage(library: LibraryDraft, drafts: readonly AssetDraft[]): void {
  for (const { id, when, ensure: ensured } of library.rules.checks) {
    for (const draft of drafts) {
      ensure(library, draft, { rule: `checks/${id}`, ensured }, judge(when, viewOf(library, draft)).holds)
    }
  }
}
