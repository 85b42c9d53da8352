/**
 * From the hash of a job that somebody holds to what is needed to settle it.
 *
 * @module
 */

import type { HeldJob } from './held.ts'
import { attemptOf, failuresOf, isRemote, type JobHash, maxRetriesOf, optionsOf } from './wire.ts'

export function heldJobOf(
  ref: Pick<HeldJob, 'queue' | 'jobId' | 'taskId' | 'token'> & { readonly tokenAt?: number },
  hash: JobHash,
  options: ReturnType<typeof optionsOf> = optionsOf(hash),
): HeldJob {
  return {
    tokenAt: 0,
    ...ref,
    attempt: attemptOf(hash),
    failures: failuresOf(hash),
    maxRetries: maxRetriesOf(options),
    priority: Number(hash['priority'] ?? 0),
    isRemote: isRemote(options),
    parent: hash['parent'],
  }
}
