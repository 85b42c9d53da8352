/**
 * Albums that this tool made and that nothing will be in any more.
 *
 * @module
 */

import type { Change } from './decision.ts'
import type { LibraryDraft } from './library-draft.ts'

type Deletion = Extract<Change, { readonly kind: 'album-delete' }>

/**
 * Of rules that delete their empty albums. The server's own count decides, which also knows of assets that were not
 * read: an album with one in the trash or of somebody else stays.
 */
export function emptyAlbums(
  { rules, facts, snapshot }: LibraryDraft,
  changes: readonly Change[],
): readonly Deletion[] {
  const makers = new Set(
    rules.albums.filter(({ deleteEmpty }) => deleteEmpty).map(({ id }) => `albums/${id}`),
  )
  if (makers.size === 0) return []
  const counts = countChanges(changes)
  return [...facts.madeAlbums]
    .filter(([, maker]) => makers.has(maker))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([id, rule]) => {
      const album = snapshot.albums.get(id)
      if (album === undefined || !album.isOwned) return []
      const { added, removed } = counts.get(id) ?? { added: 0, removed: 0 }
      const isEmpty = added === 0 && album.assetCount - removed === 0
      return isEmpty ? [{ kind: 'album-delete', album, rule }] : []
    })
}

function countChanges(changes: readonly Change[]): Map<string, { added: number; removed: number }> {
  const counts = new Map<string, { added: number; removed: number }>()
  for (const change of changes) {
    if (change.kind !== 'album' || !('id' in change.album)) continue
    const count = counts.get(change.album.id) ?? { added: 0, removed: 0 }
    if (change.is) count.added += 1
    else count.removed += 1
    counts.set(change.album.id, count)
  }
  return counts
}
