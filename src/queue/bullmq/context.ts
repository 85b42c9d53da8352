/**
 * What the parts of the BullMQ backend share: the connection, the lanes and their queues, and where ids come from.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import type { QueueBaseOptions, RedisQueueBackend } from 'bullmq'
import type { Redis } from 'ioredis'
import { type Clock, systemClock } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import type { RateLimit } from '../backend.ts'
import { MAX_STORED_RESULT_LENGTH } from '../new-task.ts'
import { type BullmqModule, connectRedis, type RedisConnections } from './connection.ts'
import { RedisError } from './redis-error.ts'
import type { RedisOptions } from './redis-options.ts'
import { laneIndexOf, MAX_LANES, queueNameOf, taskIdFor } from './wire.ts'

export interface BullmqBackendOptions extends RedisOptions {
  readonly clock?: Clock
  readonly logger?: Logger
  /** Results whose JSON is longer are not stored. Those of remote lanes always are. Default 65,536. */
  readonly maxResultBytes?: number
}

/** For tests: what would take too long in real time. */
export interface BullmqInternals {
  /** Between two checks for leases that ran out, over all processes. Default 5,000; 0 for at every sweep. */
  readonly stalledCheckMs?: number
  /** What the server is told for a time that it measures itself. Default: that time. */
  readonly serverMs?: (ms: number) => number
}

/** One lane's queue: BullMQ's own commands on it, each of which is one script in Redis. */
export interface LaneQueue {
  readonly lane: string
  /** Name of the BullMQ queue. */
  readonly name: string
  readonly bull: RedisQueueBackend
  /** A key of this queue, such as `prioritized`, `meta` or a job's id. */
  key(type: string): string
}

/** What BullMQ does when a job is handed out. */
export interface ClaimerOptions {
  readonly workerId: string
  readonly leaseMs: number
  readonly rate: RateLimit | undefined
}

export interface BullmqContext {
  readonly bullmq: BullmqModule
  readonly redis: Redis
  readonly connections: RedisConnections
  readonly prefix: string
  /** Names this one among all that are open on any host. */
  readonly instance: string
  readonly clock: Clock
  readonly logger: Logger | undefined
  readonly maxResultBytes: number
  readonly stalledCheckMs: number
  /** What the server is told for a time that it measures itself, such as that of a lock. */
  readonly serverMs: (ms: number) => number
  /** A key that belongs to no lane. */
  key(name: string): string
  /** The queue of a lane, known or not: asks Redis for nothing. */
  queue(lane: string): LaneQueue
  /** As {@link queue}, for a claim that is made together with a completion. */
  claimer(lane: string, options: ClaimerOptions): LaneQueue
  /** Every lane that a task was ever added to, or that was paused, in order of name. */
  lanes(): Promise<readonly string[]>
  /** The queues of all these lanes, and of those that were asked for here: the server may have forgotten them. */
  allQueues(): Promise<readonly LaneQueue[]>
  /** The queue of the lane that a task of this id was added to, if there ever was one. */
  queueOfTask(taskId: number): Promise<LaneQueue | undefined>
  /** The same for many, with one look. */
  queuesOfTasks(taskIds: readonly number[]): Promise<ReadonlyMap<number, LaneQueue>>
  /**
   * One new id for each lane that is named, ascending; makes the lanes known. Ids are never given out twice, also not after
   * the server has forgotten everything: the counter begins at the server's time.
   */
  newTaskIds(lanes: readonly string[]): Promise<readonly number[]>
  /** Makes lanes known without an id. */
  register(lane: string): Promise<void>
  close(): void
}

/**
 * KEYS: lanes (hash name -> index), counter. ARGV: ids wanted, epoch of the counter (ms), lanes at most, names of lanes.
 * Answers the last id's counter before these (as text: it has more than 32 bits), and the lanes' indexes.
 *
 * A counter that is not there begins at the server's time, 32 a millisecond: it would take as many tasks in every
 * millisecond since it last began to hand out a number twice after the server has lost it.
 */
