/**
 * What a server can do, found by questions that change nothing; each is asked once.
 *
 * A server that does not know a field of a body leaves it out silently (measured on 3.1.0), so that a search with a
 * `filter` that nothing can pass tells servers apart: the ones that know it find nothing.
 *
 * @module
 */

import type { Visibility } from '../../api.ts'
import { type ClientContext, unlessRefused } from '../../client-context.ts'
import { RejectedError } from '../../immich-errors.ts'
import type { Capabilities } from '../autotag-api.ts'
import { type IdAnswer, idPageAnswer, type PageAnswer } from './answers.ts'
import { ask } from './api-call.ts'
import { once } from './once.ts'

/** An id that no asset has: the nil of version 4, since some servers look at the version. */
const NOBODY = '00000000-0000-4000-8000-000000000000'

/** From which the answer to a search without result is sure to come from a server with filters. */
const FILTER_SINCE = { major: 3, minor: 2 }

export interface CapabilityReader {
  read(signal?: AbortSignal): Promise<Capabilities>
  hasSearchFilter(signal?: AbortSignal): Promise<boolean>
  /** Whether a search that names no visibility finds those of `visibilities`, of which `sample` are assets. */
  findsUnasked(samples: ReadonlyMap<Visibility, string>, signal?: AbortSignal): Promise<boolean>
}

export function createCapabilities(context: ClientContext): CapabilityReader {
  const filter = once(() => asksFilter(context))
  const sync = once(() => asksSync(context))
  const unasked = new Map<Visibility, ReturnType<typeof once<boolean>>>()
  return {
    read: async (signal) => {
      const [hasSearchFilter, hasSync] = await Promise.all([filter(signal), sync(signal)])
      return { hasSearchFilter, hasSync }
    },
    hasSearchFilter: filter,
    findsUnasked: async (samples, signal) => {
      for (const [visibility, assetId] of samples) {
        const question = unasked.get(visibility) ?? once(() => findsWithoutAsking(context, assetId))
        unasked.set(visibility, question)
        if (!(await question(signal))) return false
      }
      return true
    },
  }
}

async function asksFilter(context: ClientContext): Promise<boolean> {
  let page: PageAnswer<IdAnswer>
  try {
    page = await search(context, { filter: { id: { eq: NOBODY } } })
  } catch (error) {
    if (error instanceof RejectedError) return false
    throw error
  }
  if (page.assets.items.length > 0) return false
  if (page.assets.nextCursor !== undefined) return true
  // Found nothing, and does not show that it knows cursors: an empty timeline of an older server looks like this.
  const { major, minor } = await context.versionOnce()
  return major > FILTER_SINCE.major || (major === FILTER_SINCE.major && minor >= FILTER_SINCE.minor)
}

async function findsWithoutAsking(context: ClientContext, assetId: string): Promise<boolean> {
  const { assets } = await search(context, { id: assetId })
  return assets.items.some(({ id }) => id === assetId)
}

async function search(context: ClientContext, body: object): Promise<PageAnswer<IdAnswer>> {
  return await ask(context, {
    name: 'asking how to search',
    route: 'POST /search/metadata',
    permission: 'asset.read',
    callClass: 'read',
    body: { ...body, size: 1 },
    schema: () => idPageAnswer,
  })
}

/** A stream of nothing, which moves no checkpoint. Keys of an account are refused, whatever they may do. */
async function asksSync(context: ClientContext): Promise<boolean> {
  if (!context.isSession) return false
  const answer = await unlessRefused(
    ask<void>(context, {
      name: 'asking for a stream of changes',
      route: 'POST /sync/stream',
      permission: 'sync.stream',
      callClass: 'sync',
      body: { types: [] },
      onLine: () => undefined,
    }).then(() => true),
  )
  return answer ?? false
}
