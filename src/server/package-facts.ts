/**
 * What this package calls itself.
 *
 * @module
 */

import { readFileSync } from 'node:fs'

export interface PackageFacts {
  readonly version: string
}

/** Of `package.json`, which lies two folders up, from `src/server` as from `dist/server`. */
export function packageFacts(): PackageFacts {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return { version: String((JSON.parse(text) as { readonly version?: unknown }).version) }
}
