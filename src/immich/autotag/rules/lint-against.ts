/**
 * What is wrong with rules for one library: names that it does not have, names that it has twice, patterns that match
 * nothing in it. Typing errors mostly, and each of them would pass as "nothing to do".
 *
 * @module
 */

import { findNearest } from '../../../suggest.ts'
import type {
  Ensured,
  NamePattern,
  Predicate,
  Rules,
  RulesProblem,
  TextField,
  TextPattern,
} from '../rules.ts'
import type { Snapshot, SnapshotAsset } from '../snapshot.ts'
import { type Finding, toProblems } from './lint.ts'
import { fixedNameOf } from './name-template.ts'
import { leavesOf, withParents } from './predicate-parts.ts'
import type { Locate } from './read-rules.ts'
import { rulePartsOf, syncsOf } from './rule-parts.ts'

/** Everything that a library knows by name, each looked up when it is asked for first. */
interface Known {
  textsOf(field: TextField | 'people'): ReadonlySet<string>
}

/** Problems of rules with a library as it is; in the order of the file. */
export function lintAgainst(rules: Rules, snapshot: Snapshot, locate: Locate): readonly RulesProblem[] {
  const known = toKnown(rules, snapshot)
  const findings = [
    ...lintPredicates(rules, snapshot, known),
    ...lintTargets(rules, snapshot),
    ...lintSyncs(rules, known),
    ...lintNamePatterns(rules.patterns, snapshot),
    ...lintAddresses(rules, snapshot),
  ]
  return toProblems(findings, locate)
}

function toKnown(rules: Rules, snapshot: Snapshot): Known {
  const found = new Map<string, ReadonlySet<string>>()
  return {
    textsOf: (field) => {
      const texts = found.get(field) ?? new Set(allTexts(field, rules, snapshot))
      found.set(field, texts)
      return texts
    },
  }
}

function* allTexts(field: TextField | 'people', rules: Rules, snapshot: Snapshot): Generator<string> {
  if (field === 'tag') yield* allTags(rules, snapshot)
  else if (field === 'album') yield* allAlbums(rules, snapshot)
  else for (const asset of snapshot.assets.values()) yield* textsOfAsset(field, asset)
}

/** Of the server, and those that rules will make. */
function* allTags(rules: Rules, { tags }: Snapshot): Generator<string> {
  for (const { value } of tags.values()) yield* withParents(value)
  for (const { ensured } of rulePartsOf(rules)) for (const tag of ensured.tags) yield* withParents(tag)
}

function* allAlbums(rules: Rules, { albums }: Snapshot): Generator<string> {
  for (const { name } of albums.values()) yield name
  for (const { ensured } of rulePartsOf(rules)) {
    yield* fixedNamesOf(ensured)
  }
  for (const { into } of rules.albums) yield* optional(fixedNameOf(into))
}

function optional(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : [text]
}

function textsOfAsset(
  field: Exclude<TextField, 'tag' | 'album'> | 'people',
  asset: SnapshotAsset,
): readonly string[] {
  switch (field) {
    case 'path':
      return [asset.path]
    case 'file':
      return [asset.fileName]
    case 'camera':
      return optional([...optional(asset.camera.make), ...optional(asset.camera.model)].join(' '))
    case 'description':
      return optional(asset.description)
    case 'people':
      return asset.people ?? []
    case 'city':
    case 'state':
    case 'country':
      return optional(asset.place[field])
  }
}

function* lintPredicates(rules: Rules, snapshot: Snapshot, known: Known): Generator<Finding> {
  for (const { where, word, predicate } of rulePartsOf(rules)) {
    if (predicate === undefined) continue
    for (const { leaf } of leavesOf(predicate)) yield* lintLeaf(leaf, `${where}.${word}`, snapshot, known)
  }
}

function* lintLeaf(leaf: Predicate, where: string, snapshot: Snapshot, known: Known): Generator<Finding> {
  if (leaf.kind === 'link') {
    for (const id of leaf.assetIds) {
      if (snapshot.assets.has(id)) continue
      yield { severity: 'warning', where, message: `the asset ${id} is not in the library, or out of scope` }
    }
  }
  if (leaf.kind !== 'text' && leaf.kind !== 'people') return
  const field = leaf.kind === 'people' ? 'people' : leaf.field
  for (const pattern of leaf.patterns) yield* lintPattern(field, pattern, where, known.textsOf(field))
}

function* lintPattern(
  field: TextField | 'people',
  pattern: TextPattern,
  where: string,
  texts: ReadonlySet<string>,
): Generator<Finding> {
  for (const text of texts) if (pattern.match(text) !== undefined) return
  const { source, kind } = pattern
  if (kind !== 'text') {
    yield { severity: 'warning', where, message: `${field} ${source} matches nothing in this library` }
    return
  }
  yield {
    severity: 'warning',
    where,
    message: `the library has no ${nounOf(field)} "${source}"`,
    hint: nearest(source, texts),
  }
}

