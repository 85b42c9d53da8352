/**
 * A connection to Redis: opened with a limit, checked once, and then kept for ever.
 *
 * At the start a server that is away, refuses us or would lose tasks by design is an error that a person can act on. Later
 * it may go away and come back: commands wait for it (ioredis sends again what was not answered), nothing rejects because of
 * that. The password reaches the socket and nothing else.
 *
 * @module
 */

import { isIP } from 'node:net'
import type { RedisOptions as AllClientOptions, Redis } from 'ioredis'
import type { Logger } from '../../logger.ts'
import { explainRedis, RedisError, RedisPackagesError } from './redis-error.ts'
import { DEFAULT_REDIS_PREFIX, type RedisOptions } from './redis-options.ts'

/** Exact optional properties: what may be undefined here may be left out there. */
type ClientOptions = Omit<AllClientOptions, 'replyMapping'>

export type BullmqModule = typeof import('bullmq')

/** How long the first connection may take. */
const CONNECT_LIMIT_MS = 5_000

/** BullMQ's scripts need 6.2 (`LMOVE`, `ZRANGE … BYSCORE`); Valkey tells 7.2 and later. */
const OLDEST = [6, 2] as const

/**
 * A server that owes an answer and says nothing for so long has vanished: TCP alone takes a quarter of an hour to notice. No
 * request blocks for longer than 5 s, and on a new connection all of them are sent again.
 */
const SILENCE_MS = 30_000

/** Pauses between attempts to connect again: quick at first, as a restart takes a second or two. */
const LONGEST_PAUSE_MS = 2_000

/** An open connection, with what it takes to open more of them. */
export interface RedisConnections {
  readonly bullmq: BullmqModule
  readonly redis: Redis
  readonly prefix: string
  /** `host:port/database`, for messages. */
  readonly place: string
  /** One more connection to the same server, for commands that block. Connects by itself; end it with `disconnect`. */
  another(): Redis
  /** What was thrown by a command, for a person. */
  explain(error: unknown): Error
  close(): void
}

/**
 * Connects, and looks at how the server is set up.
 *
 * @throws a {@link RedisError} or {@link RedisPackagesError} with a hint; never with the password.
 */
export async function connectRedis(options: RedisOptions, logger?: Logger): Promise<RedisConnections> {
  const { bullmq, Client } = await loadPackages()
  const target = targetOf(options)
  const explain = (error: unknown): Error => explainRedis(error, target.place, target.secrets)
  const redis = new Client({ ...target.client, protocol: 2 })
  try {
    await firstConnection(redis, target)
    await checkServer(redis, target.place, logger)
  } catch (error) {
    redis.disconnect()
    throw explain(error)
  }
  let isClosed = false
  tellOutages(redis, target, (level, message, fields) => {
    if (!isClosed) logger?.[level](message, fields)
  })
  return {
    bullmq,
    redis,
    prefix: options.prefix ?? DEFAULT_REDIS_PREFIX,
    place: target.place,
    another: () => {
      const more = new Client({ ...target.client, lazyConnect: false, protocol: 2 })
      // Its outages are those of the first one, which tells them.
      more.on('error', () => undefined)
      return more
    },
    explain,
    close: () => {
      isClosed = true
      endConnection(redis)
    },
  }
}

/** A connection that is being made has this long to be there, so that it can be ended without forgetting anything. */
const LAST_ATTEMPT_MS = 2_000

/**
 * Ends a connection for good; what it was asked and has not answered rejects.
 *
 * ioredis forgets about those requests when it is told to disconnect while it connects again: it has them in a queue that it
 * looks at when the server is ready, and ends only those of the connection that it has. So there the attempt is the last one,
 * and is ended when it has come so far. Of a server that then says nothing, they are forgotten all the same.
 */
export function endConnection(redis: Redis): void {
  if (!CONNECTING.has(redis.status)) {
    redis.disconnect()
    return
  }
  redis.options.retryStrategy = null
  const end = (): void => redis.disconnect()
  const limit = setTimeout(end, LAST_ATTEMPT_MS)
  redis.once('ready', end)
  redis.once('end', () => clearTimeout(limit))
}

const CONNECTING: ReadonlySet<string> = new Set(['reconnecting', 'connecting', 'connect'])

async function loadPackages(): Promise<{ bullmq: BullmqModule; Client: typeof Redis }> {
  try {
    const [bullmq, ioredis] = await Promise.all([import('bullmq'), import('ioredis')])
    return { bullmq, Client: ioredis.Redis }
  } catch (cause) {
    throw new RedisPackagesError(cause)
  }
}

interface Target {
  readonly client: ClientOptions
  readonly place: string
  readonly secrets: readonly string[]
}

