/**
 * Transactions: everything that is told to Redis in one go happens, or nothing.
 *
 * A plain one is a `MULTI` of BullMQ's own scripts. A guarded one has looked at something first and happens only when that
 * has not changed since (`WATCH`). What is watched belongs to a connection, so each guarded one has a connection of its own,
 * which never reconnects: a new one would have forgotten what it watches.
 *
 * @module
 */

import type { IRedisClient, IRedisTransaction } from 'bullmq'
import type { ChainableCommander, Redis } from 'ioredis'
import { HeirloomError, systemCode } from '../../errors.ts'
import type { BullmqContext } from './context.ts'
import { RedisError } from './redis-error.ts'

/** Commands for one `EXEC`: BullMQ's scripts by `runCommand`, others as ioredis has them, but for `hset`. */
export type Transaction = Omit<ChainableCommander, 'hset' | 'exec'> & IRedisTransaction

/** Where a guarded transaction looks before it is made. */
export interface Guard {
  /** Reads see what `watch` guards. */
  readonly redis: Redis
  watch(...keys: readonly string[]): Promise<void>
  begin(): Transaction
}

/** How often a transaction is tried whose keys others keep changing. */
const MAX_TRIES = 50

/** A transaction on the shared connection. */
export async function begin(context: BullmqContext, lane: string): Promise<Transaction> {
  return (await context.queue(lane).bull.client).multi() as unknown as Transaction
}

/** Answers what each command answered. @throws the first error that one of them answered. */
export async function commit(transaction: Transaction): Promise<readonly unknown[]> {
  const answers = await tryCommit(transaction)
  if (answers === undefined) throw new Error('a transaction that watched nothing was refused')
  return answers
}

/** Undefined when something that was watched has changed, and so nothing has happened. */
export async function tryCommit(transaction: Transaction): Promise<readonly unknown[] | undefined> {
  const results = await transaction.exec()
  return results?.map(([error, answer]) => {
    if (error) throw error
    return answer
  })
}

/** Repeats `attempt` until it answers something, which means that its transaction has happened. */
export function guarded<Answer>(
  context: BullmqContext,
  attempt: (guard: Guard) => Promise<Answer | undefined>,
): Promise<Answer> {
  return outlastingOutages(context, () => guardedOnce(context, attempt))
}

/**
 * Does `work` again when the connection was lost meanwhile and is back: it must be harmless when it had happened already
 * and only the answer was lost.
 */
export async function outlastingOutages<Answer>(
  context: BullmqContext,
  work: () => Promise<Answer>,
): Promise<Answer> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      await recover(context, error)
    }
  }
}

/** Resolves when the work can be done again; @throws what another attempt cannot cure. */
async function recover({ redis, connections }: BullmqContext, error: unknown): Promise<void> {
  if (hasForgottenScripts(error)) redis.disconnect(true)
  else if (isRefusal(error)) throw connections.explain(error)
  else if (!isLostConnection(error) || redis.status === 'end') throw error
  // Waits for as long as it takes; rejects when the backend is closed.
  await redis.ping()
}

/**
 * Somebody has flushed the server's scripts, or it has evicted some. Inside of a transaction ioredis does not notice, and
 * would send their hashes for ever; on a new connection it sends them whole.
 */
function hasForgottenScripts(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

/** What Redis itself answered. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

/** What ioredis and sockets say, but neither Redis nor this package. */
function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof HeirloomError) return false
  const isOfSocket = systemCode(error) !== undefined
  return isOfSocket || /connection (?:is closed|close)|stream isn't writeable|ETIMEDOUT/iu.test(error.message)
}

async function guardedOnce<Answer>(
  context: BullmqContext,
  attempt: (guard: Guard) => Promise<Answer | undefined>,
): Promise<Answer> {
  const guard = takeIdle(context) ?? (await connectGuard(context))
  let isClean = false
  try {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const answer = await attempt(guard)
      // Also when there was no transaction to forget what was watched.
      await guard.redis.unwatch()
      isClean = true
      if (answer !== undefined) return answer
      isClean = false
    }
  } finally {
    if (isClean) keepIdle(context, guard)
    else guard.redis.disconnect()
  }
  const message = `redis at ${context.connections.place} changed what was looked at, ${MAX_TRIES} times in a row`
  throw new RedisError('redis/busy', message, { hint: 'Try again.', recovery: 'retry' })
}

/** Connections that watch nothing: a new one costs some milliseconds, most of them for BullMQ's scripts. */
const idleGuards = new WeakMap<Redis, Guard[]>()

const MAX_IDLE = 2

function takeIdle({ redis }: BullmqContext): Guard | undefined {
  const idle = idleGuards.get(redis) ?? []
  for (let guard = idle.pop(); guard !== undefined; guard = idle.pop()) {
    if (guard.redis.status === 'ready') return guard
  }
  return undefined
}

function keepIdle({ redis }: BullmqContext, guard: Guard): void {
  const known = idleGuards.get(redis)
  const idle = known ?? []
  if (redis.status === 'end' || idle.length >= MAX_IDLE) {
    guard.redis.disconnect()
    return
  }
  idle.push(guard)
  if (known !== undefined) return
  idleGuards.set(redis, idle)
  // They end with the connection of the backend.
  redis.once('end', () => {
    for (const { redis: own } of idle.splice(0)) own.disconnect()
  })
}

async function connectGuard(context: BullmqContext): Promise<Guard> {
  const redis = context.redis.duplicate({ lazyConnect: true, enableOfflineQueue: false, retryStrategy: null })
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    return await openGuard(context, redis)
  } catch (error) {
    redis.disconnect()
    throw error
  }
}

async function openGuard({ bullmq }: BullmqContext, redis: Redis): Promise<Guard> {
  // Teaches the connection BullMQ's scripts.
  const extra = { shared: true, blocking: false, skipVersionCheck: true }
  const connection = new bullmq.RedisConnection(redis, extra)
  connection.on('error', () => undefined)
  const client: IRedisClient = await connection.client
  return {
    redis,
    watch: async (...keys) => {
      await redis.watch(...keys)
    },
    begin: () => client.multi() as unknown as Transaction,
  }
}
