/**
 * `/search/metadata` and `/search/statistics`: the filters that an uploader may use.
 *
 * @module
 */

import { z } from 'zod'
import { ok } from './answer.ts'
import { hexOf } from './asset-routes.ts'
import type { Call } from './call.ts'
import type { FakeAsset } from './fake-state.ts'
import { ID, jsonRoute, type Route } from './route.ts'
import { assetShape } from './shapes.ts'

const FILTER = z.object({
  id: ID.optional(),
  albumIds: z.array(ID).optional(),
  tagIds: z.array(ID).nullish(),
  isNotInAlbum: z.boolean().optional(),
  checksum: z.string().optional(),
  originalFileName: z.string().optional(),
  visibility: z.enum(['timeline', 'archive', 'hidden', 'locked']).optional(),
  type: z.enum(['IMAGE', 'VIDEO', 'AUDIO', 'OTHER']).optional(),
  isFavorite: z.boolean().optional(),
  rating: z.int().nullish(),
  withDeleted: z.boolean().optional(),
  withStacked: z.boolean().optional(),
  trashedAfter: z.string().optional(),
  trashedBefore: z.string().optional(),
  createdAfter: z.string().optional(),
  createdBefore: z.string().optional(),
  takenAfter: z.string().optional(),
  takenBefore: z.string().optional(),
  updatedAfter: z.string().optional(),
  updatedBefore: z.string().optional(),
})
type Filter = z.infer<typeof FILTER>
type Test = (asset: FakeAsset) => boolean

const PAGE = FILTER.extend({
  page: z.int().min(1).optional(),
  size: z.int().min(1).max(1000).optional(),
  order: z.enum(['asc', 'desc']).optional(),
})

const DEFAULT_PAGE_SIZE = 250

export const SEARCH_ROUTES: readonly Route[] = [
  jsonRoute('POST /search/metadata', { permission: 'asset.read', body: PAGE }, (call, body) => {
    const { page = 1, size = DEFAULT_PAGE_SIZE, order = 'desc' } = body
    const sign = order === 'asc' ? 1 : -1
    const found = matches(call, body).toSorted((a, b) => sign * byDate(a, b))
    const items = found.slice((page - 1) * size, page * size).map((asset) => assetShape(call.state, asset))
    const nextPage = found.length > page * size ? String(page + 1) : null
    return ok({
      albums: { total: 0, count: 0, items: [], facets: [] },
      assets: { total: items.length, count: items.length, items, facets: [], nextPage },
    })
  }),
  jsonRoute('POST /search/statistics', { permission: 'asset.statistics', body: FILTER }, (call, body) =>
    ok({ total: matches(call, body).length }),
  ),
]

function byDate(a: FakeAsset, b: FakeAsset): number {
  return Date.parse(a.fileCreatedAt) - Date.parse(b.fileCreatedAt) || (a.id < b.id ? -1 : 1)
}

function matches(call: Call, filter: Filter): FakeAsset[] {
  const tests = [
    ...stateTests(filter),
    ...valueTests(filter),
    ...dateTests(filter),
    ...memberTests(call, filter),
  ]
  return [...call.state.assets.values()].filter((asset) => tests.every((test) => test(asset)))
}

/** Without a filter the trashed and the locked are left out, hidden videos are not. */
function stateTests(filter: Filter): Test[] {
  const { visibility, trashedAfter, trashedBefore } = filter
  const withDeleted = filter.withDeleted === true || trashedAfter !== undefined || trashedBefore !== undefined
  return [
    (asset) => withDeleted || asset.deletedAt === undefined,
    (asset) => (visibility === undefined ? asset.visibility !== 'locked' : asset.visibility === visibility),
    (asset) => filter.withStacked !== false || asset.stackId === undefined,
  ]
}

function valueTests(filter: Filter): Test[] {
  const { id, checksum, originalFileName, type, isFavorite, rating } = filter
  const tests: Test[] = []
  if (id !== undefined) tests.push((asset) => asset.id === id)
  if (checksum !== undefined) tests.push((asset) => asset.sha1 === hexOf(checksum))
  if (type !== undefined) tests.push((asset) => asset.type === type)
  if (isFavorite !== undefined) tests.push((asset) => asset.isFavorite === isFavorite)
  if (rating !== undefined) tests.push((asset) => asset.rating === rating)
  if (originalFileName !== undefined) {
    tests.push((asset) => asset.fileName.toLowerCase().includes(originalFileName.toLowerCase()))
  }
  return tests
}

function dateTests(filter: Filter): Test[] {
  return [
    ...between((asset) => asset.deletedAt, filter.trashedAfter, filter.trashedBefore),
    ...between((asset) => asset.createdAt, filter.createdAfter, filter.createdBefore),
    ...between((asset) => asset.fileCreatedAt, filter.takenAfter, filter.takenBefore),
    ...between((asset) => asset.updatedAt, filter.updatedAfter, filter.updatedBefore),
  ]
}

function between(
  dateOf: (asset: FakeAsset) => string | undefined,
  after: string | undefined,
  before: string | undefined,
): Test[] {
  const millisOf = (asset: FakeAsset): number => Date.parse(dateOf(asset) ?? '')
  const tests: Test[] = []
  if (after !== undefined) tests.push((asset) => millisOf(asset) >= Date.parse(after))
  if (before !== undefined) tests.push((asset) => millisOf(asset) <= Date.parse(before))
  return tests
}

/** Albums and tags are ANDed. With albums, other people's assets in them are found too. */
function memberTests(call: Call, filter: Filter): Test[] {
  const { state, user } = call
  const { albumIds = [], tagIds, isNotInAlbum } = filter
  const albums = albumIds.map((id) => state.albums.get(id))
  const tests: Test[] = albums.map((album) => (asset) => album?.assetIds.has(asset.id) === true)
  const isVisible = albums.some((album) => album?.ownerId === user.id || album?.sharedWith.has(user.id))
  if (!isVisible) tests.push((asset) => asset.ownerId === user.id)
  if (tagIds === null) tests.push((asset) => asset.tagIds.size === 0)
  for (const id of tagIds ?? []) tests.push((asset) => hasTag(call, asset, id))
  if (isNotInAlbum === true) {
    tests.push((asset) => ![...state.albums.values()].some((album) => album.assetIds.has(asset.id)))
  }
  return tests
}

/** Itself or a child of it. */
function hasTag({ state }: Call, asset: FakeAsset, tagId: string): boolean {
  const value = state.tags.get(tagId)?.value
  if (value === undefined) return false
  const own = [...asset.tagIds].map((id) => state.tags.get(id)?.value ?? '')
  return own.some((one) => one === value || one.startsWith(`${value}/`))
}
