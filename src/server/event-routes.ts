/**
 * `GET /api/events`: what the dashboard shows, as server-sent events.
 *
 * https://html.spec.whatwg.org/multipage/server-sent-events.html. A `Last-Event-ID` is allowed and not needed: every
 * connection begins with the whole state.
 *
 * @module
 */

import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { DashboardReader } from './dashboard-reader.ts'
import { EventHub, type EventListener } from './event-hub.ts'
import { RequestError } from './http-errors.ts'
import type { ServerContext } from './server-context.ts'
import { errorShapes } from './shapes.ts'

/** Seconds. */
const RETRY_AFTER_S = 5

const SCHEMA = {
  summary: 'Follow what happens, as server-sent events',
  description:
    'Events: snapshot (the queue), tasks (running, failed, just ended), exports, thumbnails (newest), throughput (the last 15 minutes), ending. Each carries the whole of its part as JSON, at most once a second, when it has changed.',
  tags: ['queue'],
  produces: ['text/event-stream'],
  response: {
    200: { type: 'string', description: 'A stream of type text/event-stream, which does not end.' },
    ...errorShapes(401, 403, 503),
  },
} as const

export async function eventRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  const { clock, logger, ending } = context
  const hub = new EventHub({ clock, logger, reader: new DashboardReader(context) })
  ending.addEventListener('abort', () => hub.close(), { once: true })
  app.addHook('onClose', async () => {
    hub.close()
    await hub.settled()
  })
  // The one that fastify makes for HEAD would be answered with a stream.
  app.get('/api/events', { schema: SCHEMA, exposeHeadRoute: false }, (_request, reply) => {
    if (hub.isFull || ending.aborted) {
      throw new RequestError(503, 'events/no-room', 'too many pages follow the server already', {
        hint: 'Close some of them, or ask GET /api/queue now and then.',
        retryAfter: RETRY_AFTER_S,
      })
    }
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Proxies that gather answers before they send them on (nginx) let this one through.
      'x-accel-buffering': 'no',
    })
    const leave = hub.join(listenerOf(raw))
    raw.once('close', leave)
  })
}

function listenerOf(raw: ServerResponse): EventListener {
  return {
    write: (text) => {
      if (!raw.destroyed) raw.write(text)
      return raw.writableLength
    },
    end: (why) => {
      if (why === 'slow') raw.destroy()
      else raw.end()
    },
  }
}
