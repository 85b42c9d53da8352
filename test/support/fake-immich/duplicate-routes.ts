/**
 * `/duplicates`: the groups that the server has found, all at once.
 *
 * @module
 */

import { ok } from './answer.ts'
import type { Call } from './call.ts'
import type { FakeAsset } from './fake-state.ts'
import { plainRoute, type Route } from './route.ts'
import { assetShape } from './shapes.ts'

export const DUPLICATE_ROUTES: readonly Route[] = [
  plainRoute('GET /duplicates', { permission: 'duplicate.read' }, (call) => {
    const { version, state } = call
    const suggests = version.major > 2 || (version.major === 2 && version.minor >= 7)
    const groups = [...groupsOf(call)].filter(([, assets]) => assets.length > 1)
    return ok(
      groups.map(([duplicateId, assets]) => ({
        duplicateId,
        assets: assets.map((asset) => assetShape(state, asset, { exif: true })),
        ...(suggests ? { suggestedKeepAssetIds: suggested(assets) } : {}),
      })),
    )
  }),
]

/** Own assets that are neither trashed, hidden nor locked. A group of one is none (both read in the source of 2.5). */
function groupsOf({ state, user }: Call): Map<string, FakeAsset[]> {
  const groups = new Map<string, FakeAsset[]>()
  for (const asset of state.assets.values()) {
    const { duplicateId, ownerId, deletedAt, visibility } = asset
    const isShown = visibility === 'timeline' || visibility === 'archive'
    if (duplicateId === null || ownerId !== user.id || deletedAt !== undefined || !isShown) continue
    const group = groups.get(duplicateId)
    if (group === undefined) groups.set(duplicateId, [asset])
    else group.push(asset)
  }
  return groups
}

/** "based on file size and EXIF data" (description of 3.1.0): the largest, of equals the one that tells most. */
function suggested(assets: readonly FakeAsset[]): string[] {
  const facts = ({ exif }: FakeAsset): number => Object.values(exif).filter((value) => value !== null).length
  const [best] = assets.toSorted((a, b) => b.sizeBytes - a.sizeBytes || facts(b) - facts(a))
  return best === undefined ? [] : [best.id]
}
