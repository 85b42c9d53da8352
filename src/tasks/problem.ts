/**
 * What a job says went wrong.
 *
 * @module
 */

/** Something that a person must know of; each one makes the exit code 1. Remarks are in the report only. */
export interface Problem {
  /** Path inside the export; undefined when it is about the export as a whole. */
  readonly path?: string
  readonly code: string
  readonly message: string
  readonly hint?: string
}
