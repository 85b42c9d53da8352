/**
 * Values of a YAML file together with where they stand, so that each problem can name its line and column.
 *
 * Everything here reports and goes on: a reader gives undefined where a value is wrong, and the caller takes some other
 * value, which nobody sees, because rules with an error are not handed out.
 *
 * @module
 */

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
} from 'yaml'
import { findNearest } from '../../../suggest.ts'
import { formatCount } from '../../../units.ts'
import type { RulesProblem } from '../rules.ts'

/** Rules of a person who sorts 26,000 pictures are some 10 kB. */
const MAX_CHARACTERS = 1_048_576

/** Aliases may stand for something big many times. */
const MAX_PLACES = 100_000

/** Aliases that are followed: to share a condition between rules takes a few. */
const MAX_ALIASES = 200

/** The YAML reader and everything after it go down by calls. */
const MAX_DEPTH = 64

const MAX_OPEN_BRACKETS = 256

/** More are no help, and a file that is no rules file at all may have thousands. */
const MAX_PROBLEMS = 200

/** A file while it is read. */
export interface Reading {
  readonly document: Document
  readonly lines: LineCounter
  readonly text: string
  readonly problems: RulesProblem[]
  /** Where each value that was looked at begins, by its path. */
  readonly offsets: Map<string, number>
  readonly aliases: { count: number }
}

export interface Place {
  readonly reading: Reading
  /** Aliases are resolved; undefined where nothing stands behind a key. */
  readonly node: Node | undefined
  /** `categories.list[2].is`; empty for the whole file. */
  readonly where: string
  /** Of its first character in the text, from 0. */
  readonly offset: number
  readonly depth: number
}

export type Fields<Key extends string> = { readonly [Name in Key]?: Place }

/** Thrown inside a reading when going on would cost too much; never leaves {@link readRules}. */
export class TooBigError extends Error {}

/** Reads the YAML; the place is undefined when it cannot be gone on with. */
export function openYaml(text: string): { readonly reading: Reading; readonly root: Place | undefined } {
  const lines = new LineCounter()
  const reading = (document: Document): Reading => ({
    document,
    lines,
    text,
    problems: [],
    offsets: new Map(),
    aliases: { count: 0 },
  })
  const refusal = refusalOf(text)
  if (refusal !== undefined) {
    const empty = reading(parseDocument(''))
    reportAt(empty, 0, '', refusal)
    return { reading: empty, root: undefined }
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Its own check compares each key with each other; {@link readEntries} does it.
    uniqueKeys: false,
    logLevel: 'error',
  })
  const opened = reading(document)
  for (const { message, pos } of document.errors) reportAt(opened, pos[0], '', toYamlMessage(message))
  for (const { message, pos } of document.warnings) reportAt(opened, pos[0], '', message)
  if (document.errors.length > 0) return { reading: opened, root: undefined }
  const node = document.contents ?? undefined
  return { reading: opened, root: toPlace(opened, node, '', node?.range?.[0] ?? 0, 0) }
}

/** What is wrong with a text before YAML looks at it: its reader would run out of stack or time. */
function refusalOf(text: string): string | undefined {
  if (text.length > MAX_CHARACTERS) {
    return `the file has ${formatCount(text.length)} characters, at most ${formatCount(MAX_CHARACTERS)} are taken`
  }
  return nestsTooDeep(text) ? `the file is nested deeper than ${MAX_DEPTH} levels` : undefined
}

/**
 * Looks for deep nesting without knowing YAML: brackets that stay open, dashes in a row, wide indentation. Brackets in
 * texts count too, so the limit for them is far above what a file has and far below what the reader can take (1000).
 */
function nestsTooDeep(text: string): boolean {
  let open = 0
  for (const character of text) {
    if (character === '[' || character === '{') open += 1
    else if (character === ']' || character === '}') open = Math.max(0, open - 1)
    if (open > MAX_OPEN_BRACKETS) return true
  }
  return /^[ ]{300}|(?:[-?:][ \t]+){64}/mu.test(text)
}

