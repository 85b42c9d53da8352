/**
 * `Map.groupBy`, which TypeScript's ES2023 library does not know yet.
 *
 * @module
 */

/** The values by their keys, both in the order of their first appearance. */
export function groupBy<T, K>(values: Iterable<T>, keyOf: (value: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}
