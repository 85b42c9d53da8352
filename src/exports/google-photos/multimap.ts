/**
 * Maps with several values a key.
 *
 * @module
 */

export function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

export function groupBy<Key, Value>(
  values: Iterable<Value>,
  keyOf: (value: Value) => Key,
): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>()
  for (const value of values) append(groups, keyOf(value), value)
  return groups
}

/** As a map of lists, for many keys of which most have one value: that one needs no list. */
export class Multimap<Key, Value extends object | string> {
  readonly #values = new Map<Key, Value | Value[]>()

  add(key: Key, value: Value): void {
    const known = this.#values.get(key)
    if (known === undefined) this.#values.set(key, value)
    else if (Array.isArray(known)) known.push(value)
    else this.#values.set(key, [known, value])
  }

  get(key: Key): readonly Value[] {
    const known = this.#values.get(key)
    if (known === undefined) return []
    return Array.isArray(known) ? known : [known]
  }
}
