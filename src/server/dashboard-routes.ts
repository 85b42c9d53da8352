/**
 * The dashboard at `/`, and its files.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { matchesTag } from './byte-range.ts'
import type { DashboardFile } from './dashboard-bundle.ts'
import { loadDashboard } from './dashboard-files.ts'
import { RequestError } from './http-errors.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The name changes with the content. */
const IMMUTABLE = 'public, max-age=31536000, immutable'

export async function dashboardRoutes(app: FastifyInstance): Promise<void> {
  let loading: ReturnType<typeof loadDashboard> | undefined
  const files = (): ReturnType<typeof loadDashboard> => {
    loading ??= loadDashboard().catch((error: unknown) => {
      // What is missing may be there at the next request.
      loading = undefined
      throw error
    })
    return loading
  }

  app.get('/', { schema: { hide: true } }, async (request, reply) => {
    const page = await requireFile(files(), 'index.html')
    const tag = `"${createHash('sha256').update(page.body).digest('hex').slice(0, 16)}"`
    reply.header('cache-control', 'no-cache').header('etag', tag)
    if (matchesTag(request.headers['if-none-match'], tag)) return reply.code(304).send()
    return send(request, reply, page)
  })

  app.get<{ Params: { name: string } }>(
    '/assets/:name',
    { schema: { hide: true } },
    async (request, reply) => {
      const { name } = request.params
      if (name === 'index.html') throw unknownFile()
      const file = await requireFile(files(), name)
      reply.header('cache-control', IMMUTABLE)
      return send(request, reply, file)
    },
  )
}

async function requireFile(
  files: Promise<ReadonlyMap<string, DashboardFile>>,
  name: string,
): Promise<DashboardFile> {
  const file = (await files).get(name)
  if (file === undefined) throw unknownFile()
  return file
}

function unknownFile(): RequestError {
  return new RequestError(404, 'request/unknown-file', 'there is no such file', {
    hint: 'The page is older than the server: load it again.',
  })
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { name, body, gzipped }: DashboardFile,
): FastifyReply {
  reply.header('vary', 'accept-encoding').type(TYPES[extname(name)] ?? 'application/octet-stream')
  if (!/\bgzip\b/u.test(String(request.headers['accept-encoding'] ?? ''))) return reply.send(body)
  return reply.header('content-encoding', 'gzip').send(gzipped)
}
