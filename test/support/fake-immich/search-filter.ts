/**
 * `filter`, `orderBy` and `cursor` of 3.2's search; older servers ignore them as they ignore every unknown field.
 *
 * Types: `@immich/sdk` 3.2.2. Meaning: read in the server's source of that time as forks carry it, not measured:
 * - strict: an unknown field is 400, and so is a flat filter, `page` or `order` beside it;
 * - nothing is left out by itself but the locked: **the trashed and the hidden are found** unless `trashedAt: {eq: null}`
 *   and `visibility` say otherwise; asking for the locked is 401;
 * - an album that the user does not see is 400 for the whole search; `albumIds.any` or `all` lets in what others own;
 * - a cursor is an offset in base64, so that pages shift when assets come or dates change between them.
 *
 * @module
 */

import { z } from 'zod'
import { HttpError } from './answer.ts'
import { hexOf } from './asset-routes.ts'
import type { Call } from './call.ts'
import type { FakeAsset } from './fake-state.ts'
import { ID } from './route.ts'
import { albumToSearch, candidates, compare, contains, hasTag, VISIBILITY } from './search-flat.ts'

type Test = (asset: FakeAsset) => boolean

type Scalar = string | number | boolean | null

interface Comparison {
  readonly eq?: Scalar
  readonly ne?: Scalar
  readonly gt?: Scalar
  readonly gte?: Scalar
  readonly lt?: Scalar
  readonly lte?: Scalar
  readonly in?: readonly Scalar[]
  readonly notIn?: readonly Scalar[]
  readonly like?: string
  readonly notLike?: string
  readonly startsWith?: string
  readonly endsWith?: string
}

interface IdsComparison {
  readonly any?: readonly string[]
  readonly all?: readonly string[]
  readonly none?: readonly string[]
}

interface Flag {
  readonly eq: boolean
}

type ValueField =
  | 'id'
  | 'type'
  | 'visibility'
  | 'isFavorite'
  | 'city'
  | 'state'
  | 'country'
  | 'make'
  | 'model'
  | 'lensModel'
  | 'description'
  | 'originalFileName'
  | 'originalPath'
  | 'rating'
  | 'fileSizeInBytes'
  | 'takenAt'
  | 'createdAt'
  | 'updatedAt'
  | 'trashedAt'

type Branch = { readonly [field in ValueField | 'checksum']?: Comparison } & {
  readonly [field in 'hasAlbums' | 'hasPeople' | 'hasTags']?: Flag
} & { readonly [field in 'personIds' | 'tagIds' | 'albumIds']?: IdsComparison }

export type Filter = Branch & { readonly or?: readonly Branch[] }

export interface OrderBy {
  readonly field: 'fileCreatedAt' | 'localDateTime' | 'fileSizeInBytes' | 'rating'
  readonly direction: 'asc' | 'desc'
}

/** At least one of the operators, and no other. */
function oneOf(operators: Readonly<Record<string, z.ZodType>>): z.ZodType {
  const isSome = (value: object): boolean => Object.values(value).some((one) => one !== undefined)
  return z.strictObject(operators).partial().refine(isSome, 'needs an operator')
}

const many = (of: z.ZodType): z.ZodType => z.array(of).min(1)
const enumerated = (of: z.ZodType): z.ZodType => oneOf({ eq: of, ne: of, in: many(of), notIn: many(of) })

const TEXT = z.string()
const TEXTS = { eq: TEXT.nullable(), ne: TEXT.nullable(), in: many(TEXT), notIn: many(TEXT) }
const SOME_TEXT = TEXT.min(1)
const DATE = TEXT.refine((text) => !Number.isNaN(Date.parse(text)), 'is no date')
const NUMBER = z.number()

const ids = oneOf({ any: many(ID), all: many(ID), none: many(ID) })
const flag = z.object({ eq: z.boolean() })
const text = oneOf(TEXTS)
const pattern = oneOf({
  ...TEXTS,
  like: SOME_TEXT,
  notLike: SOME_TEXT,
  startsWith: SOME_TEXT,
  endsWith: SOME_TEXT,
})
const number = oneOf({
  eq: NUMBER.nullable(),
  ne: NUMBER.nullable(),
  lt: NUMBER,
  lte: NUMBER,
  gt: NUMBER,
  gte: NUMBER,
  in: many(NUMBER),
  notIn: many(NUMBER),
})
const date = oneOf({ eq: DATE.nullable(), ne: DATE.nullable(), gt: DATE, gte: DATE, lt: DATE, lte: DATE })

