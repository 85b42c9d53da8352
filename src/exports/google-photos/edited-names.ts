/**
 * Which original an edited copy's name was made from.
 *
 * @module
 */

import { formatMediaName, type MediaName, mayBeCut, parseMediaName } from './names.ts'
import { EDITED_WORDS, EFFECT_WORDS } from './words.ts'

/** How the suffix was recognised. `other-word` is a guess that an existing original must support. */
export type EditedRule = 'edited' | 'effect' | 'edited-cut' | 'edited-other-word'

export interface EditedName {
  /** The original's name as this copy tells it, with the copy's counter. */
  readonly original: MediaName
  readonly rule: EditedRule
  /** True when the suffix alone does not prove it. */
  readonly guess: boolean
}

const EDITED = new Set(EDITED_WORDS.map(wordKey))
const EFFECTS = new Set(EFFECT_WORDS.map(wordKey))
const BEGINNINGS = new Set(
  [...EDITED, ...EFFECTS].flatMap((word) => [...word].map((_, end) => [...word].slice(0, end).join(''))),
)

/** Below this a name is far from being cut, and a single letter behind its dash no rest of a suffix. */
const NEARLY_CUT_UNITS = 44

/** `IMG_1-edited(2).jpg` is made from `IMG_1`, 2, `.jpg`; undefined when nothing in the name says so. */
export function editedName(name: string): EditedName | undefined {
  const { stem, counter, extension } = parseMediaName(name)
  const dash = stem.lastIndexOf('-')
  if (dash < 1) return undefined
  const rule = ruleOf(stem.slice(dash + 1), { stem, counter, extension })
  if (rule === undefined) return undefined
  // The rest may end in a counter of its own, as in `IMG_1(2)-edited.jpg`: then that one counts.
  const original = parseMediaName(stem.slice(0, dash) + extension)
  return { original: counter === 0 ? original : { stem: stem.slice(0, dash), counter, extension }, ...rule }
}

/** The names that the original may have, best first: with the copy's counter, then without. */
export function originalsOf({ original }: EditedName): readonly string[] {
  const plain = formatMediaName({ ...original, counter: 0 })
  return original.counter === 0 ? [plain] : [formatMediaName(original), plain]
}

function ruleOf(suffix: string, name: MediaName): { rule: EditedRule; guess: boolean } | undefined {
  const word = wordKey(suffix)
  if (EDITED.has(word)) return { rule: 'edited', guess: false }
  if (EFFECTS.has(word)) return { rule: 'effect', guess: false }
  const isCut = mayBeCut(name)
  const units = name.stem.length + name.extension.length
  const fewest = isCut ? 0 : units >= NEARLY_CUT_UNITS ? 1 : 2
  if (BEGINNINGS.has(word) && word.length >= fewest) return { rule: 'edited-cut', guess: !isCut }
  return /^[\p{L}\p{M} ]{3,}$/u.test(word) ? { rule: 'edited-other-word', guess: true } : undefined
}

function wordKey(text: string): string {
  return text.normalize('NFC').toLowerCase()
}
