/**
 * What ends all uploads, and not that of one file.
 *
 * @module
 */

import type { ErrorRecord } from '../errors.ts'

/** Whether any other file would get the same answer, until somebody has seen to the server or the key. */
export function concernsAllFiles({ code }: ErrorRecord): boolean {
  return REFUSALS.has(code)
}

const REFUSALS: ReadonlySet<string> = new Set([
  'immich/unauthorized',
  'immich/forbidden',
  'immich/certificate',
  'immich/redirected',
  'immich/unsupported-server',
])
