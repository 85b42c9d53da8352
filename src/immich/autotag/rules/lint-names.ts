/**
 * Names with gaps that nothing can fill: groups that no pattern has, `{tag}` where no rule for each tag is.
 *
 * @module
 */

import { findNearest } from '../../../suggest.ts'
import type { AlbumTarget, NameTemplate, Predicate, Rules } from '../rules.ts'
import type { Finding } from './lint.ts'
import { leavesOf } from './predicate-parts.ts'
import { rulePartsOf } from './rule-parts.ts'

export function* lintNames(rules: Rules): Generator<Finding> {
  for (const [index, album] of rules.albums.entries()) {
    yield* lintTemplate(album.into, `albums[${index}].into`, album.where)
  }
  for (const { where, word, predicate, ensured } of rulePartsOf(rules)) {
    const at = word === 'from' ? `${where}.to` : where
    for (const name of ensured.albums.flatMap(nameOf)) yield* lintTemplate(name, at, predicate)
  }
  for (const [index, move] of rules.moves.entries()) {
    if (move.kind === 'sync') yield* lintSync(move.album, `moves[${index}].sync.album`)
  }
}

function nameOf(target: AlbumTarget): readonly NameTemplate[] {
  return target.by === 'name' ? [target.name] : []
}

function* lintTemplate(
  { words }: NameTemplate,
  where: string,
  predicate: Predicate | undefined,
): Generator<Finding> {
  const known = predicate === undefined ? [] : groupsOf(predicate)
  for (const word of words) {
    if (/^(?:tag|album)(?:\.|$)/u.test(word)) {
      yield { severity: 'error', where, message: `{${word}} is for names of each and sync only` }
    } else if (word.startsWith('match.') && !known.includes(word.slice('match.'.length))) {
      yield toUnknownGroup(word, where, known)
    }
  }
}

function toUnknownGroup(word: string, where: string, known: readonly string[]): Finding {
  const near = findNearest(word.slice('match.'.length), known)
  const hint =
    near === undefined ? 'Name a group in its pattern: (?<name>...).' : `Did you mean {match.${near}}?`
  return { severity: 'error', where, message: `{${word}} is a group that no pattern of this rule has`, hint }
}

/** Groups that patterns can catch when the predicate holds. */
function groupsOf(predicate: Predicate): readonly string[] {
  const groups = Array.from(leavesOf(predicate), ({ leaf, isNegated }) => {
    const hasPatterns = !isNegated && (leaf.kind === 'text' || leaf.kind === 'people')
    return hasPatterns ? leaf.patterns.flatMap((pattern) => pattern.groups) : []
  })
  return groups.flat()
}

/** The album of a tag must follow from the tag alone, or two assets of one tag would be in two albums. */
function* lintSync({ words, source }: NameTemplate, where: string): Generator<Finding> {
  const other = words.find((word) => word !== 'tag' && word !== 'tag.leaf')
  if (other !== undefined) {
    yield {
      severity: 'error',
      where,
      message: `{${other}} is not known of a tag`,
      hint: 'Use {tag} or {tag.leaf}.',
    }
  } else if (words.length === 0) {
    const message = `"${source}" is the same album for every tag`
    yield { severity: 'warning', where, message, hint: 'Use {tag} or {tag.leaf}.' }
  }
}
