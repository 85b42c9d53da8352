/**
 * Lanes that a command line of `heirloom queue` names: one that nobody knows is most likely a typing error, and to
 * wait for it or to change all of it would be done at once, with nothing done.
 *
 * @module
 */

import type { Backend } from '../../queue/backend.ts'
import type { Io } from '../io.ts'
import type { QueueRequest } from '../queue-request.ts'
import { didYouMean } from '../suggest.ts'
import { neutralize } from '../text-width.ts'

/** Warns of every named lane that has had no task and that nobody works on. It is no error: it may come to be. */
export async function warnOfUnknownLanes(backend: Backend, io: Io, request: QueueRequest): Promise<void> {
  const named = lanesOf(request)
  if (named.length === 0) return
  const known = await knownLanes(backend)
  for (const lane of named.filter((one) => !known.includes(one))) {
    const note = `no task of lane ${lane} was added yet${didYouMean(lane, known)}`
    io.stderr.write(`warning: ${neutralize(note)}\n`)
  }
}

function lanesOf(request: QueueRequest): readonly string[] {
  if ('lanes' in request) return [...new Set(request.lanes)]
  const lane = 'where' in request ? request.where.lane : 'lane' in request ? request.lane : undefined
  return lane === undefined ? [] : [lane]
}

/** Those with tasks, and those that somebody works on. */
async function knownLanes(backend: Backend): Promise<string[]> {
  const lanes = (await backend.statistics()).map(({ lane }) => lane)
  const worked = (await backend.coordinators()).flatMap((one) => Object.keys(one.lanes))
  return [...new Set([...lanes, ...worked])]
}
