/**
 * Which permissions rules need, so that a missing one is named before anything is read, and none is asked for in vain.
 *
 * @module
 */

import type { Feature } from '../permissions.ts'
import { needsOf } from './rules/needs.ts'
import { leavesOf } from './rules/predicate-parts.ts'
import { movesOf, rulePartsOf, syncsOf } from './rules/rule-parts.ts'
import type { Rules } from './rules.ts'

export function featuresOf(rules: Rules): readonly Feature[] {
  const needs = needsOf(rules)
  const has: readonly (readonly [Feature, boolean])[] = [
    ['autotag-read', true],
    ['autotag-duplicates', needs.duplicates],
    ['autotag-tags', changesTags(rules)],
    ['autotag-albums', changesAlbums(rules)],
    ['autotag-dates', changesAssets(rules)],
    ['autotag-sharing', needs.users],
  ]
  return has.filter(([, isNeeded]) => isNeeded).map(([feature]) => feature)
}

function changesTags(rules: Rules): boolean {
  return (
    rulePartsOf(rules).some(({ ensured }) => ensured.tags.length > 0) ||
    syncsOf(rules).some(({ direction }) => direction !== 'tag-to-album') ||
    takesAway(rules, 'tag') ||
    carries(rules, 'tags')
  )
}

function changesAlbums(rules: Rules): boolean {
  return (
    rules.albums.length > 0 ||
    rulePartsOf(rules).some(({ ensured }) => ensured.albums.length > 0) ||
    syncsOf(rules).some(({ direction }) => direction !== 'album-to-tag') ||
    takesAway(rules, 'album') ||
    carries(rules, 'albums')
  )
}

function changesAssets(rules: Rules): boolean {
  return rules.dates !== undefined || carries(rules, 'date', 'favorite', 'rating')
}

/** Whether a move takes away what its source names. */
function takesAway(rules: Rules, field: 'tag' | 'album'): boolean {
  return movesOf(rules).some(
    ({ mode, from }) =>
      mode === 'move' &&
      [...leavesOf(from)].some(
        ({ leaf, isNegated }) => leaf.kind === 'text' && leaf.field === field && !isNegated,
      ),
  )
}

type Carried = keyof NonNullable<Rules['duplicates']>['carry']

function carries({ duplicates }: Rules, ...words: readonly Carried[]): boolean {
  return duplicates !== undefined && words.some((word) => duplicates.carry[word] !== 'none')
}
