/**
 * `album_permissions` of immich-autotag as the sharing of a rules file. Nobody may lose access by the conversion, so a rule
 * of which a member cannot be kept never removes anybody.
 *
 * @module
 */

import type { Plain, Remark } from './import-rule.ts'
import { type OldBlock, toBlock, toList, toText, toTexts } from './old-config.ts'

export interface OldSharing {
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly list: readonly Plain[]
}

export function toSharing(block: OldBlock, remark: Remark): OldSharing | undefined {
  const groups = new Map<string, readonly string[]>()
  const broken = new Set<string>()
  for (const group of toList(block['user_groups']).map(toBlock)) {
    const name = toText(group['name'])
    if (name === undefined) continue
    const members = toTexts(group['members'])
    const good = members.filter((member) => /^[^\s@]+@[^\s@]+$/u.test(member))
    for (const bad of members.filter((member) => !good.includes(member))) {
      remark(`album_permissions: "${bad}" of group ${name} is no address and was left out`)
    }
    if (good.length < members.length) broken.add(name)
    groups.set(name, good)
  }
  const rules = toList(block['selection_rules']).map(toBlock)
  const list = rules.flatMap((rule, index): readonly Plain[] => {
    const converted = toRule(rule, index, { groups, broken }, remark)
    return converted === undefined ? [] : [converted]
  })
  if (list.length === 0) return undefined
  const named = Array.from(groups, ([name, members]): [string, readonly string[]] => [
    toGroupName(name),
    members,
  ])
  return { groups: Object.fromEntries(named.filter(([, members]) => members.length > 0)), list }
}

interface OldGroups {
  readonly groups: ReadonlyMap<string, readonly string[]>
  readonly broken: ReadonlySet<string>
}

function toRule(rule: OldBlock, index: number, groups: OldGroups, remark: Remark): Plain | undefined {
  const name = `selection_rules[${index}]`
  const keyword = toText(rule['keyword'])?.toLowerCase()
  if (keyword === undefined || /[\s._-]/u.test(keyword)) {
    remark(`${name}: its keyword is no single word and matched no album, so it was left out`)
    return undefined
  }
  const wanted = toTexts(rule['groups'])
  const known = wanted.filter((group) => (groups.groups.get(group)?.length ?? 0) > 0)
  const isWhole = known.length === wanted.length && !wanted.some((group) => groups.broken.has(group))
  if (known.length === 0) {
    remark(`${name}: none of its groups has a member, so it was left out`)
    return undefined
  }
  if (!isWhole) remark(`${name}: not all of its members were found, so it removes nobody (exact: false)`)
  const role = toRole(rule['access'], name, remark)
  const grant = Object.fromEntries(known.map((group) => [toGroupName(group), role]))
  return { id: `sharing-${index + 1}`, albums: { word: keyword }, grant, exact: isWhole }
}

/** Names with an `@` would be taken for addresses. */
function toGroupName(name: string): string {
  return name.replaceAll('@', ' at ')
}

function toRole(access: unknown, name: string, remark: Remark): 'viewer' | 'editor' {
  if (access === 'admin')
    remark(`${name}: Immich has no access "admin"; it made viewers, and so do these rules`)
  return access === 'edit' ? 'editor' : 'viewer'
}
