/**
 * `/api/uploads/tus`: resumable uploads by the tus protocol 1.0, https://tus.io/protocols/resumable-upload.
 *
 * The protocol is spoken by `@tus/server`; bytes lie in {@link TusStore} until they are all here.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Server, TUS_RESUMABLE } from '@tus/server'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { requireFolder } from '../library/folders.ts'
import { answerFor, RequestError } from './http-errors.ts'
import type { ServerContext } from './server-context.ts'
import { errorShapes, PHOTO_ID } from './shapes.ts'
import { TusInbox } from './tus-inbox.ts'
import { TusStore } from './tus-store.ts'
import { parseFolderId } from './upload-routes.ts'
import { requireWorking } from './working-role.ts'

export const TUS_PATH = '/api/uploads/tus'

/** In the library's folder of temporary files. */
const FOLDER = 'uploads'

/** A folder's number, a name, a type: the rest is nobody's business here. */
const MAX_METADATA = 20

/** Headers of an answer that a web server sets by itself, or that invite other sites. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'access-control-allow-origin',
  'access-control-expose-headers',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-max-age',
  'connection',
  'content-length',
  'content-type',
])

export async function tusRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  const store = new TusStore(join(context.paths.tempFolder, FOLDER), context.clock)
  const inbox = new TusInbox(store, context)
  const tus = makeServer(store, inbox, context)
  const stopListening = context.onRoleChange(() => void inbox.runOnce())
  app.addHook('onReady', async () => inbox.start())
  app.addHook('onClose', async () => {
    stopListening()
    await inbox.stop()
  })
  app.removeAllContentTypeParsers()
  // The protocol reads the body itself.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    requireVersion(request, reply)
    if (request.method === 'PATCH' || request.method === 'POST') requireWorking(context)
    return send(reply, await tus.handleWeb(toWebRequest(request)))
  }
  app.route({ method: ['POST', 'OPTIONS'], url: TUS_PATH, schema: CREATE_SCHEMA, handler: handle })
  app.route<{ Params: { id: string } }>({
    method: ['HEAD', 'PATCH', 'DELETE', 'OPTIONS'],
    url: `${TUS_PATH}/:id`,
    schema: UPLOAD_SCHEMA,
    handler: handle,
  })
  app.get<{ Params: { id: string } }>(
    `${TUS_PATH}/:id`,
    { exposeHeadRoute: false, schema: STATE_SCHEMA },
    async (request) => describeUpload(store, request.params.id),
  )
}

/** @throws RequestError 412, as the protocol wants it, for those who speak another version */
function requireVersion({ method, headers }: FastifyRequest, reply: FastifyReply): void {
  if (method === 'OPTIONS' || headers['tus-resumable'] === TUS_RESUMABLE) return
  reply.header('tus-version', TUS_RESUMABLE)
  throw new RequestError(412, 'upload/tus-version', `Tus-Resumable is not ${TUS_RESUMABLE}`)
}

async function describeUpload(
  store: TusStore,
  id: string,
): Promise<{ offset: number; sizeBytes: number; photoId?: string; duplicate?: boolean }> {
  try {
    const { offset, size = 0 } = await store.getUpload(id)
    const finished = await store.findFinished(id)
    return { offset, sizeBytes: size, ...finished }
  } catch (error) {
    throw isTusError(error) ? new RequestError(404, 'upload/unknown', 'there is no such upload') : error
  }
}

function makeServer(store: TusStore, inbox: TusInbox, context: ServerContext): Server {
  return new Server({
    path: TUS_PATH,
    datastore: store,
    relativeLocation: true,
    maxSize: context.maxUploadBytes,
    // Nobody from elsewhere: see `request-guard.ts`.
    allowedOrigins: () => false,
    namingFunction: () => randomBytes(16).toString('hex'),
    onUploadCreate: async (_request, { metadata = {} }) => {
      verifyMetadata(metadata, context)
      return {}
    },
    onUploadFinish: async (_request, { id, size }) => {
      const known = await store.findFinished(id)
      const complete = known === undefined ? await store.findComplete(id) : undefined
      if (size === 0 || (known === undefined && complete === undefined)) {
        await store.remove(id)
        throw new RequestError(400, 'upload/empty', 'the upload is empty')
      }
      const finished = known ?? (complete && (await inbox.receive(complete)))
      return { headers: { 'Heirloom-Photo-Id': finished?.photoId ?? '' } }
    },
    onResponseError: (_request, error) => {
      if (isTusError(error)) return { status_code: error.status_code, body: tusError(error) }
      const { statusCode, body, isInternal } = answerFor(error)
      if (isInternal) context.logger.error('resumable upload failed', { error: String(error) })
      return { status_code: statusCode, body: JSON.stringify(body) }
    },
  })
}

