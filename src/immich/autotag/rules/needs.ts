/**
 * What rules need to know of a server, so that nothing else is read: each tag costs at least one call.
 *
 * @module
 */

import type { Visibility } from '../../api.ts'
import type { Ensured, Predicate, Rules, TextField, TextPattern } from '../rules.ts'
import type { SnapshotNeeds } from '../snapshot.ts'
import { leavesOf, withParents } from './predicate-parts.ts'
import { rulePartsOf, syncsOf } from './rule-parts.ts'
import { foldText } from './text-pattern.ts'

export function needsOf(rules: Rules): SnapshotNeeds {
  const leaves = allLeavesOf(rules)
  const visibilities: readonly Visibility[] = rules.scope.visibilities
  return {
    visibilities,
    isTagNeeded: toTagTest(rules, leaves),
    people: leaves.some(({ kind }) => kind === 'people'),
    albums: needsMembers(rules, leaves),
    duplicates: needsDuplicates(rules, leaves),
    users: rules.sharing !== undefined && rules.sharing.list.length > 0,
  }
}

/** The plain predicates of all rules. */
function allLeavesOf(rules: Rules): readonly Predicate[] {
  return rulePartsOf(rules).flatMap(({ predicate }) =>
    predicate === undefined ? [] : Array.from(leavesOf(predicate), ({ leaf }) => leaf),
  )
}

/** All that rules hold while a condition holds, or move to. */
export function ensuredOf(rules: Rules): readonly Ensured[] {
  return rulePartsOf(rules).map(({ ensured }) => ensured)
}

/** The patterns of a text field in these predicates. */
function patternsOf(leaves: readonly Predicate[], field: TextField): readonly TextPattern[] {
  return leaves.flatMap((leaf) => (leaf.kind === 'text' && leaf.field === field ? leaf.patterns : []))
}

/**
 * A tag is needed when a pattern matches it or one above it (a child makes its parents true), or when rules set it. With
 * `carry.tags: union` all are.
 */
function toTagTest(rules: Rules, leaves: readonly Predicate[]): (value: string) => boolean {
  if (rules.duplicates?.carry.tags === 'union') return () => true
  const patterns = [...patternsOf(leaves, 'tag'), ...syncsOf(rules).flatMap(({ tags }) => tags)]
  const owned = new Set(ensuredOf(rules).flatMap(({ tags }) => tags.map(foldText)))
  const isMeant = (tag: string): boolean =>
    owned.has(foldText(tag)) || patterns.some((pattern) => pattern.match(tag) !== undefined)
  return (value) => {
    for (const tag of withParents(value)) if (isMeant(tag)) return true
    return false
  }
}

/** Everything but plain tags, dates and the like needs to know who is in which album. */
function needsMembers(rules: Rules, leaves: readonly Predicate[]): boolean {
  const { duplicates } = rules
  return (
    rules.albums.length > 0 ||
    syncsOf(rules).length > 0 ||
    (rules.categories?.severalAlbumsClash ?? false) ||
    (duplicates !== undefined && duplicates.carry.albums !== 'none') ||
    ensuredOf(rules).some(({ albums }) => albums.length > 0) ||
    patternsOf(leaves, 'album').length > 0 ||
    leaves.some(({ kind }) => kind === 'album-date-differs')
  )
}

function needsDuplicates(rules: Rules, leaves: readonly Predicate[]): boolean {
  return (
    rules.duplicates !== undefined ||
    (rules.dates?.sources.some(({ kind }) => kind === 'duplicates') ?? false) ||
    leaves.some(({ kind }) => kind === 'duplicate')
  )
}
