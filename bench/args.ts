/**
 * The options that benchmarks share.
 *
 * @module
 */

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

export interface BenchArgs {
  /** Worker processes; default: one a core. */
  readonly workers: number
  /** Runs of each program; the median counts. Default 3. */
  readonly rounds: number
  /** A small input and one round: shows that the benchmark works, its numbers mean little. */
  readonly quick: boolean
  /** The big input, where the default is a smaller one. */
  readonly full: boolean
  /** Sizes for the benchmarks that grow something. */
  readonly items: readonly number[] | undefined
}

/** Throws a TypeError for options that are not known, as `parseArgs` does. */
export function parseBenchArgs(
  args: readonly string[],
): BenchArgs & { name: string | undefined; clean: boolean } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      workers: { type: 'string' },
      rounds: { type: 'string' },
      items: { type: 'string' },
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      clean: { type: 'boolean', default: false },
    },
  })
  return {
    name: positionals[0],
    workers: count('--workers', values.workers ?? String(availableParallelism())),
    rounds: count('--rounds', values.rounds ?? (values.quick ? '1' : '3')),
    quick: values.quick,
    full: values.full,
    clean: values.clean,
    items: values.items?.split(',').map((value) => count('--items', value)),
  }
}

function count(option: string, text: string): number {
  const value = Number(text.replaceAll('_', ''))
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`${option}: not a count: ${text}`)
  return value
}
