/**
 * Reads the changes off a library that has come to rest, with all that people should know of it.
 *
 * @module
 */

import type { Override, Remark } from '../plan.ts'
import { type AlbumDraft, newAlbumKey, toAlbumRef } from './album-register.ts'
import { type AssetDraft, type CellKey, hasTag } from './asset-draft.ts'
import type { Change, Decision } from './decision.ts'
import { emptyAlbums } from './empty-albums.ts'
import { DAY_MS, toDateText, toDateTextOf, wallClockOf } from './file-zone.ts'
import { compareText, type LibraryDraft } from './library-draft.ts'
import { describeCell, type Oscillation } from './oscillation.ts'
import { decideSharing } from './sharing-stage.ts'

const MINUTE_MS = 60_000

export function collect(
  library: LibraryDraft,
  oscillations: readonly Oscillation[],
  rounds: number,
): Decision {
  const drafts = [...library.assets.values()]
  const changes = drafts.flatMap((draft) => changesOf(library, draft))
  const deleted = emptyAlbums(library, changes)
  const filled = new Set(
    changes.flatMap((change) =>
      change.kind === 'album' && 'key' in change.album ? [newAlbumKey(change.album.key)] : [],
    ),
  )
  const sharing = decideSharing(library, {
    isDeleted: (album) => deleted.some((one) => one.album.id === album.key),
    isMade: (album) => filled.has(album.key),
  })
  return {
    changes: [...changes, ...sharing.changes, ...deleted],
    overrides: [...drafts.flatMap(overridesOf), ...sharing.overrides],
    remarks: [...mergeRemarks(drafts), ...sharing.remarks, ...toRemarks(library, oscillations)].sort(
      byRuleKindText,
    ),
    stale: drafts.flatMap(({ stale }) => (stale === undefined ? [] : [...stale.values()])),
    rounds,
    library,
  }
}

function changesOf(library: LibraryDraft, draft: AssetDraft): readonly Change[] {
  if (draft.writers.size === 0) return []
  const cells = [...draft.writers].sort(([one], [other]) => compareText(one, other))
  return cells.flatMap(([cell, rule]) => toChange(library, draft, cell, rule) ?? [])
}

function toChange(library: LibraryDraft, draft: AssetDraft, cell: CellKey, rule: string): Change | undefined {
  if (cell.startsWith('tag ')) return tagChange(library, draft, cell.slice('tag '.length), rule)
  if (cell.startsWith('album ')) {
    const album = library.albums.get(cell.slice('album '.length))
    return album === undefined ? undefined : albumChange(draft, album, rule)
  }
  if (cell === 'date') return dateChange(library, draft, rule)
  const { asset } = draft
  const assetId = asset.id
  if (cell === 'favorite') {
    return draft.isFavourite === asset.isFavourite
      ? undefined
      : { kind: 'favorite', assetId, before: asset.isFavourite, rule }
  }
  return draft.rating === undefined || draft.rating === asset.rating
    ? undefined
    : { kind: 'rating', assetId, to: draft.rating, before: asset.rating ?? null, rule }
}

function tagChange(
  { starts }: LibraryDraft,
  draft: AssetDraft,
  tag: string,
  rule: string,
): Change | undefined {
  const is = hasTag(draft, tag)
  if (hasTag({ tags: starts.tagsOf(draft.asset) }, tag) === is) return undefined
  // It is there by a child that was given, or went with one that was taken.
  if (is && !draft.tags.has(tag)) return undefined
  return { kind: 'tag', assetId: draft.asset.id, tag, is, rule }
}

function albumChange(draft: AssetDraft, album: AlbumDraft, rule: string): Change | undefined {
  const is = draft.albums.has(album.key)
  if (draft.asset.albumIds.includes(album.key) === is) return undefined
  return { kind: 'album', assetId: draft.asset.id, album: toAlbumRef(album), is, rule }
}

function dateChange({ rules }: LibraryDraft, draft: AssetDraft, rule: string): Change | undefined {
  const { asset, taken } = draft
  if (taken === undefined || taken === asset.taken) return undefined
  const wallClockMs = wallClockOf(asset, taken, rules.zone)
  return {
    kind: 'date',
    assetId: asset.id,
    to: toDateText(taken.atMs, Math.round((wallClockMs - taken.atMs) / MINUTE_MS), null),
    precision: wallClockMs % DAY_MS === 0 ? 'day' : 'second',
    before: asset.taken === undefined ? null : toDateTextOf(asset.taken),
    rule,
  }
}

function overridesOf({ overrides }: AssetDraft): readonly Override[] {
  return overrides === undefined
    ? []
    : [...overrides].sort(([one], [other]) => compareText(one, other)).map(([, one]) => one)
}

/** Those that say the same of several assets are one. */
function mergeRemarks(drafts: readonly AssetDraft[]): readonly Remark[] {
  const merged = new Map<string, { readonly remark: Omit<Remark, 'assetIds'>; readonly assetIds: string[] }>()
  for (const { asset, remarks } of drafts) {
    for (const remark of remarks) {
      const key = `${remark.rule}\n${remark.kind}\n${remark.says}`
      const known = merged.get(key)
      if (known === undefined) merged.set(key, { remark, assetIds: [asset.id] })
      else known.assetIds.push(asset.id)
    }
  }
  return [...merged.values()].map(({ remark, assetIds }) => ({ ...remark, assetIds }))
}

function toRemarks(library: LibraryDraft, oscillations: readonly Oscillation[]): readonly Remark[] {
  const merged = new Map<
    string,
    { readonly remark: Omit<Remark, 'assetIds'>; readonly assetIds: Set<string> }
  >()
  for (const { assetId, cell, rules } of oscillations) {
    const what = describeCell(cell, (key) => library.albums.get(key)?.name)
    const verb = rules.length === 1 ? 'does' : 'do'
    const says = `${rules.join(' and ')} ${verb} not come to rest about ${what}: it stays as it is on the server`
    const known = merged.get(says) ?? {
      remark: { rule: rules[0] ?? '', kind: 'oscillates', says },
      assetIds: new Set(),
    }
    known.assetIds.add(assetId)
    merged.set(says, known)
  }
  return [...merged.values()].map(({ remark, assetIds }) => ({
    ...remark,
    assetIds: [...assetIds].sort(compareText),
  }))
}

function byRuleKindText(one: Remark, other: Remark): number {
  return (
    compareText(one.rule, other.rule) ||
    compareText(one.kind, other.kind) ||
    compareText(one.says, other.says)
  )
}
