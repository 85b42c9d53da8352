/**
 * What is read of the server's answers, for versions 2.5 to 3: loose objects, so that news of the server is no error.
 *
 * @module
 */

import { type ZodType, z } from 'zod'

const id = z.string().min(1)
const count = z.number().int().nonnegative()

export const versionAnswer: ZodType<{ major: number; minor: number; patch: number }> = z.looseObject({
  major: count,
  minor: count,
  patch: count,
})

export const pingAnswer: ZodType<{ res: string }> = z.looseObject({ res: z.string() })

export const userAnswer: ZodType<{ id: string; name: string }> = z.looseObject({ id, name: z.string() })

export const keyAnswer: ZodType<{ permissions: string[] }> = z.looseObject({
  permissions: z.array(z.string()),
})

export const mediaTypesAnswer: ZodType<{ image: string[]; video: string[] }> = z.looseObject({
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

export const checkAnswer: ZodType<{ results: CheckResult[] }> = z.looseObject({
  results: z.array(
    z.looseObject({
      id: z.string(),
      action: z.enum(['accept', 'reject']),
      reason: z.string().nullish(),
      assetId: z.string().nullish(),
      isTrashed: z.boolean().nullish(),
    }),
  ),
})

export const uploadAnswer: ZodType<{ id: string; status: 'created' | 'duplicate' }> = z.looseObject({
  id,
  status: z.enum(['created', 'duplicate']),
})

export interface AlbumAnswer {
  id: string
  albumName: string
  description?: string | null | undefined
  assetCount: number
}

export const albumAnswer: ZodType<AlbumAnswer> = z.looseObject({
  id,
  albumName: z.string(),
  description: z.string().nullish(),
  assetCount: count,
})

export const albumsAnswer: ZodType<AlbumAnswer[]> = z.array(albumAnswer)

export const membersAnswer: ZodType<{ id: string; success: boolean; error?: string | null | undefined }[]> =
  z.array(z.looseObject({ id, success: z.boolean(), error: z.string().nullish() }))

export const stackAnswer: ZodType<{ id: string; assets: { id: string }[] }> = z.looseObject({
  id,
  assets: z.array(z.looseObject({ id })),
})

/** Of an asset only whether it is in a stack. */
export const stackedAnswer: ZodType<{ stack?: { id: string } | null | undefined }> = z.looseObject({
  stack: z.looseObject({ id }).nullish(),
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

export const searchAnswer: ZodType<SearchAnswer> = z.looseObject({
  assets: z.looseObject({
    items: z.array(
      z.looseObject({
        id,
        checksum: z.string(),
        originalFileName: z.string(),
        isTrashed: z.boolean(),
        livePhotoVideoId: z.string().nullish(),
        isFavorite: z.boolean().optional(),
        visibility: z.enum(['timeline', 'archive', 'hidden', 'locked']).optional(),
        exifInfo: z
          .looseObject({ description: z.string().nullish(), rating: z.number().nullish() })
          .nullish(),
      }),
    ),
    nextPage: z.string().nullish(),
  }),
})

/** Anything that a failed call says: NestJS puts one message or many into `message`, zod's issues into `errors`. */
const failureAnswer = z.looseObject({
  message: z.union([z.string(), z.array(z.string())]).optional(),
  error: z.string().optional(),
  errors: z
    .array(
      z.looseObject({
        message: z.string().optional(),
        path: z.array(z.union([z.string(), z.number()])).optional(),
      }),
    )
    .optional(),
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
