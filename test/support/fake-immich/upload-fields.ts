/**
 * The text fields of an upload, and which of them a version of the server asks for.
 *
 * @module
 */

import { z } from 'zod'
import { HttpError } from './answer.ts'
import type { Call } from './call.ts'
import type { Visibility } from './fake-state.ts'
import { ID } from './route.ts'

export interface UploadFields {
  readonly fileCreatedAt: string
  readonly fileModifiedAt: string
  readonly filename?: string | undefined
  readonly isFavorite?: 'true' | 'false' | undefined
  readonly visibility?: Visibility | undefined
  readonly livePhotoVideoId?: string | undefined
  readonly duration?: string | undefined
  readonly deviceAssetId?: string | undefined
  readonly deviceId?: string | undefined
  readonly metadata?: readonly { readonly key: string; readonly value: unknown }[] | undefined
}

const DATE = z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'Invalid ISO datetime')
const METADATA = z.string().transform((text, context) => {
  const parsed = z.array(z.object({ key: z.string(), value: z.unknown() })).safeParse(jsonOf(text))
  if (parsed.success) return parsed.data
  context.addIssue({ code: 'custom', message: 'Invalid metadata' })
  return z.NEVER
})

const FIELDS = z.object({
  fileCreatedAt: DATE,
  fileModifiedAt: DATE,
  filename: z.string().optional(),
  isFavorite: z.enum(['true', 'false']).optional(),
  visibility: z.enum(['timeline', 'archive', 'hidden', 'locked']).optional(),
  livePhotoVideoId: ID.optional(),
  duration: z.string().optional(),
  deviceAssetId: z.string().optional(),
  deviceId: z.string().optional(),
  metadata: METADATA.optional(),
})

const REQUIRED_BEFORE_3: readonly string[] = ['deviceAssetId', 'deviceId']

/** @throws {@link HttpError} 400 when one is missing or malformed. */
export function uploadFieldsOf(call: Call, fields: ReadonlyMap<string, string>): UploadFields {
  const required = call.version.major < 3 ? REQUIRED_BEFORE_3 : []
  const missing = [...required, 'fileCreatedAt', 'fileModifiedAt'].filter((name) => !fields.has(name))
  if (missing.length > 0) {
    call.violate('missing-field', missing.join(', '))
    const texts = missing.map((name) => `${name} should not be empty`)
    throw call.invalid(
      missing.map((name) => ({ path: [name], message: 'Required' })),
      texts,
    )
  }
  const parsed = call.parse<UploadFields>(FIELDS, Object.fromEntries(fields))
  for (const date of [parsed.fileCreatedAt, parsed.fileModifiedAt]) {
    if (!/(?:Z|[+-]\d\d:?\d\d)$/u.test(date)) call.violate('date-without-offset', date)
  }
  if (call.version.major >= 3 && parsed.duration !== undefined && !/^\d+$/u.test(parsed.duration)) {
    throw new HttpError(400, 'Validation failed', {
      errors: [{ path: ['duration'], message: 'Invalid input' }],
    })
  }
  return parsed
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
