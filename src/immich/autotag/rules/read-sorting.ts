/**
 * The parts of a rules file that put assets where they belong: moves, categories, duplicates, albums and checks.
 *
 * @module
 */

import type {
  AlbumRule,
  Category,
  CategoryRules,
  CheckRule,
  DuplicateRules,
  MoveRule,
  SyncRule,
} from '../rules.ts'
import {
  type Fields,
  type Place,
  readBoolean,
  readFields,
  readList,
  readWhole,
  readWord,
  report,
} from './place.ts'
import { NOTHING_ENSURED, readEnsure, readEnsureField, readTargets } from './read-ensured.ts'
import { type PredicateContext, readPredicate } from './read-predicate.ts'
import { readDuration, readId, readPatterns, readTemplate } from './values.ts'

/** More folders than that are no name of an album. */
const MAX_DEPTH = 10

/** Ids that predicates give another meaning. */
const RESERVED_CATEGORIES = ['none', 'several']

/** The items of a list of rules, with an id that no other of the list has. */
export function readRuleList<Rule extends { readonly id: string }>(
  place: Place | undefined,
  read: (item: Place, index: number) => Rule | undefined,
): readonly Rule[] {
  if (place === undefined) return []
  const seen = new Set<string>()
  return readList(place).flatMap((item, index) => {
    const rule = read(item, index)
    if (rule === undefined) return []
    if (seen.has(rule.id)) report(item, `the id ${rule.id} is there already`)
    seen.add(rule.id)
    return [rule]
  })
}

const MOVE_WORDS = ['id', 'from', 'to', 'mode', 'create', 'each', 'sync', 'direction'] as const
type MoveFields = Fields<(typeof MOVE_WORDS)[number]>

export function readMoves(
  place: Place | undefined,
  context: PredicateContext,
): readonly (MoveRule | SyncRule)[] {
  return readRuleList<MoveRule | SyncRule>(place, (item, index) => {
    const fields = readFields(item, MOVE_WORDS)
    if (fields === undefined) return undefined
    const id = readId(fields.id, `move-${index + 1}`)
    const isSync = fields.each !== undefined || fields.sync !== undefined || fields.direction !== undefined
    return isSync ? readSync(item, fields, id) : readMove(item, fields, id, context)
  })
}

function readMove(place: Place, fields: MoveFields, id: string, context: PredicateContext): MoveRule {
  return {
    kind: 'move',
    id,
    from: readNeeded(place, 'from', fields.from, (from) => readPredicate(from, context)) ?? {
      kind: 'always',
    },
    to: readNeeded(place, 'to', fields.to, readTargets) ?? NOTHING_ENSURED,
    mode: (fields.mode && readWord(fields.mode, ['move', 'copy'])) ?? 'move',
    create: (fields.create && readBoolean(fields.create)) ?? true,
  }
}

function readSync(place: Place, fields: MoveFields, id: string): SyncRule | undefined {
  for (const word of ['from', 'to', 'mode', 'create'] as const) {
    const other = fields[word]
    if (other !== undefined) report(other, `${word} does not go together with each and sync`)
  }
  const each = readNeeded(place, 'each', fields.each, (it) => readFields(it, ['tag']))
  const sync = readNeeded(place, 'sync', fields.sync, (it) => readFields(it, ['album']))
  const tags = fields.each && each && readNeeded(fields.each, 'tag', each.tag, readPatterns)
  const album = fields.sync && sync && readNeeded(fields.sync, 'album', sync.album, readTemplate)
  const directions = ['tag-to-album', 'album-to-tag', 'both'] as const
  const direction = (fields.direction && readWord(fields.direction, directions)) ?? 'tag-to-album'
  return tags && album && { kind: 'sync', id, tags, album, direction }
}

/** A value that must be there. */
export function readNeeded<Value>(
  place: Place,
  word: string,
  field: Place | undefined,
  read: (place: Place) => Value,
): Value | undefined {
  if (field !== undefined) return read(field)
  report(place, `${word} is missing`)
  return undefined
}

const CATEGORY_WORDS = ['exactly', 'unsorted', 'clash', 'list'] as const

export function readCategoryRules(
  place: Place | undefined,
  context: PredicateContext,
): CategoryRules | undefined {
  const fields = place === undefined ? undefined : readFields(place, CATEGORY_WORDS)
  if (place === undefined || fields === undefined) return undefined
  if (fields.exactly !== undefined) readWord(fields.exactly, ['one'])
  const clash = fields.clash && readFields(fields.clash, ['ensure', 'also'])
  return {
    unsorted: readEnsure(fields.unsorted),
    clash: fields.clash && clash ? readEnsureField(fields.clash, clash) : NOTHING_ENSURED,
    severalAlbumsClash: (clash?.also && readWord(clash.also, ['several-albums'])) !== undefined,
    list: readRuleList(fields.list, (item, index) => readCategory(item, index, context)),
  }
}

