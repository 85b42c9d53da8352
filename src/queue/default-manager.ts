/**
 * One queue manager for the whole process, for programs whose parts should not hand it around.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util'
import { HeirloomError } from '../errors.ts'
import type { QueueManagerOptions } from './manager-options.ts'
import { QueueManager } from './queue-manager.ts'
import type { HandlerMap } from './typed-tasks.ts'

/** Thrown when {@link getQueueManager} has no options to make a manager of, or others than it was made of. */
export class QueueManagerMismatchError extends HeirloomError {
  readonly code = 'queue/manager-mismatch'
  readonly recovery = 'discard'
}

let current:
  | { readonly manager: QueueManager; readonly options: Readonly<Record<string, unknown>> }
  | undefined

/**
 * The process-wide manager: made by the first call, which gives the options; the same for all that follow, until it
 * is closed.
 *
 * @throws {@link QueueManagerMismatchError} for the first call without options, and for a later one with others.
 */
export function getQueueManager<Handlers extends HandlerMap = HandlerMap>(
  options?: QueueManagerOptions<Handlers>,
): QueueManager<Handlers> {
  if (current?.manager.isClosed === true) current = undefined
  if (current === undefined) {
    if (options === undefined) {
      throw new QueueManagerMismatchError('queue manager of this process was not made yet', {
        hint: 'Call getQueueManager with options first.',
      })
    }
    current = { manager: new QueueManager(options) as unknown as QueueManager, options: comparable(options) }
  } else if (options !== undefined) verifySame(current.options, comparable(options))
  return current.manager as unknown as QueueManager<Handlers>
}

function verifySame(made: Readonly<Record<string, unknown>>, asked: Readonly<Record<string, unknown>>): void {
  const names = [...new Set([...Object.keys(made), ...Object.keys(asked)])]
  const different = names.filter((name) => !isDeepStrictEqual(made[name], asked[name]))
  if (different.length === 0) return
  throw new QueueManagerMismatchError(
    `queue manager of this process was made with other options: ${different.join(', ')}`,
    { hint: 'Call getQueueManager without options, or make a QueueManager of your own.' },
  )
}

/** Options by name, without those that are undefined; URLs as text. */
function comparable(options: object): Readonly<Record<string, unknown>> {
  const entries = Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, value instanceof URL ? value.href : value])
  return Object.fromEntries(entries)
}
