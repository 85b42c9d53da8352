/**
 * `GET /metrics`, and the measuring of all requests.
 *
 * @module
 */

import type { FastifyInstance } from 'fastify'
import { ServerMetrics } from './metrics.ts'
import type { ServerContext } from './server-context.ts'
import { errorShapes } from './shapes.ts'

/** These last as long as somebody looks: their duration tells nothing. */
const ENDLESS: ReadonlySet<string> = new Set(['/api/events'])

const SCHEMA = {
  summary: 'Metrics in the text format of Prometheus',
  tags: ['health'],
  produces: ['text/plain'],
  response: {
    200: { type: 'string', description: 'See docs/guides/monitoring.md.' },
    ...errorShapes(401, 403),
  },
} as const

/** To be called on the application itself, before its routes are registered: a hook holds for what comes after it. */
export function watchRequests(app: FastifyInstance, context: ServerContext): ServerMetrics {
  const metrics = new ServerMetrics(context)
  metrics.start()
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown'
    if (ENDLESS.has(route)) return
    const { method } = request
    metrics.seeRequest({ method, route, status: reply.statusCode, seconds: reply.elapsedTime / 1000 })
  })
  app.addHook('onClose', async () => metrics.close())
  return metrics
}

export async function metricsRoutes(app: FastifyInstance, metrics: ServerMetrics): Promise<void> {
  app.get('/metrics', { schema: SCHEMA }, async (_request, reply) => {
    const page = await metrics.render()
    return reply.header('cache-control', 'no-store').type(metrics.contentType).send(page)
  })
}
