/**
 * Changes need the library's lease: without it, the answer says who has it.
 *
 * @module
 */

import type { QueueEngine } from '../queue/queue-engine.ts'
import { RequestError } from './http-errors.ts'
import type { ServerContext } from './server-context.ts'

/** Seconds: the server looks for the lease as often. */
const RETRY_AFTER_S = 5

/** @throws RequestError 503 while another process works on the library, or the server is about to end */
export function requireWorking(context: ServerContext): { readonly queue: QueueEngine } {
  const role = context.role()
  if (role.kind === 'working') return role
  const who = role.holder === undefined ? 'another process' : `heirloom ${role.holder.command}`
  throw new RequestError(503, 'server/watching', `${who} works on the library, nothing can be added now`, {
    hint: 'Try again when it is done: the server takes over by itself.',
    retryAfter: RETRY_AFTER_S,
  })
}
