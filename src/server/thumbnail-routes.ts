/**
 * `GET /api/thumbnails/status`, and the thumbnails themselves.
 *
 * Thumbnails come from this server also when they lie in a bucket: they are small, the browser keeps them for ever, and
 * a redirect to a signed address would be a new address each time, on a host that the page's policy does not allow.
 *
 * @module
 */

import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { systemCode } from '../errors.ts'
import { findPicture, findThumbnail } from '../library/photos-view.ts'
import type { ThumbnailObject } from '../library/thumbnails.ts'
import { MAX_THUMBNAIL_SIZE, thumbnailStyle } from '../media/thumbnail/thumbnail.ts'
import { pictureTask } from '../tasks/photo-calls.ts'
import { ByteCache } from './byte-cache.ts'
import { matchesTag } from './byte-range.ts'
import { RequestError } from './http-errors.ts'
import { IMMUTABLE } from './photo-routes.ts'
import { RemoteAnswers } from './remote-answers.ts'
import type { ServerContext } from './server-context.ts'
import { errorShapes, PHOTO_ID } from './shapes.ts'
import { readThumbnailStatus } from './thumbnail-status.ts'
import { requireWorking } from './working-role.ts'

/** A status that is asked for more often is the same one. */
const STATUS_MS = 100

/** The rest of the status is known without Redis: who asks does not wait long for one that is away. */
const REDIS_ANSWER_MS = 500

/** Some thousand of the small size: pages of several people show the same ones. */
const CACHE_BYTES = 32 * 1024 * 1024

/** Seconds after which one that is being made may be asked for again. */
const RETRY_AFTER_S = 2

export async function thumbnailRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  const answers = new RemoteAnswers(context.clock, REDIS_ANSWER_MS)
  const status = sharedFor(STATUS_MS, () => readThumbnailStatus(context, answers))
  app.get('/api/thumbnails/status', { schema: STATUS_SCHEMA }, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return status()
  })

  const style = thumbnailStyle(context.thumbnailOptions)
  const cache = new ByteCache(CACHE_BYTES)
  app.get<{ Params: { id: string; size: number } }>(
    '/api/photos/:id/thumbnails/:size',
    { schema: THUMBNAIL_SCHEMA },
    async (request, reply) => {
      const { id, size } = request.params
      const found = findThumbnail(context.reading(), { sha1: id, style, size })
      if (found?.thumbnail === undefined) {
        requireExpected(context, { id, size, state: found?.state })
        return later(reply)
      }
      const { thumbnail } = found
      const tag = `"${id.slice(0, 16)}-${found.style}-${size}-${thumbnail.sizeBytes}"`
      const isKnown = matchesTag(request.headers['if-none-match'], tag)
      const bytes = isKnown ? null : await openThumbnail(thumbnail, { context, cache, id })
      if (bytes === undefined) {
        await makeAgain(context, id)
        return later(reply)
      }
      reply.header('etag', tag).header('cache-control', IMMUTABLE)
      if (bytes === null) return reply.code(304).send()
      reply.header('content-type', thumbnail.mime).header('content-length', thumbnail.sizeBytes)
      return reply.send(bytes)
    },
  )
}

function later(reply: FastifyReply): FastifyReply {
  return reply
    .code(202)
    .header('retry-after', RETRY_AFTER_S)
    .header('cache-control', 'no-store')
    .send({ status: 'queued' })
}

/** Returns when the thumbnail is yet to be made. @throws RequestError when there will be none */
function requireExpected(
  context: ServerContext,
  { id, size, state }: { readonly id: string; readonly size: number; readonly state: string | undefined },
): void {
  if (state === 'failed' || state === 'unsupported') {
    throw new RequestError(404, `thumbnail/${state}`, `no thumbnail of ${id} could be made`, {
      hint: 'GET /api/photos/ID says why.',
    })
  }
  const { sizes } = context.thumbnailOptions
  if (!sizes.includes(size)) {
    throw new RequestError(404, 'thumbnail/no-such-size', `there are no thumbnails of size ${size}`, {
      hint: `The sizes are ${sizes.join(', ')}.`,
    })
  }
  if (findPicture(context.reading(), id) === undefined) {
    throw new RequestError(404, 'photo/unknown', `there is no photo ${id}`)
  }
}

