/**
 * JSON schemas that several routes share.
 *
 * @module
 */

export const ERROR_SHAPE = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string', description: 'Stable: `domain/what`.' },
        message: { type: 'string' },
        hint: { type: 'string', description: 'What to do about it.' },
      },
    },
  },
} as const

/** Answers of a route that can go wrong in these ways. */
export function errorShapes(...statuses: readonly number[]): Record<number, object> {
  return Object.fromEntries(
    statuses.map((status) => [status, { description: DESCRIPTIONS[status] ?? 'Error', ...ERROR_SHAPE }]),
  )
}

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request cannot be understood.',
  401: 'A token is needed.',
  403: 'Refused: another site or another host name.',
  404: 'There is no such thing.',
  409: 'It is there already, or not where the caller thinks.',
  412: 'The version of the protocol is not ours.',
  413: 'Too large.',
  415: 'Neither a photo nor a video.',
  416: 'The file has no such bytes.',
  429: 'Too many failures.',
  503: 'Another process works on the library, or the storage is away.',
  507: 'The disk or bucket has no room for it.',
}

/** A content's SHA-1. */
export const PHOTO_ID = {
  type: 'string',
  pattern: '^[0-9a-f]{40}$',
  description: 'SHA-1 of the bytes.',
} as const

export const FOLDER_SHAPE = {
  type: 'object',
  required: ['id', 'name', 'photoCount', 'createdAt'],
  properties: {
    id: { type: 'integer' },
    name: { type: 'string' },
    parentId: { type: 'integer' },
    photoCount: { type: 'integer' },
    createdAt: { type: 'integer', description: 'Epoch milliseconds.' },
  },
} as const
