/**
 * Keeps tags and albums in step: what has the tag is in the album, and the other way round.
 *
 * Whether an asset that has one of both was given it or was robbed of the other, only the memory of what was applied can
 * tell: with a memory of both, the missing one was taken away, and the other follows; without one, the missing one is
 * added. An undone run took nothing away on purpose, and neither does whoever deletes a whole album or tag: then
 * nothing follows.
 *
 * @module
 */

import type { AppliedFact } from '../plan.ts'
import type { SyncRule } from '../rules.ts'
import { type AlbumDraft, toAlbumName } from './album-register.ts'
import { type AssetDraft, hasTag } from './asset-draft.ts'
import { ensureRulesOf } from './ensure.ts'
import { isOfAlbum, remark, setAlbum, setTag } from './ledger.ts'
import {
  compareText,
  foldTag,
  type LibraryDraft,
  seeAlbums,
  templateValuesOf,
  viewOf,
} from './library-draft.ts'

type Memory = 'in-step' | 'apart' | 'undone' | 'none'

interface Pair {
  readonly tag: string
  readonly name: string
}

interface Names {
  isMeant(tag: string): boolean
  /** Undefined where the name depends on the asset. */
  fixed(tag: string): string | undefined
  /** Tags whose album has this name. */
  tagsOf(name: string): readonly string[]
}

/** What keeps one asset in step. */
export function createSync(library: LibraryDraft, sync: SyncRule): (draft: AssetDraft) => void {
  const names = createNames(library, sync)
  return (draft) => {
    for (const pair of pairsOf(library, draft, sync, names)) keepInStep(library, draft, sync, pair)
  }
}

const NO_ASSET = {
  wallClockMs: undefined,
  path: '',
  fileName: '',
  place: { city: undefined, state: undefined, country: undefined },
  camera: { make: undefined, model: undefined },
  match: {},
  album: undefined,
}

function createNames({ snapshot, rules }: LibraryDraft, sync: SyncRule): Names {
  const isMeant = (tag: string): boolean => sync.tags.some((pattern) => pattern.match(tag) !== undefined)
  const fixed = (tag: string): string | undefined => sync.album.fill({ ...NO_ASSET, tag })
  // Also tags that rules are still to make: an album in step with one must not wait for the next run.
  const moved = rules.moves.flatMap((move) => (move.kind === 'move' ? move.to.tags : []))
  const ensured = ensureRulesOf(rules).flatMap((rule) => rule.ensured.tags)
  const there = [...snapshot.tags.values()].map(({ value }) => value)
  const known = new Map([...moved, ...ensured, ...there].map(byFold))
  const byName = new Map<string, string[]>()
  for (const tag of [...known.values()].filter(isMeant).sort(compareText)) {
    const name = fixed(tag)
    if (name === undefined) continue
    const plain = toAlbumName(name)
    byName.set(plain, [...(byName.get(plain) ?? []), tag])
  }
  if (byName.size === 0) return { isMeant, fixed, tagsOf: () => [] }
  return { isMeant, fixed, tagsOf: (name) => byName.get(name) ?? byName.get(toAlbumName(name)) ?? [] }
}

function byFold(tag: string): [string, string] {
  return [foldTag(tag), tag]
}

const NO_PAIRS: readonly Pair[] = []

/** By the tags that it has, and by the albums that it is in. */
function pairsOf(library: LibraryDraft, draft: AssetDraft, sync: SyncRule, names: Names): readonly Pair[] {
  const pairs = new Map<string, Pair>()
  const add = (tag: string): void => {
    const name = names.fixed(tag) ?? sync.album.fill(templateValuesOf(viewOf(library, draft), {}, tag))
    if (name === undefined) return
    const sharing = names.tagsOf(name)
    if (sharing.length < 2) pairs.set(tag, { tag, name })
    else remark(draft, { ...ruleOf(sync), kind: 'album-name-not-unique', says: toSharing(sharing, name) })
  }
  for (const tag of viewOf(library, draft).tags) if (names.isMeant(tag)) add(tag)
  for (const { name } of seeAlbums(library, draft.albums).plain) names.tagsOf(name).forEach(add)
  if (pairs.size === 0) return NO_PAIRS
  return [...pairs.values()].sort((one, other) => compareText(one.tag, other.tag))
}

function toSharing(tags: readonly string[], name: string): string {
  return `${tags.length} tags would share the album "${name}": ${tags.slice(0, 3).join(', ')}`
}

