/**
 * The flat filters of a search: all that there was until 3.2.
 *
 * Without `visibility`, 2.x finds the timeline alone and 3.x all but the locked (2.5.6 read; 3.1.0 measured, and another
 * client saw hidden videos in it). Asking for the locked takes more than a key: 401 (reported by a client, and read).
 *
 * @module
 */

import { z } from 'zod'
import { HttpError, noAccess } from './answer.ts'
import { hexOf } from './asset-routes.ts'
import type { Call } from './call.ts'
import type { FakeAlbum, FakeAsset } from './fake-state.ts'
import { ID } from './route.ts'

export const VISIBILITY: z.ZodType<FakeAsset['visibility']> = z.enum([
  'timeline',
  'archive',
  'hidden',
  'locked',
])

export interface FlatFilter {
  readonly id?: string | undefined
  readonly albumIds?: string[] | undefined
  /** Null: without any tag. */
  readonly tagIds?: string[] | null | undefined
  readonly personIds?: string[] | undefined
  readonly isNotInAlbum?: boolean | undefined
  readonly checksum?: string | undefined
  readonly originalFileName?: string | undefined
  readonly originalPath?: string | undefined
  readonly visibility?: FakeAsset['visibility'] | undefined
  readonly type?: 'IMAGE' | 'VIDEO' | 'AUDIO' | 'OTHER' | undefined
  readonly isFavorite?: boolean | undefined
  readonly rating?: number | null | undefined
  readonly withDeleted?: boolean | undefined
  readonly trashedAfter?: string | undefined
  readonly trashedBefore?: string | undefined
  readonly createdAfter?: string | undefined
  readonly createdBefore?: string | undefined
  readonly takenAfter?: string | undefined
  readonly takenBefore?: string | undefined
  readonly updatedAfter?: string | undefined
  readonly updatedBefore?: string | undefined
  readonly withStacked?: boolean | undefined
}

const DATE = z.string().optional()

export const FLAT: z.ZodType<FlatFilter> = z.object({
  id: ID.optional(),
  albumIds: z.array(ID).optional(),
  tagIds: z.array(ID).nullish(),
  personIds: z.array(ID).optional(),
  isNotInAlbum: z.boolean().optional(),
  checksum: z.string().optional(),
  originalFileName: z.string().optional(),
  originalPath: z.string().optional(),
  visibility: VISIBILITY.optional(),
  type: z.enum(['IMAGE', 'VIDEO', 'AUDIO', 'OTHER']).optional(),
  isFavorite: z.boolean().optional(),
  rating: z.int().nullish(),
  withDeleted: z.boolean().optional(),
  trashedAfter: DATE,
  trashedBefore: DATE,
  createdAfter: DATE,
  createdBefore: DATE,
  takenAfter: DATE,
  takenBefore: DATE,
  updatedAfter: DATE,
  updatedBefore: DATE,
  withStacked: z.boolean().optional(),
})
type Test = (asset: FakeAsset) => boolean

/** Newest first. */
export function findFlat(call: Call, filter: FlatFilter): FakeAsset[] {
  if (filter.visibility === 'locked') throw new HttpError(401, 'Elevated permission is required')
  const albums = (filter.albumIds ?? []).map((id) => albumToSearch(call, id))
  const tests = [
    ...stateTests(call, filter),
    ...valueTests(filter),
    ...dateTests(filter),
    ...memberTests(call, filter, albums),
  ]
  return candidates(call, albums).filter((asset) => tests.every((test) => test(asset)))
}

/** Those of the smallest album, or all. */
export function candidates({ state }: Call, albums: readonly FakeAlbum[]): readonly FakeAsset[] {
  const [smallest] = albums.toSorted((a, b) => a.assetIds.size - b.assetIds.size)
  if (smallest === undefined || smallest.assetIds.size > state.assets.size / 10) return state.assetsByDate()
  return inOrder(
    [...smallest.assetIds].map((id) => state.assets.get(id)).filter((asset) => asset !== undefined),
  )
}

