/**
 * `GET` and `POST /api/folders`.
 *
 * @module
 */

import type { FastifyInstance } from 'fastify'
import { listFolders, MAX_FOLDER_NAME_LENGTH } from '../library/folders.ts'
import { callLibrary } from '../tasks/store-calls.ts'
import { RequestError } from './http-errors.ts'
import type { ServerContext } from './server-context.ts'
import { errorShapes, FOLDER_SHAPE } from './shapes.ts'
import { requireWorking } from './working-role.ts'

export async function folderRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  app.get(
    '/api/folders',
    {
      schema: {
        summary: 'List the folders',
        tags: ['folders'],
        response: {
          200: {
            type: 'object',
            required: ['folders'],
            properties: { folders: { type: 'array', items: FOLDER_SHAPE } },
          },
          ...errorShapes(401, 403),
        },
      },
    },
    async () => ({ folders: listFolders(context.reading()) }),
  )
  app.post<{ Body: { name: string; parentId?: number } }>(
    '/api/folders',
    {
      schema: {
        summary: 'Make a folder',
        tags: ['folders'],
        body: {
          type: 'object',
          required: ['name'],
          additionalProperties: false,
          properties: {
            name: { type: 'string', minLength: 1, maxLength: MAX_FOLDER_NAME_LENGTH },
            parentId: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
          },
        },
        response: { 201: FOLDER_SHAPE, ...errorShapes(400, 401, 403, 404, 409, 503) },
      },
    },
    async (request, reply) => {
      requireWorking(context)
      const name = folderName(request.body.name)
      const folder = await callLibrary(context.backend(), 'folder.add', { ...request.body, name })
      return reply.code(201).send(folder)
    },
  )
}

/** Spaces at the ends are typing errors; characters that nobody sees would make two names look alike. */
function folderName(text: string): string {
  const name = text.trim().normalize('NFC')
  if (name !== '' && name.isWellFormed() && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) return name
  throw new RequestError(
    400,
    'request/invalid',
    'the name of the folder is empty or has invisible characters',
  )
}