/** Reads the URL here: ioredis would keep it, password and all, and put it into errors. */
function targetOf({ url, password, ca }: RedisOptions): Target {
  const parsed = parseUrl(url)
  const secret = password ?? decodeURIComponent(parsed.password)
  const secrets = [secret, parsed.password].filter((one) => one !== '')
  const user = decodeURIComponent(parsed.username)
  const common: ClientOptions = {
    lazyConnect: true,
    maxRetriesPerRequest: null,
    connectTimeout: CONNECT_LIMIT_MS,
    // A host that vanished without a word while nothing was asked of it is noticed by these.
    keepAlive: 10_000,
    socketTimeout: SILENCE_MS,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), LONGEST_PAUSE_MS),
    ...(user === '' ? {} : { username: user }),
    ...(secret === '' ? {} : { password: secret }),
  }
  const { pathname } = parsed
  if (parsed.protocol === 'unix:') return { client: { ...common, path: pathname }, place: pathname, secrets }
  const host = parsed.hostname.replace(/^\[(.*)\]$/u, '$1')
  const db = Number(pathname.slice(1) || 0)
  const tls = parsed.protocol === 'rediss:' ? { tls: tlsOf(host, ca) } : {}
  return {
    client: { ...common, ...tls, host, port: Number(parsed.port || 6379), db },
    place: db === 0 ? parsed.host : `${parsed.host}/${db}`,
    secrets,
  }
}

/** Names of hosts only may be told in a handshake: RFC 6066, section 3. */
function tlsOf(host: string, ca: string | undefined): NonNullable<ClientOptions['tls']> {
  return { ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === undefined ? {} : { ca }) }
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url.startsWith('/') ? `unix://${url}` : url)
  if (parsed !== null && isRedisUrl(parsed)) return parsed
  // Not the URL itself: there may be a password in it.
  throw new RedisError('redis/invalid-url', 'URL of the Redis server cannot be read', {
    hint: 'Write it as redis://[user@]host[:port][/database], or rediss:// for TLS.',
  })
}

function isRedisUrl({ protocol, hostname, pathname }: URL): boolean {
  if (protocol === 'unix:') return true
  return (
    (protocol === 'redis:' || protocol === 'rediss:') && hostname !== '' && /^(?:\/\d*)?$/u.test(pathname)
  )
}

/** Resolves when connected and logged in; rejects with the first thing that went wrong, or after a limit. */
async function firstConnection(redis: Redis, { place }: Target): Promise<void> {
  let cancel: () => void = () => undefined
  const failed = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => {
      const hint = 'Check host, port and firewall, and whether it speaks TLS (rediss://) there.'
      const message = `redis at ${place} has not answered for ${CONNECT_LIMIT_MS} ms`
      reject(new RedisError('redis/timeout', message, { hint, recovery: 'retry' }))
    }, CONNECT_LIMIT_MS)
    redis.once('error', reject)
    cancel = () => {
      clearTimeout(timer)
      redis.off('error', reject)
    }
  })
  const connected = redis.connect()
  // Told by the event, which comes first and says more.
  connected.catch(() => undefined)
  try {
    await Promise.race([connected.then(() => redis.ping()), failed])
  } finally {
    cancel()
    // Else an error without a listener would be printed by ioredis.
    redis.on('error', () => undefined)
  }
}

type Tell = (
  level: 'warn' | 'info' | 'debug',
  message: string,
  fields: Readonly<Record<string, string>>,
) => void

/** An outage is told once when it begins and once when it is over. */
function tellOutages(redis: Redis, { place, secrets }: Target, tell: Tell): void {
  let isAway = false
  redis.on('close', () => {
    if (isAway) return
    isAway = true
    tell('warn', 'redis is away', { redis: place })
  })
  redis.on('error', (error: unknown) => {
    const { message } = explainRedis(error, place, secrets)
    tell('debug', 'redis connection failed', { redis: place, error: message })
  })
  redis.on('ready', () => {
    if (isAway) tell('info', 'redis is back', { redis: place })
    isAway = false
  })
}

async function checkServer(redis: Redis, place: string, logger: Logger | undefined): Promise<void> {
  const version = /redis_version:(?<version>\S+)/u.exec(await redis.info('server'))?.groups?.['version']
  if (version !== undefined && isOlder(version)) {
    throw new RedisError(
      'redis/too-old',
      `redis at ${place} has version ${version}, older than ${OLDEST.join('.')}`,
      {
        hint: 'Update it, or use Valkey.',
      },
    )
  }
  await checkMemoryPolicy(redis, place, logger)
  if ((await settingOf(redis, 'appendonly')) === 'no') {
    logger?.warn('redis keeps nothing over a restart', {
      redis: place,
      hint: 'Set appendonly yes and appendfsync everysec; without, a restart runs again what was under way.',
    })
  }
}

async function checkMemoryPolicy(redis: Redis, place: string, logger: Logger | undefined): Promise<void> {
  const policy = await settingOf(redis, 'maxmemory-policy')
  if (policy === undefined || policy === 'noeviction') return
  const hint = 'Set maxmemory-policy noeviction.'
  if (policy.startsWith('allkeys-')) {
    const message = `redis at ${place} forgets tasks when its memory is full: maxmemory-policy is ${policy}`
    throw new RedisError('redis/evicts', message, { hint })
  }
  logger?.warn('redis forgets leases when its memory is full', { redis: place, policy, hint })
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
}

/** Undefined where `CONFIG` is forbidden: hosted servers and careful ACLs do that, and then there is nothing to check. */
async function settingOf(redis: Redis, name: string): Promise<string | undefined> {
  try {
    const [, value] = (await redis.config('GET', name)) as string[]
    return value
  } catch {
    return undefined
  }
}
