/**
 * Runs a verb of `heirloom queue`: checks the line, opens the queue, and closes it whatever happens.
 *
 * @module
 */

import { explainSqlite } from '../../queue/sqlite/database-error.ts'
import { type CommandContext, configOf } from '../command.ts'
import { requireConfig } from '../config.ts'
import type { Io } from '../io.ts'
import { columnsOf, paintFor } from '../paint.ts'
import { parseQueueRequest, type QueueRequest } from '../queue-request.ts'
import type { TextStyle } from '../queue-status-view.ts'
import { type OpenQueue, openQueue } from '../queue-target.ts'
import type { QueueCommandOptions } from './queue.ts'
import { warnOfUnknownLanes } from './queue-lanes.ts'

/** What a verb works with. */
export interface QueueWork extends OpenQueue {
  readonly io: Io
  readonly json: boolean
  /** For stdout. */
  readonly style: TextStyle
}

export async function runQueueVerb({ io }: CommandContext, options: QueueCommandOptions): Promise<number> {
  const config = requireConfig(configOf(io, options))
  const request = parseQueueRequest({ verb: options.verb, names: options.names, flags: options.own })
  const queue = await openQueue(
    { path: options.target, cwd: io.cwd, state: config.state },
    { withProgram: request.verb === 'cancel' || request.verb === 'retry', clock: io.clock },
  )
  const style = { paint: paintFor(io, io.stdout, config.color), columns: columnsOf(io.stdout) }
  try {
    await warnOfUnknownLanes(queue.backend, io, request)
    return await runRequest({ ...queue, io, json: options.json, style }, request)
  } catch (error) {
    throw explainSqlite(error, queue.place.database)
  } finally {
    await queue.close()
  }
}

async function runRequest(work: QueueWork, request: QueueRequest): Promise<number> {
  switch (request.verb) {
    case 'status':
    case 'list':
    case 'show':
      return (await import('./queue-look.ts')).runLook(work, request)
    case 'drain':
      return (await import('./queue-drain.ts')).runDrain(work, request)
    case 'top':
      return (await import('./queue-top.ts')).runTop(work, request)
    case 'cancel':
    case 'retry':
    case 'pause':
    case 'resume':
    case 'prune':
      return (await import('./queue-change.ts')).runChange(work, request)
  }
}
