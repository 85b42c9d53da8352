/**
 * One value in memory for all that are the same: a library has thousands of assets and a few cameras, places and folders.
 *
 * @module
 */

export interface SharedValues {
  text(value: string): string
  maybe(value: string | undefined): string | undefined
  /** Nothing may change it. */
  list(values: readonly string[]): readonly string[]
  /** Of the same fields, in the same order; each of them a text or undefined. */
  record<T extends object>(value: T): T
}

const EMPTY: readonly string[] = Object.freeze([])

export function createSharedValues(): SharedValues {
  const texts = new Map<string, string>()
  const lists = new Map<string, readonly string[]>()
  const records = new Map<string, object>()
  const text = (value: string): string => shared(texts, value, () => value)
  return {
    text,
    maybe: (value) => (value === undefined ? undefined : text(value)),
    list: (values) =>
      values.length === 0 ? EMPTY : shared(lists, JSON.stringify(values), () => Object.freeze([...values])),
    record: <T extends object>(value: T): T =>
      shared(records, JSON.stringify(value), () => Object.freeze({ ...value })) as T,
  }
}

function shared<T>(known: Map<string, T>, key: string, make: () => T): T {
  const before = known.get(key)
  if (before !== undefined) return before
  const made = make()
  known.set(key, made)
  return made
}
