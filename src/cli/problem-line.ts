/**
 * A problem in the words of a summary, fitted to the terminal.
 *
 * @module
 */

import type { Problem } from '../tasks/problem.ts'
import type { Paint } from './paint.ts'
import { neutralize, truncateStart, widthOf, wrap } from './text-width.ts'

export interface SummaryStyle {
  readonly paint: Paint
  readonly verbose: boolean
  /** Cells in a line; unlimited in a pipe. */
  readonly columns: number
}

/** Problems shown for each export; `--verbose` shows all that the summary carries. */
export const FEW_PROBLEMS = 5

/** `path: reason` in one line where it fits, else the end of the path with the reason below it. */
export function problemLine({ path, message: told, hint }: Problem, columns: number): string[] {
  const message = withoutPath(told, path)
  const about = path === undefined ? '' : `${neutralize(path)}: `
  const whole = `  ${about}${neutralize(message)}`
  const hints = hint === undefined ? [] : indented(hint, columns)
  if (widthOf(whole) <= columns) return [whole, ...hints]
  const [first = '', ...rest] =
    path === undefined ? indented(message, columns) : [truncateStart(neutralize(path), columns - 2)]
  if (path === undefined) return [`  ${first.trimStart()}`, ...rest, ...hints]
  return [`  ${first}`, ...indented(message, columns), ...hints]
}

/** Messages that begin with the path need not say it twice. */
function withoutPath(message: string, path: string | undefined): string {
  const start = [`${path}: `, `${path} `].find((opening) => message.startsWith(opening))
  return path === undefined || start === undefined ? message : message.slice(start.length)
}

function indented(text: string, columns: number): string[] {
  return wrap(neutralize(text), columns - 4).map((line) => `    ${line}`)
}
