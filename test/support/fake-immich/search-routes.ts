/**
 * `/search/metadata` and `/search/statistics`: pages of the flat filters (`search-flat.ts`), and from 3.2 on of the new
 * ones (`search-filter.ts`).
 *
 * Items have neither tags nor albums (immich #16273); EXIF and people only when asked for.
 *
 * @module
 */

import { z } from 'zod'
import { type Answer, HttpError, ok } from './answer.ts'
import type { Call } from './call.ts'
import type { FakeAsset } from './fake-state.ts'
import { jsonRoute, type Route } from './route.ts'
import { FILTER, findFiltered, ORDER_BY } from './search-filter.ts'
import { FLAT, findFlat } from './search-flat.ts'
import { assetShape } from './shapes.ts'

const DEFAULT_PAGE_SIZE = 250

const PAGE = z.intersection(
  FLAT,
  z.object({
    page: z.int().min(1).optional(),
    size: z.int().min(1).max(1000).optional(),
    order: z.enum(['asc', 'desc']).optional(),
    withExif: z.boolean().optional(),
    withPeople: z.boolean().optional(),
    filter: z.unknown().optional(),
    orderBy: z.unknown().optional(),
    cursor: z.unknown().optional(),
  }),
)
type Page = z.infer<typeof PAGE>

const NEW_SHAPE = z.object({
  filter: FILTER.optional(),
  orderBy: ORDER_BY.optional(),
  cursor: z.string().min(1).optional(),
})

export const SEARCH_ROUTES: readonly Route[] = [
  jsonRoute('POST /search/metadata', { permission: 'asset.read', body: PAGE }, (call, body) => {
    const { size = DEFAULT_PAGE_SIZE } = body
    if (isNewShape(call, body)) {
      const { cursor } = newShape(call, body)
      return pageOf(call, body, found(call, body), { start: offsetOf(cursor), size, by: 'cursor' })
    }
    return pageOf(call, body, found(call, body), { start: ((body.page ?? 1) - 1) * size, size, by: 'page' })
  }),
  jsonRoute('POST /search/statistics', { permission: 'asset.statistics', body: PAGE }, (call, body) =>
    ok({ total: found(call, body).length }),
  ),
]

function found(call: Call, body: Page): FakeAsset[] {
  if (!isNewShape(call, body)) {
    const assets = findFlat(call, body)
    return body.order === 'asc' ? assets.toReversed() : assets
  }
  const { filter = {}, orderBy } = newShape(call, body)
  const assets = findFiltered(call, filter, orderBy)
  return body.withStacked === false ? assets.filter(({ stackId }) => stackId === undefined) : assets
}

/** Before 3.2 the new fields are unknown ones, which are ignored: then a search finds everything (measured on 3.1.0). */
function isNewShape({ version: { major, minor } }: Call, { filter, orderBy, cursor }: Page): boolean {
  if (major < 3 || (major === 3 && minor < 2)) return false
  return filter !== undefined || orderBy !== undefined || cursor !== undefined
}

/** @throws {HttpError} 400 beside flat fields. */
function newShape(call: Call, body: Page): z.infer<typeof NEW_SHAPE> {
  const stays = new Set(['withStacked', 'size', 'withExif', 'withPeople', 'filter', 'orderBy', 'cursor'])
  const flat = Object.entries(body).find(([field, value]) => value !== undefined && !stays.has(field))?.[0]
  if (flat === undefined) return call.parse(NEW_SHAPE, body)
  const message = `Deprecated field ${flat} cannot be combined with filter/orderBy/cursor`
  call.violate('invalid-body', message)
  throw call.invalid([{ code: 'custom', path: [flat], message }], [message])
}

function pageOf(
  call: Call,
  body: Page,
  assets: readonly FakeAsset[],
  page: { readonly start: number; readonly size: number; readonly by: 'page' | 'cursor' },
): Answer {
  const end = page.start + page.size
  const told = { exif: body.withExif === true, people: body.withPeople === true }
  const items = assets.slice(page.start, end).map((asset) => assetShape(call.state, asset, told))
  const hasMore = assets.length > end
  const { major, minor } = call.version
  const hasCursors = major > 3 || (major === 3 && minor >= 2)
  return ok({
    albums: { total: 0, count: 0, items: [], facets: [] },
    assets: {
      total: items.length,
      count: items.length,
      items,
      facets: [],
      nextPage: hasMore && page.by === 'page' ? String(end / page.size + 1) : null,
      ...(hasCursors ? { nextCursor: hasMore && page.by === 'cursor' ? cursorOf(end) : null } : {}),
    },
  })
}

function cursorOf(offset: number): string {
  return Buffer.from(JSON.stringify({ o: offset })).toString('base64url')
}

function offsetOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0
  try {
    return z.object({ o: z.int().min(0) }).parse(JSON.parse(Buffer.from(cursor, 'base64url').toString())).o
  } catch {
    throw new HttpError(400, 'Invalid cursor')
  }
}
