/**
 * The part of a rules file that shares albums: groups of addresses, and who sees which albums.
 *
 * @module
 */

import type { Grant, SharingRule, SharingRules } from '../rules.ts'
import type { AlbumRole } from '../snapshot.ts'
import {
  type Entry,
  type Fields,
  type Place,
  readBoolean,
  readEntries,
  readFields,
  readItems,
  readText,
  readWord,
  report,
  reportUnknown,
  shorten,
} from './place.ts'
import { readNeeded, readRuleList } from './read-sorting.ts'
import { readId, readPatterns, readTexts } from './values.ts'

type Groups = ReadonlyMap<string, readonly string[]>

const SHARING_WORDS = ['groups', 'unresolved', 'list', 'merge'] as const
const ROLES: readonly AlbumRole[] = ['viewer', 'editor']

export function readSharing(place: Place | undefined): SharingRules | undefined {
  const fields = place === undefined ? undefined : readFields(place, SHARING_WORDS)
  if (fields === undefined) return undefined
  const groups = readGroups(fields.groups)
  const merge = (fields.merge && readWord(fields.merge, ['strongest', 'last'])) ?? 'strongest'
  return {
    unresolved: (fields.unresolved && readWord(fields.unresolved, ['stop', 'skip'])) ?? 'stop',
    merge,
    list: readRuleList(fields.list, (item, index) => readRule(item, index, groups, merge)),
  }
}

function readGroups(place: Place | undefined): Groups {
  const entries = place === undefined ? [] : (readEntries(place) ?? [])
  return new Map(
    entries.map(({ key, value }) => {
      if (isEmail(key)) report(value, `"${shorten(key)}" is an address and no name of a group`)
      return [key, readItems(value).flatMap((item) => readEmail(item) ?? [])]
    }),
  )
}

function readEmail(place: Place): string | undefined {
  const email = readText(place)?.trim().toLowerCase()
  if (email === undefined || isEmail(email)) return email
  report(place, `"${shorten(email)}" is no address`, 'Write it as ada@example.org.')
  return undefined
}

function isEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+$/u.test(text)
}

const RULE_WORDS = ['id', 'albums', 'grant', 'exact'] as const

function readRule(
  place: Place,
  index: number,
  groups: Groups,
  merge: SharingRules['merge'],
): SharingRule | undefined {
  const fields = readFields(place, RULE_WORDS)
  if (fields === undefined) return undefined
  const albums = readNeeded(place, 'albums', fields.albums, readAlbums)
  const grants = readNeeded(place, 'grant', fields.grant, (it) => readGrants(it, groups, merge))
  const exact = (fields.exact && readBoolean(fields.exact)) ?? false
  return albums && grants && { id: readId(fields.id, `sharing-${index + 1}`), ...albums, grants, exact }
}

function readAlbums(place: Place): Pick<SharingRule, 'words' | 'names'> {
  const fields: Fields<'word' | 'name'> = readFields(place, ['word', 'name']) ?? {}
  if (fields.word === undefined && fields.name === undefined) report(place, 'has neither a word nor a name')
  return {
    words: fields.word === undefined ? [] : readWords(fields.word),
    names: fields.name === undefined ? [] : readPatterns(fields.name),
  }
}

/** Names of albums are divided at blanks, `-`, `_` and `.`, so a word with one of them is never found. */
function readWords(place: Place): readonly string[] {
  return readTexts(place).map((word) => {
    if (/[\s._-]/u.test(word)) {
      report(
        place,
        `"${shorten(word)}" is more than one word`,
        'Write name: "*...*" to look for parts of a name.',
      )
    }
    return word.toLowerCase()
  })
}

function readGrants(place: Place, groups: Groups, merge: SharingRules['merge']): readonly Grant[] {
  const roles = new Map<string, AlbumRole>()
  for (const entry of readEntries(place) ?? []) {
    const role = readRole(entry.value)
    for (const email of emailsOf(entry, groups)) {
      const before = roles.get(email)
      roles.set(email, merge === 'strongest' && before === 'editor' ? before : role)
    }
  }
  if (roles.size === 0) report(place, 'grants nobody anything')
  return Array.from(roles, ([email, role]) => ({ email, role }))
}

function emailsOf({ key, keyOffset, value }: Entry, groups: Groups): readonly string[] {
  if (isEmail(key)) return [key.toLowerCase()]
  const emails = groups.get(key)
  if (emails === undefined) reportUnknown(value, key, [...groups.keys()], keyOffset)
  return emails ?? []
}

/** Immich has no other roles in an album: who asks for `admin` must not get less without being told. */
function readRole(place: Place): AlbumRole {
  const role = readText(place)
  const known = ROLES.find((candidate) => candidate === role)
  if (role !== undefined && known === undefined) {
    report(place, `"${shorten(role)}" is no role in an album`, 'Immich has viewer and editor.')
  }
  return known ?? 'viewer'
}
