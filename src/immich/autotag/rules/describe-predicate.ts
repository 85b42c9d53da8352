/**
 * Predicates in words, for a person who asks why.
 *
 * @module
 */

import { formatDuration } from '../../../units.ts'
import type { AssetView } from '../asset-view.ts'
import type { Predicate, TextField } from '../rules.ts'
import { textsOf } from './predicate-parts.ts'

const DAY_MS = 86_400_000

/** More than these of a list say nothing more. */
const MAX_SHOWN = 8

/** `tag is kind/scan`, `any of`. */
export function describePredicate(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'always':
      return 'always'
    case 'all':
    case 'any':
      return `${predicate.kind} of`
    case 'not':
      return 'not'
    case 'text':
      return `${predicate.field} is ${either(predicate.patterns.map(({ source }) => source))}`
    case 'people':
      return `people ${predicate.only ? 'are only' : 'are'} ${either(predicate.patterns.map(({ source }) => source))}`
    case 'link':
      return `is ${either([...predicate.assetIds])}`
    case 'type':
      return `type is ${either(predicate.types)}`
    case 'visibility':
      return `visibility is ${either(predicate.visibilities)}`
    case 'category':
      return `category is ${either(predicate.ids)}`
    case 'album-date-differs':
    case 'duplicate':
    case 'favorite':
    case 'rating':
    case 'taken':
    case 'uploaded':
      return describeMeasure(predicate)
  }
}

function describeMeasure(
  predicate: Extract<
    Predicate,
    { readonly kind: 'favorite' | 'rating' | 'taken' | 'uploaded' | 'album-date-differs' | 'duplicate' }
  >,
): string {
  switch (predicate.kind) {
    case 'favorite':
      return predicate.is ? 'is a favorite' : 'is no favorite'
    case 'duplicate':
      return predicate.is ? 'has duplicates' : 'has no duplicates'
    case 'rating':
      return `rating is ${predicate.min}..${predicate.max}`
    case 'album-date-differs':
      return `album date differs by more than ${formatSpan(predicate.byMs)}`
    case 'taken':
    case 'uploaded':
      return `${predicate.kind} ${formatInstant(predicate.fromMs)}..${formatInstant(predicate.toMs)}`
  }
}

/** `has trip/2019, auto/unsorted`; empty for all, any and not. */
export function describeSeen(predicate: Predicate, view: AssetView): string {
  const { asset } = view
  switch (predicate.kind) {
    case 'always':
    case 'all':
    case 'any':
    case 'not':
      return ''
    case 'text':
      return describeTexts(predicate.field, view)
    case 'people':
      return has(asset.people ?? [], 'nobody that has a name')
    case 'link':
      return `is ${asset.id}`
    case 'type':
      return `is ${asset.type}`
    case 'visibility':
      return `is in ${asset.visibility}`
    case 'category':
      return has(view.categories, 'no category')
    case 'album-date-differs':
    case 'duplicate':
    case 'favorite':
    case 'rating':
    case 'taken':
    case 'uploaded':
      return describeMeasured(predicate.kind, view)
  }
}

function describeMeasured(
  kind: 'favorite' | 'rating' | 'taken' | 'uploaded' | 'album-date-differs' | 'duplicate',
  view: AssetView,
): string {
  const { asset } = view
  switch (kind) {
    case 'favorite':
      return asset.isFavourite ? 'is a favorite' : 'is no favorite'
    case 'duplicate':
      return view.hasDuplicates ? 'has duplicates' : 'has no duplicates'
    case 'rating':
      return asset.rating === undefined ? 'has no rating' : `is ${asset.rating}`
    case 'taken':
      return view.takenMs === undefined ? 'has no date' : `was ${formatInstant(view.takenMs)}`
    case 'uploaded':
      return `was ${formatInstant(asset.uploadedAtMs)}`
    case 'album-date-differs':
      return view.albumDateDiffersMs === undefined
        ? 'is in no dated album, or has no date'
        : `differs by ${formatSpan(view.albumDateDiffersMs)}`
  }
}

function describeTexts(field: TextField, view: AssetView): string {
  if (field === 'tag') return has([...view.tags], 'no tag')
  return has([...textsOf(field, view)], field === 'album' ? 'no album' : `no ${field}`)
}

function has(texts: readonly string[], none: string): string {
  if (texts.length === 0) return `has ${none}`
  const more = texts.length > MAX_SHOWN ? ` and ${texts.length - MAX_SHOWN} more` : ''
  return `has ${texts.slice(0, MAX_SHOWN).join(', ')}${more}`
}

function either(texts: readonly string[]): string {
  const more = texts.length > MAX_SHOWN ? ` or ${texts.length - MAX_SHOWN} more` : ''
  return `${texts.slice(0, MAX_SHOWN).join(' or ')}${more}`
}

/** `2019-06-02T10:00Z`; empty at the ends of the calendar, which stand for no limit. */
function formatInstant(ms: number): string {
  if (!(Math.abs(ms) < 8.64e15)) return ''
  return new Date(ms).toISOString().replace(/:\d\d\.\d{3}Z$/u, 'Z')
}

/** `180 days`, `26 h 00 min`. */
function formatSpan(ms: number): string {
  return ms >= 2 * DAY_MS ? `${Math.floor(ms / DAY_MS)} days` : formatDuration(ms)
}
