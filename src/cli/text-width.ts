/**
 * Text for a terminal: how wide it is, and making hostile names harmless.
 *
 * Export and file names come from strangers: an escape sequence in one could clear the screen or forge a line, so
 * control characters are shown as pictures. Widths follow the East Asian Width property as terminals draw it: a
 * guess by code point range, since no two terminals agree on all emoji; an error costs alignment only.
 *
 * @module
 */

import { stripVTControlCharacters } from 'node:util'

let segmenter: Intl.Segmenter | undefined

/** Made when it is first needed: it takes 40 ms, and most commands draw no live view. */
function graphemes(): Intl.Segmenter {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  return segmenter
}

/** Bidirectional overrides and isolates can turn the order of what follows around (CVE-2021-42574). */
const BIDI = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu
const LINE_SEPARATORS = /[\u2028\u2029]/gu

const CONTROLS = /\p{Control}/gu

/** Replaces control characters by visible ones (`␛`), and drops what would turn the reading direction around. */
export function neutralize(text: string, options: { readonly keepLineFeeds?: boolean } = {}): string {
  return text
    .replaceAll(BIDI, '')
    .replaceAll(LINE_SEPARATORS, ' ')
    .replaceAll(CONTROLS, (control) =>
      control === '\n' && options.keepLineFeeds ? control : pictureOf(control),
    )
}

/** Unicode has pictures for the ASCII controls only. */
function pictureOf(control: string): string {
  const code = control.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? '␡' : '\uFFFD'
}

/** Cells that `text` takes on a terminal; colour codes take none. */
export function widthOf(text: string): number {
  const plain = stripVTControlCharacters(text)
  // Nearly all text is this, and it needs no segmentation.
  if (/^[\u0020-\u007E]*$/u.test(plain)) return plain.length
  let width = 0
  for (const { segment } of graphemes().segment(plain)) width += widthOfGrapheme(segment)
  return width
}

const EMOJI = /\p{Emoji_Presentation}|\uFE0F/u
const ZERO_WIDTH = /^[\p{Mark}\p{Format}]+$/u
// Wide and Fullwidth of Unicode's EastAsianWidth.txt, as whole blocks.
const WIDE =
  /^[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18DFF}\u{1B000}-\u{1B2FF}\u{20000}-\u{3FFFD}]/u

function widthOfGrapheme(grapheme: string): number {
  if (ZERO_WIDTH.test(grapheme)) return 0
  return WIDE.test(grapheme) || EMOJI.test(grapheme) ? 2 : 1
}

/** At most `columns` cells of `text`, with `…` where something was cut. No colour codes in `text`. */
export function truncate(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  if (columns <= 0) return ''
  let kept = ''
  let width = 0
  for (const { segment } of graphemes().segment(text)) {
    const next = widthOfGrapheme(segment)
    if (width + next > columns - 1) break
    kept += segment
    width += next
  }
  return `${kept}…`
}

/** As {@link truncate}, but the end stays: of a path that is the name of the file. */
export function truncateStart(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  if (columns <= 0) return ''
  const segments = [...graphemes().segment(text)].map(({ segment }) => segment)
  let kept = ''
  let width = 0
  for (const segment of segments.reverse()) {
    const next = widthOfGrapheme(segment)
    if (width + next > columns - 1) break
    kept = segment + kept
    width += next
  }
  return `…${kept}`
}

/** Breaks between words into lines of at most `columns` cells; a longer word has a line of its own. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && widthOf(longer) > columns) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}

/** Fills up to `columns` cells; longer text stays as it is. */
export function pad(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const fill = ' '.repeat(Math.max(0, columns - widthOf(text)))
  return side === 'left' ? text + fill : fill + text
}
