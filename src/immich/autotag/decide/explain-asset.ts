/**
 * Why one asset is as it is, and what a plan would do to it: every rule, in order, with its reasons.
 *
 * Decided like a plan, for the whole library, so that an explanation cannot say anything else than what would be done.
 *
 * @module
 */

import type { Reason } from '../asset-view.ts'
import { UnknownAssetError } from '../autotag-errors.ts'
import type { AppliedFacts, Override, Remark } from '../plan.ts'
import { explainPredicate } from '../rules/predicate.ts'
import type { AlbumRule, CategoryRules, Ensured, Predicate, Rules } from '../rules.ts'
import type { Snapshot } from '../snapshot.ts'
import { putBy } from './album-wish.ts'
import { type AssetDraft, createAssetDraft, type DraftView } from './asset-draft.ts'
import { homesOf } from './classify.ts'
import type { DateChoice } from './date-choice.ts'
import { chooseDateOf } from './date-stage.ts'
import { decide } from './decide.ts'
import type { Change } from './decision.ts'
import { explanationLines } from './explanation-lines.ts'
import { offsetOfZone, toDateTextOf } from './file-zone.ts'
import { type LibraryDraft, viewOf, viewWithout } from './library-draft.ts'
import { wordsOf } from './sharing-stage.ts'

/** What an asset has, now or after the plan. */
export interface AssetState {
  readonly tags: readonly string[]
  readonly albums: readonly string[]
  readonly categories: readonly string[]
  /** ISO 8601 with an offset. */
  readonly date: string | undefined
  /** Else the date is shown in UTC, as nobody knows where it was taken. */
  readonly hasZone: boolean
  readonly isFavourite: boolean
  readonly rating: number | undefined
}

export interface RuleExplanation {
  /** As in plans: `albums/days`. */
  readonly rule: string
  /** Beside what is on the server. */
  readonly holds: boolean
  /** Beside what rules have made of it. */
  readonly holdsAfterwards: boolean
  readonly reason: Reason
  /** `gives tag kind/scan` */
  readonly wants: readonly string[]
}

export interface ExplanationDocument {
  readonly assetId: string
  readonly fileName: string
  readonly path: string
  /** Undefined: nothing is done to assets of others. */
  readonly scope: Reason | undefined
  readonly isInScope: boolean
  readonly now: AssetState
  readonly after: AssetState
  /** In the order in which they are applied; empty out of scope. */
  readonly rules: readonly RuleExplanation[]
  /** How its date was chosen; undefined where no rule looks at it. */
  readonly date: DateChoice | undefined
  readonly changes: readonly Change[]
  readonly overrides: readonly Override[]
  readonly remarks: readonly Remark[]
}

export interface Explanation {
  readonly lines: readonly string[]
  readonly document: ExplanationDocument
}

/** @throws {@link UnknownAssetError} for an id or an address of none of the assets that were read. */
export function explainAsset(
  snapshot: Snapshot,
  rules: Rules,
  facts: AppliedFacts,
  assetIdOrLink: string,
): Explanation {
  const asset = snapshot.assets.get(findId(snapshot, assetIdOrLink) ?? '')
  if (asset === undefined) throw new UnknownAssetError(assetIdOrLink)
  const { library, changes, overrides, remarks } = decide(snapshot, rules, facts)
  const after = library.assets.get(asset.id)
  const hasDuplicates = after?.hasDuplicates ?? false
  const before = createAssetDraft(asset, library.starts, hasDuplicates)
  if (after !== undefined) before.group = after.group
  const isOurs = asset.ownerId === snapshot.userId
  const document: ExplanationDocument = {
    assetId: asset.id,
    fileName: asset.fileName,
    path: asset.path,
    scope: isOurs ? explainPredicate(rules.scope.where, viewOf(library, before)) : undefined,
    isInScope: after !== undefined,
    now: stateOf(library, before),
    after: stateOf(library, after ?? before),
    rules: after === undefined ? [] : explainRules(library, before, after),
    date:
      after === undefined || rules.dates === undefined
        ? undefined
        : chooseDateOf(library, before, rules.dates),
    changes: changes.filter((change) => 'assetId' in change && change.assetId === asset.id),
    overrides: overrides.filter(({ subjectId }) => subjectId === asset.id),
    remarks: remarks.filter(({ assetIds }) => assetIds.includes(asset.id)),
  }
  return { lines: explanationLines(document), document }
}