function keepInStep(library: LibraryDraft, draft: AssetDraft, sync: SyncRule, pair: Pair): void {
  const { rule } = ruleOf(sync)
  const hasIt = hasTag(draft, pair.tag)
  const found = library.albums.find(pair.name, hasIt && sync.direction !== 'album-to-tag' ? rule : undefined)
  if (found.album === undefined) {
    if (found.problem.kind !== 'album-missing') remark(draft, { rule, ...found.problem })
    return
  }
  const { album } = found
  const isIn = draft.albums.has(album.key)
  if (hasIt === isIn) return
  const memory = memoryOf(library, draft, { rule, tag: pair.tag, album })
  if (hasIt) followTag({ library, draft, sync, tag: pair.tag, album, memory })
  else followAlbum({ library, draft, sync, tag: pair.tag, album, memory })
  const isNow = hasTag(draft, pair.tag)
  if (isNow !== draft.albums.has(album.key)) return
  draft.inStep ??= new Map()
  draft.inStep.set(stepKey(rule, pair.tag), isNow)
}

function stepKey(rule: string, tag: string): string {
  return `${rule} ${foldTag(tag)}`
}

interface Step {
  readonly library: LibraryDraft
  readonly draft: AssetDraft
  readonly sync: SyncRule
  readonly tag: string
  readonly album: AlbumDraft
  readonly memory: Memory
}

/** It has the tag and is not in the album. */
function followTag({ library, draft, sync, tag, album, memory }: Step): void {
  const { rule } = ruleOf(sync)
  const wasRobbed = memory === 'in-step' && (album.existing !== undefined || wasInStepNow(draft, rule, tag))
  if (sync.direction === 'tag-to-album') setAlbum(library, draft, { album, is: true, rule })
  else if (wasRobbed) setTag(library, draft, { tag, is: false, rule, ignoresOverrides: true })
  else if (sync.direction === 'both') {
    const ignoresOverrides = memory === 'apart' || memory === 'none'
    setAlbum(library, draft, { album, is: true, rule, ignoresOverrides })
  }
}

/** It is in the album and has not the tag. */
function followAlbum({ library, draft, sync, tag, album, memory }: Step): void {
  const { rule } = ruleOf(sync)
  const isThere = library.tagValues.has(foldTag(tag)) || wasInStepNow(draft, rule, tag)
  const wasRobbed = memory === 'in-step' && isThere
  if (sync.direction === 'album-to-tag') setTag(library, draft, { tag, is: true, rule })
  else if (wasRobbed) setAlbum(library, draft, { album, is: false, rule, ignoresOverrides: true })
  else if (sync.direction === 'both') {
    const ignoresOverrides = memory === 'apart' || memory === 'none'
    setTag(library, draft, { tag, is: true, rule, ignoresOverrides })
  }
}

/** In this very plan: then another rule has robbed it, and nobody has deleted the whole tag or album. */
function wasInStepNow({ inStep }: AssetDraft, rule: string, tag: string): boolean {
  return inStep?.has(stepKey(rule, tag)) ?? false
}

/** How this rule left the two the last time. */
function memoryOf(
  { facts }: LibraryDraft,
  { asset, inStep }: AssetDraft,
  of: { readonly rule: string; readonly tag: string; readonly album: AlbumDraft },
): Memory {
  const now = inStep?.get(stepKey(of.rule, of.tag))
  if (now !== undefined) return now ? 'in-step' : 'apart'
  const tagFacts = facts
    .of(asset.id, 'tag')
    .filter((fact) => fact.kind === 'tag' && foldTag(fact.value) === foldTag(of.tag))
  const albumFacts = facts
    .of(asset.id, 'album')
    .filter((fact) => fact.kind === 'album' && isOfAlbum(fact, of.album))
  const last = [...tagFacts, ...albumFacts]
    .filter(({ rule }) => rule === of.rule)
    .sort(byTime)
    .at(-1)
  if (last === undefined) return 'none'
  if (last.undone === true) return 'undone'
  return isOf(last) ? 'in-step' : 'apart'
}

/** Without a time, what took something away comes last. */
function byTime(one: AppliedFact, other: AppliedFact): number {
  const sooner = (one.seq ?? 0) - (other.seq ?? 0)
  return sooner !== 0 ? sooner : Number(isOf(other)) - Number(isOf(one))
}

function isOf(fact: AppliedFact): boolean {
  return (fact.kind === 'tag' || fact.kind === 'album') && fact.is
}

function ruleOf({ id }: SyncRule): { readonly rule: string } {
  return { rule: `moves/${id}` }
}
