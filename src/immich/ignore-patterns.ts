/**
 * Which files are not to be uploaded, by globs on their original name or their path in the library.
 *
 * `*` and `?` stop at `/`, `**` does not, `{a,b}` is either. A pattern without `/` is held against file names
 * alone. Case does not count: cameras write `.MOV` and `.mov`.
 *
 * @module
 */

import { basename } from 'node:path/posix'

export type IgnoreMatcher = (file: { readonly path: string; readonly originalName?: string }) => boolean

/** Patterns of one text, as in an environment variable: separated by line breaks, and commas outside of `{}`. */
export function parseIgnorePatterns(text: string): readonly string[] {
  return text
    .split(/\n|,(?![^{}]*\})/u)
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
}

export function toIgnoreMatcher(patterns: readonly string[]): IgnoreMatcher {
  const globs = patterns.map((pattern) => ({
    expression: toExpression(fold(pattern)),
    isOfPath: pattern.includes('/'),
  }))
  return ({ path, originalName }) => {
    const names = [basename(path), ...(originalName === undefined ? [] : [originalName])].map(fold)
    return globs.some(({ expression, isOfPath }) =>
      isOfPath ? expression.test(fold(path)) : names.some((name) => expression.test(name)),
    )
  }
}

function fold(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

const TOKEN = /\*\*\/?|\*|\?|\{[^{}]*\}|[^*?{]+|\{/gu

function toExpression(glob: string): RegExp {
  const source = [...glob.matchAll(TOKEN)].map(([token]) => toSource(token)).join('')
  return new RegExp(`^${source}$`, 'su')
}

function toSource(token: string): string {
  if (token === '**/') return '(?:.*/)?'
  if (token === '**') return '.*'
  if (token === '*') return '[^/]*'
  if (token === '?') return '[^/]'
  const choice = /^\{(?<items>.*)\}$/su.exec(token)?.groups?.['items']
  if (choice !== undefined) return `(?:${choice.split(',').map(toExpressionSource).join('|')})`
  return toExpressionSource(token)
}

/** Literal text, but for the wildcards of a choice. */
function toExpressionSource(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/gu, (character) => {
    if (character === '*') return '[^/]*'
    if (character === '?') return '[^/]'
    if (character === '?') return '[^/]'
    return character === '-' || character === '/' ? character : `\\${character}`
  })
}