/** @throws RequestError for what the direct upload refuses, too */
function verifyMetadata(metadata: Readonly<Record<string, string | null>>, context: ServerContext): void {
  if (Object.keys(metadata).length > MAX_METADATA) {
    throw new RequestError(400, 'upload/bad-metadata', `more than ${MAX_METADATA} values of metadata`)
  }
  const folderId = metadata['folderId']
  if (folderId !== undefined && folderId !== null) requireFolder(context.reading(), parseFolderId(folderId))
}

interface TusError {
  readonly status_code: number
  readonly body: string
}

function isTusError(error: unknown): error is TusError {
  return typeof error === 'object' && error !== null && !(error instanceof Error) && 'status_code' in error
}

function tusError({ status_code: status, body }: TusError): string {
  const message = body.trim().replace(/^[A-Z](?=[a-z])/u, (letter) => letter.toLowerCase())
  const code =
    status === 413 ? 'upload/too-large' : status === 404 || status === 410 ? 'upload/unknown' : 'upload/tus'
  return JSON.stringify({ error: { code, message } })
}

function toWebRequest({ raw, method, url }: FastifyRequest): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(raw.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const hasBody = method === 'PATCH' || method === 'POST'
  const body = hasBody ? (Readable.toWeb(raw) as ReadableStream<Uint8Array>) : null
  // The host is not looked at: addresses are answered without one.
  const init: RequestInit & { duplex: 'half' } = { method, headers, body, duplex: 'half' }
  return new Request(`http://localhost${url}`, init)
}

async function send(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  for (const [name, value] of response.headers) if (!OWN_HEADERS.has(name)) reply.header(name, value)
  reply.code(response.status).header('cache-control', 'no-store')
  const text = response.body === null ? '' : await response.text()
  if (text === '') return reply.send()
  const body = text.startsWith('{') ? text : tusError({ status_code: response.status, body: text })
  return reply.type('application/json; charset=utf-8').send(body)
}

const CREATE_SCHEMA = {
  summary: 'Begin a resumable upload',
  description:
    'The tus protocol 1.0 with creation, creation-with-upload, termination and expiration. `Upload-Metadata` may name `filename` and `folderId`. `Location` answers where to send the bytes.',
  tags: ['uploads'],
  response: errorShapes(400, 401, 403, 404, 409, 412, 413, 415, 503, 507),
} as const

const PARAMS = { type: 'object', required: ['id'], properties: { id: { type: 'string' } } } as const

const UPLOAD_SCHEMA = {
  summary: 'Go on with a resumable upload, ask how far it is, or end it',
  description: 'See the tus protocol. The answer to the last `PATCH` has the photo in `Heirloom-Photo-Id`.',
  tags: ['uploads'],
  params: PARAMS,
  response: errorShapes(400, 401, 403, 404, 409, 412, 413, 415, 503, 507),
} as const

const STATE_SCHEMA = {
  summary: 'Show a resumable upload',
  tags: ['uploads'],
  params: PARAMS,
  response: {
    200: {
      type: 'object',
      required: ['offset', 'sizeBytes'],
      properties: {
        offset: { type: 'integer', description: 'Bytes that are here.' },
        sizeBytes: { type: 'integer' },
        photoId: { ...PHOTO_ID, description: 'When it has become a photo.' },
        duplicate: { type: 'boolean' },
      },
    },
    ...errorShapes(401, 403, 404),
  },
} as const
