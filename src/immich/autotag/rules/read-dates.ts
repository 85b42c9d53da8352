/**
 * The parts of a rules file that repair dates: readers of file names, and where better dates come from.
 *
 * @module
 */

import type { DateRules, DateSource, NamePattern, TextPattern } from '../rules.ts'
import {
  type Fields,
  isMapping,
  type Place,
  readBoolean,
  readEntries,
  readFields,
  readItems,
  readList,
  readText,
  readWord,
  report,
  reportUnknown,
} from './place.ts'
import { readEnsure } from './read-ensured.ts'
import { type PredicateContext, readPredicate } from './read-predicate.ts'
import { readZone } from './read-settings.ts'
import { isId, readDuration, readPattern } from './values.ts'

/** The program that this replaces took 1.1 days; it lets the hours of any time zone pass. */
const DEFAULT_BY_MS = 26 * 3_600_000

const PATTERN_WORDS = ['file', 'path', 'precision', 'zone'] as const

export function readNamePatterns(place: Place | undefined): readonly NamePattern[] {
  const entries = place === undefined ? [] : (readEntries(place) ?? [])
  return entries.flatMap(({ key, keyOffset, value }) => {
    isId(value, key, keyOffset)
    return readNamePattern(value, key) ?? []
  })
}

function readNamePattern(place: Place, id: string): NamePattern | undefined {
  const fields = readFields(place, PATTERN_WORDS)
  if (fields === undefined) return undefined
  const source = fields.file ?? fields.path
  if (source === undefined) report(place, 'has neither a file nor a path', "Write file: '/(?<d>\\d{8})/'.")
  if (fields.file !== undefined && fields.path !== undefined) report(place, 'has both a file and a path')
  const pattern = source && readPattern(source)
  if (pattern === undefined) return undefined
  const looksAt = fields.file === undefined ? 'path' : 'file'
  const precision = readPrecision(place, fields.precision, pattern)
  return { id, pattern, looksAt, precision, zone: readPatternZone(fields.zone) }
}

function readPrecision(
  place: Place,
  field: Place | undefined,
  { groups }: TextPattern,
): NamePattern['precision'] {
  const hasTime = groups.includes('t')
  const precision = (field && readWord(field, ['second', 'day'])) ?? (hasTime ? 'second' : 'day')
  if (!groups.includes('d')) {
    report(place, 'has no group for the date', 'Put its digits in (?<d>...), those of the time in (?<t>...).')
  } else if (precision === 'second' && !hasTime) {
    report(
      place,
      'second needs a group for the time',
      'Put its digits in (?<t>...), or write precision: day.',
    )
  }
  return precision
}

function readPatternZone(place: Place | undefined): string {
  const { node } = place ?? {}
  const word = node !== undefined && 'value' in node ? node.value : undefined
  if (place === undefined || word === 'local' || word === 'utc') return word === 'utc' ? 'utc' : 'local'
  return readZone(place) ?? 'local'
}

const DATE_WORDS = ['where', 'sources', 'accept', 'unsure'] as const
const ACCEPT_WORDS = ['only', 'by', 'better-precision', 'same-day-keeps-time'] as const

export function readDateRules(
  place: Place | undefined,
  context: PredicateContext,
  patterns: readonly NamePattern[],
): DateRules | undefined {
  const fields = place === undefined ? undefined : readFields(place, DATE_WORDS)
  if (fields === undefined) return undefined
  return {
    where: fields.where === undefined ? { kind: 'always' } : readPredicate(fields.where, context),
    sources: readSources(
      fields.sources,
      patterns.map(({ id }) => id),
    ),
    ...readAccept(fields.accept),
    unsure: readEnsure(fields.unsure),
  }
}

function readAccept(
  place: Place | undefined,
): Pick<DateRules, 'onlyEarlier' | 'byMs' | 'betterPrecision' | 'sameDayKeepsTime'> {
  const fields: Fields<(typeof ACCEPT_WORDS)[number]> =
    place === undefined ? {} : (readFields(place, ACCEPT_WORDS) ?? {})
  const better = fields['better-precision']
  const sameDay = fields['same-day-keeps-time']
  return {
    onlyEarlier: (fields.only && readWord(fields.only, ['earlier', 'any'])) !== 'any',
    byMs: (fields.by && readDuration(fields.by)) ?? DEFAULT_BY_MS,
    betterPrecision: (better && readBoolean(better)) ?? true,
    sameDayKeepsTime: (sameDay && readBoolean(sameDay)) ?? true,
  }
}

const SOURCE_WORDS = ['exif', 'duplicates', 'patterns', 'folder'] as const

/** All that there are, the best first, where the file names none. */
function readSources(place: Place | undefined, patternIds: readonly string[]): readonly DateSource[] {
  const patterns: readonly DateSource[] =
    patternIds.length === 0 ? [] : [{ kind: 'patterns', ids: patternIds }]
  if (place === undefined) return [{ kind: 'exif' }, { kind: 'duplicates' }, ...patterns, { kind: 'folder' }]
  const items = readList(place)
  if (items.length === 0) report(place, 'no source is named')
  return items.flatMap((item): readonly DateSource[] => {
    if (isMapping(item)) return readPatternSource(item, patternIds)
    const word = readWord(item, SOURCE_WORDS)
    if (word === undefined) return []
    return word === 'patterns' ? patterns : [{ kind: word }]
  })
}

function readPatternSource(place: Place, known: readonly string[]): readonly DateSource[] {
  const fields = readFields(place, ['patterns'])
  if (fields?.patterns === undefined) return []
  const ids = readItems(fields.patterns).flatMap((item) => {
    const id = readText(item)
    if (id !== undefined && !known.includes(id)) reportUnknown(item, id, known)
    return id ?? []
  })
  return [{ kind: 'patterns', ids }]
}
