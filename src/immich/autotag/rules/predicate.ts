/**
 * What a predicate means: whether it holds for an asset, which groups its patterns caught, and why.
 *
 * Missing data makes a test false, so `not` of it is true. {@link explainPredicate} asks {@link judge} for every part, so
 * an explanation cannot say anything else than what was done.
 *
 * @module
 */

import type { AssetView, Reason, Verdict } from '../asset-view.ts'
import type { Predicate, TextPattern } from '../rules.ts'
import { describePredicate, describeSeen } from './describe-predicate.ts'
import { partsOf, textsOf } from './predicate-parts.ts'

type Groups = Readonly<Record<string, string>>

const NO: Verdict = Object.freeze({ holds: false, groups: Object.freeze({}) })
const YES: Verdict = Object.freeze({ holds: true, groups: Object.freeze({}) })

/** What a predicate makes of an asset. */
export function judge(predicate: Predicate, view: AssetView): Verdict {
  switch (predicate.kind) {
    case 'all':
      return judgeAll(predicate.of, view)
    case 'any':
      return judgeAny(predicate.of, view)
    case 'not':
      return judge(predicate.of, view).holds ? NO : YES
    case 'text':
      return judgeTexts(predicate.patterns, textsOf(predicate.field, view))
    case 'people':
      return judgePeople(predicate, view.asset.people ?? [])
    case 'album-date-differs':
    case 'always':
    case 'category':
    case 'duplicate':
    case 'favorite':
    case 'link':
    case 'rating':
    case 'taken':
    case 'type':
    case 'uploaded':
    case 'visibility':
      return holdsPlain(predicate, view) ? YES : NO
  }
}

/** The same, part by part: all parts are looked at, also those that could change nothing any more. */
export function explainPredicate(predicate: Predicate, view: AssetView): Reason {
  return {
    holds: judge(predicate, view).holds,
    says: describePredicate(predicate),
    saw: describeSeen(predicate, view),
    of: partsOf(predicate).map((part) => explainPredicate(part, view)),
  }
}

function judgeAll(parts: readonly Predicate[], view: AssetView): Verdict {
  let groups: Groups = YES.groups
  for (const part of parts) {
    const verdict = judge(part, view)
    if (!verdict.holds) return NO
    groups = join(groups, verdict.groups)
  }
  return verdictWith(groups)
}

function judgeAny(parts: readonly Predicate[], view: AssetView): Verdict {
  for (const part of parts) {
    const verdict = judge(part, view)
    if (verdict.holds) return verdict
  }
  return NO
}

/** Without groups the first match decides; with groups all are looked at, and of several the last counts. */
function judgeTexts(patterns: readonly TextPattern[], texts: Iterable<string>): Verdict {
  const wantsAll = hasGroups(patterns)
  let groups: Groups | undefined
  for (const text of texts) {
    for (const pattern of patterns) {
      const found = pattern.match(text)
      if (found === undefined) continue
      if (!wantsAll) return YES
      groups = join(groups ?? YES.groups, found)
    }
  }
  return groups === undefined ? NO : verdictWith(groups)
}

function hasGroups(patterns: readonly TextPattern[]): boolean {
  return patterns.some((pattern) => pattern.groups.length > 0)
}

/** The later one wins. */
function join(first: Groups, second: Groups): Groups {
  if (first === YES.groups) return second
  return second === YES.groups ? first : { ...first, ...second }
}

function verdictWith(groups: Groups): Verdict {
  return groups === YES.groups ? YES : { holds: true, groups }
}

function judgePeople(
  { patterns, only }: { readonly patterns: readonly TextPattern[]; readonly only: boolean },
  people: readonly string[],
): Verdict {
  if (!only) return judgeTexts(patterns, people)
  const isMeant = (name: string): boolean => patterns.some((pattern) => pattern.match(name) !== undefined)
  return people.length > 0 && people.every(isMeant) ? judgeTexts(patterns, people) : NO
}

type PlainPredicate = Exclude<Predicate, { readonly kind: 'all' | 'any' | 'not' | 'text' | 'people' }>

function holdsPlain(predicate: PlainPredicate, view: AssetView): boolean {
  const { asset } = view
  switch (predicate.kind) {
    case 'always':
      return true
    case 'link':
      return predicate.assetIds.has(asset.id)
    case 'type':
      return predicate.types.includes(asset.type)
    case 'visibility':
      return predicate.visibilities.includes(asset.visibility)
    case 'favorite':
      return asset.isFavourite === predicate.is
    case 'rating':
      return isWithin(asset.rating, predicate.min, predicate.max)
    case 'taken':
      return isFromTo(view.takenMs, predicate)
    case 'uploaded':
      return isFromTo(asset.uploadedAtMs, predicate)
    case 'category':
      return predicate.ids.some((id) => isInCategory(id, view.categories))
    case 'album-date-differs':
      return view.albumDateDiffersMs !== undefined && view.albumDateDiffersMs > predicate.byMs
    case 'duplicate':
      return view.hasDuplicates === predicate.is
  }
}

function isWithin(value: number | undefined, min: number, max: number): boolean {
  return value !== undefined && value >= min && value <= max
}

function isFromTo(
  value: number | undefined,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): boolean {
  return value !== undefined && value >= fromMs && value < toMs
}

function isInCategory(id: string, categories: readonly string[]): boolean {
  if (id === 'none') return categories.length === 0
  return id === 'several' ? categories.length > 1 : categories.includes(id)
}
