/**
 * What is read of the server's answers, for versions 2.5 to 3: loose objects, so that news of the server is no error.
 *
 * @module
 */

import { en } from 'zod/locales'
import * as z from 'zod/mini'

/** The part of a schema that is used: of `zod/mini` here, of the whole of zod where more of it is needed. */
export interface Schema<Value> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: Value }
    | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } }
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

// Without a language, each issue says "Invalid input" and no more.
z.config(en())

const id = z.string().check(z.minLength(1))
const count = z.int().check(z.nonnegative())

export const versionAnswer: Schema<{ major: number; minor: number; patch: number }> = z.looseObject({
  major: count,
  minor: count,
  patch: count,
})

export const pingAnswer: Schema<{ res: string }> = z.looseObject({ res: z.string() })

export const userAnswer: Schema<{ id: string; name: string }> = z.looseObject({ id, name: z.string() })

export const keyAnswer: Schema<{ permissions: string[] }> = z.looseObject({
  permissions: z.array(z.string()),
})

export const mediaTypesAnswer: Schema<{ image: string[]; video: string[] }> = z.looseObject({
  image: z.array(z.string()),
  video: z.array(z.string()),
})

export interface CheckResult {
  id: string
  action: 'accept' | 'reject'
  reason?: string | null | undefined
  assetId?: string | null | undefined
  isTrashed?: boolean | null | undefined
}

export const checkAnswer: Schema<{ results: CheckResult[] }> = z.looseObject({
  results: z.array(
    z.looseObject({
      id: z.string(),
      action: z.enum(['accept', 'reject']),
      reason: z.nullish(z.string()),
      assetId: z.nullish(z.string()),
      isTrashed: z.nullish(z.boolean()),
    }),
  ),
})

export const uploadAnswer: Schema<{ id: string; status: 'created' | 'duplicate' }> = z.looseObject({
  id,
  status: z.enum(['created', 'duplicate']),
})

export interface AlbumAnswer {
  id: string
  albumName: string
  description?: string | null | undefined
  assetCount: number
}

const album = z.looseObject({
  id,
  albumName: z.string(),
  description: z.nullish(z.string()),
  assetCount: count,
})

export const albumAnswer: Schema<AlbumAnswer> = album
export const albumsAnswer: Schema<AlbumAnswer[]> = z.array(album)

export const membersAnswer: Schema<{ id: string; success: boolean; error?: string | null | undefined }[]> =
  z.array(z.looseObject({ id, success: z.boolean(), error: z.nullish(z.string()) }))

export const stackAnswer: Schema<{ id: string; assets: { id: string }[] }> = z.looseObject({
  id,
  assets: z.array(z.looseObject({ id })),
})

/** Of an asset only whether it is in a stack. */
export const stackedAnswer: Schema<{ stack?: { id: string } | null | undefined }> = z.looseObject({
  stack: z.nullish(z.looseObject({ id })),
})

export interface AssetAnswer {
  id: string
  /** Base64 or hexadecimal. */
  checksum: string
  originalFileName: string
  isTrashed: boolean
  livePhotoVideoId?: string | null | undefined
  isFavorite?: boolean | undefined
  visibility?: 'timeline' | 'archive' | 'hidden' | 'locked' | undefined
  /** Only when it was asked for. */
  exifInfo?:
    | { description?: string | null | undefined; rating?: number | null | undefined }
    | null
    | undefined
}

export interface SearchAnswer {
  assets: { items: AssetAnswer[]; nextPage?: string | null | undefined }
}

export const searchAnswer: Schema<SearchAnswer> = z.looseObject({
  assets: z.looseObject({
    items: z.array(
      z.looseObject({
        id,
        checksum: z.string(),
        originalFileName: z.string(),
        isTrashed: z.boolean(),
        livePhotoVideoId: z.nullish(z.string()),
        isFavorite: z.optional(z.boolean()),
        visibility: z.optional(z.enum(['timeline', 'archive', 'hidden', 'locked'])),
        exifInfo: z.nullish(
          z.looseObject({ description: z.nullish(z.string()), rating: z.nullish(z.number()) }),
        ),
      }),
    ),
    nextPage: z.nullish(z.string()),
  }),
})

/** Anything that a failed call says: NestJS puts one message or many into `message`, zod's issues into `errors`. */
const failureAnswer = z.looseObject({
  message: z.optional(z.union([z.string(), z.array(z.string())])),
  error: z.optional(z.string()),
  errors: z.optional(
    z.array(
      z.looseObject({
        message: z.optional(z.string()),
        path: z.optional(z.array(z.union([z.string(), z.number()]))),
      }),
    ),
  ),
})

/** What a failed call says, with its first issue; the bare text when it is not Immich's. */
export function failureText(text: string): string {
  const answer = failureAnswer.safeParse(parseJson(text))
  if (!answer.success) return text.replaceAll(/<[^>]*>/gu, ' ')
  const { message, error, errors } = answer.data
  const said = (Array.isArray(message) ? message[0] : message) ?? error ?? ''
  const issue = errors?.[0]
  if (issue === undefined) return said
  const where = issue.path === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  return `${said}: ${where}${issue.message ?? 'invalid'}`
}

/** Undefined for what is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
