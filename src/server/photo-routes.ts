/**
 * `GET /api/photos…`: the list, one picture's facts, and its file.
 *
 * A file is found by its content's hash in the catalog, never by a path of the request; it is sent under the type that
 * its content has, and only types that a browser shows without running anything are shown in it.
 *
 * @module
 */

import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { requireFolder } from '../library/folders.ts'
import {
  findPicture,
  findThumbnailSet,
  listPictures,
  NEWEST,
  type Picture,
  type PicturePosition,
} from '../library/photos-view.ts'
import { thumbnailStyle } from '../media/thumbnail/thumbnail.ts'
import { LocalStorage } from '../storage/local-storage.ts'
import type { ByteRange } from '../storage/storage.ts'
import { byteRangeOf, contentRange, matchesTag, type RangeAnswer } from './byte-range.ts'
import { contentDisposition } from './content-disposition.ts'
import { RequestError } from './http-errors.ts'
import { describePicture, PICTURE_SHAPE, type ShownPicture } from './picture-shape.ts'
import type { ServerContext } from './server-context.ts'
import { errorShapes, PHOTO_ID } from './shapes.ts'

/** The bytes of a content never change. */
export const IMMUTABLE = 'private, max-age=31536000, immutable'

const DEFAULT_PAGE = 60
const MAX_PAGE = 500

/** What browsers show and cannot run. Everything else is downloaded. */
const SHOWN_TYPES: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/heic',
  'image/heif',
  'image/jxl',
  'image/bmp',
  'image/tiff',
  'video/mp4',
  'video/webm',
  'video/quicktime',
  'video/x-m4v',
])

interface ListQuery {
  readonly limit: number
  readonly cursor?: string
  readonly folderId?: number
}

interface PhotoParams {
  readonly id: string
}

export async function photoRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  const library = new LocalStorage({ root: context.paths.root, tempFolder: context.paths.tempFolder })
  const style = thumbnailStyle(context.thumbnailOptions)
  const show = (picture: Picture): ShownPicture =>
    describePicture(picture, findThumbnailSet(context.reading(), picture.sha1, style))

  app.get<{ Querystring: ListQuery }>('/api/photos', { schema: LIST_SCHEMA }, async (request, reply) => {
    const { limit, cursor, folderId } = request.query
    if (folderId !== undefined) requireFolder(context.reading(), folderId)
    const from = cursor === undefined ? NEWEST : readCursor(cursor)
    const page = { from, limit, ...(folderId === undefined ? {} : { folderId }) }
    const { pictures, next } = listPictures(context.reading(), page)
    const photos = pictures.map(show)
    reply.header('cache-control', 'no-cache')
    return next === undefined ? { photos } : { photos, nextCursor: writeCursor(next) }
  })

  app.get<{ Params: PhotoParams }>('/api/photos/:id', { schema: PHOTO_SCHEMA }, async (request, reply) => {
    reply.header('cache-control', 'no-cache')
    return show(requirePicture(context, request.params.id))
  })

  app.route<{ Params: PhotoParams; Querystring: { download?: boolean } }>({
    method: ['GET', 'HEAD'],
    url: '/api/photos/:id/file',
    // The one that fastify makes would read the whole file.
    exposeHeadRoute: false,
    schema: FILE_SCHEMA,
    handler: async (request, reply) => {
      const picture = requirePicture(context, request.params.id)
      const source = await openPicture(picture, context, library)
      return sendFile(request, reply, { picture, source, download: request.query.download === true })
    },
  })
}

function requirePicture(context: ServerContext, id: string): Picture {
  const picture = findPicture(context.reading(), id)
  if (picture === undefined) throw new RequestError(404, 'photo/unknown', `there is no photo ${id}`)
  return picture
}

/** Where the bytes come from. */
interface FileSource {
  readonly sizeBytes: number
  read(range: ByteRange): AsyncIterable<Uint8Array>
}

async function openPicture(
  { place, sha1 }: Picture,
  context: ServerContext,
  library: LocalStorage,
): Promise<FileSource> {
  if (place.kind === 'file') {
    const found = await library.stat(place.path)
    if (found === undefined) throw missing(sha1)
    return { sizeBytes: found.sizeBytes, read: (range) => library.read(place.path, range) }
  }
  const store = context.storeOf(place.store, 'photos')
  if (store === undefined) {
    throw new RequestError(503, 'photo/unknown-store', `the photo lies in ${place.store}`, {
      hint: `Start the server with --storage ${place.store}.`,
    })
  }
  const found = await store.stat(place.objectName)
  if (found === undefined) throw missing(sha1)
  return { sizeBytes: found.sizeBytes, read: (range) => store.read(place.objectName, range) }
}