function nounOf(field: TextField | 'people'): string {
  return field === 'people' ? 'person' : field
}

/** Looked for among so many at most: comparing is by letters, and paths are no names to guess. */
const MAX_GUESSES = 10_000

function nearest(text: string, texts: ReadonlySet<string>): string | undefined {
  const near = texts.size > MAX_GUESSES ? undefined : findNearest(text, [...texts])
  return near === undefined ? undefined : `Did you mean ${near}?`
}

/** Albums that rules put assets into: their name must mean one album. */
function* lintTargets(rules: Rules, snapshot: Snapshot): Generator<Finding> {
  const counts = new Map<string, number>()
  for (const album of snapshot.albums.values()) {
    const name = toAlbumName(album.name)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  for (const { rule, where, name } of namedTargets(rules)) {
    const count = counts.get(toAlbumName(name)) ?? 0
    if (count < 2) continue
    yield {
      severity: 'error',
      where,
      message: `${count} albums are called "${name}", so ${rule} cannot tell which is meant`,
      hint: 'Rename all but one, or name it by its id: album: {id: ...}.',
    }
  }
  yield* lintAlbumIds(rules, snapshot)
  yield* lintMissing(rules, counts)
}

interface NamedTarget {
  readonly rule: string
  readonly where: string
  readonly name: string
}

function namedTargets(rules: Rules): readonly NamedTarget[] {
  return [
    ...rulePartsOf(rules).flatMap(({ rule, where, ensured }) =>
      fixedNamesOf(ensured).map((name) => ({ rule, where, name })),
    ),
    ...rules.albums.flatMap(({ id, into }, index) =>
      optional(fixedNameOf(into)).map((name) => ({
        rule: `albums/${id}`,
        where: `albums[${index}].into`,
        name,
      })),
    ),
  ]
}

/** Names of albums that are the same for every asset. */
function fixedNamesOf({ albums }: Ensured): readonly string[] {
  return albums.flatMap((target) => (target.by === 'name' ? optional(fixedNameOf(target.name)) : []))
}

function* lintAlbumIds(rules: Rules, { albums }: Snapshot): Generator<Finding> {
  for (const { where, ensured } of rulePartsOf(rules)) {
    for (const target of ensured.albums) {
      if (target.by === 'name' || albums.has(target.id)) continue
      yield { severity: 'error', where, message: `the album ${target.id} is not in this library` }
    }
  }
}

/** Moves that may not make their album. */
function* lintMissing(rules: Rules, counts: ReadonlyMap<string, number>): Generator<Finding> {
  for (const [index, move] of rules.moves.entries()) {
    if (move.kind !== 'move' || move.create) continue
    for (const name of fixedNamesOf(move.to).filter((one) => !counts.has(toAlbumName(one)))) {
      const hint = nearest(name, new Set(counts.keys())) ?? 'Write create: true.'
      const message = `the album "${name}" is not there, and moves/${move.id} may not make it`
      yield { severity: 'warning', where: `moves[${index}].to`, message, hint }
    }
  }
}

/** Names are the same letter by letter; the server allows several albums of one name. */
function toAlbumName(name: string): string {
  return name.normalize('NFC').trim()
}

function* lintSyncs(rules: Rules, known: Known): Generator<Finding> {
  for (const sync of syncsOf(rules)) {
    if (sync.direction === 'album-to-tag') continue
    const where = `moves[${rules.moves.indexOf(sync)}].each.tag`
    for (const pattern of sync.tags) yield* lintPattern('tag', pattern, where, known.textsOf('tag'))
  }
}

function* lintNamePatterns(patterns: readonly NamePattern[], { assets }: Snapshot): Generator<Finding> {
  for (const { id, pattern, looksAt } of patterns) {
    const isUsed = assets.values().some(({ path, fileName }) => {
      return pattern.match(looksAt === 'file' ? fileName : path) !== undefined
    })
    if (!isUsed) {
      const message = `patterns.${id} matches no ${looksAt} in this library`
      yield { severity: 'warning', where: `patterns.${id}`, message }
    }
  }
}

/** A typing error in an address must be seen before anything is shared, or taken away. */
function* lintAddresses({ sharing }: Rules, { users }: Snapshot): Generator<Finding> {
  if (sharing === undefined || users.length === 0) return
  const emails = new Set(users.map(({ email }) => email.toLowerCase()))
  const severity = sharing.unresolved === 'stop' ? 'error' : 'warning'
  for (const [index, rule] of sharing.list.entries()) {
    for (const { email } of rule.grants) {
      if (emails.has(email)) continue
      const message = `nobody on the server has the address ${email}`
      yield { severity, where: `sharing.list[${index}].grant`, message, hint: nearest(email, emails) }
    }
  }
}
