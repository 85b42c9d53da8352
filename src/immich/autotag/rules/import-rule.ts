/**
 * Rules of immich-autotag (`tag_names`, `album_name_patterns`, `asset_links`) as predicates of a rules file.
 *
 * Its tags were compared by their last part, its album patterns by Python's `re.match`, which looks at the beginning only.
 *
 * @module
 */

import { RE2JS } from 're2js'
import { type OldBlock, toTexts } from './old-config.ts'
import { assetIdOf } from './read-predicate.ts'
import { BadPatternError, parseTextPattern } from './text-pattern.ts'

/** As it is written into YAML. */
export type Plain = Readonly<Record<string, unknown>>

/** Gathers what a person should know of what was converted. */
export type Remark = (text: string) => void

/** The predicate of a rule; undefined, and remarked, when nothing of it is left. */
export function toPredicate(rule: OldBlock, name: string, remark: Remark): Plain | undefined {
  const parts: Plain[] = []
  const tags = toTexts(rule['tag_names']).flatMap(toTagTexts)
  const albums = toTexts(rule['album_name_patterns']).flatMap(
    (pattern) => toRegexText(pattern, 'match', `${name}, album_name_patterns`, remark) ?? [],
  )
  const links = toLinks(rule, name, remark)
  if (tags.length > 0) parts.push({ tag: oneOrAll(tags) })
  if (albums.length > 0) parts.push({ album: oneOrAll(albums) })
  if (links.length > 0) parts.push({ link: links })
  if (parts.length === 0) remark(`${name}: nothing of it can be asked for, so it was left out`)
  return parts.length > 1 ? { any: parts } : parts[0]
}

/** A list only where it has more than one. */
export function oneOrAll<Item>(items: readonly Item[]): Item | readonly Item[] {
  const [only] = items
  return items.length === 1 && only !== undefined ? only : items
}

/** Of a tag by its last part: at the top, or below anything. */
function toTagTexts(tag: string): readonly string[] {
  const quoted = RE2JS.quote(tag)
  return isPlain(tag) && !tag.includes('/') ? [tag, `*/${tag}`] : [`/(?:^|\\/)${quoted}$/`]
}

/** A text that a rules file takes for itself, and not for a glob or regex. */
function isPlain(text: string): boolean {
  return !/[*?/]/u.test(text)
}

/**
 * A Python regex as one of a rules file.
 *
 * @param how - `match` begins at the beginning, `search` anywhere in any case.
 * @returns Undefined, and remarked, when RE2 has nothing like it.
 */
export function toRegexText(
  pattern: string,
  how: 'match' | 'search',
  name: string,
  remark: Remark,
): string | undefined {
  const body = toRe2(pattern)
  const text = how === 'match' ? `/^(?:${body})/` : `/${body}/i`
  try {
    parseTextPattern(text)
    return text
  } catch (error) {
    if (!(error instanceof BadPatternError)) throw error
    const says = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`
    remark(`${name}: "${pattern}" was left out: ${says}`)
    return undefined
  }
}

/** What Python writes in another way: `\Z` and `{,3}`. */
function toRe2(pattern: string): string {
  return pattern.replaceAll(/\\.|\{,(?=\d+\})/gsu, (piece) => {
    if (piece === '{,') return '{0,'
    return piece === '\\Z' ? '\\z' : piece
  })
}

function toLinks(rule: OldBlock, name: string, remark: Remark): readonly string[] {
  return toTexts(rule['asset_links']).filter((link) => {
    const isAsset = assetIdOf(link) !== undefined
    if (!isAsset) remark(`${name}: the link "${link}" names no asset, and named none before`)
    return isAsset
  })
}