interface ThumbnailRequest {
  readonly context: ServerContext
  readonly cache: ByteCache
  /** Of the photo. */
  readonly id: string
}

/** Undefined when it is not there, though the catalog has it. */
async function openThumbnail(
  { store: address, objectName, sizeBytes }: ThumbnailObject,
  { context, cache, id }: ThumbnailRequest,
): Promise<Buffer | Readable | undefined> {
  const cached = cache.get(`${address}/${objectName}`)
  if (cached?.length === sizeBytes) return cached
  const store = context.storeOf(address, 'thumbnails')
  if (store === undefined) {
    throw new RequestError(503, 'thumbnail/unknown-store', `the thumbnails of ${id} lie in ${address}`, {
      hint: `Start the server with --storage ${address}.`,
    })
  }
  const path = store.localPath(objectName)
  if (path !== undefined) {
    // At once: it is small, and a stream costs more than reading it.
    const bytes = await readWhole(path, sizeBytes)
    if (bytes !== undefined) cache.put(`${address}/${objectName}`, bytes)
    return bytes
  }
  const found = await store.stat(objectName)
  if (found?.sizeBytes !== sizeBytes) return undefined
  return Readable.from(store.read(objectName), { objectMode: false })
}

/** Undefined when it is gone, or was cut off by a power cut. */
async function readWhole(path: string, sizeBytes: number): Promise<Buffer | undefined> {
  try {
    const bytes = await readFile(path)
    return bytes.length === sizeBytes ? bytes : undefined
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}

/** The catalog says that they are there, and they are not. @throws RequestError where that cannot be mended here */
async function makeAgain(context: ServerContext, id: string): Promise<void> {
  const picture = findPicture(context.reading(), id)
  if (picture === undefined) throw new RequestError(404, 'photo/unknown', `there is no photo ${id}`)
  const { queue } = requireWorking(context)
  const task = pictureTask(picture, { root: context.paths.root, plan: context.thumbnailPlan })
  if (task !== undefined) await queue.add([task])
}

/** Asks once for all who ask within a while. */
function sharedFor<Value>(ms: number, ask: () => Promise<Value>): () => Promise<Value> {
  let shared: { readonly value: Promise<Value>; readonly askedAt: number } | undefined
  return () => {
    const now = performance.now()
    if (shared === undefined || now - shared.askedAt > ms) {
      const value = ask()
      shared = { value, askedAt: now }
      value.catch(() => {
        shared = undefined
      })
    }
    return shared.value
  }
}

const STATUS_SCHEMA = {
  summary: 'How far the thumbnails are',
  tags: ['thumbnails'],
  response: {
    200: {
      type: 'object',
      required: ['queueSize', 'activeWorkers', 'processing', 'cpuCount'],
      properties: {
        queueSize: { type: 'integer', description: 'Photos waiting.' },
        activeWorkers: { type: 'integer', description: 'Photos being worked on.' },
        maxWorkers: {
          type: 'integer',
          description:
            'Photos that can be worked on at a time; of all worker hosts, where those do it. Absent when not known.',
        },
        processing: { type: 'boolean' },
        cpuCount: { type: 'integer' },
      },
    },
    ...errorShapes(401, 403),
  },
} as const

const THUMBNAIL_SCHEMA = {
  summary: 'Get a thumbnail',
  tags: ['thumbnails'],
  params: {
    type: 'object',
    required: ['id', 'size'],
    properties: {
      id: PHOTO_ID,
      size: { type: 'integer', minimum: 1, maximum: MAX_THUMBNAIL_SIZE, description: 'Longest edge.' },
    },
  },
  response: {
    200: { type: 'string', format: 'binary', description: 'The picture.' },
    202: {
      type: 'object',
      description: 'It is being made: ask again after `Retry-After`.',
      properties: { status: { type: 'string' } },
    },
    304: { type: 'null', description: 'The copy that the caller has is right.' },
    ...errorShapes(400, 401, 403, 404, 503),
  },
} as const
