/**
 * What is wrong with rules although each of them is well written: rules that can never hold, that fight each other, or
 * that ask for what is never there. Needs no server.
 *
 * Only what is certain is said: whether two regexes can match the same name is not looked at.
 *
 * @module
 */

import type { AlbumRule, Predicate, Rules, RulesProblem } from '../rules.ts'
import { canHold } from './can-hold.ts'
import { lintFights } from './lint-fights.ts'
import { lintNames } from './lint-names.ts'
import { fixedNameOf } from './name-template.ts'
import { leavesOf } from './predicate-parts.ts'
import type { Locate } from './read-rules.ts'
import { type RulePart, rulePartsOf } from './rule-parts.ts'

/** A problem before its line is known. */
export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly where: string
  readonly message: string
  readonly hint?: string | undefined
}

/** All problems that rules have among themselves, in the order of the file. */
export function lint(rules: Rules, locate: Locate): readonly RulesProblem[] {
  const parts = rulePartsOf(rules)
  const findings = [
    ...lintNames(rules),
    ...lintReach(rules, parts),
    ...lintCategoryWords(parts),
    ...lintHolding(rules),
    ...lintFights(rules, parts),
  ]
  return toProblems(findings, locate)
}

export function toProblems(findings: readonly Finding[], locate: Locate): readonly RulesProblem[] {
  return findings
    .map((finding) => ({ ...finding, ...locate(finding.where), hint: finding.hint }))
    .sort((one, other) => one.line - other.line || one.column - other.column)
}

/** Rules that hold for no asset of the scope, and categories that are the same twice. */
function* lintReach(rules: Rules, parts: readonly RulePart[]): Generator<Finding> {
  const seen = new Map<string, string>()
  for (const { rule, where, word, predicate } of parts) {
    if (predicate === undefined) continue
    const at = `${where}.${word}`
    if (!canHold(predicate, rules.scope)) {
      yield { severity: 'warning', where: at, message: `${rule} can never hold for an asset of the scope` }
    }
    if (!rule.startsWith('categories/')) continue
    const same = seen.get(keyOf(predicate))
    if (same !== undefined) {
      yield {
        severity: 'warning',
        where: at,
        message: `${rule} says the same as ${same}, so both always clash`,
      }
    }
    seen.set(keyOf(predicate), rule)
  }
}

function keyOf(predicate: Predicate): string {
  return JSON.stringify(predicate, (_key, value: unknown) => (value instanceof Set ? [...value] : value))
}

/** Scope and categories come first: what they ask must be known before any category is. */
function* lintCategoryWords(parts: readonly RulePart[]): Generator<Finding> {
  for (const { rule, where, word, predicate } of parts) {
    if (predicate === undefined || !(rule === 'scope' || rule.startsWith('categories/'))) continue
    for (const { leaf } of leavesOf(predicate)) {
      if (leaf.kind === 'category') {
        const message = `${rule} asks for a category before categories are known`
        yield { severity: 'error', where: `${where}.${word}`, message }
      }
    }
  }
}

const SAMPLE_MS = Date.UTC(2019, 5, 2, 12, 34, 56)

/**
 * Albums that take in what has no category, under a name that makes a category: at the next run everything in them
 * counts as sorted, although nobody sorted it. Names taken from folders are meant to sort, so they are not looked at.
 */
function* lintHolding({ albums, categories }: Rules): Generator<Finding> {
  for (const [index, album] of albums.entries()) {
    if (album.holding || !asksForNone(album.where)) continue
    const name = sampleNameOf(album)
    const category = name && categories?.list.find(({ is }) => makesCategory(is, name))
    if (!category) continue
    yield {
      severity: 'error',
      where: `albums[${index}].into`,
      message: `albums/${album.id} makes albums such as "${name}", which count as sorted by categories/${category.id}`,
      hint: 'Write holding: true, so that they never count for categories.',
    }
  }
}

function asksForNone(where: Predicate): boolean {
  for (const { leaf, isNegated } of leavesOf(where)) {
    if (leaf.kind === 'category' && !isNegated && leaf.ids.includes('none')) return true
  }
  return false
}

/** A name of names that are made of a date, or always the same. */
function sampleNameOf({ into }: AlbumRule): string | undefined {
  if (into.words.length === 0) return fixedNameOf(into)
  if (!into.words.every((word) => word.startsWith('taken:'))) return undefined
  const nowhere = { city: undefined, state: undefined, country: undefined }
  return into.fill({
    wallClockMs: SAMPLE_MS,
    path: '',
    fileName: '',
    place: nowhere,
    camera: { make: undefined, model: undefined },
    match: {},
    tag: undefined,
    album: undefined,
  })
}

function makesCategory(is: Predicate, name: string): boolean {
  for (const { leaf, isNegated } of leavesOf(is)) {
    if (isNegated || leaf.kind !== 'text' || leaf.field !== 'album') continue
    if (leaf.patterns.some((pattern) => pattern.match(name) !== undefined)) return true
  }
  return false
}