const BRANCH = z
  .strictObject({
    id: oneOf({ eq: ID, ne: ID }),
    type: enumerated(z.enum(['IMAGE', 'VIDEO', 'AUDIO', 'OTHER'])),
    visibility: enumerated(VISIBILITY),
    isFavorite: flag,
    hasAlbums: flag,
    hasPeople: flag,
    hasTags: flag,
    city: text,
    state: text,
    country: text,
    make: text,
    model: text,
    lensModel: text,
    description: pattern,
    originalFileName: pattern,
    originalPath: pattern,
    rating: number,
    fileSizeInBytes: number,
    takenAt: date,
    createdAt: date,
    updatedAt: date,
    trashedAt: date,
    personIds: ids,
    tagIds: ids,
    albumIds: ids,
    checksum: text,
  })
  .partial()

export const FILTER: z.ZodType<Filter> = BRANCH.extend({
  or: many(BRANCH).optional(),
}) as unknown as z.ZodType<Filter>

export const ORDER_BY: z.ZodType<OrderBy> = z.object({
  field: z.enum(['fileCreatedAt', 'localDateTime', 'fileSizeInBytes', 'rating']).default('fileCreatedAt'),
  direction: z.enum(['asc', 'desc']).default('desc'),
})

/** In the order that was asked for. */
export function findFiltered(call: Call, filter: Filter, orderBy: OrderBy | undefined): FakeAsset[] {
  const branches = filter.or ?? []
  refuseLocked(filter)
  const top = branchTests(call, filter)
  const inBranches = branches.map((branch) => branchTests(call, branch))
  const isOwn = (asset: FakeAsset): boolean => asset.ownerId === call.user.id
  const found = startOf(call, filter).filter(
    (asset) =>
      asset.visibility !== 'locked' &&
      (isConfined(filter) || isOwn(asset) || branches.some(isConfined)) &&
      top.every((test) => test(asset)) &&
      (branches.length === 0 ||
        inBranches.some(
          (tests, at) =>
            tests.every((test) => test(asset)) &&
            (isConfined(filter) || isConfined(branches[at] ?? {}) || isOwn(asset)),
        )),
  )
  return orderBy === undefined ? found : ordered(found, orderBy)
}

/** Of one album, or of all newest first. */
function startOf(call: Call, { albumIds }: Filter): readonly FakeAsset[] {
  const ids = albumIds?.all ?? (albumIds?.any?.length === 1 ? albumIds.any : [])
  return candidates(
    call,
    ids.map((id) => albumToSearch(call, id)),
  )
}

/** All that it finds is in an album that the user sees. */
function isConfined({ albumIds }: Branch): boolean {
  return albumIds?.any !== undefined || albumIds?.all !== undefined
}

/** A condition at the top decides alone, else each branch. */
function refuseLocked(filter: Filter): void {
  const conditions =
    filter.visibility === undefined ? (filter.or ?? []).map((one) => one.visibility) : [filter.visibility]
  const asks = conditions.some((one) => one !== undefined && compared(one)('locked'))
  if (asks) throw new HttpError(401, 'Elevated permission is required')
}

function branchTests(call: Call, branch: Branch): Test[] {
  const { state } = call
  const tests: Test[] = []
  const on = <F>(filter: F | undefined, test: (filter: F) => Test): void => {
    if (filter !== undefined) tests.push(test(filter))
  }
  for (const [field, read] of VALUES) {
    on(branch[field], (filter) => {
      const fits = compared(filter)
      return (asset) => fits(read(asset))
    })
  }
  on(branch.albumIds, (filter) =>
    idsTest(filter, (id) => {
      const { assetIds } = albumToSearch(call, id)
      return (asset) => assetIds.has(asset.id)
    }),
  )
  on(branch.tagIds, (filter) => idsTest(filter, (id) => hasTag(state.tagFamily(id))))
  on(branch.personIds, (filter) => idsTest(filter, (id) => (asset) => asset.personIds.has(id)))
  on(
    branch.hasTags,
    ({ eq }) =>
      (asset) =>
        asset.tagIds.size > 0 === eq,
  )
  on(
    branch.hasPeople,
    ({ eq }) =>
      (asset) =>
        asset.personIds.size > 0 === eq,
  )
  on(branch.hasAlbums, ({ eq }) => {
    const members = new Set([...state.albums.values()].flatMap(({ assetIds }) => [...assetIds]))
    return (asset) => members.has(asset.id) === eq
  })
  on(
    branch.checksum,
    ({ eq }) =>
      (asset) =>
        typeof eq !== 'string' || asset.sha1 === hexOf(eq),
  )
  return tests
}

