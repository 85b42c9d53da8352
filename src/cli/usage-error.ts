/**
 * The error of a command line that cannot be run as it was given: exit code 2.
 *
 * @module
 */

import { HeirloomError } from '../errors.ts'

/** Carries every problem that was found, so that nobody has to fix them one run at a time. */
export class UsageError extends HeirloomError {
  readonly code = 'cli/usage'
  readonly recovery = 'discard'
  readonly problems: readonly string[]

  constructor(problems: readonly string[], options: { hint?: string } = {}) {
    super(problems.join('\n'), options)
    this.problems = problems
  }
}
