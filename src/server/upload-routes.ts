/**
 * `POST /api/uploads/direct`: one file or several in a form, streamed into the store while they arrive.
 *
 * The fields of a form come in any order, so a folder that is named behind the files is looked up behind them. All
 * files of a request become photos in one transaction, or none does; one that is no photo is refused by itself when
 * there are others.
 *
 * @module
 */

import type { Multipart, MultipartFile } from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { requireFolder, UPLOADS_FOLDER_ID } from '../library/folders.ts'
import {
  discardObjects,
  EmptyUploadError,
  type EnteredPhoto,
  enterPhotos,
  type ReceivedFile,
  receiveFile,
  shownName,
  UnsupportedMediaError,
} from '../tasks/receive-photo.ts'
import { BATCH_PRIORITY, SINGLE_UPLOAD_PRIORITY } from '../tasks/thumbnail-task.ts'
import { BodyGarbage } from './body-garbage.ts'
import { requireFreeRoom } from './free-room.ts'
import { answerFor, type ErrorBody, RequestError } from './http-errors.ts'
import type { ServerContext } from './server-context.ts'
import { ERROR_SHAPE, errorShapes, PHOTO_ID } from './shapes.ts'
import { requireWorking } from './working-role.ts'

/** Of one request; a batch of more comes in several. */
const MAX_FILES = 1_000
/** Beside the files. */
const MAX_FIELDS = 20
const MAX_FIELD_BYTES = 1_024
/** Headers of one part: a few lines. */
const MAX_HEADER_PAIRS = 20

export interface UploadedPhoto {
  readonly id: string
  /** Of its thumbnails. */
  readonly status: 'queued' | 'done' | 'failed' | 'unsupported'
  /** The content was there already. */
  readonly duplicate: boolean
  readonly fileName: string
  readonly sizeBytes: number
  readonly format: string
  readonly mime: string
  readonly folderId: number
}

interface RefusedFile extends ErrorBody {
  readonly fileName: string
}

const PHOTO_SHAPE = {
  type: 'object',
  required: ['id', 'status', 'duplicate', 'fileName', 'sizeBytes', 'format', 'mime', 'folderId'],
  properties: {
    id: PHOTO_ID,
    status: {
      type: 'string',
      enum: ['queued', 'done', 'failed', 'unsupported'],
      description: 'Of its thumbnails.',
    },
    duplicate: { type: 'boolean', description: 'The content was there already.' },
    fileName: { type: 'string' },
    sizeBytes: { type: 'integer' },
    format: { type: 'string' },
    mime: { type: 'string' },
    folderId: { type: 'integer' },
  },
} as const

const ANSWER_SHAPE = {
  ...PHOTO_SHAPE,
  required: [...PHOTO_SHAPE.required, 'photos', 'refused'],
  description: 'The first photo, and all of them.',
  properties: {
    ...PHOTO_SHAPE.properties,
    photos: { type: 'array', items: PHOTO_SHAPE },
    refused: {
      type: 'array',
      description: 'Files of the batch that were not taken.',
      items: {
        type: 'object',
        properties: { fileName: { type: 'string' }, error: ERROR_SHAPE.properties.error },
      },
    },
  },
} as const

const SCHEMA = {
  summary: 'Upload photos and videos',
  description:
    'A form with one `file` or several. Single uploads are worked on before batches. Answers as soon as the bytes are safe; thumbnails follow.',
  tags: ['uploads'],
  consumes: ['multipart/form-data'],
  body: {
    type: 'object',
    required: ['file'],
    properties: {
      file: { type: 'string', format: 'binary', description: 'May be repeated.' },
      folderId: { type: 'string', description: 'Default: the folder Uploads.' },
    },
  },
  response: {
    200: { ...ANSWER_SHAPE, description: 'All contents were there already.' },
    201: { ...ANSWER_SHAPE, description: 'Taken.' },
    ...errorShapes(400, 401, 403, 404, 413, 415, 503, 507),
  },
} as const

export async function uploadRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  const garbage = new BodyGarbage()
  app.post(
    '/api/uploads/direct',
    {
      schema: SCHEMA,
      // The body is a stream: there is nothing to be checked before it is read.
      validatorCompiler: () => () => true,
    },
    async (request, reply) => {
      requireWorking(context)
      if (!request.isMultipart()) {
        throw new RequestError(415, 'request/media-type', 'the body is no multipart/form-data')
      }
      await requireRoom(request, context)
      const { entered, refused, folderId } = await takeForm(request, context, garbage)
      const photos = entered.map((photo) => toUploaded(photo, folderId))
      const isNew = photos.some(({ duplicate }) => !duplicate)
      return reply.code(isNew ? 201 : 200).send({ ...photos[0], photos, refused })
    },
  )
}

/** A bucket has room as far as we know. A form of unknown length is taken until the disk is full. */
async function requireRoom({ headers }: FastifyRequest, { photos, paths }: ServerContext): Promise<void> {
  const announced = Number(headers['content-length'] ?? 0)
  if (photos.address === 'local') await requireFreeRoom(paths.root, announced)
}

