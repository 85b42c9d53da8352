/**
 * JSON for stdout, which may be a terminal: nothing in it acts on one, and it is the same data all the same.
 *
 * `JSON.stringify` escapes the controls below U+0020 only. A payload or an error message comes from strangers: the
 * controls from U+007F on (U+009B begins an escape sequence like ESC [) and marks that turn the reading direction
 * around are written as `\uXXXX` too.
 *
 * @module
 */

const ACTING = /[\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu

/** One line, its line feed included. */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value).replaceAll(
    ACTING,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${text}\n`
}
