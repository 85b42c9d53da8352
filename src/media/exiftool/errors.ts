/**
 * What can go wrong between us and exiftool. After each of these a file can still be kept, with a sidecar.
 *
 * @module
 */

import { HeirloomError } from '../../errors.ts'

/** Thrown when exiftool or the perl that runs it is not installed. */
export class ExiftoolMissingError extends HeirloomError {
  readonly code = 'media/exiftool-missing'
  readonly recovery = 'discard'

  constructor(program: string, cause: unknown) {
    super(`${program} cannot be started`, {
      cause,
      hint: 'Install perl (such as `apt install perl`) and run `npm ci` without `--omit=optional`.',
    })
  }
}

/** Thrown when a file keeps exiftool busy for too long; exiftool has been killed and starts afresh. */
export class ExiftoolTimeoutError extends HeirloomError {
  readonly code = 'media/exiftool-timeout'
  readonly recovery = 'discard'

  constructor(timeoutMs: number) {
    super(`exiftool gave no answer within ${timeoutMs} ms`)
  }
}

/** Thrown when exiftool ended by itself; the next request starts it afresh. */
export class ExiftoolCrashError extends HeirloomError {
  readonly code = 'media/exiftool-crashed'
  readonly recovery = 'retry'
}

/** Thrown for a path that cannot be said to exiftool in one line. */
export class UnsafeArgumentError extends HeirloomError {
  readonly code = 'media/unsafe-path'
  readonly recovery = 'discard'

  constructor(arg: string) {
    super(`${JSON.stringify(arg)} holds a line break or a NUL`, {
      hint: 'Choose a library folder without line breaks in its path.',
    })
  }
}

/** Thrown when exiftool could not read a file at all. */
export class MetadataReadError extends HeirloomError {
  readonly code = 'media/metadata-unreadable'
  readonly recovery = 'discard'
}

/** Thrown when exiftool refused to write; the file is as it was. */
export class MetadataWriteError extends HeirloomError {
  readonly code = 'media/metadata-unwritable'
  readonly recovery = 'discard'
}
