/**
 * Everything that looks random in a generated library, from one number: the same again in every run.
 *
 * @module
 */

import { mulberry32 } from './faults.ts'

export interface Seeded {
  /** From 0 to below 1. */
  next(): number
  /** From 0 to below `count`. */
  below(count: number): number
  pick<T>(list: readonly T[]): T
  /** Version 4 by its looks: the server takes no other. */
  uuid(): string
}

export function seeded(seed: number): Seeded {
  const next = mulberry32(seed)
  const below = (count: number): number => Math.floor(next() * count)
  const hex = (digits: number): string =>
    below(16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  return {
    next,
    below,
    pick: (list) => {
      const one = list[below(list.length)]
      if (one === undefined) throw new Error('nothing to pick from')
      return one
    },
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(6)}${hex(6)}`,
  }
}