const ALLOCATE = `
local indexes = {}
for i = 4, #ARGV do
  local index = redis.call('HGET', KEYS[1], ARGV[i])
  if not index then
    index = redis.call('HLEN', KEYS[1])
    if index >= tonumber(ARGV[3]) then return {'', indexes} end
    redis.call('HSET', KEYS[1], ARGV[i], index)
  end
  indexes[#indexes + 1] = tonumber(index)
end
local count = tonumber(ARGV[1])
if count == 0 then return {'0', indexes} end
local last = redis.call('GET', KEYS[2])
if not last then
  local time = redis.call('TIME')
  last = string.format('%.0f', (time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[2])) * 32)
  redis.call('SET', KEYS[2], last)
end
redis.call('INCRBY', KEYS[2], count)
return {last, indexes}
`

/** So that task ids (counter * 256 + lane) are safe integers until 2054, and have 16 digits until then. */
const COUNTER_EPOCH_MS = Date.UTC(2020, 0, 1)

/** Names of ours begin with two colons: no queue has an empty name. */
const LANES = 'lanes'
const COUNTER = 'id'

const MAX_CLAIMERS = 1_000

/** A rate limit as BullMQ takes it. */
export function limiterOf(
  { limit, perMs }: RateLimit,
  serverMs: (ms: number) => number,
): { readonly max: number; readonly duration: number } {
  return { max: Math.floor(limit), duration: serverMs(perMs) }
}

/** @throws a `redis/...` error when the server cannot be reached or used. */
export async function openContext(
  options: BullmqBackendOptions,
  internals: BullmqInternals = {},
): Promise<BullmqContext> {
  const connections = await connectRedis(options, options.logger)
  const { clock = systemClock, logger, maxResultBytes = MAX_STORED_RESULT_LENGTH } = options
  const { stalledCheckMs = 5_000, serverMs = (ms) => ms } = internals
  return new Context(connections, { clock, logger, maxResultBytes, stalledCheckMs, serverMs })
}

type Settings = Pick<BullmqContext, 'clock' | 'logger' | 'maxResultBytes' | 'stalledCheckMs' | 'serverMs'>

class Context implements BullmqContext {
  readonly bullmq: BullmqModule
  readonly redis: Redis
  readonly connections: RedisConnections
  readonly prefix: string
  readonly instance = randomUUID()
  readonly clock: Clock
  readonly logger: Logger | undefined
  readonly maxResultBytes: number
  readonly stalledCheckMs: number
  readonly serverMs: (ms: number) => number
  readonly #bullConnection: RedisQueueBackend['connection']
  readonly #queues = new Map<string, LaneQueue>()
  readonly #claimers = new Map<string, LaneQueue>()
  /** Names by index, as they were last seen: a server that has forgotten everything gives them out anew. */
  #names: readonly (string | undefined)[] = []

  constructor(connections: RedisConnections, settings: Settings) {
    this.bullmq = connections.bullmq
    this.redis = connections.redis
    this.connections = connections
    this.prefix = connections.prefix
    this.clock = settings.clock
    this.logger = settings.logger
    this.maxResultBytes = settings.maxResultBytes
    this.stalledCheckMs = settings.stalledCheckMs
    this.serverMs = settings.serverMs
    const { RedisConnection } = this.bullmq
    const extra = { shared: true, blocking: false, skipVersionCheck: true, skipWaitingForReady: true }
    this.#bullConnection = new RedisConnection(this.redis, extra)
    // Its connection is ours, and our connection tells its own troubles.
    this.#bullConnection.on('error', () => undefined)
  }

  key(name: string): string {
    return `${this.prefix}::${name}`
  }

  queue(lane: string): LaneQueue {
    const known = this.#queues.get(lane)
    if (known !== undefined) return known
    const queue = this.#makeQueue(lane, {})
    this.#queues.set(lane, queue)
    return queue
  }

