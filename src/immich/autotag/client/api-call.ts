/**
 * How the autotag client asks: a question or a change, each with the permission that its route asks of a key.
 *
 * @module
 */

import type { ClientContext } from '../../client-context.ts'
import type { Call } from '../../http.ts'
import { isOverload } from '../../immich-errors.ts'
import type { AutotagApi, BulkKind } from '../autotag-api.ts'
import type { AutotagContext } from './bulk-chunks.ts'

export type AutotagMethods<Names extends keyof AutotagApi> = Pick<AutotagApi, Names>

/** A question, or a change. */
export interface Ask<T> extends Pick<Call<T>, 'name' | 'callClass' | 'onLine' | 'onEnd' | 'beforeRepeat'> {
  /** `POST /search/metadata`, below `/api`. */
  readonly route: `${Call<T>['method']} /${string}`
  /** Of a key. */
  readonly permission: string
  readonly body?: object
  /** Of the answer, if there is one. */
  readonly schema?: Call<T>['schema']
  /** Default `safe`. */
  readonly repeat?: Call<T>['repeat']
  /** The server works before it answers. */
  readonly isSlow?: boolean
  readonly signal?: AbortSignal | undefined
}

/** A change. */
export interface Change<T> extends Omit<Ask<T>, 'isSlow'> {
  /** How many ids it changes. */
  readonly units: number
  /** Sizes the chunks of those that come after it. */
  readonly bulk?: BulkKind
}

export async function ask<T>({ calls, answerMs }: ClientContext, question: Ask<T>): Promise<T> {
  const { isSlow = false, ...rest } = question
  return await calls.call<T>({ ...callOf(rest), ...(isSlow ? { answerMs } : {}) })
}

export async function change<T>({ calls, answerMs, chunks }: AutotagContext, wanted: Change<T>): Promise<T> {
  const { bulk, units, beforeRepeat, ...rest } = wanted
  return await calls.call<T>({
    ...callOf(rest),
    answerMs,
    units,
    onLatency: (latencyMs) => {
      if (bulk !== undefined) chunks[bulk].tell(units, latencyMs)
    },
    beforeRepeat: async (error) => {
      if (bulk !== undefined && isOverload(error)) chunks[bulk].tellOverload()
      return await beforeRepeat?.(error)
    },
  })
}

function callOf<T>(question: Omit<Ask<T>, 'isSlow'>): Call<T> {
  const { route, body, schema, repeat = 'safe', ...rest } = question
  const space = route.indexOf(' ')
  return {
    ...rest,
    schema,
    signal: question.signal,
    method: route.slice(0, space) as Call<T>['method'],
    route: route.slice(space + 1),
    repeat,
    // JSON leaves out what is undefined.
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }
}

/** Of an id in a route. */
export function part(id: string): string {
  return encodeURIComponent(id)
}

/** Remembers that a call was made again: the first may have been carried out, and its answer lost. */
export interface Doubt {
  readonly isRepeated: () => boolean
  readonly beforeRepeat: () => Promise<undefined>
}

export function createDoubt(): Doubt {
  let isRepeated = false
  return {
    isRepeated: () => isRepeated,
    beforeRepeat: () => {
      isRepeated = true
      return Promise.resolve(undefined)
    },
  }
}
