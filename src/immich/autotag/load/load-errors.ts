/**
 * Why a library could not be read in the way that was asked for.
 *
 * @module
 */

import { HeirloomError } from '../../../errors.ts'
import type { ReadStrategy } from './read-memberships.ts'

const HINTS: Readonly<Record<ReadStrategy, string>> = {
  session: 'Give the token of a session of its own instead of an API key, or read: auto.',
  filter: 'Update the server to 3.2, or give read: auto.',
  albums: 'Give read: auto.',
}

/** The server, or the credentials, cannot do what the rules file asks for. */
export class CannotReadError extends HeirloomError {
  readonly code = 'autotag/cannot-read'
  readonly recovery = 'discard'

  constructor(address: string, strategy: ReadStrategy) {
    super(`${address} cannot be read by ${strategy}`, { hint: HINTS[strategy] })
  }
}
