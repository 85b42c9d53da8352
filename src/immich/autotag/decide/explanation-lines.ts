/**
 * An explanation as text: what there is, what each rule says to it, and what would be done.
 *
 * @module
 */

import { instantToLocal, toOffsetText } from '../../../media/zones.ts'
import type { Reason } from '../asset-view.ts'
import type { WeighedDate } from './date-choice.ts'
import type { Change } from './decision.ts'
import type { AssetState, ExplanationDocument, RuleExplanation } from './explain-asset.ts'

export function explanationLines(document: ExplanationDocument): readonly string[] {
  const { now, after, scope, isInScope, rules, changes } = document
  const head = [`${document.fileName}  ${document.assetId}`, `  ${document.path}`, ...stateLines('now', now)]
  if (!isInScope) return [...head, '', ...scopeLines(scope)]
  return [
    ...head,
    ...(changes.length === 0 ? [] : stateLines('after', after)),
    ...rules.flatMap((rule) => ['', ...ruleLines(rule, document)]),
    ...dateLines(document),
    '',
    ...(changes.length === 0 ? ['The plan changes nothing here.'] : ['The plan:']),
    ...changes.map((change) => `  ${describeChange(change)}  (${change.rule})`),
    ...document.overrides.map(({ rule, says }) => `  left as it is: ${says}  (${rule})`),
    ...document.remarks.map(({ rule, says }) => `  note: ${says}  (${rule})`),
  ]
}

function stateLines(when: string, state: AssetState): readonly string[] {
  const list = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join(', '))
  const extra = [
    ...(state.isFavourite ? ['favorite'] : []),
    ...(state.rating === undefined ? [] : [`rating ${state.rating}`]),
  ]
  return [
    `  ${when}: tags ${list(state.tags)}`,
    `    albums ${list(state.albums)}`,
    `    categories ${list(state.categories)}`,
    `    date ${dateWords(state)}${extra.length === 0 ? '' : `; ${extra.join(', ')}`}`,
  ]
}

function dateWords({ date, hasZone }: AssetState): string {
  if (date === undefined) return 'none'
  return hasZone ? date : `${date} (in UTC: the server knows no zone)`
}

function scopeLines(scope: Reason | undefined): readonly string[] {
  if (scope === undefined) return ['It belongs to somebody else: no rule changes it.']
  if (scope.holds) return ['Its visibility is not in the scope: no rule looks at it.']
  return ['It is not in the scope, so no rule looks at it:', ...reasonLines(scope, 1)]
}

function ruleLines(
  explained: RuleExplanation,
  { changes, overrides }: ExplanationDocument,
): readonly string[] {
  const { rule, holds, holdsAfterwards, reason, wants } = explained
  const later =
    holds === holdsAfterwards ? '' : `, but ${holdsAfterwards ? 'does' : 'does not'} after the plan`
  const isOf = (one: { readonly rule: string }): boolean =>
    one.rule === rule || one.rule === `${rule}.several`
  return [
    `${rule}: ${holds ? 'holds' : 'does not hold'}${later}`,
    ...reasonLines(reason, 1),
    ...(wants.length === 0 ? [] : [`  wants: ${wants.join('; ')}`]),
    ...changes.filter(isOf).map((change) => `  does: ${describeChange(change)}`),
    ...overrides.filter(isOf).map(({ says }) => `  does not: ${says}`),
  ]
}

function reasonLines({ holds, says, saw, of }: Reason, depth: number): readonly string[] {
  const line = `${'  '.repeat(depth)}${holds ? 'yes' : 'no '} ${says}${saw === '' ? '' : `: ${saw}`}`
  return [line, ...of.flatMap((part) => reasonLines(part, depth + 1))]
}

function dateLines({ date }: ExplanationDocument): readonly string[] {
  if (date === undefined) return []
  const words = { keep: 'the date stays', set: 'the date is changed', unsure: 'nobody can tell the date' }
  return ['', `date: ${words[date.kind]}, ${date.why}`, ...date.weighed.map(weighedLine)]
}

function weighedLine({ candidate, relation }: WeighedDate): string {
  const { atMs, offsetMinutes, precision, rule, says } = candidate
  const local = instantToLocal(atMs, offsetMinutes)
  const shown = precision === 'day' ? local.slice(0, 10) : `${local}${toOffsetText(offsetMinutes)}`
  return `  ${rule}: ${shown} is ${relation} (${says})`
}

/** `tag auto/x is added` */
export function describeChange(change: Change): string {
  switch (change.kind) {
    case 'tag':
      return `tag ${change.tag} is ${change.is ? 'added' : 'removed'}`
    case 'album':
      return `${change.is ? 'comes into' : 'leaves'} album "${change.album.name}"`
    case 'date':
      return `the date becomes ${change.to.dateTimeOriginal}`
    case 'favorite':
      return 'becomes a favorite'
    case 'rating':
      return `the rating becomes ${change.to}`
    case 'share':
      return change.role === null
        ? `${change.email} leaves album "${change.album.name}"`
        : `${change.email} becomes ${change.role} of album "${change.album.name}"`
    case 'album-delete':
      return `album "${change.album.name}" is deleted`
  }
}
