/**
 * Why uploads end before everything is sent, through no fault of a file.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'

/** What the user wants to stop is neither a failure of the file nor of the export. */
export class UploadsEndedError extends HeirloomError {
  readonly code = 'upload/ended'
  readonly recovery = 'retry'
}

/** Uploads stood still for too long. What is left is planned again by `heirloom upload`. */
export class UploadsGivenUpError extends HeirloomError {
  readonly code = 'upload/given-up'
  readonly recovery = 'discard'

  constructor(reason: string, hint = 'See that the server runs, then: heirloom upload LIBRARY') {
    super(reason, { hint })
  }
}

/** Nothing of them says anything about the file. */
export const ENDED_CODES: ReadonlySet<string> = new Set(['upload/ended', 'upload/given-up'])