function readCategory(place: Place, index: number, context: PredicateContext): Category | undefined {
  const fields = readFields(place, ['id', 'is'])
  if (fields === undefined) return undefined
  const id = readId(fields.id, `category-${index + 1}`)
  if (RESERVED_CATEGORIES.includes(id)) report(fields.id ?? place, `${id} cannot be the id of a category`)
  const is = readNeeded(place, 'is', fields.is, (it) => readPredicate(it, context))
  return is && { id, is }
}

const DUPLICATE_WORDS = ['carry', 'to', 'conflict'] as const
const CARRY_WORDS = ['tags', 'albums', 'favorite', 'rating', 'date'] as const

export function readDuplicateRules(place: Place | undefined): DuplicateRules | undefined {
  const fields = place === undefined ? undefined : readFields(place, DUPLICATE_WORDS)
  if (fields === undefined) return undefined
  return {
    carry: readCarry(fields.carry),
    to: (fields.to && readWord(fields.to, ['each', 'kept'])) ?? 'each',
    conflict: readConflict(fields.conflict),
  }
}

function readCarry(place: Place | undefined): DuplicateRules['carry'] {
  const fields: Fields<(typeof CARRY_WORDS)[number]> =
    place === undefined ? {} : (readFields(place, CARRY_WORDS) ?? {})
  return {
    tags: (fields.tags && readWord(fields.tags, ['none', 'union-of-category', 'union'])) ?? 'none',
    albums: (fields.albums && readWord(fields.albums, ['none', 'category-albums', 'all'])) ?? 'none',
    favorite: (fields.favorite && readWord(fields.favorite, ['none', 'any'])) ?? 'none',
    rating: (fields.rating && readWord(fields.rating, ['none', 'max'])) ?? 'none',
    date: (fields.date && readWord(fields.date, ['none', 'most-precise'])) ?? 'none',
  }
}

function readConflict(place: Place | undefined): DuplicateRules['conflict'] {
  const fields = place === undefined ? undefined : readFields(place, ['ensure', 'group-album'])
  if (place === undefined || fields === undefined) return NOTHING_ENSURED
  const groups = fields['group-album']
  if (groups !== undefined && readBoolean(groups) === true) {
    report(
      groups,
      'an album for each group is not made',
      'The plan lists the groups; write group-album: false.',
    )
  }
  return readEnsureField(place, fields)
}

const ALBUM_WORDS = [
  'id',
  'where',
  'into',
  'depth',
  'follow-moves',
  'several',
  'holding',
  'max-span',
  'delete-empty',
] as const

export function readAlbumRules(place: Place | undefined, context: PredicateContext): readonly AlbumRule[] {
  return readRuleList(place, (item, index) => {
    const fields = readFields(item, ALBUM_WORDS)
    return fields && readAlbumRule(item, fields, index, context)
  })
}

function readAlbumRule(
  place: Place,
  fields: Fields<(typeof ALBUM_WORDS)[number]>,
  index: number,
  context: PredicateContext,
): AlbumRule | undefined {
  const into = readNeeded(place, 'into', fields.into, readTemplate)
  const rule = {
    id: readId(fields.id, `album-${index + 1}`),
    where: readNeeded(place, 'where', fields.where, (it) => readPredicate(it, context)),
    depth: (fields.depth && readWhole(fields.depth, 0, MAX_DEPTH)) ?? 0,
    followMoves: readSwitch(fields['follow-moves']),
    several: readEnsure(fields.several),
    holding: readSwitch(fields.holding),
    maxSpanMs: fields['max-span'] && readDuration(fields['max-span']),
    deleteEmpty: readSwitch(fields['delete-empty']),
  }
  if (fields['max-span'] !== undefined && !rule.holding) {
    report(fields['max-span'], 'max-span is for holding albums', 'Write holding: true, or leave it out.')
  }
  return into && rule.where && { ...rule, where: rule.where, into }
}

function readSwitch(place: Place | undefined): boolean {
  return (place && readBoolean(place)) ?? false
}

export function readChecks(place: Place | undefined, context: PredicateContext): readonly CheckRule[] {
  return readRuleList(place, (item, index) => {
    const fields = readFields(item, ['id', 'when', 'ensure'])
    if (fields === undefined) return undefined
    const id = readId(fields.id, `check-${index + 1}`)
    const when = readNeeded(item, 'when', fields.when, (it) => readPredicate(it, context))
    const ensure = readEnsureField(item, fields)
    return when && { id, when, ensure }
  })
}
