/**
 * Texts of a rules file that are compared with texts of a library: `text`, `glob*` or `/regex/`.
 *
 * Regular expressions come from people (and from files of other people), so they run on RE2, whose time grows with the
 * text only. It is some 3 µs a text, and a library has 26,000 paths that dozens of patterns look at several times: what a
 * text gave is remembered, up to a limit that keeps the memory small.
 *
 * @module
 */

import { RE2JS } from 're2js'
import { HeirloomError } from '../../../errors.ts'
import type { TextMatch, TextPattern } from '../rules.ts'

type Groups = Readonly<Record<string, string>>

/** Nobody writes one that long by hand; RE2 compiles it in some milliseconds. */
const MAX_REGEX_LENGTH = 2000

/** Names of albums and tags repeat and are fewer; paths do not, and comparing them is cheap. */
const MAX_REMEMBERED_TEXTS = 4096

/** Paths of most libraries; some 50 bytes each. */
const MAX_REMEMBERED_MATCHES = 32_768

/** Of a text that was looked at and does not match. */
const NONE = Symbol('no match')

const NO_GROUPS: Groups = Object.freeze({})

/** Thrown for a regular expression that RE2 does not take. */
export class BadPatternError extends HeirloomError {
  readonly code = 'autotag/bad-pattern'
  readonly recovery = 'discard'
  /** Where in the source, in UTF-16 units from 0. */
  readonly offset: number

  constructor(message: string, offset: number, hint?: string) {
    super(message, hint === undefined ? {} : { hint })
    this.offset = offset
  }
}

/**
 * Compiles a text of a rules file.
 *
 * @throws {@link BadPatternError}
 */
export function parseTextPattern(source: string): TextPattern {
  const { body, flags } = /^\/(?<body>.*)\/(?<flags>[a-zA-Z]{0,6})$/su.exec(source)?.groups ?? {}
  if (body !== undefined && flags !== undefined && isFlags(flags)) return toRegex(source, body, flags)
  return source.includes('*') || source.includes('?') ? toGlob(source) : toExact(source)
}

/** Letters that are flags somewhere, each once: `/mnt/photos` is a path and not a regex. */
function isFlags(flags: string): boolean {
  return /^[dgimsuvxy]*$/u.test(flags) && new Set(flags).size === flags.length
}

/** Of all patterns together: each asks for the same paths and names again. */
const folded = new Map<string, string>()

/** As texts are compared: letters of any case and both ways to write an accent are equal. */
export function foldText(text: string): string {
  const known = folded.get(text)
  if (known !== undefined) return known
  if (folded.size >= MAX_REMEMBERED_MATCHES) folded.clear()
  const fold = text.normalize('NFC').toLowerCase()
  folded.set(text, fold)
  return fold
}

function toExact(source: string): TextPattern {
  const wanted = foldText(source)
  return toWhole(source, 'text', (text) => foldText(text) === wanted)
}

function toGlob(source: string): TextPattern {
  const pieces = foldText(source).split('*')
  const test = source.includes('?') ? matchesPieces : matchesPlainPieces
  return toWhole(source, 'glob', (text) => test(foldText(text), pieces))
}

function toWhole(source: string, kind: 'text' | 'glob', test: (text: string) => boolean): TextPattern {
  const known = new Map<string, boolean>()
  const holds = (text: string): boolean =>
    known.get(text) ?? remember(known, text, test(text), MAX_REMEMBERED_TEXTS)
  return {
    source,
    kind,
    groups: [],
    match: (text) => (holds(text) ? NO_GROUPS : undefined),
    findAll: (text) => (holds(text) ? [{ from: 0, to: text.length, groups: NO_GROUPS }] : []),
  }
}

function remember<Value>(known: Map<string, Value>, text: string, value: Value, limit: number): Value {
  if (known.size < limit) known.set(text, value)
  return value
}

/** Each piece is taken where it is found first: that is right for all but the last, which stands at the end. */
function matchesPlainPieces(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0] ?? ''
  const last = pieces.at(-1) ?? ''
  if (pieces.length === 1) return text === first
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false
  let from = first.length
  for (const piece of pieces.slice(1, -1)) {
    const at = text.indexOf(piece, from)
    if (at < 0) return false
    from = at + piece.length
  }
  return from <= text.length - last.length
}

