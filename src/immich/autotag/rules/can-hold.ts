/**
 * Whether a predicate can hold for any asset of the scope, as far as that is certain without looking at the library.
 *
 * @module
 */

import type { Predicate, Rules } from '../rules.ts'
import { foldText } from './text-pattern.ts'

type Leaf = Exclude<Predicate, { readonly kind: 'all' | 'any' | 'not' }>
type TextLeaf = Extract<Predicate, { readonly kind: 'text' }>

/** False only when it is certain that it cannot. */
export function canHold(predicate: Predicate, scope: Rules['scope']): boolean {
  const parts = conjunctsOf({ kind: 'all', of: [scope.where, predicate] })
  return parts.every((part) => canHoldAlone(part, scope)) && !contradicts(parts)
}

/** What must all hold: `all` in `all` is one list, and so is `not any`. */
function conjunctsOf(predicate: Predicate): readonly Predicate[] {
  if (predicate.kind === 'all') return predicate.of.flatMap(conjunctsOf)
  if (predicate.kind !== 'not') return [predicate]
  const { of } = predicate
  if (of.kind === 'not') return conjunctsOf(of.of)
  return of.kind === 'any' ? of.of.flatMap((part) => conjunctsOf({ kind: 'not', of: part })) : [predicate]
}

function canHoldAlone(part: Predicate, scope: Rules['scope']): boolean {
  if (part.kind === 'any') return part.of.some((one) => canHold(one, scope))
  if (part.kind === 'not') return part.of.kind !== 'always'
  return part.kind !== 'visibility' || part.visibilities.some((one) => scope.visibilities.includes(one))
}

function contradicts(parts: readonly Predicate[]): boolean {
  const denied = parts.flatMap((part) => (part.kind === 'not' && isLeaf(part.of) ? [part.of] : []))
  const asked = parts.filter(isLeaf)
  return asked.some((leaf) => denied.some((no) => isWithin(leaf, no))) || excludes(asked)
}

function isLeaf(predicate: Predicate): predicate is Leaf {
  return predicate.kind !== 'all' && predicate.kind !== 'any' && predicate.kind !== 'not'
}

/** Whatever makes the one hold makes the other hold. */
function isWithin(leaf: Leaf, wider: Leaf): boolean {
  if (leaf.kind === 'text' && wider.kind === 'text') return isTextWithin(leaf, wider)
  if (leaf.kind === 'category' && wider.kind === 'category') {
    return leaf.ids.every((id) => wider.ids.includes(id))
  }
  return leaf.kind === wider.kind && JSON.stringify(leaf) === JSON.stringify(wider) && leaf.kind !== 'link'
}

function isTextWithin(leaf: TextLeaf, wider: TextLeaf): boolean {
  if (leaf.field !== wider.field) return false
  return leaf.patterns.every((pattern) =>
    wider.patterns.some(
      (other) =>
        other.source === pattern.source ||
        (pattern.kind === 'text' && other.match(foldText(pattern.source)) !== undefined) ||
        (other.kind === 'glob' && other.source === '*'),
    ),
  )
}

/** Two that no asset can have at once: opposite flags, ranges that do not meet. */
function excludes(leaves: readonly Leaf[]): boolean {
  return leaves.some((one, index) => leaves.slice(index + 1).some((other) => areApart(one, other)))
}

function areApart(one: Leaf, other: Leaf): boolean {
  if (one.kind === 'rating' && other.kind === 'rating') return one.min > other.max || other.min > one.max
  if ((one.kind === 'taken' || one.kind === 'uploaded') && one.kind === other.kind) {
    return one.fromMs >= other.toMs || other.fromMs >= one.toMs
  }
  if (one.kind === 'type' && other.kind === 'type') {
    return !one.types.some((type) => other.types.includes(type))
  }
  return (
    (one.kind === 'favorite' || one.kind === 'duplicate') && one.kind === other.kind && one.is !== other.is
  )
}
