/**
 * `/healthz`: the process answers. `/readyz`: it can also do its work.
 *
 * @module
 */

import type { FastifyInstance } from 'fastify'
import type { ServerContext } from './server-context.ts'

/** A store or database that takes longer is not ready. */
const LIMIT_MS = 3_000

/** No object is called so; asking for it costs one look. */
const PROBE = 'photos/probe'

const READY_SHAPE = {
  type: 'object',
  required: ['ready', 'role', 'database', 'photos', 'thumbnails'],
  properties: {
    ready: { type: 'boolean' },
    role: { type: 'string', enum: ['working', 'watching'] },
    /** `ok`, or the code of what is wrong. */
    database: { type: 'string' },
    photos: { type: 'string' },
    thumbnails: { type: 'string' },
  },
} as const

export async function healthRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'The process answers',
        tags: ['health'],
        response: { 200: { type: 'object', properties: { ok: { type: 'boolean' } } } },
      },
    },
    async () => ({ ok: true }),
  )
  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Database and storage answer',
        tags: ['health'],
        response: { 200: READY_SHAPE, 503: READY_SHAPE },
      },
    },
    async (_request, reply) => {
      const [database, photos, thumbnails] = await Promise.all([
        probe(() => context.backend().counts()),
        probe(() => context.photos.stat(PROBE)),
        probe(() => context.thumbnails.stat(PROBE)),
      ])
      const ready = [database, photos, thumbnails].every((one) => one === 'ok') && !context.ending.aborted
      return reply
        .code(ready ? 200 : 503)
        .header('cache-control', 'no-store')
        .send({ ready, role: context.role().kind, database, photos, thumbnails })
    },
  )
}

async function probe(ask: () => Promise<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('server/timeout'), LIMIT_MS)
  })
  try {
    return await Promise.race([ask().then(() => 'ok'), late])
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'server/internal'
  } finally {
    clearTimeout(timer)
  }
}
