/**
 * A step of a plan in words: what stands on the terminal and on the page alike.
 *
 * @module
 */

import type { AlbumRef, DateText, Step } from '../../immich/autotag/plan.ts'
import { formatCount, pluralize } from '../../units.ts'

export interface StepWords {
  /** What becomes more, what becomes less, what becomes something else. */
  readonly sign: '+' | '-' | '~'
  readonly what: string
  readonly rule: string
  /** What was there before; empty when that says nothing. */
  readonly was: string
}

/** Texts are as they came from the server: escape them for where they go. */
export function stepWords(step: Step): StepWords {
  const { rule } = step
  const words = (sign: StepWords['sign'], what: string, was = ''): StepWords => ({ sign, what, rule, was })
  switch (step.op) {
    case 'tag.add':
      return words('+', `tag ${step.tag}  ${times(step.assetIds)}`)
    case 'tag.remove':
      return words('-', `tag ${step.tag}  ${times(step.assetIds)}`)
    case 'album.create':
      return words('+', `album ${quoted(step.album)}  (new, ${assetsOf(step.assetIds)})`)
    case 'album.add':
      return words('+', `${assetsOf(step.assetIds)} into the album ${quoted(step.album)}`)
    case 'album.remove':
      return words('-', `${assetsOf(step.assetIds)} out of the album ${quoted(step.album)}`)
    case 'album.delete':
      return words('-', `album ${quoted(step.album)}  (empty)`)
    case 'date.set':
      return words(
        '~',
        `${assetsOf(step.assetIds)}  taken → ${dateWords(step.to, step.precision)}`,
        beforeWords(step.before.map((date) => (date === null ? 'no date' : date.dateTimeOriginal))),
      )
    case 'asset.set':
      return words(
        '~',
        `${assetsOf(step.assetIds)}  ${setWords(step.to)}`,
        beforeWords(step.before.map(plainWords)),
      )
    case 'share.add':
      return words('+', `${step.email} sees the album ${quoted(step.album)} as ${step.role}`)
    case 'share.role':
      return words('~', `${step.email} is ${step.role} of the album ${quoted(step.album)}`, step.before)
    case 'share.remove':
      return words('-', `${step.email} no longer sees the album ${quoted(step.album)}`, step.before)
  }
}

/** What it is called in counts: `3 dates`. */
export const STEP_KINDS: Readonly<Record<Step['op'], readonly [one: string, many: string]>> = Object.freeze({
  'tag.add': ['tag given', 'tags given'],
  'tag.remove': ['tag taken away', 'tags taken away'],
  'album.create': ['new album', 'new albums'],
  'album.add': ['addition to an album', 'additions to albums'],
  'album.remove': ['removal from an album', 'removals from albums'],
  'album.delete': ['empty album deleted', 'empty albums deleted'],
  'date.set': ['date', 'dates'],
  'asset.set': ['favourite or rating', 'favourites and ratings'],
  'share.add': ['new share', 'new shares'],
  'share.role': ['changed role', 'changed roles'],
  'share.remove': ['share taken back', 'shares taken back'],
})

/** Changes of a step: of assets, or itself where it has none. */
export function sizeOf(step: Step): number {
  return 'assetIds' in step && step.op !== 'album.create' ? step.assetIds.length : 1
}

function quoted({ name }: AlbumRef | { readonly name: string }): string {
  return `"${name}"`
}

function assetsOf(ids: readonly string[]): string {
  return pluralize(ids.length, 'asset')
}

function times(ids: readonly string[]): string {
  return `×${formatCount(ids.length)}`
}

function dateWords({ dateTimeOriginal }: DateText, precision: 'second' | 'day'): string {
  return precision === 'day' ? `${dateTimeOriginal} (day)` : dateTimeOriginal
}

function setWords(to: { readonly isFavourite: boolean } | { readonly rating: number | null }): string {
  if ('rating' in to) return `rating → ${to.rating ?? 'none'}`
  return to.isFavourite ? 'favourite' : 'no favourite'
}

function plainWords(value: boolean | number | null): string {
  if (value === null) return 'none'
  if (typeof value === 'boolean') return value ? 'favourite' : 'no favourite'
  return String(value)
}

/** The one value, or the first and how many others. */
function beforeWords(values: readonly string[]): string {
  const [first, ...others] = [...new Set(values)].toSorted()
  if (first === undefined) return ''
  return others.length === 0 ? first : `${first} and ${pluralize(others.length, 'other')}`
}
