/**
 * Why the memory of autotag cannot be used.
 *
 * @module
 */

import { HeirloomError } from '../../../errors.ts'

/** Thrown when the file was written by a newer version of this program. */
export class NewerStateError extends HeirloomError {
  readonly code = 'autotag/newer-state'
  readonly recovery = 'discard'

  constructor(path: string, found: number, known: number) {
    super(`${path} has schema version ${found}, this version of heirloom knows ${known}`, {
      hint: 'Run the heirloom version that last kept this library in order, or a newer one.',
    })
  }
}

/** Thrown when the file is no database, one with damage, or one of something else. */
export class DamagedStateError extends HeirloomError {
  readonly code = 'autotag/damaged-state'
  readonly recovery = 'discard'

  constructor(path: string, reason: string, options: ErrorOptions = {}) {
    super(`${path} is damaged: ${reason}`, {
      ...options,
      hint:
        'Move it away (with its -wal file) to begin with an empty one. What is lost then: earlier runs can no longer be ' +
        'undone or resumed, and what people have taken back is done again. Nothing on the server is lost.',
    })
  }
}

/** Thrown when the file cannot be opened or written for a reason outside of this program. */
export class StateFileError extends HeirloomError {
  readonly code = 'autotag/state-file'
  readonly recovery = 'retry'

  constructor(path: string, reason: string, hint: string, options: ErrorOptions = {}) {
    super(`${path}: ${reason}`, { ...options, hint })
  }
}

/** Thrown when the file belongs to another server or user. */
export class OtherStateError extends HeirloomError {
  readonly code = 'autotag/other-state'
  readonly recovery = 'discard'

  constructor(path: string, found: string, wanted: string) {
    super(`${path} belongs to ${found}, not to ${wanted}`, {
      hint: 'Move it away, or name another folder with run.journal in the rules.',
    })
  }
}

export interface ApplierCard {
  readonly pid: number
  readonly host: string
  /** Epoch milliseconds. */
  readonly startedAt: number
}

/** Thrown when another process applies a plan for the same server and user. */
export class ApplyInProgressError extends HeirloomError {
  readonly code = 'autotag/apply-in-progress'
  readonly recovery = 'retry'

  constructor(holder: ApplierCard | undefined, options: ErrorOptions = {}) {
    const who =
      holder === undefined
        ? 'another process'
        : `process ${holder.pid} on ${holder.host}, since ${new Date(holder.startedAt).toISOString()}`
    super(`a plan is being applied already by ${who}`, {
      ...options,
      hint: 'Wait until it is done, or stop it with Ctrl-C; it can be resumed without loss.',
    })
  }
}

export class UnknownRunError extends HeirloomError {
  readonly code = 'autotag/unknown-run'
  readonly recovery = 'discard'

  constructor(runId: string) {
    super(`run ${runId} is not in the journal`, { hint: '`heirloom autotag report` lists the runs.' })
  }
}
