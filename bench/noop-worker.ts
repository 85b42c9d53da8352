/**
 * The worker module of the queue's benchmark: a task that does nothing.
 *
 * @module
 */

import type { Handler } from '../src/queue/index.ts'

export const handlers: Readonly<Record<string, Handler>> = {
  noop: async () => null,
}
