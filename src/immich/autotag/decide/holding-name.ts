/**
 * Which names the albums of a holding rule have: they hold what is not sorted yet, so they never count as sorted.
 *
 * The memory of what was made may be lost and dates of assets change, so a name is told by the rule's template:
 * `Inbox {taken:yyyy-MM-dd}` reserves all names of that shape.
 *
 * @module
 */

import type { NameTemplate } from '../rules.ts'

export interface HoldingNames {
  isHolding(albumName: string): boolean
  /** The template has letters of its own, so that no user's album has such a name by chance. */
  readonly isReserved: boolean
}

/** Longer names are nobody's, and would make matching slow. */
const MAX_NAME_LENGTH = 300

const PIECE = /\{\{|\}\}|\{(?<word>[^{}]*)\}|[^{}]+/gu

/** Undefined for templates that any name would fit, such as `{match.name}`. */
export function holdingNamesOf({ source }: NameTemplate): HoldingNames | undefined {
  let shape = ''
  let isReserved = false
  let isOpen = false
  for (const { 0: text, groups } of source.trim().matchAll(PIECE)) {
    const word = groups?.['word']?.trim()
    if (word?.startsWith('taken:') === true) shape += dateShape(word.slice('taken:'.length))
    else if (word !== undefined) {
      shape += '.+'
      isOpen = true
    } else {
      const own = text === '{{' || text === '}}' ? text.slice(1) : text
      shape += escapeText(own)
      isReserved ||= /\p{L}/u.test(own)
    }
  }
  if (isOpen && !isReserved) return undefined
  const pattern = new RegExp(`^${shape}$`, 'u')
  return {
    isHolding: (name) => name.length <= MAX_NAME_LENGTH && pattern.test(name.normalize('NFC').trim()),
    isReserved,
  }
}

/** `yyyy-MM-dd` → four digits, two, two; names of months are letters. */
function dateShape(format: string): string {
  return format.replaceAll(/(?<letter>[A-Za-z])\k<letter>*|[^A-Za-z]+/gu, (text) => {
    if (!/^[A-Za-z]/u.test(text)) return escapeText(text)
    return text.startsWith('MMM') ? '[A-Za-z]{3,9}' : `\\d{${text.length}}`
  })
}

function escapeText(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/gu, String.raw`\$&`)
}