/** An id, or an address such as `https://pics.example.org/albums/1a…/photos/6b…`. */
function findId({ assets }: Snapshot, idOrLink: string): string | undefined {
  const parts = idOrLink.trim().split(/[/?#&=]/u)
  return parts.findLast((part) => assets.has(part) || assets.has(part.toLowerCase()))?.toLowerCase()
}

function stateOf(library: LibraryDraft, draft: AssetDraft): AssetState {
  const view = viewOf(library, draft)
  const albums = [...draft.albums].map((key) => library.albums.get(key)?.name ?? key)
  return {
    tags: [...draft.tags].sort(),
    albums: albums.sort(),
    categories: view.categories,
    date: draft.taken === undefined ? undefined : toDateTextOf(draft.taken).dateTimeOriginal,
    hasZone:
      draft.taken?.zone !== undefined && offsetOfZone(draft.taken.zone, draft.taken.atMs) !== undefined,
    isFavourite: draft.isFavourite,
    rating: draft.rating,
  }
}

interface Question {
  readonly rule: string
  readonly wants: readonly string[]
  readonly reason: (draft: AssetDraft) => Reason
}

function explainRules(
  library: LibraryDraft,
  before: AssetDraft,
  after: AssetDraft,
): readonly RuleExplanation[] {
  return [
    ...questionsOf(library).map(({ rule, reason, wants }): RuleExplanation => {
      const now = reason(before)
      return { rule, holds: now.holds, holdsAfterwards: reason(after).holds, reason: now, wants }
    }),
    ...explainSharing(library.rules, viewOf(library, before), viewOf(library, after)),
  ]
}

/** Every rule with a condition, in the order in which they are applied. */
function questionsOf(library: LibraryDraft): readonly Question[] {
  const { moves, dates, duplicates, categories, albums, checks } = library.rules
  const ask = (rule: string, where: Predicate, wants: readonly string[]): Question => ({
    rule,
    wants,
    reason: (draft) => explainPredicate(where, viewOf(library, draft)),
  })
  return [
    ...moves.map((move) => askMove(ask, move)),
    ...(dates === undefined ? [] : [ask('dates', dates.where, ['looks for a better date'])]),
    ...(duplicates === undefined
      ? []
      : [ask('duplicates', { kind: 'duplicate', is: true }, ['carries over what only one of them has'])]),
    ...(categories?.list ?? []).map(({ id, is }) => ask(`categories/${id}`, is, [`category ${id}`])),
    ...(categories === undefined
      ? []
      : [
          ask('categories.unsorted', { kind: 'category', ids: ['none'] }, wantsOf(categories.unsorted)),
          {
            rule: 'categories.clash',
            wants: wantsOf(categories.clash),
            reason: (draft: AssetDraft) => clashReason(categories, viewOf(library, draft)),
          },
        ]),
    ...albums.map((rule): Question => askAlbum(library, rule)),
    ...checks.map(({ id, when, ensure }) => ask(`checks/${id}`, when, wantsOf(ensure))),
  ]
}

function askMove(
  ask: (rule: string, where: Predicate, wants: readonly string[]) => Question,
  move: Rules['moves'][number],
): Question {
  const rule = `moves/${move.id}`
  if (move.kind === 'sync') {
    const where: Predicate = { kind: 'text', field: 'tag', patterns: move.tags }
    return ask(rule, where, [`keeps the tag and album "${move.album.source}" in step`])
  }
  const takes = move.mode === 'move' ? ['takes away what it has for that'] : []
  return ask(rule, move.from, [...wantsOf(move.to), ...takes])
}

/** Judged as the rule does: without the albums that it has put the asset into itself. */
function askAlbum(library: LibraryDraft, { id, where, into, followMoves, holding }: AlbumRule): Question {
  const rule = `albums/${id}`
  return {
    rule,
    wants: [`album "${into.source}"`],
    reason: (draft) => {
      const own = followMoves && !holding ? putBy(library, draft, rule) : []
      return explainPredicate(where, viewWithout(library, draft, new Set(own.map(({ key }) => key))))
    },
  }
}

/** Several categories, or one by several of its albums where the rules say so. */
function clashReason({ list, severalAlbumsClash }: CategoryRules, view: DraftView): Reason {
  const several = explainPredicate({ kind: 'category', ids: ['several'] }, view)
  if (!severalAlbumsClash) return several
  const { categories, isInSeveralHomes } = view.classification
  const only = categories.length === 1 ? list.find(({ id }) => id === categories[0]) : undefined
  const homes = only === undefined ? [] : homesOf(only, view)
  const byHomes: Reason = {
    holds: isInSeveralHomes,
    says: 'has one category by several albums',
    saw: homes.length === 0 ? 'by no album' : `by ${homes.join(', ')}`,
    of: [],
  }
  return { holds: several.holds || isInSeveralHomes, says: 'any of', saw: '', of: [several, byHomes] }
}

function wantsOf({ tags, albums }: Ensured): readonly string[] {
  return [
    ...tags.map((tag) => `tag ${tag}`),
    ...albums.map((target) => (target.by === 'id' ? `album ${target.id}` : `album "${target.name.source}"`)),
  ]
}

/** Of the albums that it is in: sharing asks for nothing else. */
function explainSharing({ sharing }: Rules, now: DraftView, then: DraftView): readonly RuleExplanation[] {
  return (sharing?.list ?? []).map(({ id, words, names, grants }) => {
    const isMeant = (album: string): boolean =>
      wordsOf(album).some((word) => words.includes(word)) ||
      names.some((pattern) => pattern.match(album) !== undefined)
    const albums = [...now.albums]
    const holds = albums.some(isMeant)
    const said = [...words, ...names.map(({ source }) => source)].join(', ')
    return {
      rule: `sharing/${id}`,
      holds,
      holdsAfterwards: [...then.albums].some(isMeant),
      reason: { holds, says: `an album is called ${said}`, saw: albums.join(', ') || 'no album', of: [] },
      wants: grants.map(({ email, role }) => `${email} as ${role}`),
    }
  })
}
