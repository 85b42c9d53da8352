/**
 * The rules one by one: how each is called in plans, where it stands in the file, when it holds and what it holds.
 *
 * @module
 */

import type { Ensured, MoveRule, Predicate, Rules, SyncRule } from '../rules.ts'

export interface RulePart {
  /** As plans call it: `checks/kids-not-memes`, `categories.unsorted`. */
  readonly rule: string
  /** In the file: `checks[1]`. */
  readonly where: string
  /** The word of its predicate: `when`; with {@link predicate}. */
  readonly word: string
  /** Undefined where what holds is no predicate of its own. */
  readonly predicate: Predicate | undefined
  /** What it holds while it is true; empty where it holds nothing of that kind. */
  readonly ensured: Ensured
}

const NOTHING: Ensured = { tags: [], albums: [] }

/** All rules but `sync`, patterns and sharing. */
export function rulePartsOf(rules: Rules): readonly RulePart[] {
  return [
    part('scope', 'scope', 'where', rules.scope.where),
    ...rules.moves.flatMap((move, index) =>
      move.kind === 'move' ? [part(`moves/${move.id}`, `moves[${index}]`, 'from', move.from, move.to)] : [],
    ),
    ...categoryParts(rules),
    ...dateParts(rules),
    ...rules.albums.flatMap((album, index) => [
      part(`albums/${album.id}`, `albums[${index}]`, 'where', album.where),
      part(`albums/${album.id}`, `albums[${index}].several`, 'ensure', undefined, album.several),
    ]),
    ...rules.checks.map(({ id, when, ensure }, index) =>
      part(`checks/${id}`, `checks[${index}]`, 'when', when, ensure),
    ),
  ]
}

function categoryParts({ categories }: Rules): readonly RulePart[] {
  if (categories === undefined) return []
  return [
    part('categories.unsorted', 'categories.unsorted', 'ensure', undefined, categories.unsorted),
    part('categories.clash', 'categories.clash', 'ensure', undefined, categories.clash),
    ...categories.list.map(({ id, is }, index) =>
      part(`categories/${id}`, `categories.list[${index}]`, 'is', is),
    ),
  ]
}

function dateParts({ dates, duplicates }: Rules): readonly RulePart[] {
  return [
    ...(dates === undefined
      ? []
      : [
          part('dates', 'dates', 'where', dates.where),
          part('dates.unsure', 'dates.unsure', 'ensure', undefined, dates.unsure),
        ]),
    ...(duplicates === undefined
      ? []
      : [part('duplicates.conflict', 'duplicates.conflict', 'ensure', undefined, duplicates.conflict)]),
  ]
}

function part(
  rule: string,
  where: string,
  word: string,
  predicate: Predicate | undefined,
  ensured: Ensured = NOTHING,
): RulePart {
  return { rule, where, word, predicate, ensured }
}

export function movesOf(rules: Rules): readonly MoveRule[] {
  return rules.moves.filter((move) => move.kind === 'move')
}

export function syncsOf(rules: Rules): readonly SyncRule[] {
  return rules.moves.filter((move) => move.kind === 'sync')
}