const dateValue = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text))

const VALUES: readonly (readonly [ValueField, (asset: FakeAsset) => Scalar])[] = [
  ['id', ({ id }) => id],
  ['type', ({ type }) => type],
  ['visibility', ({ visibility }) => visibility],
  ['isFavorite', ({ isFavorite }) => isFavorite],
  ['city', ({ exif }) => exif.city],
  ['state', ({ exif }) => exif.state],
  ['country', ({ exif }) => exif.country],
  ['make', ({ exif }) => exif.make],
  ['model', ({ exif }) => exif.model],
  ['lensModel', ({ exif }) => exif.lensModel],
  ['description', ({ description }) => description],
  ['originalFileName', ({ fileName }) => fileName],
  ['originalPath', ({ originalPath }) => originalPath],
  ['rating', ({ rating }) => rating],
  ['fileSizeInBytes', ({ sizeBytes }) => sizeBytes],
  ['takenAt', ({ fileCreatedAt }) => dateValue(fileCreatedAt)],
  ['createdAt', ({ createdAt }) => dateValue(createdAt)],
  ['updatedAt', ({ updatedAt }) => dateValue(updatedAt)],
  ['trashedAt', ({ deletedAt }) => dateValue(deletedAt)],
]

/** As SQL: against null nothing but `eq: null` holds, `ne` and `notIn` neither. */
function compared(filter: Comparison): (value: Scalar) => boolean {
  const isNull = (value: Scalar): boolean => value === null
  const tests: ((value: Scalar) => boolean)[] = []
  const rule = <T>(wanted: T | undefined, test: (value: Scalar, wanted: T) => boolean): void => {
    if (wanted !== undefined) tests.push((value) => test(value, wanted))
  }
  rule(filter.eq, (value, eq) => (eq === null ? isNull(value) : !isNull(value) && order(value, eq) === 0))
  rule(filter.ne, (value, ne) => (ne === null ? !isNull(value) : !isNull(value) && order(value, ne) !== 0))
  rule(filter.gt, (value, gt) => !isNull(value) && order(value, gt) > 0)
  rule(filter.gte, (value, gte) => !isNull(value) && order(value, gte) >= 0)
  rule(filter.lt, (value, lt) => !isNull(value) && order(value, lt) < 0)
  rule(filter.lte, (value, lte) => !isNull(value) && order(value, lte) <= 0)
  rule(filter.in, (value, all) => all.includes(value))
  rule(filter.notIn, (value, all) => !isNull(value) && !all.includes(value))
  rule(filter.like, (value, part) => contains(String(value ?? ''), part))
  rule(filter.notLike, (value, part) => !isNull(value) && !contains(String(value), part))
  rule(filter.startsWith, (value, part) =>
    String(value ?? '')
      .toLowerCase()
      .startsWith(part.toLowerCase()),
  )
  rule(filter.endsWith, (value, part) =>
    String(value ?? '')
      .toLowerCase()
      .endsWith(part.toLowerCase()),
  )
  return (value) => tests.every((test) => test(value))
}

/** Dates are numbers here, and texts in a request. */
function order(value: Scalar, wanted: Scalar): number {
  if (typeof value === 'number')
    return value - (typeof wanted === 'number' ? wanted : Date.parse(String(wanted)))
  return compare(String(value), String(wanted))
}

function idsTest({ any, all = [], none = [] }: IdsComparison, testOf: (id: string) => Test): Test {
  const anyOf = any?.map(testOf)
  const allOf = all.map(testOf)
  const noneOf = none.map(testOf)
  return (asset) =>
    (anyOf === undefined || anyOf.some((test) => test(asset))) &&
    allOf.every((test) => test(asset)) &&
    !noneOf.some((test) => test(asset))
}

/** Nulls last; equal ones by id. */
function ordered(assets: readonly FakeAsset[], { field, direction }: OrderBy): FakeAsset[] {
  const read = (asset: FakeAsset): string | number | null => {
    if (field === 'rating') return asset.rating
    if (field === 'fileSizeInBytes') return asset.sizeBytes
    return field === 'localDateTime' ? asset.localDateTime : asset.fileCreatedAt
  }
  const sign = direction === 'asc' ? 1 : -1
  return assets.toSorted((a, b) => {
    const [left, right] = [read(a), read(b)]
    if (left === null || right === null) return Number(left === null) - Number(right === null)
    const byValue =
      typeof left === 'number' && typeof right === 'number'
        ? left - right
        : compare(String(left), String(right))
    return sign * (byValue || compare(a.id, b.id))
  })
}
