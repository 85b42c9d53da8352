/**
 * Rules that work against each other or against themselves: each such pair would change the same assets in every run.
 *
 * @module
 */

import type { MoveRule, Predicate, Rules } from '../rules.ts'
import type { Finding } from './lint.ts'
import { fixedNameOf } from './name-template.ts'
import { leavesOf, withParents } from './predicate-parts.ts'
import { type RulePart, rulePartsOf } from './rule-parts.ts'
import { foldText } from './text-pattern.ts'

interface Move {
  readonly rule: string
  readonly where: string
  readonly move: MoveRule
}

export function* lintFights(
  rules: Rules,
  parts: readonly RulePart[] = rulePartsOf(rules),
): Generator<Finding> {
  const moves = rules.moves.flatMap((move, index): readonly Move[] =>
    move.kind === 'move' ? [{ rule: `moves/${move.id}`, where: `moves[${index}]`, move }] : [],
  )
  const holders = parts.filter(({ rule }) => !rule.startsWith('moves/'))
  for (const holder of holders) yield* lintSelf(holder)
  yield* lintUnsorted(rules)
  for (const [index, move] of moves.entries()) {
    yield* lintOwnSource(move)
    yield* lintCircle(move, moves.slice(index + 1))
    for (const holder of holders) yield* lintHolder(move, holder)
  }
  yield* lintParents(parts)
}

/** `when: {not: {tag: x}}, ensure: {tag: x}`: once it is there it must go. */
function* lintSelf({ rule, where, predicate, ensured }: RulePart): Generator<Finding> {
  const tag = predicate && ensured.tags.find((one) => asksFor(predicate, 'tag', one, true))
  if (tag !== undefined) {
    yield { severity: 'error', where, message: `${rule} holds tag ${tag} only where it is not there` }
  }
}

/** The tag of what is unsorted must not sort. */
function* lintUnsorted({ categories }: Rules): Generator<Finding> {
  for (const { id, is } of categories?.list ?? []) {
    const tag = categories?.unsorted.tags.find((one) => asksFor(is, 'tag', one, false))
    if (tag === undefined) continue
    yield {
      severity: 'error',
      where: 'categories.unsorted',
      message: `categories.unsorted and categories/${id} fight: tag ${tag} says unsorted, and sorts`,
    }
  }
}

function* lintOwnSource({ rule, where, move }: Move): Generator<Finding> {
  const target = move.mode === 'move' ? fedBy(move, move) : undefined
  if (target === undefined) return
  yield {
    severity: 'warning',
    where: `${where}.to`,
    message: `${rule} moves to ${target}, which its own source matches: it takes it up again in every run`,
  }
}

/** One moves where the other moves from, and back. */
function* lintCircle({ rule, where, move }: Move, others: readonly Move[]): Generator<Finding> {
  if (move.mode !== 'move') return
  for (const other of others) {
    const forth = other.move.mode === 'move' ? fedBy(move, other.move) : undefined
    const back = forth === undefined ? undefined : fedBy(other.move, move)
    if (back === undefined) continue
    yield {
      severity: 'error',
      where,
      message: `${rule} and ${other.rule} fight: one moves to ${forth}, the other back to ${back}`,
    }
  }
}

/** The first target of a move that makes another move begin. */
function fedBy(from: MoveRule, to: MoveRule): string | undefined {
  const tag = from.to.tags.find((one) => asksFor(to.from, 'tag', one, false))
  if (tag !== undefined) return `tag ${tag}`
  const names = from.to.albums.flatMap((target) =>
    target.by === 'name' ? (fixedNameOf(target.name) ?? []) : [],
  )
  const album = names.find((name) => asksFor(to.from, 'album', name, false))
  return album === undefined ? undefined : `album ${album}`
}

/** What one rule holds while it is true, another takes away, or gives where it is not true. */
function* lintHolder({ rule, where, move }: Move, holder: RulePart): Generator<Finding> {
  for (const tag of holder.ensured.tags) {
    const isTaken = move.mode === 'move' && asksFor(move.from, 'tag', tag, false)
    const isGiven = move.to.tags.some((one) => foldText(one) === foldText(tag))
    if (!(isTaken || isGiven)) continue
    yield {
      severity: 'error',
      where,
      message: `${rule} and ${holder.rule} fight: one ${isTaken ? 'takes' : 'gives'} tag ${tag}, the other holds it while its condition is true`,
      hint: 'Use another tag in one of them.',
    }
  }
}

/** Whether a predicate names a tag or album, in the sense asked for: `isNegated` under a `not`. */
function asksFor(predicate: Predicate, field: 'tag' | 'album', name: string, isNegated: boolean): boolean {
  const names = field === 'tag' ? [...withParents(name)] : [name]
  for (const { leaf, isNegated: isNo } of leavesOf(predicate)) {
    if (isNo !== isNegated || leaf.kind !== 'text' || leaf.field !== field) continue
    if (leaf.patterns.some((pattern) => names.some((one) => pattern.match(one) !== undefined))) return true
  }
  return false
}

/** The server finds an asset under the parents of its tags too, so a parent cannot be taken away with certainty. */
function* lintParents(parts: readonly RulePart[]): Generator<Finding> {
  const held = parts.flatMap(({ rule, where, ensured }) => ensured.tags.map((tag) => ({ rule, where, tag })))
  for (const { rule, where, tag } of held) {
    const child = held.find((other) => foldText(other.tag).startsWith(`${foldText(tag)}/`))
    if (child === undefined) continue
    yield {
      severity: 'warning',
      where,
      message: `${rule} sets tag ${tag}, which is a parent of ${child.tag} of ${child.rule}: whether an asset has the parent itself cannot be seen`,
      hint: `Use a tag below it, such as ${tag}/itself.`,
    }
  }
}
