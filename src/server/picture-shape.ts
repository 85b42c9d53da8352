/**
 * One picture as the API tells of it.
 *
 * @module
 */

import type { Picture, ShownSet } from '../library/photos-view.ts'
import { PHOTO_ID } from './shapes.ts'

export interface ShownPicture {
  readonly id: string
  readonly origin: 'upload' | 'library'
  readonly fileName: string
  readonly sizeBytes: number
  readonly format: string
  readonly mime: string
  readonly addedAt: number
  readonly folderIds: readonly number[]
  readonly file: string
  readonly takenAt?: number
  readonly takenLocal?: string
  readonly caption?: string
  readonly favourite?: boolean
  readonly widthPx?: number
  readonly heightPx?: number
  readonly thumbnails: {
    readonly status: 'queued' | 'done' | 'failed' | 'unsupported'
    readonly thumbhash?: string
    readonly error?: { readonly code: string; readonly message: string }
    readonly sizes: readonly {
      readonly size: number
      readonly widthPx: number
      readonly heightPx: number
      readonly mime: string
      readonly sizeBytes: number
      readonly url: string
    }[]
  }
}

export function describePicture(picture: Picture, set: ShownSet | undefined): ShownPicture {
  const { sha1, origin, fileName, sizeBytes, format, mime, addedAt, folderIds, asset } = picture
  const { widthPx = asset?.widthPx, heightPx = asset?.heightPx, thumbhash, error } = set ?? {}
  return {
    id: sha1,
    origin,
    fileName,
    sizeBytes,
    format,
    mime,
    addedAt,
    folderIds,
    file: `/api/photos/${sha1}/file`,
    ...(asset?.taken === undefined ? {} : { takenAt: asset.taken.at, takenLocal: asset.taken.local }),
    ...(asset?.caption === undefined ? {} : { caption: asset.caption }),
    ...(asset === undefined ? {} : { favourite: asset.favourite === true }),
    ...(widthPx === undefined ? {} : { widthPx }),
    ...(heightPx === undefined ? {} : { heightPx }),
    thumbnails: {
      status: set?.state ?? 'queued',
      ...(thumbhash === undefined ? {} : { thumbhash }),
      ...(error === undefined ? {} : { error: { code: error.code, message: messageOf(error.code) } }),
      sizes: (set?.thumbnails ?? []).map((thumbnail) => ({
        size: thumbnail.size,
        widthPx: thumbnail.widthPx,
        heightPx: thumbnail.heightPx,
        mime: thumbnail.mime,
        sizeBytes: thumbnail.sizeBytes,
        url: `/api/photos/${sha1}/thumbnails/${thumbnail.size}`,
      })),
    },
  }
}

/** The stored words may name folders of this machine; the code tells what happened. */
function messageOf(code: string): string {
  if (code === 'thumbnail/incomplete')
    return 'the picture is cut off or damaged, its thumbnails show what is left'
  return code.startsWith('system/') || code.startsWith('bug/')
    ? 'the picture could not be read; the log says more'
    : `no thumbnails could be made (${code})`
}

export const PICTURE_SHAPE: object = {
  type: 'object',
  required: [
    'id',
    'origin',
    'fileName',
    'sizeBytes',
    'format',
    'mime',
    'addedAt',
    'folderIds',
    'file',
    'thumbnails',
  ],
  properties: {
    id: PHOTO_ID,
    origin: { type: 'string', enum: ['upload', 'library'] },
    fileName: { type: 'string' },
    sizeBytes: { type: 'integer' },
    format: { type: 'string' },
    mime: { type: 'string' },
    addedAt: { type: 'integer', description: 'Epoch milliseconds.' },
    folderIds: { type: 'array', items: { type: 'integer' } },
    file: { type: 'string', description: 'Address of the file.' },
    takenAt: { type: 'integer', description: 'Epoch milliseconds, where the library knows it.' },
    takenLocal: { type: 'string' },
    caption: { type: 'string' },
    favourite: { type: 'boolean' },
    widthPx: { type: 'integer', description: 'Of the upright picture.' },
    heightPx: { type: 'integer' },
    thumbnails: {
      type: 'object',
      required: ['status', 'sizes'],
      properties: {
        status: { type: 'string', enum: ['queued', 'done', 'failed', 'unsupported'] },
        thumbhash: { type: 'string', description: 'Base64.' },
        error: { type: 'object', properties: { code: { type: 'string' }, message: { type: 'string' } } },
        sizes: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              size: { type: 'integer', description: 'Longest edge that was asked for.' },
              widthPx: { type: 'integer' },
              heightPx: { type: 'integer' },
              mime: { type: 'string' },
              sizeBytes: { type: 'integer' },
              url: { type: 'string' },
            },
          },
        },
      },
    },
  },
}
