/**
 * What can be wrong with the bytes of one input file.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'

/** The bytes of an archive's entry are not those that its directory promises. */
export class CorruptEntryError extends HeirloomError {
  readonly code = 'archive/corrupt-entry'
  readonly recovery = 'discard'

  constructor(file: string, what: string, options: ErrorOptions = {}) {
    super(`entry in ${file} is damaged: ${what}`, { ...options, hint: 'Download that archive again.' })
  }
}

/** The archive ends before the entry does. */
export class TruncatedEntryError extends HeirloomError {
  readonly code = 'archive/truncated-entry'
  readonly recovery = 'discard'

  constructor(file: string, what: string, options: ErrorOptions = {}) {
    super(`entry in ${file} is cut off: ${what}`, { ...options, hint: 'Download that archive again.' })
  }
}

/** The file is not as long as it was when it was listed: another program is writing to it. */
export class InputChangedError extends HeirloomError {
  readonly code = 'storage/input-changed'
  readonly recovery = 'discard'

  constructor(file: string, what: string) {
    super(`${file} changed while it was read: ${what}`, {
      hint: 'Let the other program finish and run this again.',
    })
  }
}

/** More bytes than the reader was willing to hold in memory. */
export class EntryTooLargeError extends HeirloomError {
  readonly code = 'storage/entry-too-large'
  readonly recovery = 'discard'

  constructor(what: string, sizeBytes: number, limitBytes: number) {
    super(`${what} has ${sizeBytes} bytes, at most ${limitBytes} are read into memory`)
  }
}

/** A member of a compressed stream was opened without being spooled first: a mistake of the caller. */
export class NotSpooledError extends HeirloomError {
  readonly code = 'storage/not-spooled'
  readonly recovery = 'discard'

  constructor(file: string, ordinal: number) {
    super(`member ${ordinal} of ${file} cannot be opened before it is spooled to a file`)
  }
}
