/**
 * Names with gaps: `Inbox {taken:yyyy-MM-dd}`, `{match.name}`, `{path[-1]}`.
 *
 * A gap whose value is missing leaves the whole name undefined: an album called `Inbox undefined` helps nobody.
 *
 * @module
 */

import { HeirloomError } from '../../../errors.ts'
import { didYouMean } from '../../../suggest.ts'
import type { NameTemplate, TemplateValues } from '../rules.ts'
import { foldersOf } from './folders.ts'

type Piece = (values: TemplateValues) => string | undefined

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

/** Words between braces that are no pattern of their own. */
const WORDS: Readonly<Record<string, Piece>> = {
  file: ({ fileName }) => fileName,
  tag: ({ tag }) => tag,
  'tag.leaf': ({ tag }) => tag?.slice(tag.lastIndexOf('/') + 1),
  album: ({ album }) => album,
  'place.city': ({ place }) => place.city,
  'place.state': ({ place }) => place.state,
  'place.country': ({ place }) => place.country,
  'camera.make': ({ camera }) => camera.make,
  'camera.model': ({ camera }) => camera.model,
}

/** Those that take something more, as they are suggested. */
const FORMS = ['taken:yyyy-MM-dd', 'path[-1]', 'match.name']

/** Parts of a date, from a date as if UTC. */
const DATE_PARTS: Readonly<Record<string, (date: Date) => string>> = {
  yyyy: (date) => digits(date.getUTCFullYear(), 4),
  yy: (date) => digits(date.getUTCFullYear() % 100, 2),
  MMMM: (date) => MONTHS[date.getUTCMonth()] ?? '',
  MMM: (date) => (MONTHS[date.getUTCMonth()] ?? '').slice(0, 3),
  MM: (date) => digits(date.getUTCMonth() + 1, 2),
  dd: (date) => digits(date.getUTCDate(), 2),
  HH: (date) => digits(date.getUTCHours(), 2),
  mm: (date) => digits(date.getUTCMinutes(), 2),
  ss: (date) => digits(date.getUTCSeconds(), 2),
}

/** Thrown for a template that says something unknown. */
export class BadTemplateError extends HeirloomError {
  readonly code = 'autotag/bad-template'
  readonly recovery = 'discard'
  /** Where in the source, in UTF-16 units from 0. */
  readonly offset: number

  constructor(message: string, offset: number, hint?: string) {
    super(message, hint === undefined ? {} : { hint })
    this.offset = offset
  }
}

/**
 * Compiles a name; `{{` and `}}` stand for one brace.
 *
 * @throws {@link BadTemplateError}
 */
export function parseNameTemplate(source: string): NameTemplate {
  const pieces: Piece[] = []
  const words: string[] = []
  for (const { text, word, offset } of splitTemplate(source)) {
    if (word === undefined) pieces.push(() => text)
    else {
      words.push(word)
      pieces.push(toPiece(word, offset))
    }
  }
  return { source, words, fill: (values) => fill(pieces, values) }
}

/** The name that an album of this template has whatever the asset; undefined when it has gaps. */
export function fixedNameOf(template: NameTemplate): string | undefined {
  return template.words.length === 0 ? template.fill(NO_VALUES) : undefined
}

const NO_VALUES: TemplateValues = {
  wallClockMs: undefined,
  path: '',
  fileName: '',
  place: { city: undefined, state: undefined, country: undefined },
  camera: { make: undefined, model: undefined },
  match: {},
  tag: undefined,
  album: undefined,
}

function fill(pieces: readonly Piece[], values: TemplateValues): string | undefined {
  let name = ''
  for (const piece of pieces) {
    const text = piece(values)
    if (text === undefined || text === '') return undefined
    name += text
  }
  const trimmed = name.trim()
  return trimmed === '' ? undefined : trimmed
}

interface Split {
  /** With its double braces made single. */
  readonly text: string
  readonly word: string | undefined
  readonly offset: number
}

function* splitTemplate(source: string): Generator<Split> {
  const piece = /\{\{|\}\}|\{(?<word>[^{}]*)\}|\{|\}|[^{}]+/gu
  for (const { 0: text, index, groups } of source.matchAll(piece)) {
    if (text === '{') throw new BadTemplateError('a brace is not closed', index, 'Write {{ for a brace.')
    const word = groups?.['word']
    yield { text: text === '{{' || text === '}}' ? text.slice(1) : text, word: word?.trim(), offset: index }
  }
}

function toPiece(word: string, offset: number): Piece {
  if (word.startsWith('taken:')) return toDatePiece(word.slice('taken:'.length), offset + '{taken:'.length)
  const index = /^path\[(?<index>-?\d{1,3})\]$/u.exec(word)?.groups?.['index']
  if (index !== undefined) return ({ path }) => foldersOf(path).at(Number(index))
  const group = /^match\.(?<group>[A-Za-z_]\w*)$/u.exec(word)?.groups?.['group']
  if (group !== undefined) return ({ match }) => (Object.hasOwn(match, group) ? match[group] : undefined)
  const known = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined
  if (known !== undefined) return known
  const all = [...Object.keys(WORDS), ...FORMS]
  const near = didYouMean(word, all)
  throw new BadTemplateError(
    `the name has an unknown word {${word}}${near}`,
    offset,
    near === '' ? `Known are {${all.join('}, {')}}.` : undefined,
  )
}

function toDatePiece(format: string, offset: number): Piece {
  const parts: ((date: Date) => string)[] = []
  for (const { 0: text, index } of format.matchAll(/(?<letter>[A-Za-z])\k<letter>*|[^A-Za-z]+/gu)) {
    if (/^[A-Za-z]/u.test(text)) parts.push(toDatePart(text, offset + index))
    else parts.push(() => text)
  }
  if (parts.length === 0) {
    throw new BadTemplateError('the date has no format', offset, 'Write it as {taken:yyyy-MM-dd}.')
  }
  return ({ wallClockMs }) => {
    if (wallClockMs === undefined) return undefined
    const date = new Date(wallClockMs)
    return Number.isNaN(date.getTime()) ? undefined : parts.map((part) => part(date)).join('')
  }
}

function toDatePart(text: string, offset: number): (date: Date) => string {
  const part = Object.hasOwn(DATE_PARTS, text) ? DATE_PARTS[text] : undefined
  if (part !== undefined) return part
  const known = Object.keys(DATE_PARTS).join(', ')
  throw new BadTemplateError(`the date has an unknown part "${text}"`, offset, `Known are ${known}.`)
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0')
}
