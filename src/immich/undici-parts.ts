/**
 * The three parts of undici that are used here, without the rest of it.
 *
 * Its index loads 111 modules (fetch, caches, mocks, web sockets) in 145 ms of processor time, these and what they need
 * are 26 in 50 ms: that is a fifth of a run that finds nothing to send. They are not undici's promise, so where
 * they are not found the index is taken. The package brings them with it (`cli/package-bundle.ts`).
 *
 * @module
 */

import type { Dispatcher, Agent as UndiciAgent, errors as undiciErrors } from 'undici'

type RequestOptions = Omit<Dispatcher.RequestOptions, 'opaque'> & { readonly origin: string }

interface Parts {
  readonly Agent: new (options: UndiciAgent.Options) => UndiciAgent
  readonly errors: Pick<typeof undiciErrors, 'UndiciError' | 'HTTPParserError'>
  readonly request: (agent: UndiciAgent, options: RequestOptions) => Promise<Dispatcher.ResponseData>
}

const parts: Parts = await loadParts().catch(loadIndex)
export const Agent: Parts['Agent'] = parts.Agent
export const errors: Parts['errors'] = parts.errors
export const request: Parts['request'] = parts.request

async function loadParts(): Promise<Parts> {
  const { agent, core, api } = await import('./undici-lib.ts')
  const send = api as (this: UndiciAgent, options: RequestOptions) => Promise<Dispatcher.ResponseData>
  const loaded = {
    Agent: agent as Parts['Agent'],
    errors: core as Parts['errors'],
    request: (by: UndiciAgent, options: RequestOptions) => send.call(by, options),
  }
  if ([agent, loaded.errors?.UndiciError, loaded.errors?.HTTPParserError, send].every(isFunction))
    return loaded
  throw new TypeError('parts of undici are not what they were')
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

async function loadIndex(): Promise<Parts> {
  const index = await import('undici')
  return {
    Agent: index.Agent,
    errors: index.errors,
    request: (by, options) => by.request(options),
  }
}
