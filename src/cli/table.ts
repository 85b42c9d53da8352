/**
 * Columns of text, aligned by what a terminal shows.
 *
 * @module
 */

import { pad, widthOf } from './text-width.ts'

/** Lines of a table; cells must be harmless already. Two spaces between columns, none at the end of a line. */
export function table(rows: readonly (readonly string[])[], align: readonly ('left' | 'right')[]): string[] {
  const widths = align.map((_, column) => Math.max(0, ...rows.map((row) => widthOf(row[column] ?? ''))))
  return rows.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, align[column] === 'right' ? 'right' : 'left'))
      .join('  ')
      .trimEnd(),
  )
}
