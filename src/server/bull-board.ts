/**
 * bull-board at `/bull-board`: the jobs in Redis as BullMQ sees them, to look at only.
 *
 * Jobs carry paths of private files, so nothing of it is less guarded than the rest: its routes come after the guard of
 * the application, errors go to the application's one place, and of its routes only those that read are there at all. A
 * change made in Redis behind the coordinator's back would only be undone by it.
 *
 * @module
 */

import type { IServerAdapter } from '@bull-board/api/typings/app'
import type { FastifyAdapter } from '@bull-board/fastify'
import type { Queue } from 'bullmq'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import type { Redis } from 'ioredis'
import { HeirloomError } from '../errors.ts'
import { silentLogger } from '../logger.ts'
import { connectRedis, type RedisConnections } from '../queue/bullmq/connection.ts'
import type { RedisOptions } from '../queue/bullmq/redis-options.ts'
import { queueNameOf } from '../queue/bullmq/wire.ts'
import { REMOTE_LANES } from '../tasks/remote-api.ts'
import { RequestError } from './http-errors.ts'

export const BULL_BOARD_PATH = '/bull-board'

/** Seconds: a Redis that was restarted is back by then. */
const RETRY_AFTER_S = 5

/**
 * The policy of our own pages, and what this page cannot do without: it names its own folder, and makes styles as it
 * goes. What it would load from elsewhere (fonts) it does without.
 */
const BOARD_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** bull-board is not installed. */
export class BullBoardMissingError extends HeirloomError {
  readonly code = 'server/no-bull-board'
  readonly recovery = 'discard'

  constructor(cause: unknown) {
    super('packages @bull-board/api and @bull-board/fastify are not installed', {
      cause,
      hint: 'Install them: npm install @bull-board/api @bull-board/fastify, or leave out --bull-board.',
    })
  }
}

type ApiRoutes = Parameters<FastifyAdapter['setApiRoutes']>[0]
type ApiRoute = ApiRoutes[number]

/**
 * Connects, and adds the routes below {@link BULL_BOARD_PATH}. The connections end with the application.
 *
 * @throws a `redis/…` error when the server cannot be reached; {@link BullBoardMissingError}
 */
export async function mountBullBoard(app: FastifyInstance, redis: RedisOptions): Promise<void> {
  const parts = await loadParts()
  // Quiet: what is wrong with this server is said by the connection of the lanes, and need not be said twice.
  const connections = await connectRedis(redis, silentLogger)
  // The first one waits for a server that is away, for as long as that takes: no request may.
  const client = connections.redis.duplicate({ enableOfflineQueue: false, maxRetriesPerRequest: 0 })
  client.on('error', () => undefined)
  await client.connect()
  const queues = queuesOf(connections, client)
  const close = async (): Promise<void> => {
    // A client that was handed to a queue is not ended by it.
    await Promise.allSettled(queues.map((queue) => queue.close()))
    client.disconnect()
    connections.close()
  }
  app.addHook('onClose', close)
  try {
    const plugin = boardOf(parts, queues)
    await app.register(async (scope) => mountOn(scope, plugin), { prefix: BULL_BOARD_PATH })
  } catch (error) {
    await close()
    throw error
  }
}

interface Parts {
  readonly createBullBoard: typeof import('@bull-board/api').createBullBoard
  readonly BullMQAdapter: typeof import('@bull-board/api/bullMQAdapter').BullMQAdapter
  readonly Adapter: typeof FastifyAdapter
}

async function loadParts(): Promise<Parts> {
  try {
    const [{ createBullBoard }, { BullMQAdapter }, { FastifyAdapter: Adapter }] = await Promise.all([
      import('@bull-board/api'),
      import('@bull-board/api/bullMQAdapter'),
      import('@bull-board/fastify'),
    ])
    return { createBullBoard, BullMQAdapter, Adapter }
  } catch (cause) {
    throw new BullBoardMissingError(cause)
  }
}

function queuesOf({ bullmq, prefix }: RedisConnections, client: Redis): readonly Queue[] {
  return REMOTE_LANES.map((lane) => {
    // Who only looks writes nothing: not even that the queue is there.
    const queue = new bullmq.Queue(queueNameOf(lane), {
      connection: client,
      prefix,
      skipMetasUpdate: true,
      skipVersionCheck: true,
      skipWaitingForReady: true,
    })
    queue.on('error', () => undefined)
    return queue
  })
}

function boardOf(
  { createBullBoard, BullMQAdapter, Adapter }: Parts,
  queues: readonly Queue[],
): FastifyPluginCallback {
  class ReadOnlyAdapter extends Adapter {
    override setApiRoutes(routes: ApiRoutes): FastifyAdapter {
      return super.setApiRoutes(routes.filter(isReading).map(refusingSoon))
    }
  }
  const serverAdapter = new ReadOnlyAdapter()
  serverAdapter.setBasePath(BULL_BOARD_PATH)
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    // The packages are released apart: each may have types of its own version.
    serverAdapter: serverAdapter as unknown as IServerAdapter,
    // It would count BullMQ's own workers, which worker hosts are not, and say that there are none.
    options: { uiConfig: { boardTitle: 'Heirloom: jobs in Redis', showWorkers: false } },
  })
  return serverAdapter.registerPlugin()
}

function isReading({ method }: ApiRoute): boolean {
  return [method].flat().every((one) => one === 'get')
}

function refusingSoon(route: ApiRoute): ApiRoute {
  return {
    ...route,
    handler: async (request) => {
      try {
        return await route.handler(request)
      } catch (cause) {
        throw new RequestError(503, 'redis/unreachable', 'redis cannot be asked now', {
          cause,
          hint: 'Try again when it is back.',
          retryAfter: RETRY_AFTER_S,
        })
      }
    },
  }
}

async function mountOn(scope: FastifyInstance, plugin: FastifyPluginCallback): Promise<void> {
  scope.addHook('onRequest', async (_request, reply) => {
    reply.raw.setHeader('Content-Security-Policy', BOARD_POLICY)
    reply.header('cache-control', 'no-store')
  })
  // Its own way with errors would make every refusal of the guard a 500, and tell whatever an error says.
  const ours = new Proxy(scope, {
    get: (target, name) =>
      name === 'setErrorHandler' ? () => scope : (Reflect.get(target, name) as unknown),
  })
  await new Promise<void>((resolve, reject) => {
    void plugin(ours, {}, (error) => (error === undefined ? resolve() : reject(error)))
  })
}
