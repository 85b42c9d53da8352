/**
 * What is read of the server's answers when a library is kept in order, for versions 2.5 to 3.2: only what is named here
 * is kept, so that a page of a thousand assets becomes small at once; anything else that comes is no error.
 *
 * @module
 */

import { type ZodType, z } from 'zod'

const id = z.string().min(1)
const count = z.number().int().nonnegative()
const text = z.string().nullish()

/** ISO 8601 to epoch milliseconds. */
const instant = z.string().transform((written, context) => {
  const atMs = Date.parse(written)
  if (Number.isNaN(atMs)) context.addIssue({ code: 'custom', message: `${written.slice(0, 40)} is no date` })
  return atMs
})

const visibility = z.enum(['timeline', 'archive', 'hidden', 'locked'])

type Text = string | null | undefined

export interface UserAnswer {
  id: string
  name: string
  email: string
}

const user = z.object({ id, name: z.string(), email: z.string() })
export const usersAnswer: ZodType<UserAnswer[]> = z.array(user)

export interface TagAnswer {
  id: string
  value: string
  parentId?: Text
}

const tag = z.object({ id, value: z.string().min(1), parentId: z.string().nullish() })
export const tagsAnswer: ZodType<TagAnswer[]> = z.array(tag)
export const taggedAnswer: ZodType<{ tags?: TagAnswer[] | null | undefined }> = z.object({
  tags: z.array(tag).nullish(),
})
export const countAnswer: ZodType<{ count: number }> = z.object({ count })

export interface AlbumAnswer {
  id: string
  albumName: string
  description?: Text
  assetCount: number
  startDate?: number | null | undefined
  endDate?: number | null | undefined
  updatedAt: string
  lastModifiedAssetTimestamp?: Text
  /** 2.x; the owner is a member of 3.x. */
  ownerId?: Text
  albumUsers: { role: string; user: { id: string } }[]
}

export const albumAnswer: ZodType<AlbumAnswer> = z.object({
  id,
  albumName: z.string(),
  description: text,
  assetCount: count,
  startDate: instant.nullish(),
  endDate: instant.nullish(),
  updatedAt: z.string(),
  lastModifiedAssetTimestamp: text,
  ownerId: text,
  albumUsers: z.array(z.object({ role: z.string(), user: z.object({ id }) })),
})
export const albumsAnswer: ZodType<AlbumAnswer[]> = z.array(albumAnswer)

export interface DuplicateAnswer {
  duplicateId: string
  assets: { id: string; isTrashed?: boolean | undefined }[]
  /** From 2.7 on. */
  suggestedKeepAssetIds?: string[] | null | undefined
}

export const duplicatesAnswer: ZodType<DuplicateAnswer[]> = z.array(
  z.object({
    duplicateId: id,
    assets: z.array(z.object({ id, isTrashed: z.boolean().optional() })),
    suggestedKeepAssetIds: z.array(id).nullish(),
  }),
)

export interface OutcomeAnswer {
  id: string
  success: boolean
  error?: Text
}

export const outcomesAnswer: ZodType<OutcomeAnswer[]> = z.array(
  z.object({ id, success: z.boolean(), error: text }),
)

type Shown = 'timeline' | 'archive' | 'hidden' | 'locked'

export interface IdAnswer {
  id: string
  ownerId: string
  visibility: Shown
  isTrashed: boolean
}

const idFields = { id, ownerId: id, visibility, isTrashed: z.boolean() }

export interface AssetAnswer extends IdAnswer {
  originalFileName: string
  originalPath: string
  type: 'IMAGE' | 'VIDEO' | 'AUDIO' | 'OTHER'
  isFavorite: boolean
  fileCreatedAt: number
  fileModifiedAt: number
  localDateTime: number
  /** Not there before 2.5. */
  createdAt?: number | null | undefined
  updatedAt: string
  duplicateId?: Text
  width?: number | null | undefined
  height?: number | null | undefined
  exifInfo?: ExifAnswer | null | undefined
  people?: { name: string }[] | null | undefined
}

export interface ExifAnswer {
  city?: Text
  state?: Text
  country?: Text
  make?: Text
  model?: Text
  description?: Text
  dateTimeOriginal?: number | null | undefined
  timeZone?: Text
  rating?: number | null | undefined
  fileSizeInByte?: number | null | undefined
  exifImageWidth?: number | null | undefined
  exifImageHeight?: number | null | undefined
}

const number = z.number().nullish()

const asset = z.object({
  ...idFields,
  originalFileName: z.string(),
  originalPath: z.string(),
  type: z.enum(['IMAGE', 'VIDEO', 'AUDIO', 'OTHER']),
  isFavorite: z.boolean(),
  fileCreatedAt: instant,
  fileModifiedAt: instant,
  localDateTime: instant,
  createdAt: instant.nullish(),
  updatedAt: z.string(),
  duplicateId: text,
  width: number,
  height: number,
  exifInfo: z
    .object({
      city: text,
      state: text,
      country: text,
      make: text,
      model: text,
      description: text,
      dateTimeOriginal: instant.nullish(),
      timeZone: text,
      rating: number,
      fileSizeInByte: number,
      exifImageWidth: number,
      exifImageHeight: number,
    })
    .nullish(),
  people: z.array(z.object({ name: z.string() })).nullish(),
})

export interface PageAnswer<Item> {
  assets: { items: Item[]; nextPage?: Text; nextCursor?: Text }
}

const page = <Item>(item: ZodType<Item>): ZodType<PageAnswer<Item>> =>
  z.object({
    assets: z.object({ items: z.array(item), nextPage: text, nextCursor: text }),
  }) as ZodType<PageAnswer<Item>>

export const assetPageAnswer: ZodType<PageAnswer<AssetAnswer>> = page<AssetAnswer>(asset)
export const idPageAnswer: ZodType<PageAnswer<IdAnswer>> = page<IdAnswer>(z.object(idFields))

export interface SyncLine {
  type: string
  data: { albumId?: string | undefined; assetId?: string | undefined }
}

export const syncLine: ZodType<SyncLine> = z.object({
  type: z.string(),
  data: z.object({ albumId: id.optional(), assetId: id.optional() }),
})
