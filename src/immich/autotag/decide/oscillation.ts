/**
 * Rules that undo what each other does.
 *
 * @module
 */

import type { AssetDraft, CellKey } from './asset-draft.ts'

export interface Oscillation {
  readonly assetId: string
  readonly cell: CellKey
  /** The rules that changed it in the last round, each once, by name. */
  readonly rules: readonly string[]
}

/** What did not come to rest of an asset. */
export function oscillationsOf({ asset, round, lastRounds }: AssetDraft): readonly Oscillation[] {
  return [...round].map(([cell, { rules }]) => ({
    assetId: asset.id,
    cell,
    rules: [...new Set([...rules, ...(lastRounds.get(cell) ?? [])])].sort(),
  }))
}

/** `tag auto/x`, `album "Lake"`, for people. */
export function describeCell(cell: CellKey, albumName: (key: string) => string | undefined): string {
  if (cell.startsWith('tag ')) return cell
  if (!cell.startsWith('album ')) return `the ${cell}`
  return `album "${albumName(cell.slice('album '.length)) ?? ''}"`
}
