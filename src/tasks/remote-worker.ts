/**
 * `heirloom worker`: runs tasks of coordinators on other hosts, which they put into Redis.
 *
 * It is a queue engine like a coordinator's, whose backend is Redis and whose worker processes know the coordinators'
 * kinds of tasks. It decides nothing and keeps nothing: what it runs is committed elsewhere, or run again elsewhere when
 * this host vanishes.
 *
 * @module
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../clock.ts'
import { HeirloomError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Backend } from '../queue/backend.ts'
import type { EmitSender } from '../queue/bullmq/emit-channel.ts'
import type { RedisOptions } from '../queue/bullmq/redis-options.ts'
import { REMOTE_LANES, type RemoteWorkerOptions, type RemoteWorkerSummary } from './remote-api.ts'
import { mappedPaths, verifyMaps } from './remote-paths.ts'
import { type RemoteHostTimes, RemoteWorkerHost } from './remote-worker-host.ts'
import { findRoots } from './remote-worker-roots.ts'

/** Thrown for a worker host that would have nothing to do. */
export class NoRemoteLanesError extends HeirloomError {
  readonly code = 'remote/no-lanes'
  readonly recovery = 'discard'

  constructor() {
    super('worker has no lanes', { hint: `Name some of: ${REMOTE_LANES.join(', ')}` })
  }
}

/** What a worker host is connected by; tests give others. */
export interface RemoteWorkerParts {
  readonly openBackend: (redis: RedisOptions, logger: Logger) => Promise<Backend>
  readonly openSender: (redis: RedisOptions) => Promise<Pick<EmitSender, 'send' | 'close'>>
  readonly clock: Clock
  readonly times?: RemoteHostTimes
  /** Has a folder of this run's own while it lasts. Default: the system's. */
  readonly temporaryFolder?: string
}

export const REDIS_PARTS: RemoteWorkerParts = Object.freeze({
  openBackend: async (redis: RedisOptions, logger: Logger) =>
    (await import('../queue/bullmq/index.ts')).openBullmqBackend({ ...redis, logger }),
  openSender: async (redis: RedisOptions) => (await import('../queue/bullmq/index.ts')).openEmitSender(redis),
  clock: systemClock,
})

/** Redis has this long to say good-bye. */
const CLOSE_LIMIT_MS = 2_000

/**
 * Runs until it is told to stop. A Redis that goes away is waited for.
 *
 * @throws InvalidMapError, RootUnreachableError for a folder that is not there; {@link NoRemoteLanesError}; what the
 *   backend throws when the server cannot be reached at the start, or refuses us for good
 */
export async function runRemoteWorker(
  options: RemoteWorkerOptions,
  parts: RemoteWorkerParts = REDIS_PARTS,
): Promise<RemoteWorkerSummary> {
  const { openBackend, openSender, clock, times, temporaryFolder = tmpdir() } = parts
  const startedAt = clock.now()
  const maps = verifyMaps(options.maps)
  if (!REMOTE_LANES.some((lane) => (options.lanes[lane] ?? 0) > 0)) throw new NoRemoteLanesError()
  const roots = await findRoots(maps)
  const scratch = await mkdtemp(join(temporaryFolder, 'heirloom-worker-'))
  await using _scratch = atEnd(() => rm(scratch, { recursive: true, force: true, maxRetries: 3 }))
  const backend = await openBackend(options.redis, options.logger)
  await using _backend = atEnd(() => inTime(backend.close()))
  const sender = await openSender(options.redis)
  await using _sender = atEnd(() => inTime(sender.close()))
  const limits = { paths: mappedPaths(maps), roots, buckets: options.buckets, scratch }
  const host = new RemoteWorkerHost({ options, backend, sender, limits, clock, ...(times && { times }) })
  await host.run()
  return { ...host.counts, durationMs: clock.now() - startedAt }
}

function atEnd(close: () => Promise<void>): AsyncDisposable {
  return { [Symbol.asyncDispose]: close }
}

/** A server that is away answers to no good-bye. */
async function inTime(closing: Promise<void>): Promise<void> {
  let limit: NodeJS.Timeout | undefined
  const over = new Promise<void>((resolve) => {
    limit = setTimeout(resolve, CLOSE_LIMIT_MS)
  })
  await Promise.race([closing.catch(() => undefined), over])
  clearTimeout(limit)
}
