/**
 * Finding assets: page after page, each once.
 *
 * From 3.2 on a search takes a `filter` and goes on by cursor. Older ones take flat fields, of which several albums would
 * mean assets that are in all of them, number their pages, and search one visibility at a time, or those that the server
 * is known to find unasked. Behind cursors may be numbers too, and an asset that moves to a later page comes twice: so
 * what was told is remembered, and pages are read in one go.
 *
 * @module
 */

import type { ZodType } from 'zod'
import type { Visibility } from '../../api.ts'
import type { ClientContext } from '../../client-context.ts'
import { UnexpectedAnswerError } from '../../immich-errors.ts'
import type { CallClass } from '../../limiter.ts'
import type { SearchQuery } from '../autotag-api.ts'
import { type AssetAnswer, assetPageAnswer, type IdAnswer, idPageAnswer, type PageAnswer } from './answers.ts'
import { type AutotagMethods, ask } from './api-call.ts'
import type { CapabilityReader } from './capabilities.ts'
import { foundAsset } from './found-asset.ts'

/** Most that a search gives at once: one more is a 400 (measured on 3.1.0). */
const PAGE_SIZE = 1_000

const NAME = 'searching'

export function searchMethods(
  context: ClientContext,
  capabilities: CapabilityReader,
): AutotagMethods<'findAssets' | 'findIds' | 'albumAssetIds'> {
  const searcher: Searcher = { context, capabilities, samples: new Map() }
  return {
    findAssets: async function* (query, signal) {
      const { withPeople = false, isBare = false } = query
      const isAll = query.tagId === undefined && query.albumIds === undefined
      const reading: Reading<AssetAnswer> = {
        schema: () => assetPageAnswer,
        fields: { withExif: !isBare, withPeople },
        callClass: isAll ? 'listing' : 'search',
      }
      for await (const page of search(searcher, query, reading, { signal }))
        yield page.map((asset) => foundAsset(asset, withPeople))
    },
    findIds: async function* (query, signal) {
      for await (const page of search(searcher, query, IDS, { signal })) yield page.map(({ id }) => id)
    },
    albumAssetIds: async (albumId, visibilities, signal, enough) => {
      const ids: string[] = []
      const query = { albumIds: [albumId], visibilities }
      for await (const page of search(searcher, query, IDS, { signal, enough }))
        ids.push(...page.map(({ id }) => id))
      return ids
    },
  }
}

interface Searcher {
  readonly context: ClientContext
  readonly capabilities: CapabilityReader
  /** An asset of each visibility that was seen: to find out what the server finds unasked. */
  readonly samples: Map<Visibility, string>
}

async function* search<Item extends IdAnswer>(
  searcher: Searcher,
  query: SearchQuery,
  reading: Reading<Item>,
  limits: { readonly signal: AbortSignal | undefined; readonly enough?: number | undefined },
): AsyncGenerator<readonly Item[]> {
  const { signal, enough = Number.POSITIVE_INFINITY } = limits
  const told = new Set<string>()
  for (const body of await bodiesOf(searcher, query, signal)) {
    if (told.size >= enough) return
    for await (const items of pagesOf(searcher.context, { ...body, ...reading.fields }, reading, signal)) {
      const fresh = items.filter((item) => isWanted(item, query, body) && isNew(told, item.id))
      for (const { visibility, id } of fresh) searcher.samples.set(visibility, id)
      if (fresh.length > 0) yield fresh
    }
  }
}

interface Reading<Item> {
  readonly schema: () => ZodType<PageAnswer<Item>>
  readonly fields: object
  readonly callClass: CallClass
}

const IDS: Reading<IdAnswer> = { schema: () => idPageAnswer, fields: {}, callClass: 'search' }

/** Of a search, without its page. */
type SearchBody = {
  readonly filter?: object
  readonly visibility?: Visibility
}

async function bodiesOf(
  searcher: Searcher,
  query: SearchQuery,
  signal: AbortSignal | undefined,
): Promise<readonly SearchBody[]> {
  const { visibilities, albumIds } = query
  if (visibilities.length === 0) return []
  if (await searcher.capabilities.hasSearchFilter(signal)) return [{ filter: filterOf(query) }]
  const asked = (await findsUnasked(searcher, query, signal))
    ? [{}]
    : visibilities.map((visibility) => ({ visibility }))
  const inAlbums = albumIds === undefined ? [{}] : albumIds.map((id) => ({ albumIds: [id] }))
  return inAlbums.flatMap((albums) => asked.map((shown) => ({ ...flatOf(query), ...albums, ...shown })))
}

/** Only for searches of a tag or an album: they are many, and what they find besides is little. */
async function findsUnasked(
  { capabilities, samples }: Searcher,
  { visibilities, tagId, albumIds }: SearchQuery,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (visibilities.length === 1 || (tagId === undefined && albumIds === undefined)) return false
  const known = new Map([...samples].filter(([visibility]) => visibilities.includes(visibility)))
  return known.size === visibilities.length && (await capabilities.findsUnasked(known, signal))
}

function filterOf({ visibilities, tagId, albumIds, updatedAfter }: SearchQuery): object {
  return {
    visibility: { in: visibilities },
    // Unlike the flat fields, a filter finds those in the trash too.
    trashedAt: { eq: null },
    ...(tagId === undefined ? {} : { tagIds: { any: [tagId] } }),
    ...(albumIds === undefined ? {} : { albumIds: { any: albumIds } }),
    ...(updatedAfter === undefined ? {} : { updatedAt: { gte: updatedAfter } }),
  }
}

function flatOf({ tagId, updatedAfter }: SearchQuery): object {
  return {
    ...(tagId === undefined ? {} : { tagIds: [tagId] }),
    ...(updatedAfter === undefined ? {} : { updatedAfter }),
  }
}

/** Undefined visibilities of the body are those that the server finds unasked: it may find more than are wanted. */
function isWanted(item: IdAnswer, { visibilities }: SearchQuery, body: SearchBody): boolean {
  if (item.isTrashed) return false
  if (visibilities.includes(item.visibility)) return true
  if (body.filter === undefined && body.visibility === undefined) return false
  throw new UnexpectedAnswerError(NAME, `${item.visibility} assets, which were not asked for`)
}

function isNew(told: Set<string>, id: string): boolean {
  if (told.has(id)) return false
  told.add(id)
  return true
}

async function* pagesOf<Item>(
  context: ClientContext,
  body: object,
  reading: Reading<Item>,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Item[]> {
  let place: Place | undefined = {}
  while (place !== undefined) {
    const { assets }: PageAnswer<Item> = await ask(context, {
      name: NAME,
      route: 'POST /search/metadata',
      permission: 'asset.read',
      callClass: reading.callClass,
      body: { ...body, ...place, size: PAGE_SIZE },
      schema: reading.schema,
      signal,
    })
    yield assets.items
    place = assets.items.length === 0 ? undefined : placeAfter(place, assets)
  }
}

type Place = { readonly cursor?: string; readonly page?: number }

/** Undefined at the end. A place that does not go on would be asked for again and again. */
function placeAfter(
  place: Place,
  { nextCursor, nextPage }: PageAnswer<unknown>['assets'],
): Place | undefined {
  if (typeof nextCursor === 'string') {
    if (nextCursor === place.cursor) throw new UnexpectedAnswerError(NAME, 'the same page again')
    return { cursor: nextCursor }
  }
  if (place.cursor !== undefined) return undefined
  const page = Number(nextPage ?? Number.NaN)
  return Number.isSafeInteger(page) && page > (place.page ?? 1) ? { page } : undefined
}
