/**
 * Small parts of live pictures, an ingest's and a queue's: a bar, a percentage, a rate, a line of as much as fits.
 *
 * @module
 */

import { formatCount } from '../units.ts'
import type { Paint } from './paint.ts'
import { widthOf } from './text-width.ts'

/** Cells that a picture may fill. */
export interface ViewSize {
  readonly columns: number
  readonly rows: number
}

/** Rounded down, but not by the last bit of a product: 0.58 × 100 is 57.99… */
export function percentOf(share: number): number {
  return Math.floor(share * 100 + 1e-6)
}

/** `9.9`, `10`, `1,160`: a decimal only where it says something. */
export function formatRate(perSecond: number): string {
  return perSecond >= 9.95 ? formatCount(Math.round(perSecond)) : perSecond.toFixed(1)
}

/** `share` of 0 to 1, in `columns` cells. */
export function bar(share: number, columns: number, paint: Paint): string {
  if (columns <= 0) return ''
  const full = Math.round(share * columns)
  return paint.green('█'.repeat(full)) + paint.dim('░'.repeat(columns - full))
}

/** As many parts, from the first on, as fit; two spaces between them. */
export function fitParts(parts: readonly string[], columns: number): string {
  let line = ''
  for (const part of parts) {
    const longer = line === '' ? part : `${line}  ${part}`
    if (widthOf(longer) > columns) break
    line = longer
  }
  return line
}
