/**
 * Colours, or none: `NO_COLOR` (no-color.org), `TERM=dumb`, `--no-color`, and whether there is a terminal.
 *
 * @module
 */

import type { ConfigValues } from './config-keys.ts'
import type { Io, Output } from './io.ts'

export interface Paint {
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  bold(text: string): string
  dim(text: string): string
}

/** Paints with the terminal's own palette, or leaves the text as it is. */
export function createPaint(enabled: boolean): Paint {
  const wrap =
    (open: number, close: number) =>
    (text: string): string =>
      enabled ? `\u001B[${open}m${text}\u001B[${close}m` : text
  return { red: wrap(31, 39), green: wrap(32, 39), yellow: wrap(33, 39), bold: wrap(1, 22), dim: wrap(2, 22) }
}

/** Decides for one output. */
export function hasColor(io: Io, output: Output, mode: ConfigValues['color']): boolean {
  if (mode !== 'auto') return mode === 'always'
  return output.isTerminal && !io.env['NO_COLOR'] && io.env['TERM'] !== 'dumb'
}

/** Cells in a line of text that this output can take. */
export function columnsOf(output: Output): number {
  return output.isTerminal ? output.size().columns : Number.POSITIVE_INFINITY
}

export function paintFor(io: Io, output: Output, mode: ConfigValues['color']): Paint {
  return createPaint(hasColor(io, output, mode))
}
