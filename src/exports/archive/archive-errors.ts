/**
 * Why an input cannot be opened at all. What is wrong with a part of it is an `ArchiveProblem` instead.
 *
 * @module
 */

import { HeirloomError } from '../../errors.ts'

/** The path that was given leads to nothing that can be read. */
export class InputUnreadableError extends HeirloomError {
  readonly code = 'archive/input-unreadable'
  readonly recovery = 'discard'

  constructor(input: string, cause: unknown) {
    super(`${input} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      hint: 'Check the path and that you may read it.',
    })
  }
}

/** The path that was given is neither a folder nor an archive. */
export class NotAnExportError extends HeirloomError {
  readonly code = 'archive/not-an-export'
  readonly recovery = 'discard'

  constructor(input: string) {
    super(`${input} is neither a folder nor a .zip, .tgz or .tar archive`, {
      hint: 'Give the folder that it lies in.',
    })
  }
}