/** The same with `?`, which is one character, by code points. */
function matchesPieces(text: string, pieces: readonly string[]): boolean {
  const letters = Array.from(text)
  const parts = pieces.map((piece) => Array.from(piece))
  const first = parts[0] ?? []
  const last = parts.at(-1) ?? []
  if (parts.length === 1) return letters.length === first.length && standsAt(letters, first, 0)
  const end = letters.length - last.length
  if (end < first.length || !standsAt(letters, first, 0) || !standsAt(letters, last, end)) return false
  let from = first.length
  for (const part of parts.slice(1, -1)) {
    while (from + part.length <= end && !standsAt(letters, part, from)) from += 1
    from += part.length
  }
  return from <= end
}

function standsAt(letters: readonly string[], part: readonly string[], at: number): boolean {
  return part.every((letter, index) => letter === '?' || letter === letters[at + index])
}

function toRegex(source: string, body: string, flags: string): TextPattern {
  const regex = compile(body, flags)
  const groups = Object.keys(regex.namedGroups())
  const known = new Map<string, Groups | typeof NONE>()
  const first = (text: string): Groups | typeof NONE => {
    const normal = text.normalize('NFC')
    if (!regex.test(normal)) return NONE
    return groups.length === 0 ? NO_GROUPS : (groupsOf(regex, normal) ?? NONE)
  }
  return {
    source,
    kind: 'regex',
    groups,
    match: (text) => {
      const found = known.get(text) ?? remember(known, text, first(text), MAX_REMEMBERED_MATCHES)
      return found === NONE ? undefined : found
    },
    findAll: (text) => findAll(regex, text),
  }
}

function groupsOf(regex: RE2JS, text: string): Groups | undefined {
  const matcher = regex.matcher(text)
  return matcher.find() ? cleanGroups(matcher.getNamedGroups()) : undefined
}

function cleanGroups(groups: Record<string, string | null>): Groups {
  return Object.fromEntries(Object.entries(groups).filter(isSet))
}

function isSet(entry: [string, string | null]): entry is [string, string] {
  return entry[1] !== null && entry[1] !== undefined
}

/** A match that ends with a `/` leaves it for the next one, so that `/\/\d{4}[^\/]*\//` finds neighbouring folders. */
function findAll(regex: RE2JS, text: string): readonly TextMatch[] {
  const matcher = regex.matcher(text)
  const matches: TextMatch[] = []
  let from = 0
  while (from <= text.length && matcher.find(from)) {
    const match = {
      from: matcher.start(),
      to: matcher.end(),
      groups: cleanGroups(matcher.getNamedGroups()),
    }
    matches.push(match)
    from = Math.max(match.from + 1, text[match.to - 1] === '/' ? match.to - 1 : match.to)
  }
  return matches
}

function compile(body: string, flags: string): RE2JS {
  if (body === '') throw new BadPatternError('the regex is empty', 0, 'Write "*" for any text.')
  if (body.length > MAX_REGEX_LENGTH) {
    throw new BadPatternError(
      `the regex has ${body.length} characters, at most ${MAX_REGEX_LENGTH} are taken`,
      0,
    )
  }
  const other = [...flags].find((flag) => flag !== 'i')
  if (other !== undefined) {
    throw new BadPatternError(
      `the regex flag "${other}" is unknown`,
      body.length + 2 + flags.indexOf(other),
      'Only i (any case) is taken.',
    )
  }
  try {
    return RE2JS.compile(body, flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0)
  } catch (error) {
    throw toBadPattern(error, body)
  }
}

/** RE2 says which piece it does not take, so its place can be found. */
function toBadPattern(error: unknown, body: string): BadPatternError {
  const piece = partOf(error, 'input')
  const reason = partOf(error, 'error') ?? (error instanceof Error ? error.message : String(error))
  const at = piece === undefined ? -1 : body.indexOf(piece)
  const said = piece === undefined || piece === body ? reason : `${reason}: ${piece}`
  const hint = /^\(\?<?[=!]/u.test(piece ?? '')
    ? 'RE2 has no look-ahead and look-behind; say it with "not" and a second pattern.'
    : undefined
  return new BadPatternError(`the regex is not valid: ${said}`, 1 + Math.max(0, at), hint)
}

function partOf(error: unknown, name: 'error' | 'input'): string | undefined {
  if (typeof error !== 'object' || error === null || !(name in error)) return undefined
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' && value !== '' ? value : undefined
}