export function inOrder(assets: readonly FakeAsset[]): FakeAsset[] {
  return assets.toSorted((a, b) => compare(b.fileCreatedAt, a.fileCreatedAt) || compare(b.id, a.id))
}

export function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** An album that the user does not see fails the whole search (read in 3.x; 2.5.6 found nothing in it). */
export function albumToSearch({ state, user, version }: Call, id: string): FakeAlbum {
  const album = state.albums.get(id)
  if (album !== undefined && (album.ownerId === user.id || album.sharedWith.has(user.id))) return album
  if (version.major >= 3) throw noAccess('album.read')
  return EMPTY_ALBUM
}

const EMPTY_ALBUM: FakeAlbum = {
  id: '',
  ownerId: '',
  name: '',
  description: '',
  createdAt: '',
  updatedAt: '',
  assetIds: new Set(),
  sharedWith: new Set(),
  roles: new Map(),
}

function stateTests(call: Call, filter: FlatFilter): Test[] {
  const { visibility, trashedAfter, trashedBefore } = filter
  const withDeleted = filter.withDeleted === true || trashedAfter !== undefined || trashedBefore !== undefined
  const isOld = call.version.major < 3
  const isShown = (asset: FakeAsset): boolean =>
    isOld ? asset.visibility === 'timeline' : asset.visibility !== 'locked'
  return [
    (asset) => withDeleted || asset.deletedAt === undefined,
    (asset) => (visibility === undefined ? isShown(asset) : asset.visibility === visibility),
    (asset) => filter.withStacked !== false || asset.stackId === undefined,
  ]
}

function valueTests(filter: FlatFilter): Test[] {
  const { id, checksum, originalFileName, originalPath, type, isFavorite, rating } = filter
  const tests: Test[] = []
  if (id !== undefined) tests.push((asset) => asset.id === id)
  if (checksum !== undefined) tests.push((asset) => asset.sha1 === hexOf(checksum))
  if (type !== undefined) tests.push((asset) => asset.type === type)
  if (isFavorite !== undefined) tests.push((asset) => asset.isFavorite === isFavorite)
  if (rating !== undefined) tests.push((asset) => asset.rating === rating)
  if (originalPath !== undefined) tests.push((asset) => contains(asset.originalPath, originalPath))
  if (originalFileName !== undefined) tests.push((asset) => contains(asset.fileName, originalFileName))
  return tests
}

export function contains(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase())
}

function dateTests(filter: FlatFilter): Test[] {
  return [
    ...between((asset) => asset.deletedAt, filter.trashedAfter, filter.trashedBefore),
    ...between((asset) => asset.createdAt, filter.createdAfter, filter.createdBefore),
    ...between((asset) => asset.fileCreatedAt, filter.takenAfter, filter.takenBefore),
    ...between((asset) => asset.updatedAt, filter.updatedAfter, filter.updatedBefore),
  ]
}

/** Both inclusive. */
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

/** Albums, tags and people are ANDed. With albums, 3.x finds other people's assets in them too. */
function memberTests(call: Call, filter: FlatFilter, albums: readonly FakeAlbum[]): Test[] {
  const { state, user, version } = call
  const { tagIds, personIds = [], isNotInAlbum } = filter
  const tests: Test[] = albums.map(
    ({ assetIds }) =>
      (asset) =>
        assetIds.has(asset.id),
  )
  if (albums.length === 0 || version.major < 3) tests.push((asset) => asset.ownerId === user.id)
  if (tagIds === null) tests.push((asset) => asset.tagIds.size === 0)
  for (const id of tagIds ?? []) tests.push(hasTag(state.tagFamily(id)))
  for (const id of personIds) tests.push((asset) => asset.personIds.has(id))
  if (isNotInAlbum === true) {
    const members = new Set([...state.albums.values()].flatMap(({ assetIds }) => [...assetIds]))
    tests.push((asset) => !members.has(asset.id))
  }
  return tests
}

/** One of the family: itself or a child of it. */
export function hasTag(family: ReadonlySet<string>): Test {
  return ({ tagIds }) => {
    for (const id of tagIds) if (family.has(id)) return true
    return false
  }
}
