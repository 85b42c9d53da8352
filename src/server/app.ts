/**
 * The server's application: every route with what guards it, and the one place where errors become answers.
 *
 * It opens nothing and listens nowhere; `serve.ts` does that. What it is given is in {@link ServerContext}.
 *
 * @module
 */

import multipart from '@fastify/multipart'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { RedisOptions } from '../queue/bullmq/redis-options.ts'
import type { AccessGate } from './access-token.ts'
import { watchBodies } from './body-pace.ts'
import { answerBrokenRequest } from './broken-request.ts'
import { dashboardRoutes } from './dashboard-routes.ts'
import { docsRoutes } from './docs-routes.ts'
import { eventRoutes } from './event-routes.ts'
import { folderRoutes } from './folder-routes.ts'
import { guard } from './guard.ts'
import { healthRoutes } from './health-routes.ts'
import { answerFor, RequestError } from './http-errors.ts'
import { loginRoutes } from './login-routes.ts'
import { metricsRoutes, watchRequests } from './metrics-routes.ts'
import { packageFacts } from './package-facts.ts'
import { photoRoutes } from './photo-routes.ts'
import { queueRoutes } from './queue-routes.ts'
import { setSecurityHeaders } from './security-headers.ts'
import type { ServerContext } from './server-context.ts'
import { thumbnailRoutes } from './thumbnail-routes.ts'
import { tusRoutes } from './tus-routes.ts'
import { uploadRoutes } from './upload-routes.ts'

export interface AppOptions {
  /** Undefined: no token is asked for, and only requests to this machine's own names are answered. */
  readonly gate?: AccessGate
  /** Shows the jobs of this Redis. */
  readonly bullBoard?: RedisOptions
}

/** Bodies that are no uploads: JSON of a few fields. */
const MAX_BODY_BYTES = 64 * 1024

const MAX_HEADER_BYTES = 16 * 1024

/** One who sends the headers slower holds a connection for nothing. */
const HEADERS_TIMEOUT_MS = 20_000

/** A socket on which nothing at all moves. */
const IDLE_TIMEOUT_MS = 60_000

/** A browser opens six; a proxy keeps some for each user. More would only take memory. */
const MAX_CONNECTIONS = 1_000

/** Makes the application; it is ready to be injected into, or to listen. */
export async function buildApp(context: ServerContext, options: AppOptions = {}): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    // An upload may take an hour; what is too slow is ended by `body-pace.ts`.
    requestTimeout: 0,
    connectionTimeout: IDLE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: false, caseSensitive: true },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, allErrors: false } },
    http: { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_TIMEOUT_MS },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, _request, reply) => {
      setSecurityHeaders(reply.raw)
      void answer(context, error, reply)
    },
  })
  app.server.maxConnections = MAX_CONNECTIONS
  // A form of another site may send it without being asked: only what a script of our own page can send is read.
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error, _request, reply) => answer(context, error, reply))
  app.setNotFoundHandler((request, reply) => answer(context, unknownRoute(request), reply))
  guard(app, context, options.gate)
  watchBodies(app, context.clock)
  // Else a connection that was busy when the server was told to end would be kept for the next request.
  app.addHook('onSend', async (_request, reply) => {
    if (context.ending.aborted) reply.header('connection', 'close')
  })
  await app.register(swagger, { openapi: openApi() })
  await app.register(multipart)
  const metrics = watchRequests(app, context)
  await registerRoutes(app, context, options)
  await app.register(async (scope) => metricsRoutes(scope, metrics))
  if (options.bullBoard !== undefined) {
    // Loaded by those who want it: it brings a page, templates and a client of its own.
    const { mountBullBoard } = await import('./bull-board.ts')
    await mountBullBoard(app, options.bullBoard)
  }
  await app.ready()
  return app
}

async function registerRoutes(
  app: FastifyInstance,
  context: ServerContext,
  { gate }: AppOptions,
): Promise<void> {
  await app.register(async (scope) => healthRoutes(scope, context))
  await app.register(async (scope) => uploadRoutes(scope, context))
  await app.register(async (scope) => tusRoutes(scope, context))
  await app.register(async (scope) => thumbnailRoutes(scope, context))
  await app.register(async (scope) => photoRoutes(scope, context))
  await app.register(async (scope) => folderRoutes(scope, context))
  await app.register(async (scope) => queueRoutes(scope, context))
  await app.register(async (scope) => eventRoutes(scope, context))
  await app.register(async (scope) => docsRoutes(scope))
  await app.register(async (scope) => dashboardRoutes(scope))
  if (gate !== undefined) await app.register(async (scope) => loginRoutes(scope, context, gate))
}

function unknownRoute({ method, url }: FastifyRequest): RequestError {
  const [path = ''] = url.split('?')
  return new RequestError(404, 'request/unknown-route', `there is no ${method} ${path.slice(0, 200)}`, {
    hint: 'GET /api/docs lists what there is.',
  })
}

function answer({ logger }: ServerContext, error: unknown, reply: FastifyReply): FastifyReply {
  const { statusCode, body, retryAfter, isInternal } = answerFor(error)
  if (isInternal) logger.error('request failed', { ...describe(error), status: statusCode })
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  if (statusCode >= 400) reply.header('cache-control', 'no-store')
  return reply
    .code(statusCode)
    .removeHeader('content-length')
    .type('application/json; charset=utf-8')
    .send(body)
}

/** For the log, where a stack is what one wants to see of a bug. */
function describe(error: unknown): {
  readonly error: string
  readonly code?: unknown
  readonly stack?: string
} {
  if (!(error instanceof Error)) return { error: String(error) }
  const stack = error.stack === undefined ? {} : { stack: error.stack }
  return { error: error.message, ...('code' in error ? { code: error.code } : {}), ...stack }
}

function openApi(): Record<string, unknown> {
  return {
    openapi: '3.0.3',
    info: {
      title: 'Heirloom',
      description: 'Photos of a library, their thumbnails, uploads, and the queue behind them.',
      version: packageFacts().version,
    },
    tags: [
      { name: 'uploads', description: 'In one request, or resumable (tus).' },
      { name: 'photos', description: "Uploads and the library's own pictures." },
      { name: 'thumbnails', description: 'Made in the background.' },
      { name: 'folders', description: 'What uploads are sorted into.' },
      { name: 'queue', description: 'The tasks behind it all.' },
      { name: 'health', description: 'For supervisors.' },
    ],
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  }
}
