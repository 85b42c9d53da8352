/**
 * The version of this package, from its package.json.
 *
 * @module
 */

import { readFileSync } from 'node:fs'

/** `0.1.0`. The file lies two folders up both from `src/cli` and from `dist/cli`. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const parsed: unknown = JSON.parse(text)
  const version =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : undefined
  return typeof version === 'string' ? version : 'unknown'
}
