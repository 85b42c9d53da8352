/**
 * The errors that this package throws on purpose.
 *
 * Each domain derives its own from {@link HeirloomError}, beside the code that
 * throws them. Anything else that is thrown is a bug: it is reported with its
 * stack and counted apart.
 *
 * @module
 */

/** What a failed task may do next. `retry` waits for the backoff; `discard` never runs again. */
export type Recovery = 'retry' | 'discard'

/** Base of every error thrown on purpose. */
export abstract class HeirloomError extends Error {
  /** Stable identifier, safe to match on and to store. Never reworded. */
  abstract readonly code: `${string}/${string}`

  /** What the queue should do with the task that threw. */
  abstract readonly recovery: Recovery

  /** One imperative sentence for a person, or undefined when nothing can be done. */
  readonly hint: string | undefined

  constructor(message: string, options: ErrorOptions & { hint?: string } = {}) {
    super(message, options)
    this.name = new.target.name
    this.hint = options.hint
  }
}

/** An error as it is stored, sent between processes and printed: no stack, no object identity. */
export interface ErrorRecord {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly recovery: Recovery
}

/**
 * System errors that another attempt cannot cure: the file is not there, is not ours to read, or is not
 * a file. A full disk (`ENOSPC`) can be cured while the run goes on, so it is retried.
 */
const HOPELESS = new Set(['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'])

/** What is stored of any thrown value; a bug (not a {@link HeirloomError}) gets the code `bug/<name>`. */
export function toErrorRecord(error: unknown): ErrorRecord {
  if (error instanceof HeirloomError) {
    const { code, message, hint, recovery } = error
    return hint === undefined ? { code, message, recovery } : { code, message, hint, recovery }
  }
  const message = error instanceof Error ? error.message : String(error)
  const system = systemCode(error)
  if (system !== undefined) {
    return { code: `system/${system}`, message, recovery: HOPELESS.has(system) ? 'discard' : 'retry' }
  }
  return { code: `bug/${error instanceof Error ? error.name : typeof error}`, message, recovery: 'retry' }
}

/** `ENOENT` and its kin, of an error that Node threw for the operating system. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