/** The reader's words for what people do most. */
function toYamlMessage(message: string): string {
  if (message.startsWith('Tabs are not allowed')) return 'tabs are not allowed as indentation'
  if (message.startsWith('Source contains multiple documents')) return 'the file has more than one document'
  return `not valid YAML: ${message}`
}

/** Notes something wrong at a place. */
export function report(
  place: Place,
  message: string,
  hint?: string,
  more: { readonly severity?: 'error' | 'warning'; readonly offset?: number } = {},
): void {
  reportAt(place.reading, more.offset ?? place.offset, place.where, message, hint, more.severity)
}

function reportAt(
  reading: Reading,
  offset: number,
  where: string,
  message: string,
  hint?: string,
  severity: 'error' | 'warning' = 'error',
): void {
  if (reading.problems.length >= MAX_PROBLEMS) return
  reading.problems.push({ severity, ...lineAt(reading, offset), where, message, hint })
}

function lineAt({ lines }: Reading, offset: number): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(Math.max(0, offset))
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

/** Line and column of a path, or of the nearest one above it that stands in the file. */
export function locateIn(
  reading: Reading,
  where: string,
): { readonly line: number; readonly column: number } {
  let path = where
  while (path !== '' && !reading.offsets.has(path)) path = path.replace(/(?:\.[^.[]*|\[\d+\]|^[^.[]+)$/u, '')
  return lineAt(reading, reading.offsets.get(path) ?? 0)
}

function toPlace(
  reading: Reading,
  node: Node | undefined,
  where: string,
  offset: number,
  depth: number,
): Place {
  if (reading.offsets.size >= MAX_PLACES || depth > MAX_DEPTH) throw new TooBigError()
  reading.offsets.set(where, offset)
  const resolved = isAlias(node) ? resolveAlias(reading, node, where) : node
  return { reading, node: resolved, where, offset, depth }
}

/** Each costs a walk through the whole file. */
function resolveAlias(reading: Reading, alias: Alias, where: string): Node | undefined {
  reading.aliases.count += 1
  if (reading.aliases.count > MAX_ALIASES) throw new TooBigError()
  const node = alias.resolve(reading.document)
  if (node === undefined) reportAt(reading, alias.range?.[0] ?? 0, where, 'the alias stands for nothing')
  return node
}

/** A place inside another. */
function below(place: Place, node: unknown, name: string, fallbackOffset: number): Place {
  const found = isNode(node) && !isEmptyNull(node) ? node : undefined
  const where =
    place.where === '' && !name.startsWith('[')
      ? name
      : `${place.where}${name.startsWith('[') ? '' : '.'}${name}`
  return toPlace(place.reading, found, where, found?.range?.[0] ?? fallbackOffset, place.depth + 1)
}

/** `key:` with nothing behind it, `null` and `~`. */
function isEmptyNull(node: Node): boolean {
  return isScalar(node) && node.value === null
}

/**
 * The fields of a mapping. Words that are not known are reported, with the nearest one; so are words without a value.
 *
 * @returns Undefined, and reported, when it is no mapping.
 */
export function readFields<Key extends string>(place: Place, known: readonly Key[]): Fields<Key> | undefined {
  const entries = readEntries(place)
  if (entries === undefined) return undefined
  const fields: { [Name in Key]?: Place } = {}
  for (const { key, keyOffset, value } of entries) {
    const name = known.find((word) => word === key)
    if (name === undefined) reportUnknown(value, key, known, keyOffset)
    else if (value.node === undefined) report(value, `${key} has no value`, undefined, { offset: keyOffset })
    else fields[name] = value
  }
  return fields
}

export interface Entry {
  readonly key: string
  readonly keyOffset: number
  readonly value: Place
}

/** All pairs of a mapping, in order; keys that are no texts are reported and left out. */
export function readEntries(place: Place): readonly Entry[] | undefined {
  if (!isMap(place.node)) {
    report(place, `expected words with values, found ${describeNode(place.node)}`)
    return undefined
  }
  const seen = new Set<string>()
  return place.node.items.flatMap((pair) => {
    const entry = readEntry(place, pair)
    if (entry === undefined) return []
    if (seen.has(entry.key)) {
      report(entry.value, `"${shorten(entry.key)}" is there already`, undefined, { offset: entry.keyOffset })
    }
    seen.add(entry.key)
    return [entry]
  })
}

function readEntry(place: Place, pair: Pair): Entry | undefined {
  const keyOffset = isNode(pair.key) ? (pair.key.range?.[0] ?? place.offset) : place.offset
  const key = isScalar(pair.key) ? textOf(pair.key) : undefined
  if (key === undefined) {
    report(place, 'a key is not a text', undefined, { offset: keyOffset })
    return undefined
  }
  return { key, keyOffset, value: below(place, pair.value, key, keyOffset) }
}

export function reportUnknown(
  place: Place,
  word: string,
  known: readonly string[],
  offset: number = place.offset,
): void {
  // Looking for the nearest word takes longer than anything else, and is for nothing when nothing is told any more.
  if (place.reading.problems.length >= MAX_PROBLEMS) return
  const nearest = findNearest(shorten(word), known)
  const hint = nearest === undefined ? `Known are ${known.join(', ')}.` : `Did you mean ${nearest}?`
  report(place, `"${shorten(word)}" is unknown`, hint, { offset })
}

/** Texts in messages; a whole paragraph would hide what is said. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** The items of a list; what is no list is a list of itself. */
export function readItems(place: Place): readonly Place[] {
  if (!isSeq(place.node)) return [place]
  return place.node.items.map((item, index) => below(place, item, `[${index}]`, place.offset))
}

/** The same of a real list only. */
export function readList(place: Place): readonly Place[] {
  if (isSeq(place.node)) return readItems(place)
  report(place, `expected a list, found ${describeNode(place.node)}`)
  return []
}

export function isList(place: Place): boolean {
  return isSeq(place.node)
}

export function isMapping(place: Place): boolean {
  return isMap(place.node)
}

/** A text as it is written: `2019`, `007` and `true` are texts too where a text is wanted. */
export function readText(place: Place): string | undefined {
  const text = isScalar(place.node) ? textOf(place.node) : undefined
  if (text === undefined) report(place, `expected a text, found ${describeNode(place.node)}`)
  else if (text.trim() === '') report(place, 'the text is empty')
  else return text
  return undefined
}

/** One of some words. */
export function readWord<Word extends string>(place: Place, words: readonly Word[]): Word | undefined {
  const text = readText(place)
  if (text === undefined) return undefined
  const word = words.find((candidate) => candidate === text)
  if (word === undefined) reportUnknown(place, text, words)
  return word
}

export function readBoolean(place: Place): boolean | undefined {
  if (isScalar(place.node) && typeof place.node.value === 'boolean') return place.node.value
  report(place, `expected true or false, found ${describeNode(place.node)}`)
  return undefined
}

export function readWhole(place: Place, min: number, max: number): number | undefined {
  const value = isScalar(place.node) ? place.node.value : undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  report(place, `expected a whole number from ${min} to ${max}, found ${describeNode(place.node)}`)
  return undefined
}

/** Where a character of a text stands in the file: exact unless quotes or lines have changed it. */
export function offsetIn(place: Place, index: number): number {
  const text = isScalar(place.node) ? textOf(place.node) : undefined
  if (text === undefined || !isScalar(place.node) || place.node.range === null) return place.offset
  const start = place.node.range?.[0] ?? place.offset
  const quote = place.node.type === Scalar.PLAIN ? 0 : 1
  const isSame = place.reading.text.startsWith(text, start + quote)
  return isSame ? start + quote + index : start
}

function textOf(scalar: Scalar): string | undefined {
  if (scalar.value === null) return undefined
  if (typeof scalar.value === 'string') return scalar.value
  return scalar.source ?? String(scalar.value)
}

function isNode(value: unknown): value is Node {
  return isAlias(value) || isMap(value) || isSeq(value) || isScalar(value)
}

/** For messages: never what is written there, which may be a secret. */
function describeNode(node: Node | undefined): string {
  if (node === undefined) return 'nothing'
  if (isMap(node)) return 'words with values'
  if (isSeq(node)) return 'a list'
  return isScalar(node) && typeof node.value !== 'string' ? `a ${typeof node.value}` : 'a text'
}
