/**
 * What a doctor wants to know of a server besides what uploads ask: its free space, and what time it thinks it is.
 *
 * @module
 */

import { z } from 'zod'
import { systemClock } from '../clock.ts'
import { parseAddress } from './address.ts'
import { type Answer, createExchanges, type Exchanges } from './exchange.ts'

export interface ServerFacts {
  /** Undefined where the key may not ask (`server.storage`), or the answer was another one. */
  readonly diskAvailableBytes?: number
  readonly diskSizeBytes?: number
  /** Milliseconds that the server's clock is ahead of ours; exact to a second, as its `Date` header is. */
  readonly clockAheadMs?: number
}

const TIMEOUT_MS = 10_000

const STORAGE = z.object({ diskAvailableRaw: z.number(), diskSizeRaw: z.number() })

/** @throws ImmichError when the server does not answer. */
export async function readServerFacts(connection: {
  readonly address: string
  readonly key: string
  readonly insecure: boolean
}): Promise<ServerFacts> {
  const clock = systemClock
  const exchanges = createExchanges({
    address: parseAddress(connection.address),
    credentials: connection.key,
    isInsecure: connection.insecure,
    userAgent: 'heirloom',
    stallMs: TIMEOUT_MS,
    clock,
  })
  try {
    const askedAt = clock.now()
    const answer = await askStorage(exchanges)
    return { ...storageOf(answer), ...clockOf(answer, (askedAt + clock.now()) / 2) }
  } finally {
    await exchanges.close()
  }
}

function askStorage(exchanges: Exchanges): Promise<Answer> {
  const route = '/server/storage'
  return exchanges.send({ name: 'asking for the free space', method: 'GET', route, answerMs: TIMEOUT_MS })
}

function storageOf({ status, text }: Answer): ServerFacts {
  if (status !== 200) return {}
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return {}
  }
  const parsed = STORAGE.safeParse(body)
  if (!parsed.success) return {}
  return { diskAvailableBytes: parsed.data.diskAvailableRaw, diskSizeBytes: parsed.data.diskSizeRaw }
}

/** The header has whole seconds: in the middle, the server's clock was half a second further. */
function clockOf({ headers }: Answer, atMs: number): ServerFacts {
  const serverMs = Date.parse(headers['date'] ?? '')
  return Number.isNaN(serverMs) ? {} : { clockAheadMs: serverMs + 500 - atMs }
}
