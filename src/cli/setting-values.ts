/**
 * What a setting accepts, whatever source it comes from: text from flags and variables, also numbers and booleans
 * from YAML.
 *
 * By hand and not by a schema library: five kinds of values are little, and loading such a library takes longer
 * than all else that the command line loads (95 modules, 60 ms, 2026-11).
 *
 * @module
 */

import { parseDurationMs } from '../units.ts'

/** The value that was meant; undefined for anything that will not do. */
export type ReadValue<Value> = (raw: unknown) => Value | undefined

/** Any text but none; blanks around it are not part of it. */
export const text: ReadValue<string> = (raw) => {
  const trimmed = typeof raw === 'string' ? raw.trim() : ''
  return trimmed === '' ? undefined : trimmed
}

/** A whole number from 1 to `max`. */
export function count(max: number): ReadValue<number> {
  return (raw) => {
    const digits = typeof raw === 'string' && /^\d+$/u.test(raw.trim())
    const value = digits ? Number(raw) : raw
    return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max
      ? value
      : undefined
  }
}

/** Different whole numbers from 1 to `max`, with commas between them or as a list of YAML; largest first. */
export function counts(max: number): ReadValue<readonly number[]> {
  const read = count(max)
  return (raw) => {
    const parts: readonly unknown[] = Array.isArray(raw) ? raw : String(raw).split(',')
    const numbers = parts.map((part) => read(part))
    if (numbers.length === 0 || !numbers.every((number) => number !== undefined)) return undefined
    return [...new Set(numbers)].sort((a, b) => b - a)
  }
}

/** One of some words, spelled exactly so. */
export function oneOf<const Word extends string>(words: readonly Word[]): ReadValue<Word> {
  return (raw) => words.find((word) => word === raw)
}

/** What the first of two readings accepts, else what the second one does. */
export function either<First, Second>(
  first: ReadValue<First>,
  second: ReadValue<Second>,
): ReadValue<First | Second> {
  return (raw) => first(raw) ?? second(raw)
}

/** An address of a web server, without user name and password; kept without a `/` at its end. */
export const webAddress: ReadValue<string> = (raw) => {
  const url = URL.parse(text(raw) ?? '')
  if (url === null || !/^https?:$/u.test(url.protocol) || url.username !== '' || url.password !== '')
    return undefined
  return `${url.origin}${url.pathname.replace(/\/+$/u, '')}`
}

/** A length of time with its unit, such as `30m`; kept as it is spelled. */
export const duration: ReadValue<string> = (raw) => {
  const spelled = text(raw)
  const ms = spelled === undefined || /^[\d.]+$/u.test(spelled) ? undefined : parseDurationMs(spelled)
  return ms !== undefined && ms > 0 ? spelled : undefined
}

/** Words with commas between them, or a list of YAML; kept with commas. */
export const list: ReadValue<string> = (raw) => {
  const parts: readonly unknown[] = Array.isArray(raw) ? raw : String(text(raw) ?? '').split(',')
  if (!parts.every((part) => typeof part === 'string')) return undefined
  const words = parts.map((part) => part.trim()).filter((part) => part !== '')
  return words.length === 0 ? undefined : words.join(',')
}

const YES: ReadonlySet<string> = new Set(['true', '1', 'yes', 'on'])
const NO: ReadonlySet<string> = new Set(['false', '0', 'no', 'off'])

/** Yes or no, in the spellings that shells, containers and YAML have for it. */
export const flag: ReadValue<boolean> = (raw) => {
  if (!['string', 'number', 'boolean'].includes(typeof raw)) return undefined
  const word = String(raw).trim().toLowerCase()
  if (YES.has(word)) return true
  return NO.has(word) ? false : undefined
}

/** An IANA zone; offsets such as `+02:00`, which know no summer time, are none. */
export const zone: ReadValue<string> = (raw) => {
  const name = text(raw)
  return name !== undefined && isZone(name) ? name : undefined
}

function isZone(name: string): boolean {
  if (/^[+-]/u.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