function missing(sha1: string): RequestError {
  return new RequestError(404, 'photo/missing', `the file of photo ${sha1} is gone`, {
    hint: 'Run `heirloom check` on the library, or upload the photo again.',
  })
}

interface SentFile {
  readonly picture: Picture
  readonly source: FileSource
  readonly download: boolean
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: SentFile): FastifyReply {
  const { picture, source } = file
  const { sizeBytes } = source
  // A file of another size was edited where it lies: the hash is no name for it any more.
  const tag = sizeBytes === picture.sizeBytes ? `"${picture.sha1}"` : undefined
  // Asked before the range (RFC 9110, 13.2.2).
  const isKnown = tag !== undefined && matchesTag(request.headers['if-none-match'], tag)
  const range: RangeAnswer = isKnown ? { kind: 'whole' } : rangeOf(request, tag, sizeBytes)
  if (range.kind === 'unsatisfiable') {
    reply.header('content-range', contentRange(sizeBytes))
    throw new RequestError(416, 'photo/no-such-range', `the file has ${sizeBytes} bytes`)
  }
  describeFile(reply, file, tag)
  if (isKnown) return reply.code(304).send()
  const { offset, length } = range.kind === 'part' ? range : { offset: 0, length: sizeBytes }
  if (range.kind === 'part') reply.code(206).header('content-range', contentRange(sizeBytes, range))
  reply.header('content-length', length)
  if (request.method === 'HEAD') return reply.send()
  return reply.send(Readable.from(source.read({ offset, length }), { objectMode: false }))
}

/** What is only a part of another version must not be put together with this one. */
function rangeOf({ headers }: FastifyRequest, tag: string | undefined, sizeBytes: number): RangeAnswer {
  const ifRange = headers['if-range']
  const isSame = tag !== undefined && (ifRange === undefined || ifRange === tag)
  return byteRangeOf(isSame ? headers.range : undefined, sizeBytes)
}

function describeFile(reply: FastifyReply, { picture, download }: SentFile, tag: string | undefined): void {
  const kind = SHOWN_TYPES.has(picture.mime) && !download ? 'inline' : 'attachment'
  reply
    .header('accept-ranges', 'bytes')
    .header('content-type', picture.mime)
    .header('content-disposition', contentDisposition(kind, picture.fileName))
    .header('content-security-policy', "default-src 'none'; sandbox")
  if (tag === undefined) reply.header('cache-control', 'no-store')
  else reply.header('etag', tag).header('cache-control', IMMUTABLE)
}

/** `p123.a456`: behind these rows. */
function writeCursor({ photoId, assetId }: PicturePosition): string {
  return `p${photoId}.a${assetId}`
}

/** @throws RequestError */
function readCursor(text: string): PicturePosition {
  const { photo, asset } = /^p(?<photo>\d{1,16})\.a(?<asset>\d{1,16})$/u.exec(text)?.groups ?? {}
  const position = { photoId: Number(photo), assetId: Number(asset) }
  if (Number.isSafeInteger(position.photoId) && Number.isSafeInteger(position.assetId)) return position
  throw new RequestError(400, 'request/invalid', 'cursor is not one that a page gave')
}

const LIST_SCHEMA = {
  summary: 'List photos, newest first',
  description: "Uploads and the library's own pictures, in the order in which they came.",
  tags: ['photos'],
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      limit: { type: 'integer', minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE },
      cursor: { type: 'string', maxLength: 40, description: '`nextCursor` of the page before.' },
      folderId: {
        type: 'integer',
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Only its uploads.',
      },
    },
  },
  response: {
    200: {
      type: 'object',
      required: ['photos'],
      properties: {
        photos: { type: 'array', items: PICTURE_SHAPE },
        nextCursor: { type: 'string', description: 'Absent on the last page.' },
      },
    },
    ...errorShapes(400, 401, 403, 404),
  },
} as const

const PARAMS = { type: 'object', required: ['id'], properties: { id: PHOTO_ID } } as const

const PHOTO_SCHEMA = {
  summary: 'Show one photo',
  tags: ['photos'],
  params: PARAMS,
  response: { 200: PICTURE_SHAPE, ...errorShapes(400, 401, 403, 404) },
} as const

const FILE_SCHEMA = {
  summary: 'Get the file of a photo',
  description: 'Byte for byte. `Range`, `If-Range` and `If-None-Match` are understood.',
  tags: ['photos'],
  params: PARAMS,
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: { download: { type: 'boolean', description: 'As an attachment, whatever it is.' } },
  },
  response: {
    200: { type: 'string', format: 'binary', description: 'The file.' },
    206: { type: 'string', format: 'binary', description: 'The bytes that were asked for.' },
    304: { type: 'null', description: 'The copy that the caller has is right.' },
    ...errorShapes(400, 401, 403, 404, 416, 503),
  },
} as const