export function toUploaded({ file, added, thumbnails, sha1 }: EnteredPhoto, folderId: number): UploadedPhoto {
  const { fileName, sizeBytes, format, mime } = file
  const status = thumbnails === 'none' ? 'queued' : thumbnails
  return { id: sha1, status, duplicate: !added, fileName, sizeBytes, format, mime, folderId }
}

interface TakenForm {
  readonly entered: readonly EnteredPhoto[]
  readonly refused: readonly RefusedFile[]
  readonly folderId: number
}

async function takeForm(
  request: FastifyRequest,
  context: ServerContext,
  garbage: BodyGarbage,
): Promise<TakenForm> {
  const { photos: store, clock, maxUploadBytes } = context
  const target = { backend: context.backend(), store, clock, maxBytes: maxUploadBytes }
  const receive = (name: string, content: AsyncIterable<Uint8Array>): Promise<ReceivedFile> =>
    receiveFile({ name, content: garbage.watch(content) }, target)
  const form = new UploadForm(receive, context)
  try {
    for await (const part of request.parts({ limits: LIMITS })) await form.take(part)
    const { received, refused, folderId } = form.finish()
    const { queue } = requireWorking(context)
    const priority = received.length + refused.length === 1 ? SINGLE_UPLOAD_PRIORITY : BATCH_PRIORITY
    const entered = await enterPhotos(
      received,
      { backend: queue, store },
      {
        folderId,
        priority,
        plan: context.thumbnailPlan,
        storeOf: (address) => context.storeOf(address, 'photos'),
      },
    )
    return { entered, refused, folderId }
  } catch (error) {
    await discardObjects(form.received, target).catch(() => undefined) // The next start does it.
    throw error
  }
}

const LIMITS = {
  fieldNameSize: 100,
  fieldSize: MAX_FIELD_BYTES,
  fields: MAX_FIELDS,
  // Counted by the receiver, whose error tells the limit.
  fileSize: Number.POSITIVE_INFINITY,
  files: MAX_FILES,
  parts: MAX_FILES + MAX_FIELDS,
  headerPairs: MAX_HEADER_PAIRS,
} as const

/** What has come of a form so far. */
class UploadForm {
  readonly received: ReceivedFile[] = []
  readonly #refused: { readonly fileName: string; readonly error: unknown }[] = []
  readonly #receive: (name: string, content: AsyncIterable<Uint8Array>) => Promise<ReceivedFile>
  readonly #context: ServerContext
  #folderId: number | undefined

  constructor(
    receive: (name: string, content: AsyncIterable<Uint8Array>) => Promise<ReceivedFile>,
    context: ServerContext,
  ) {
    this.#receive = receive
    this.#context = context
  }

  async take(part: Multipart): Promise<void> {
    if (part.type === 'file') await this.#takeFile(part)
    else if (part.fieldname === 'folderId') this.#takeFolder(part.value)
  }

  /** @throws when nothing was taken. */
  finish(): { received: readonly ReceivedFile[]; refused: readonly RefusedFile[]; folderId: number } {
    const [first] = this.#refused
    if (this.received.length === 0) {
      if (first !== undefined) throw first.error
      throw new RequestError(400, 'upload/no-file', 'the form has no file', {
        hint: 'Send the file as the field `file` of a multipart/form-data body.',
      })
    }
    const refused = this.#refused.map(({ fileName, error }) => ({ fileName, ...answerFor(error).body }))
    return { received: this.received, refused, folderId: this.#folderId ?? UPLOADS_FOLDER_ID }
  }

  #takeFolder(value: unknown): void {
    this.#folderId = parseFolderId(String(value))
    requireFolder(this.#context.reading(), this.#folderId)
  }

  async #takeFile(part: MultipartFile): Promise<void> {
    if (part.fieldname !== 'file') {
      throw new RequestError(
        400,
        'upload/unknown-field',
        `the field ${JSON.stringify(part.fieldname)} is no file`,
        {
          hint: 'Send files as the field `file`.',
        },
      )
    }
    const name = part.filename ?? ''
    // Ending the stream would end the parsing of the form: what is not read of a refused file is thrown away below.
    const content = { [Symbol.asyncIterator]: () => part.file.iterator({ destroyOnReturn: false }) }
    try {
      this.received.push(await this.#receive(name, content))
    } catch (error) {
      if (!(error instanceof UnsupportedMediaError || error instanceof EmptyUploadError)) throw error
      this.#refused.push({ fileName: shownName(name), error })
      part.file.resume()
    }
  }
}

/** @throws RequestError for what can be no folder's id */
export function parseFolderId(text: string): number {
  const id = /^\d{1,15}$/u.test(text) ? Number(text) : 0
  if (id > 0) return id
  throw new RequestError(400, 'upload/bad-folder', 'folderId is no number of a folder', {
    hint: 'List the folders with GET /api/folders.',
  })
}
