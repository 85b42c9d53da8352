/**
 * What a server does first with its library: removes what uploads left that were cut off, and finds what lacks
 * thumbnails.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ObjectPlace } from '../library/photos.ts'
import type { Logger } from '../logger.ts'
import type { Backend } from '../queue/backend.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { BacklogAnswer, ThumbnailPlan } from './photo-calls.ts'
import { discardObjects } from './receive-photo.ts'
import { callLibrary } from './store-calls.ts'

/** Rows of one transaction: some milliseconds. */
const PAGE = 500

/**
 * Removes the objects that were begun and became nothing. Only before anything is put. Those in a store that is not
 * known, or does not answer, are left for a later start.
 */
export async function sweepIntended(
  backend: Pick<Backend, 'call'>,
  storeOf: (address: string) => ObjectStore | undefined,
  logger: Logger,
): Promise<void> {
  const left = await callLibrary(backend, 'photo.intended', { limit: Number.MAX_SAFE_INTEGER })
  const byStore = Map.groupBy(left, ({ store }: ObjectPlace) => store)
  for (const [address, places] of byStore) {
    const store = storeOf(address)
    if (store === undefined) continue
    try {
      await discardObjects(places, { backend, store })
      logger.info('interrupted uploads removed', { store: address, objects: places.length })
    } catch (error) {
      logger.warn('interrupted uploads cannot be removed now', { store: address, error: String(error) })
    }
  }
}

/** Adds a task for each photo and each picture of the library that lacks thumbnails; answers how many. */
export async function addBacklog(
  queue: { call(name: string, argument: unknown): Promise<unknown> },
  options: { readonly root: string; readonly plan: ThumbnailPlan; readonly signal: AbortSignal },
): Promise<number> {
  const { root, plan, signal } = options
  let total = 0
  for (const what of ['photos', 'assets'] as const) {
    let page: BacklogAnswer = { next: 0, added: 0 }
    while (page.next !== undefined && !signal.aborted) {
      page = await callLibrary(queue, 'thumbnail.backlog', {
        of: what,
        after: page.next,
        limit: PAGE,
        root,
        plan,
      })
      total += page.added
      // Uploads come between the pages.
      await nextTurn()
    }
  }
  return total
}
