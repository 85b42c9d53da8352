/**
 * Tags and albums that an asset has exactly while a condition holds.
 *
 * Several rules may ensure the same tag: then it is there while any of their conditions holds, and nothing is taken away
 * before all of them were asked.
 *
 * @module
 */

import type { AlbumTarget, Ensured, Rules } from '../rules.ts'
import type { AlbumDraft, FoundAlbum } from './album-register.ts'
import type { AssetDraft, CellKey } from './asset-draft.ts'
import { albumCell, remark, setAlbum, setTag, tagCell } from './ledger.ts'
import { foldTag, type LibraryDraft, templateValuesOf, toTagValue, viewOf } from './library-draft.ts'
import { noteStaleAlbum, noteStaleTag } from './stale-facts.ts'

export interface EnsureRule {
  readonly rule: string
  readonly ensured: Ensured
}

/** All that rules ensure, by the name of the rule in plans. */
export function ensureRulesOf(rules: Rules): readonly EnsureRule[] {
  const { categories, dates, duplicates } = rules
  return [
    ...(categories === undefined
      ? []
      : [
          { rule: 'categories.unsorted', ensured: categories.unsorted },
          { rule: 'categories.clash', ensured: categories.clash },
        ]),
    ...(dates === undefined ? [] : [{ rule: 'dates.unsure', ensured: dates.unsure }]),
    ...(duplicates === undefined ? [] : [{ rule: 'duplicates.conflict', ensured: duplicates.conflict }]),
    ...rules.albums.map(({ id, several }) => ({ rule: `albums/${id}.several`, ensured: several })),
    ...rules.checks.map(({ id, ensure }) => ({ rule: `checks/${id}`, ensured: ensure })),
  ]
}

/** The targets of several rules: who ensures them. */
export function sharedTargets(rules: Rules): ReadonlyMap<string, readonly string[]> {
  const byTarget = new Map<string, Set<string>>()
  for (const { rule, ensured } of ensureRulesOf(rules)) {
    const targets = [...ensured.tags.map(tagTarget), ...ensured.albums.map(albumTarget)]
    for (const target of targets) byTarget.set(target, (byTarget.get(target) ?? new Set()).add(rule))
  }
  return new Map([...byTarget].filter(([, by]) => by.size > 1).map(([target, by]) => [target, [...by]]))
}

/** Tags that are there by a condition of the asset itself, and mean nothing for any other. */
export function ensuredTags(rules: Rules): ReadonlySet<string> {
  return new Set(ensureRulesOf(rules).flatMap(({ ensured }) => ensured.tags.map(foldTag)))
}

/** Makes it so that the asset has all of these, or none. */
export function ensure(
  library: LibraryDraft,
  draft: AssetDraft,
  { rule, ensured }: EnsureRule,
  holds: boolean,
): void {
  for (const tag of ensured.tags) ensureTag(library, draft, { rule, tag, holds })
  for (const target of ensured.albums) ensureAlbum(library, draft, { rule, target, holds })
}

function ensureTag(
  library: LibraryDraft,
  draft: AssetDraft,
  { rule, tag, holds }: { readonly rule: string; readonly tag: string; readonly holds: boolean },
): void {
  const value = toTagValue(library, tag)
  const by = sharersOf(library, () => tagTarget(tag))
  const is = by === undefined ? holds : verdictOf(draft, { rule, cell: tagCell(value), by, holds })
  if (is === undefined) return
  setTag(library, draft, { tag, is, rule })
  noteStaleTag(library, draft, { value, is, rules: by ?? [rule] })
}

function ensureAlbum(
  library: LibraryDraft,
  draft: AssetDraft,
  { rule, target, holds }: { readonly rule: string; readonly target: AlbumTarget; readonly holds: boolean },
): void {
  const album = findTarget(library, draft, target, { rule, makesNone: !holds, saysMissing: holds })
  if (album === undefined) return
  const by = sharersOf(library, () => albumTarget(target))
  const is = by === undefined ? holds : verdictOf(draft, { rule, cell: albumCell(album.key), by, holds })
  if (is === undefined) return
  setAlbum(library, draft, { album, is, rule })
  noteStaleAlbum(library, draft, { album, is, rules: by ?? [rule] })
}

/** The rules that ensure a target, where they are several. */
function sharersOf({ sharedCells }: LibraryDraft, target: () => string): readonly string[] | undefined {
  return sharedCells.size === 0 ? undefined : sharedCells.get(target())
}

/** What all rules together make of a target; undefined while some were not asked and none holds. */
function verdictOf(
  draft: AssetDraft,
  asked: {
    readonly rule: string
    readonly cell: CellKey
    readonly by: readonly string[]
    readonly holds: boolean
  },
): boolean | undefined {
  draft.verdicts ??= new Map()
  const verdicts = draft.verdicts.get(asked.cell) ?? new Map<string, boolean>()
  draft.verdicts.set(asked.cell, verdicts.set(asked.rule, asked.holds))
  if (verdicts.values().some((holds) => holds)) return true
  return asked.by.every((rule) => verdicts.has(rule)) ? false : undefined
}

/** The album that a rule means for an asset; a remark says why there is none. */
export function findTarget(
  library: LibraryDraft,
  draft: AssetDraft,
  target: AlbumTarget,
  by: {
    readonly rule: string
    readonly match?: Readonly<Record<string, string>>
    readonly makesNone?: boolean
    /** That one is missing is news only for rules that would need it. */
    readonly saysMissing?: boolean
  },
): AlbumDraft | undefined {
  const { rule, match = {}, makesNone = false, saysMissing = false } = by
  const found = asMade(
    library,
    findByTarget(library, draft, target, { match, maker: makesNone ? undefined : rule }),
    makesNone,
  )
  if (found?.problem !== undefined && (saysMissing || found.problem.kind !== 'album-missing')) {
    remark(draft, { rule, ...found.problem })
  }
  return found?.album
}

/** A rule that makes no album finds a new one only when another rule has put something into it. */
function asMade(
  { made }: LibraryDraft,
  found: FoundAlbum | undefined,
  makesNone: boolean,
): FoundAlbum | undefined {
  const { album } = found ?? {}
  if (!makesNone || album === undefined || album.existing !== undefined || made.albums.has(album.key))
    return found
  return { problem: { kind: 'album-missing', says: `there is no album "${album.name}"` } }
}

function findByTarget(
  library: LibraryDraft,
  draft: AssetDraft,
  target: AlbumTarget,
  { match, maker }: { readonly match: Readonly<Record<string, string>>; readonly maker: string | undefined },
): FoundAlbum | undefined {
  if (target.by === 'id') return library.albums.findById(target.id)
  const name = target.name.fill(templateValuesOf(viewOf(library, draft), match))
  if (name === undefined) return undefined
  return maker === undefined ? library.albums.find(name) : library.albums.find(name, maker)
}

function tagTarget(tag: string): string {
  return `tag ${foldTag(tag)}`
}

function albumTarget(target: AlbumTarget): string {
  return target.by === 'id' ? `album id ${target.id}` : `album ${target.name.source}`
}
