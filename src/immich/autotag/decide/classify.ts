/**
 * Which categories an asset has, and by which of its tags and albums.
 *
 * @module
 */

import type { AssetView } from '../asset-view.ts'
import { judge } from '../rules/predicate.ts'
import { leavesOf } from '../rules/predicate-parts.ts'
import type { Category, CategoryRules, Predicate, TextField, TextPattern } from '../rules.ts'

export interface Classification {
  /** Ids, in the order of the rules. */
  readonly categories: readonly string[]
  /** One category only, but by several of its albums. */
  readonly isInSeveralHomes: boolean
}

export const UNCLASSIFIED: Classification = Object.freeze({
  categories: Object.freeze([]),
  isInSeveralHomes: false,
})

export function classify(rules: CategoryRules | undefined, view: AssetView): Classification {
  if (rules === undefined) return UNCLASSIFIED
  const [first, ...more] = rules.list.filter(({ is }) => judge(is, view).holds)
  if (first === undefined) return UNCLASSIFIED
  if (more.length > 0) return { categories: [first, ...more].map(({ id }) => id), isInSeveralHomes: false }
  const homes = rules.severalAlbumsClash ? homesOf(first, view) : []
  return homes.length > 1 ? { categories: [first.id], isInSeveralHomes: true } : onlyIn(first)
}

/** The albums by which an asset has a category. */
export function homesOf({ is }: Category, { albums }: Pick<AssetView, 'albums'>): readonly string[] {
  return namedAlbums(is, albums)
}

/** The same for all assets of a category: nearly all have just one. */
const singles = new WeakMap<Category, Classification>()

function onlyIn(category: Category): Classification {
  let single = singles.get(category)
  if (single === undefined) {
    single = { categories: [category.id], isInSeveralHomes: false }
    singles.set(category, single)
  }
  return single
}

/** The tags, of these, that a predicate names (not under `not`). */
export function namedTags(predicate: Predicate, tags: Iterable<string>): readonly string[] {
  return named(predicate, 'tag', tags)
}

/** The names of albums, of these, that a predicate names (not under `not`); each as often as it comes. */
export function namedAlbums(predicate: Predicate, albums: Iterable<string>): readonly string[] {
  return named(predicate, 'album', albums)
}

function named(predicate: Predicate, field: TextField, texts: Iterable<string>): readonly string[] {
  const patterns = positivePatterns(predicate, field)
  if (patterns.length === 0) return []
  return [...texts].filter((text) => patterns.some((pattern) => pattern.match(text) !== undefined))
}

const positives = new WeakMap<Predicate, Map<TextField, readonly TextPattern[]>>()

function positivePatterns(predicate: Predicate, field: TextField): readonly TextPattern[] {
  const known = positives.get(predicate) ?? new Map<TextField, readonly TextPattern[]>()
  positives.set(predicate, known)
  let patterns = known.get(field)
  if (patterns === undefined) {
    patterns = [...leavesOf(predicate)].flatMap(({ leaf, isNegated }) =>
      !isNegated && leaf.kind === 'text' && leaf.field === field ? leaf.patterns : [],
    )
    known.set(field, patterns)
  }
  return patterns
}