  claimer(lane: string, options: ClaimerOptions): LaneQueue {
    const { workerId, leaseMs, rate } = options
    const name = JSON.stringify([lane, workerId, leaseMs, rate?.limit, rate?.perMs])
    const known = this.#claimers.get(name)
    if (known !== undefined) return known
    const limiter = rate === undefined ? {} : { limiter: limiterOf(rate, this.serverMs) }
    const claimer = this.#makeQueue(lane, {
      name: workerId,
      lockDuration: this.serverMs(leaseMs),
      ...limiter,
    })
    // A rate that is set anew all the time is no reason to keep them all.
    if (this.#claimers.size >= MAX_CLAIMERS) this.#claimers.clear()
    this.#claimers.set(name, claimer)
    return claimer
  }

  async lanes(): Promise<readonly string[]> {
    return Object.keys(await this.#seeLanes()).sort()
  }

  async allQueues(): Promise<readonly LaneQueue[]> {
    const names = new Set([...(await this.lanes()), ...this.#queues.keys()])
    return [...names].map((lane) => this.queue(lane))
  }

  async queueOfTask(taskId: number): Promise<LaneQueue | undefined> {
    return (await this.queuesOfTasks([taskId])).get(taskId)
  }

  async queuesOfTasks(taskIds: readonly number[]): Promise<ReadonlyMap<number, LaneQueue>> {
    await this.#seeLanes()
    const found = new Map<number, LaneQueue>()
    for (const id of taskIds) {
      const index = laneIndexOf(id)
      const lane = index === undefined ? undefined : this.#names[index]
      if (lane !== undefined) found.set(id, this.queue(lane))
    }
    return found
  }

  async newTaskIds(lanes: readonly string[]): Promise<readonly number[]> {
    const names = [...new Set(lanes)]
    const [last, indexes] = await this.#allocate(lanes.length, names)
    const indexOf = new Map(names.map((name, place) => [name, indexes[place] ?? 0]))
    return lanes.map((lane, place) => taskIdFor(last + 1 + place, indexOf.get(lane) ?? 0))
  }

  async register(lane: string): Promise<void> {
    await this.#allocate(0, [lane])
  }

  close(): void {
    this.connections.close()
  }

  async #allocate(count: number, names: readonly string[]): Promise<[number, readonly number[]]> {
    const keys = [this.key(LANES), this.key(COUNTER)]
    const answer = await this.redis.eval(ALLOCATE, 2, ...keys, count, COUNTER_EPOCH_MS, MAX_LANES, ...names)
    const [last, indexes] = answer as [string, number[]]
    if (last === '') {
      throw new RedisError('redis/too-many-lanes', `prefix ${this.prefix} has ${MAX_LANES} lanes already`, {
        hint: 'Use another prefix for the other lanes.',
      })
    }
    return [Number(last), indexes]
  }

  async #seeLanes(): Promise<Readonly<Record<string, string>>> {
    const lanes = await this.redis.hgetall(this.key(LANES))
    const names: (string | undefined)[] = []
    for (const [name, index] of Object.entries(lanes)) names[Number(index)] = name
    this.#names = names
    return lanes
  }

  #makeQueue(lane: string, claiming: object): LaneQueue {
    const { QueueKeys, RedisQueueBackend } = this.bullmq
    const name = queueNameOf(lane)
    const keys = new QueueKeys(this.prefix)
    const key = (type: string): string => keys.toKey(name, type)
    // Who has stalled too often is decided task by task, in the sweep.
    const check = {
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      stalledInterval: Math.max(1, this.stalledCheckMs),
    }
    const options = { ...check, ...claiming, prefix: this.prefix, connection: this.redis }
    const bull = new RedisQueueBackend(
      this.#bullConnection,
      name,
      keys.getKeys(name),
      key,
      options as unknown as QueueBaseOptions,
      undefined,
      false,
    )
    return { lane, name, bull, key }
  }
}
