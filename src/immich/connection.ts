/**
 * What every client of an Immich server stands on: its connections, its calls, and the version it runs.
 *
 * The key lives in closures only: nothing here has a property that holds it, and texts of the server are freed of it
 * before they become errors. Everything about connections, repeats and limits is in `http.ts` and `exchange.ts`.
 *
 * @module
 */

import { type Clock, systemClock } from '../clock.ts'
import { parseAddress } from './address.ts'
import type { ServerVersion } from './api.ts'
import type { BreakerOptions } from './breaker.ts'
import { type ClientContext, get } from './client-context.ts'
import { type Credentials, createExchanges, type Exchanges } from './exchange.ts'
import { createCalls, type ProbeCall } from './http.ts'
import { ClientClosedError, isOverload, UnsupportedServerError } from './immich-errors.ts'
import { createLimiter, type Limiter } from './limiter.ts'
import { DEFAULT_RETRY, type RetryOptions } from './retry-policy.ts'

export interface ImmichClientOptions {
  /** With or without `/api`, a base path, a slash at its end. */
  readonly address: string
  /** An API key, or `{ session }` for the token of a login. */
  readonly key: Credentials
  /** Takes any certificate; of this client's connections only. Default false. */
  readonly insecure?: boolean
  readonly userAgent?: string
  readonly retry?: RetryOptions
  readonly breaker?: BreakerOptions
  /** An exchange in which nothing moves for so long is given up. Default 60 s. */
  readonly stallMs?: number
  /** How long the server may take for its answer to an upload or a change once it has all of it. Default 5 min. */
  readonly answerMs?: number
  readonly clock?: Clock
  /** For the jitter: from [0, 1). */
  readonly random?: () => number
  /** To share one with others; a limiter of its own with the default limits otherwise. */
  readonly limiter?: Limiter
}

/** What has gone over the line so far; it changes with every call. */
export interface Traffic {
  /** Requests, repeats and signs of life included. */
  readonly calls: number
  /** By the server's clock when it answered last: epoch milliseconds, of whole seconds; undefined if it never told. */
  readonly serverTimeMs: number | undefined
}

export interface Connection {
  readonly context: ClientContext
  readonly traffic: Traffic
  /** Asks, whatever was known. */
  version(signal?: AbortSignal): Promise<ServerVersion>
  close(): Promise<void>
}

const DEFAULT_STALL_MS = 60_000

/** A server hashes an upload, and moves it across file systems, before it answers. */
const DEFAULT_ANSWER_MS = 300_000

const SUPPORTED = '2.5 to 3.x'

/** `alsoProbe` is asked for a sign of life after the ping: it shows what a ping cannot. */
export function connect(options: ImmichClientOptions, alsoProbe?: ProbeCall): Connection {
  const { clock = systemClock, stallMs = DEFAULT_STALL_MS } = options
  const address = parseAddress(options.address)
  const { exchanges, traffic } = counted(
    createExchanges({
      address,
      credentials: options.key,
      isInsecure: options.insecure ?? false,
      userAgent: options.userAgent ?? 'heirloom',
      stallMs,
      clock,
    }),
  )
  const closing = new AbortController()
  const calls = createCalls({
    address,
    exchanges,
    limiter: options.limiter ?? createLimiter({ isOverload, now: () => clock.now() }),
    retry: { ...DEFAULT_RETRY, ...options.retry },
    breaker: options.breaker,
    alsoProbe,
    stallMs,
    clock,
    random: options.random ?? Math.random,
    closed: closing.signal,
  })
  let known: ServerVersion | undefined
  const version = async (signal?: AbortSignal): Promise<ServerVersion> => {
    known = await askVersion(context, signal)
    return known
  }
  const context: ClientContext = {
    base: address.base,
    calls,
    answerMs: options.answerMs ?? DEFAULT_ANSWER_MS,
    isSession: typeof options.key !== 'string',
    versionOnce: async (signal) => known ?? (await version(signal)),
    forgetVersion: () => {
      known = undefined
    },
  }
  const close = async (): Promise<void> => {
    closing.abort(new ClientClosedError(address.base))
    await exchanges.close()
  }
  return { context, traffic, version, close }
}

function counted(exchanges: Exchanges): { exchanges: Exchanges; traffic: Traffic } {
  const traffic: { calls: number; serverTimeMs: number | undefined } = { calls: 0, serverTimeMs: undefined }
  return {
    traffic,
    exchanges: {
      ...exchanges,
      send: async (request) => {
        traffic.calls += 1
        const answer = await exchanges.send(request)
        const serverTimeMs = Date.parse(answer.headers['date'] ?? '')
        if (!Number.isNaN(serverTimeMs)) traffic.serverTimeMs = serverTimeMs
        return answer
      },
    },
  }
}

async function askVersion({ base, calls }: ClientContext, signal?: AbortSignal): Promise<ServerVersion> {
  const { major, minor, patch } = await calls.call(
    get('asking for the version', '/server/version', (answers) => answers.versionAnswer, signal),
  )
  if (!(major === 3 || (major === 2 && minor >= 5))) {
    throw new UnsupportedServerError(base, `${major}.${minor}.${patch}`, SUPPORTED)
  }
  return { major, minor, patch }
}
