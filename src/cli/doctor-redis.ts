/**
 * What `heirloom doctor` says of the Redis server between a coordinator and its worker hosts. Only looks.
 *
 * All but the hosts is read from `INFO`, since careful servers let nobody ask for their configuration.
 *
 * @module
 */

import type { Redis } from 'ioredis'
import { toErrorRecord } from '../errors.ts'
import { silentLogger } from '../logger.ts'
import type { Coordinator } from '../queue/backend.ts'
import type { RedisOptions } from '../queue/bullmq/redis-options.ts'
import { formatBytes, pluralize } from '../units.ts'
import type { Finding } from './doctor-checks.ts'
import { neutralize } from './text-width.ts'

/** Of so many answers the middle one counts: the first ones are slower than the rest. */
const PINGS = 11

/** Every task takes some of them, one after the other: on a slow line many tasks have to be under way at once. */
const SLOW_MS = 20

/** Named in a line; the rest is counted. */
const SHOWN_HOSTS = 5

/** What `INFO` says, by name. */
type Info = ReadonlyMap<string, string>

/** One finding when the server cannot be used, else one for each thing that matters. */
export async function checkRedis(redis: RedisOptions): Promise<Finding[]> {
  try {
    const { connectRedis } = await import('../queue/bullmq/connection.ts')
    const connections = await connectRedis(redis, silentLogger)
    try {
      const info = parseInfo(await connections.redis.info())
      const latencyMs = await measureLatency(connections.redis)
      const server = serverFinding(info, { place: connections.place, latencyMs })
      return [server, memoryFinding(info), persistenceFinding(info), await hostsFinding(redis)]
    } finally {
      connections.close()
    }
  } catch (error) {
    const { message, hint } = toErrorRecord(error)
    return [{ name: 'redis', state: 'fail', detail: message, ...(hint === undefined ? {} : { hint }) }]
  }
}

/** Lines `name:value`; headings begin with `#`. */
export function parseInfo(text: string): Info {
  const pairs = [...text.matchAll(/^(?<name>[a-z\d_]+):(?<value>[^\r\n]*)/gmu)]
  return new Map(pairs.map(({ groups }) => [groups?.['name'] ?? '', groups?.['value'] ?? '']))
}

async function measureLatency(redis: Redis): Promise<number> {
  const times: number[] = []
  for (let ping = 0; ping < PINGS; ping += 1) {
    const startedAt = performance.now()
    await redis.ping()
    times.push(performance.now() - startedAt)
  }
  return times.sort((a, b) => a - b)[Math.floor(PINGS / 2)] ?? 0
}

export function serverFinding(
  info: Info,
  { place, latencyMs }: { readonly place: string; readonly latencyMs: number },
): Finding {
  const valkey = info.get('valkey_version')
  const what =
    valkey === undefined ? `Redis ${info.get('redis_version') ?? 'of unknown version'}` : `Valkey ${valkey}`
  const detail = `${what} at ${place}, answers in ${latencyMs.toFixed(1)} ms`
  if (latencyMs < SLOW_MS) return { name: 'redis', state: 'ok', detail }
  return {
    name: 'redis',
    state: 'warn',
    detail,
    hint: 'Put it nearer to the worker hosts: each task waits for it a few times.',
  }
}

export function memoryFinding(info: Info): Finding {
  const name = 'redis memory'
  const limitBytes = Number(info.get('maxmemory') ?? 0)
  const used = formatBytes(Number(info.get('used_memory') ?? 0))
  const policy = info.get('maxmemory_policy') ?? 'unknown'
  const detail = `${used} used${limitBytes > 0 ? ` of ${formatBytes(limitBytes)}` : ''}, maxmemory-policy ${policy}`
  if (policy === 'noeviction') return { name, state: 'ok', detail }
  return {
    name,
    state: 'warn',
    detail,
    hint: 'Set maxmemory-policy noeviction: else it may forget what is under way.',
  }
}

export function persistenceFinding(info: Info): Finding {
  const name = 'redis disk'
  if (info.get('aof_enabled') !== '1') {
    return {
      name,
      state: 'warn',
      detail: 'appendonly is off: a restart forgets what is under way, and it is done again',
      hint: 'Set appendonly yes and appendfsync everysec.',
    }
  }
  const status = info.get('aof_last_write_status') ?? 'ok'
  if (status === 'ok') return { name, state: 'ok', detail: 'appendonly is on' }
  return { name, state: 'fail', detail: `the last write was: ${status}`, hint: 'See that its disk has room.' }
}

async function hostsFinding(redis: RedisOptions): Promise<Finding> {
  const { openBullmqBackend } = await import('../queue/bullmq/bullmq-backend.ts')
  const backend = await openBullmqBackend({ ...redis, logger: silentLogger })
  try {
    return describeHosts(await backend.coordinators())
  } finally {
    await backend.close()
  }
}

export function describeHosts(hosts: readonly Coordinator[]): Finding {
  const name = 'worker hosts'
  if (hosts.length === 0) {
    return {
      name,
      state: 'warn',
      detail: 'none: tasks that are handed out wait until there is one',
      hint: 'Start one on each machine that shall help: heirloom worker --help',
    }
  }
  const shown = hosts.slice(0, SHOWN_HOSTS).map(({ host, lanes }) => {
    const numbers = Object.entries(lanes).map(([lane, { concurrency }]) => `${lane} ${concurrency}`)
    return `${host} (${numbers.join(', ')})`
  })
  const rest =
    hosts.length > SHOWN_HOSTS ? `, and ${pluralize(hosts.length - SHOWN_HOSTS, 'more', 'more')}` : ''
  return { name, state: 'ok', detail: neutralize(`${hosts.length}: ${shown.join(', ')}${rest}`) }
}
