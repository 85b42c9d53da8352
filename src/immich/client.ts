/**
 * The client of an Immich server, versions 2.5 to 3: one method an endpoint, written by hand.
 *
 * The key lives in closures only: the client has no property that holds it, and texts of the server are freed of it
 * before they become errors. Everything about connections, repeats and limits is in `http.ts` and `exchange.ts`.
 *
 * @module
 */

import { type Clock, systemClock } from '../clock.ts'
import { parseAddress } from './address.ts'
import type { ImmichApi, ServerVersion } from './api.ts'
import type { BreakerOptions } from './breaker.ts'
import { albumMethods, stackMethods } from './client-albums.ts'
import { assetMethods } from './client-assets.ts'
import { type ClientContext, get, type Methods } from './client-context.ts'
import { type Credentials, createExchanges } from './exchange.ts'
import { createCalls } from './http.ts'
import {
  ClientClosedError,
  ForbiddenError,
  isOverload,
  NotFoundError,
  UnsupportedServerError,
} from './immich-errors.ts'
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

const DEFAULT_STALL_MS = 60_000

/** A server hashes an upload, and moves it across file systems, before it answers. */
const DEFAULT_ANSWER_MS = 300_000

const SUPPORTED = '2.5 to 3.x'

export function createImmichClient(options: ImmichClientOptions): ImmichApi {
  const { clock = systemClock, stallMs = DEFAULT_STALL_MS } = options
  const address = parseAddress(options.address)
  const exchanges = createExchanges({
    address,
    credentials: options.key,
    isInsecure: options.insecure ?? false,
    userAgent: options.userAgent ?? 'heirloom',
    stallMs,
    clock,
  })
  const closing = new AbortController()
  const calls = createCalls({
    address,
    exchanges,
    limiter: options.limiter ?? createLimiter({ isOverload, now: () => clock.now() }),
    retry: { ...DEFAULT_RETRY, ...options.retry },
    breaker: options.breaker,
    stallMs,
    clock,
    random: options.random ?? Math.random,
    closed: closing.signal,
  })
  let known: ServerVersion | undefined
  const context: ClientContext = {
    base: address.base,
    calls,
    answerMs: options.answerMs ?? DEFAULT_ANSWER_MS,
    isSession: typeof options.key !== 'string',
    versionOnce: async (signal) => {
      known ??= await askVersion(context, signal)
      return known
    },
    forgetVersion: () => {
      known = undefined
    },
  }
  const version = async (signal?: AbortSignal): Promise<ServerVersion> => {
    known = await askVersion(context, signal)
    return known
  }
  return Object.freeze({
    address: address.base,
    version,
    ...serverMethods(context),
    ...assetMethods(context),
    ...albumMethods(context),
    ...stackMethods(context),
    close: async () => {
      closing.abort(new ClientClosedError(address.base))
      await exchanges.close()
    },
  })
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

function serverMethods({
  calls,
  isSession,
}: ClientContext): Methods<'me' | 'permissions' | 'supportedExtensions'> {
  return {
    me: async (signal) => {
      const call = get('asking for the user', '/users/me', (answers) => answers.userAnswer, signal)
      const user = await unlessRefused(calls.call(call))
      return user === undefined ? undefined : { id: user.id, name: user.name }
    },
    permissions: async (signal) => {
      if (isSession) return ['all']
      const call = get(
        'asking for the permissions of the key',
        '/api-keys/me',
        (answers) => answers.keyAnswer,
        signal,
      )
      return (await unlessRefused(calls.call(call)))?.permissions
    },
    supportedExtensions: async (signal) => {
      const call = get(
        'asking for the supported types',
        '/server/media-types',
        (answers) => answers.mediaTypesAnswer,
        signal,
      )
      const { image, video } = await calls.call(call)
      return new Set([...image, ...video].map((extension) => extension.toLowerCase()))
    },
  }
}

/** Undefined where the key may not ask, or the server knows no such question. */
async function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ForbiddenError || error instanceof NotFoundError) return undefined
    throw error
  }
}
