/**
 * Which assets are in which albums, all in one call: the stream by which phones keep in step.
 *
 * A stream that is not read to its end can cost the server a database connection for good (immich #31415), and so can
 * two at once: whoever asks may go away, the stream is read on. What it says is never acknowledged, and asked for from
 * the beginning each time: so it is always all. That begins the session anew for everybody who shares its token, which
 * is why this wants a session of its own. Only a stream that says that it is complete counts.
 *
 * @module
 */

import type { ClientContext } from '../../client-context.ts'
import { ImmichError, UnexpectedAnswerError } from '../../immich-errors.ts'
import type { AlbumMembership } from '../autotag-api.ts'
import { syncLine } from './answers.ts'
import { ask } from './api-call.ts'
import { unlessCalledOff } from './once.ts'

const NAME = 'reading which assets are in which albums'

/** Memberships that are handed over at a time. */
const BATCH = 5_000

/** A stream that ended before it was complete; it may be read again. */
export class StreamCutError extends ImmichError {
  readonly code = 'immich/stream-cut'
  readonly recovery = 'retry'

  constructor(reason: string) {
    super(`${NAME} ended early: ${reason}`, { failure: { kind: 'connection', wasSent: true } })
  }
}

export async function* syncMemberships(
  context: ClientContext,
  signal?: AbortSignal,
): AsyncGenerator<readonly AlbumMembership[]> {
  signal?.throwIfAborted()
  const memberships = await unlessCalledOff(readStream(context), signal)
  for (let at = 0; at < memberships.length; at += BATCH) yield memberships.slice(at, at + BATCH)
}

async function readStream(context: ClientContext): Promise<readonly AlbumMembership[]> {
  let reading = createReading()
  await ask<void>(context, {
    name: NAME,
    route: 'POST /sync/stream',
    permission: 'sync.stream',
    callClass: 'sync',
    body: { types: ['AlbumToAssetsV1'], reset: true },
    isSlow: true,
    onLine: (line) => reading.take(line),
    onEnd: () => reading.end(),
    beforeRepeat: () => {
      reading = createReading()
      return Promise.resolve(undefined)
    },
  })
  return reading.memberships
}

interface Reading {
  readonly memberships: readonly AlbumMembership[]
  take(line: string): void
  /** @throws StreamCutError when it was not complete. */
  end(): void
}

function createReading(): Reading {
  const memberships: AlbumMembership[] = []
  const ids = new Map<string, string>()
  let isComplete = false
  const take = (line: string): void => {
    const { type, data } = parseLine(line)
    if (type === 'SyncCompleteV1') isComplete = true
    if (type === 'SyncResetV1') throw new UnexpectedAnswerError(NAME, 'the server begins the session anew')
    if (!MEMBERSHIPS.has(type)) return
    const { albumId, assetId } = data
    if (albumId === undefined || assetId === undefined)
      throw new UnexpectedAnswerError(NAME, `a line ${type} without ids`)
    memberships.push({ albumId: one(ids, albumId), assetId: one(ids, assetId) })
  }
  const end = (): void => {
    if (!isComplete) throw new StreamCutError('it did not say that it is complete')
  }
  return { memberships, take, end }
}

/** The second is sent for albums that were shared after the session began. */
const MEMBERSHIPS: ReadonlySet<string> = new Set(['AlbumToAssetV1', 'AlbumToAssetBackfillV1'])

function parseLine(line: string): { type: string; data: { albumId?: string; assetId?: string } } {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    // Also the half of a line with which a broken stream ends.
    throw new StreamCutError(`${JSON.stringify(line.slice(0, 40))} is no JSON`)
  }
  const parsed = syncLine.safeParse(json)
  if (!parsed.success) throw new UnexpectedAnswerError(NAME, 'a line without type and data')
  return parsed.data as { type: string; data: { albumId?: string; assetId?: string } }
}

/** The same string for the same id: each is in thousands of lines. */
function one(known: Map<string, string>, id: string): string {
  const before = known.get(id)
  if (before !== undefined) return before
  known.set(id, id)
  return id
}
