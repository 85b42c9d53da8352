/**
 * What the methods of the client share.
 *
 * @module
 */

import type { ImmichApi, ServerVersion } from './api.ts'
import type { Call, Calls } from './http.ts'
import { ForbiddenError, NotFoundError } from './immich-errors.ts'

/** Ids of one bulk change. The body limit of 10 MiB is far away; 1,000 took 0.1 to 0.6 s (measured on 3.1.0). */
export const ID_CHUNK = 1_000

/** Holds no key. */
export interface ClientContext {
  readonly base: string
  readonly calls: Calls
  readonly answerMs: number
  readonly isSession: boolean
  /** Known from earlier in this run, or asked now. */
  readonly versionOnce: (signal?: AbortSignal) => Promise<ServerVersion>
  readonly forgetVersion: () => void
}

export type Methods<Names extends keyof ImmichApi> = Pick<ImmichApi, Names>

/** A question that changes nothing. */
export function get<T>(
  name: string,
  route: string,
  schema: Call<T>['schema'],
  signal?: AbortSignal,
): Call<T> {
  return { name, method: 'GET', route, schema, signal, callClass: 'read', repeat: 'safe' }
}

export function* chunksOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}

/** Undefined where the key may not ask, or the server knows no such question. */
export async function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ForbiddenError || error instanceof NotFoundError) return undefined
    throw error
  }
}
