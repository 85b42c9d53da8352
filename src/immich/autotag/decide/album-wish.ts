/**
 * Which album a rule wants an asset in, and which of its albums are there by the rule.
 *
 * @module
 */

import { findFolders, withFoldersBelow } from '../rules/folders.ts'
import { judge } from '../rules/predicate.ts'
import type { AlbumRule } from '../rules.ts'
import type { AlbumDraft } from './album-register.ts'
import type { AlbumKey, AssetDraft } from './asset-draft.ts'
import { ensure } from './ensure.ts'
import { albumCell, remark } from './ledger.ts'
import {
  byNameThenKey,
  type LibraryDraft,
  seeAlbums,
  templateValuesOf,
  viewOf,
  viewWithout,
} from './library-draft.ts'

/** What a rule wants of one asset. */
export interface AlbumWish {
  /** Undefined: none of its albums. */
  readonly album: AlbumDraft | undefined
  /** It would, but cannot: then what is there stays. */
  readonly isBlocked: boolean
}

export const NO_WISH: AlbumWish = { album: undefined, isBlocked: false }

/** The album that a rule wants an asset in. Also says whether the folders of its path leave a choice. */
export function wishOf(
  library: LibraryDraft,
  draft: AssetDraft,
  rule: AlbumRule,
  without: readonly AlbumDraft[],
): AlbumWish {
  const view =
    without.length === 0
      ? viewOf(library, draft)
      : viewWithout(library, draft, new Set(without.map(({ key }) => key)))
  const verdict = judge(rule.where, view)
  const folders = verdict.holds ? findFolders(rule.where, draft.asset.path) : NO_FOLDERS
  const isSeveral = folders.length > 1
  const several = { rule: `albums/${rule.id}.several`, ensured: rule.several }
  ensure(library, draft, several, isSeveral)
  if (isSeveral) {
    const says = `several folders match: ${folders.map(({ folder }) => folder).join(', ')}`
    remark(draft, { rule: several.rule, kind: 'several-folders', says })
    return { album: undefined, isBlocked: true }
  }
  if (!verdict.holds) return NO_WISH
  const groups = folders[0] === undefined ? verdict.groups : deepen(verdict.groups, folders[0], draft, rule)
  const name = rule.into.fill(templateValuesOf(view, groups))
  if (name === undefined) return NO_WISH
  const { album, problem } = library.albums.find(name, `albums/${rule.id}`)
  if (problem !== undefined) remark(draft, { rule: `albums/${rule.id}`, ...problem })
  return { album, isBlocked: album === undefined }
}

/** The groups of the folder, each with the folders below it as deep as the rule says. */
function deepen(
  groups: Readonly<Record<string, string>>,
  folder: ReturnType<typeof findFolders>[number],
  { asset }: AssetDraft,
  { depth }: AlbumRule,
): Readonly<Record<string, string>> {
  if (depth === 0) return groups
  const below = Object.entries(folder.groups).map(([name, text]) => [
    name,
    folder.folder.endsWith(text) ? withFoldersBelow(text, folder, asset.path, depth) : text,
  ])
  return { ...groups, ...Object.fromEntries(below) }
}

/** The albums that a rule has put an asset into, now or in earlier runs, and that it still is in. */
export function putBy(library: LibraryDraft, draft: AssetDraft, rule: string): readonly AlbumDraft[] {
  const isPut = (key: AlbumKey): boolean =>
    draft.writers.get(albumCell(key)) === rule || wasPut(library, draft, key, rule)
  if (draft.writers.size === 0 && library.facts.of(draft.asset.id, 'album').length === 0) return NO_ALBUMS
  const albums = [...draft.albums].filter(isPut).flatMap((key) => library.albums.get(key) ?? [])
  return albums.sort(byNameThenKey)
}

function wasPut(library: LibraryDraft, { asset }: AssetDraft, key: AlbumKey, rule: string): boolean {
  if (!asset.albumIds.includes(key)) return false
  return library.facts
    .of(asset.id, 'album')
    .some((fact) => fact.kind === 'album' && fact.is && fact.rule === rule && fact.value === key)
}

/** All albums of a rule that an asset is in: by their maker or their name. */
export function heldBy(library: LibraryDraft, draft: AssetDraft, ruleId: string): readonly AlbumDraft[] {
  const { held } = seeAlbums(library, draft.albums)
  return held.length === 0 ? NO_ALBUMS : held.filter(({ holdingRule }) => holdingRule === ruleId)
}

const NO_ALBUMS: readonly AlbumDraft[] = []
const NO_FOLDERS: ReturnType<typeof findFolders> = []
