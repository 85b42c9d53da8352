/**
 * Predicates of a rules file, in their short forms: several words of one mapping must all hold, a list of predicates is
 * any of them, a list of texts too.
 *
 * @module
 */

import type { Visibility } from '../../api.ts'
import type { Predicate, TextField } from '../rules.ts'
import type { AssetType } from '../snapshot.ts'
import {
  isList,
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
  shorten,
} from './place.ts'
import { readDates, readDuration, readPatterns, readRating } from './values.ts'

/** What predicates need to know of the file around them. */
export interface PredicateContext {
  /** An IANA name, of dates without one. */
  readonly zone: string
  /** Ids of categories that are mentioned, to be looked up when all are known. */
  readonly mentioned: { readonly place: Place; readonly id: string }[]
}

export const VISIBILITIES: readonly Visibility[] = ['timeline', 'archive', 'hidden', 'locked']

const TYPES: readonly AssetType[] = ['image', 'video', 'audio', 'other']
const PLACE_FIELDS = ['city', 'state', 'country'] as const
const UUID = /(?<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/iu

type WordReader = (place: Place, context: PredicateContext) => Predicate | undefined

const text =
  (field: TextField): WordReader =>
  (place) => ({ kind: 'text', field, patterns: readPatterns(place) })

const dates =
  (kind: 'taken' | 'uploaded'): WordReader =>
  (place, { zone }) => {
    const range = readDates(place, zone)
    return range === undefined ? undefined : { kind, ...range }
  }

const flag =
  (kind: 'favorite' | 'duplicate'): WordReader =>
  (place) => {
    const is = readBoolean(place)
    return is === undefined ? undefined : { kind, is }
  }

const WORDS: Readonly<Record<string, WordReader>> = {
  all: (place, context) => readGroup('all', place, context),
  any: (place, context) => readGroup('any', place, context),
  not: (place, context) => ({ kind: 'not', of: readPredicate(place, context) }),
  tag: text('tag'),
  album: text('album'),
  path: text('path'),
  file: text('file'),
  camera: text('camera'),
  city: text('city'),
  state: text('state'),
  country: text('country'),
  place: readPlaceWord,
  description: text('description'),
  people: readPeople,
  link: readLinks,
  type: (place) => ({ kind: 'type', types: readWords(place, TYPES) }),
  visibility: (place) => ({ kind: 'visibility', visibilities: readWords(place, VISIBILITIES) }),
  favorite: flag('favorite'),
  rating: (place) => {
    const range = readRating(place)
    return range === undefined ? undefined : { kind: 'rating', ...range }
  },
  taken: dates('taken'),
  uploaded: dates('uploaded'),
  category: readCategories,
  'album-date-differs': (place) => {
    const byMs = readDuration(place)
    return byMs === undefined ? undefined : { kind: 'album-date-differs', byMs }
  },
  duplicate: flag('duplicate'),
}

/** All words that a predicate may have. */
export const PREDICATE_WORDS: readonly string[] = Object.keys(WORDS)

/** Reads a predicate; what is wrong is reported, and something that means nothing comes back. */
export function readPredicate(place: Place, context: PredicateContext): Predicate {
  if (isList(place)) return readGroup('any', place, context)
  const entries = readEntries(place)
  if (entries === undefined) return { kind: 'always' }
  if (entries.length === 0) report(place, 'the condition is empty', 'Leave it out to mean all assets.')
  const parts = entries.flatMap(({ key, keyOffset, value }) => {
    const reader = Object.hasOwn(WORDS, key) ? WORDS[key] : undefined
    if (reader === undefined) reportUnknown(value, key, PREDICATE_WORDS, keyOffset)
    else if (value.node === undefined) report(value, `${key} has no value`, undefined, { offset: keyOffset })
    else return reader(value, context) ?? []
    return []
  })
  return joinAll(parts)
}

function joinAll(parts: readonly Predicate[]): Predicate {
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : { kind: 'all', of: parts }
}

function readGroup(kind: 'all' | 'any', place: Place, context: PredicateContext): Predicate {
  const items = readList(place)
  if (isList(place) && items.length === 0) report(place, 'the list of conditions is empty')
  return { kind, of: items.map((item) => readPredicate(item, context)) }
}

function readPlaceWord(place: Place): Predicate | undefined {
  const fields = readFields(place, PLACE_FIELDS)
  if (fields === undefined) return undefined
  const parts = PLACE_FIELDS.flatMap((field): Predicate[] => {
    const value = fields[field]
    return value === undefined ? [] : [{ kind: 'text', field, patterns: readPatterns(value) }]
  })
  if (parts.length === 0) report(place, 'the place is empty', 'Name its city, state or country.')
  return joinAll(parts)
}

function readPeople(place: Place): Predicate | undefined {
  if (!isMapping(place)) return { kind: 'people', patterns: readPatterns(place), only: false }
  const fields = readFields(place, ['only'])
  if (fields === undefined) return undefined
  if (fields.only === undefined) report(place, 'only is missing', 'Write people: {only: [Ida, Bo]}.')
  return fields.only && { kind: 'people', patterns: readPatterns(fields.only), only: true }
}

function readWords<Word extends string>(place: Place, words: readonly Word[]): readonly Word[] {
  const items = readItems(place)
  if (items.length === 0) report(place, 'the list is empty')
  return items.flatMap((item) => readWord(item, words) ?? [])
}

/** An id, or an address of the web page of an asset: `…/photos/<id>`, `…/albums/<id>/photos/<id>`. */
function readLinks(place: Place): Predicate {
  const items = readItems(place)
  if (items.length === 0) report(place, 'the list is empty')
  return { kind: 'link', assetIds: new Set(items.flatMap((item) => readLink(item) ?? [])) }
}

function readLink(place: Place): string | undefined {
  const link = readText(place)
  if (link === undefined) return undefined
  const id = assetIdOf(link)
  if (id === undefined) {
    report(
      place,
      `"${shorten(link)}" names no asset`,
      'Copy the address of a photo, or its id, from the browser.',
    )
  }
  return id
}

/** The id of the asset that a link names: of an album alone it names none. */
export function assetIdOf(link: string): string | undefined {
  const inPath = new RegExp(`/photos/${UUID.source}(?:[/?#].*)?$`, 'iu').exec(link)?.groups?.['id']
  const alone = new RegExp(`^${UUID.source}$`, 'iu').exec(link.trim())?.groups?.['id']
  return (inPath ?? alone)?.toLowerCase()
}

function readCategories(place: Place, { mentioned }: PredicateContext): Predicate {
  const items = readItems(place)
  if (items.length === 0) report(place, 'the list is empty')
  const ids = items.flatMap((item) => {
    const id = readText(item)
    if (id !== undefined && id !== 'none' && id !== 'several') mentioned.push({ place: item, id })
    return id ?? []
  })
  return { kind: 'category', ids }
}
