/**
 * Carries what a remote task emits to the coordinator that it belongs to, and the answer back.
 *
 * A request is an entry in a stream of the coordinator, an answer one in a stream of whoever asked. Both are kept only
 * as long as somebody may wait for them, so that what nobody reads goes away by itself. A request is sent again when
 * Redis has been away: dealing with an emission twice is harmless by contract.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import { type ErrorRecord, HeirloomError } from '../../errors.ts'
import { ForwardedError } from '../queue-errors.ts'
import type { RemoteEnvelope } from '../remote.ts'
import { connectRedis } from './connection.ts'
import type { RedisOptions } from './redis-options.ts'
import { fieldOf, type StreamFields, StreamReader } from './remote-reader.ts'

/** A handler waits this long for the answer to what it emits. */
const ANSWER_LIMIT_MS = 30_000

/** A coordinator that has not said for so long that it lives is not waited for; one that restarts Redis has this long. */
const GONE_LIMIT_MS = 10_000
const GONE_CHECK_MS = 1_000

/** Longest chunk, as JSON. It lies in Redis, and what a task has to tell there is short. */
const MAX_CHUNK_BYTES = 256 * 1024

/** A stream that nothing is added to for so long is gone. */
export const STREAM_LIFE_MS = 60_000

/** More entries than that nobody waits for. */
export const MAX_ENTRIES = 10_000

/** What a remote handler emitted could not be brought to its coordinator, or not back. */
export class EmitError extends HeirloomError {
  readonly code: 'queue/emit-unanswered' | 'queue/coordinator-gone' | 'queue/emit-too-large'
  readonly recovery: 'retry' | 'discard'

  constructor(code: EmitError['code'], message: string, recovery: EmitError['recovery'] = 'retry') {
    super(message)
    this.code = code
    this.recovery = recovery
  }
}

/** Keys of the channel. */
export interface EmitKeys {
  /** Requests to one coordinator. */
  readonly requests: (origin: string) => string
  /** Answers to one sender. */
  readonly answers: (sender: string) => string
  /** Is there while the coordinator lives. */
  readonly alive: (origin: string) => string
}

/** `key` makes one that no lane has. */
export function emitKeys(key: (name: string) => string): EmitKeys {
  return {
    requests: (origin) => key(`emit:${origin}`),
    answers: (sender) => key(`answers:${sender}`),
    alive: (origin) => key(`origin:${origin}`),
  }
}

/** One emission on its way to the coordinator. */
export interface EmitRequest {
  readonly sender: string
  /** Unique for the sender. */
  readonly number: string
  readonly taskId: number
  readonly attempt: number
  readonly chunk: unknown
}

export interface EmitSender {
  /**
   * Has the coordinator that handed `envelope` out deal with a chunk, and answers what came of it.
   *
   * @throws {@link EmitError} when nobody answers, and what the coordinator threw.
   */
  send(envelope: RemoteEnvelope, chunk: unknown): Promise<unknown>
  /** What is under way rejects. Safe twice. */
  close(): Promise<void>
}

/**
 * The sender of a worker host.
 *
 * @throws a `redis/...` error when the server cannot be reached or used. Later outages are waited for.
 */
export async function openEmitSender(options: RedisOptions): Promise<EmitSender> {
  const connections = await connectRedis(options)
  const { redis, prefix } = connections
  const keys = emitKeys((name) => `${prefix}::${name}`)
  return new EmitChannel({ redis, readerRedis: connections.another(), keys, sender: randomUUID() })
}

interface Pending {
  readonly origin: string
  readonly fields: readonly string[]
  /** In the stream of requests, once it is there. */
  entryId?: string
  /** Nobody waits for it any more. */
  isOver?: boolean
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Both connections are the channel's own; {@link EmitChannel.close} ends them. */
export interface EmitChannelOptions {
  readonly redis: Redis
  /** Waits in blocking requests. */
  readonly readerRedis: Redis
  readonly keys: EmitKeys
  /** Unique; names the stream of answers. */
  readonly sender: string
  readonly answerLimitMs?: number
  readonly goneLimitMs?: number
}

export class EmitChannel implements EmitSender {
  readonly #options: EmitChannelOptions
  readonly #reader: StreamReader
  readonly #pending = new Map<string, Pending>()
  #count = 0
  #isFollowing = false
  #isClosed = false

  constructor(options: EmitChannelOptions) {
    this.#options = options
    this.#reader = new StreamReader(options.readerRedis, () => undefined)
    let wasAway = false
    options.redis.on('close', () => {
      wasAway = true
    })
    options.redis.on('ready', () => {
      if (wasAway) this.#sendAgain()
      wasAway = false
    })
  }

  async send(envelope: RemoteEnvelope, chunk: unknown): Promise<unknown> {
    const { origin, taskId, attempt } = envelope
    const json = JSON.stringify(chunk) ?? 'null'
    const sizeBytes = Buffer.byteLength(json)
    if (sizeBytes > MAX_CHUNK_BYTES) {
      const message = `task ${taskId} emitted ${sizeBytes} bytes, ${MAX_CHUNK_BYTES} are allowed`
      throw new EmitError('queue/emit-too-large', message, 'discard')
    }
    if (this.#isClosed) throw closed()
    this.#followAnswers()
    this.#count += 1
    const number = String(this.#count)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const fields = ['sender', this.#options.sender, 'number', number, 'task', String(taskId)]
    fields.push('attempt', String(attempt), 'chunk', json)
    const pending: Pending = { origin, fields, resolve, reject }
    this.#pending.set(number, pending)
    this.#reader.wake()
    const endLimits = this.#limit(pending)
    void this.#request(pending)
    try {
      return await promise
    } finally {
      endLimits()
      this.#pending.delete(number)
    }
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true
      for (const { reject } of this.#pending.values()) reject(closed())
      this.#options.redis.disconnect()
    }
    await this.#reader.close()
  }

  /** Never rejects: what Redis refuses runs into the limit. */
  async #request(pending: Pending): Promise<void> {
    const { redis, keys } = this.#options
    const key = keys.requests(pending.origin)
    try {
      const replies = await redis
        .pipeline()
        .xadd(key, 'MAXLEN', '~', MAX_ENTRIES, '*', ...pending.fields)
        .pexpire(key, STREAM_LIFE_MS)
        .exec()
      const entryId = replies?.[0]?.[1]
      if (typeof entryId !== 'string') return
      pending.entryId = entryId
      if (pending.isOver === true) this.#withdraw(pending)
    } catch {
      // Redis is away: sent again when it is back.
    }
  }

  #sendAgain(): void {
    for (const pending of this.#pending.values()) void this.#request(pending)
  }

  #limit(pending: Pending): () => void {
    const { answerLimitMs = ANSWER_LIMIT_MS, goneLimitMs = GONE_LIMIT_MS, redis, keys } = this.#options
    const limit = setTimeout(() => {
      this.#withdraw(pending)
      const message = `coordinator ${pending.origin} did not answer within ${answerLimitMs} ms`
      pending.reject(new EmitError('queue/emit-unanswered', message))
    }, answerLimitMs)
    let missingMs = 0
    const checkMs = Math.min(GONE_CHECK_MS, goneLimitMs)
    const look = async (): Promise<void> => {
      const isAlive = await redis.exists(keys.alive(pending.origin)).catch(() => 1)
      missingMs = isAlive === 0 ? missingMs + checkMs : 0
      if (missingMs < goneLimitMs) return
      this.#withdraw(pending)
      pending.reject(new EmitError('queue/coordinator-gone', `coordinator ${pending.origin} is gone`))
    }
    const check = setInterval(() => void look(), checkMs)
    return () => {
      clearTimeout(limit)
      clearInterval(check)
    }
  }

  #withdraw(pending: Pending): void {
    pending.isOver = true
    const { origin, entryId } = pending
    const { redis, keys } = this.#options
    if (entryId !== undefined) redis.xdel(keys.requests(origin), entryId).catch(() => undefined)
  }

  #followAnswers(): void {
    if (this.#isFollowing) return
    this.#isFollowing = true
    const key = this.#options.keys.answers(this.#options.sender)
    this.#reader.follow({
      key,
      lastId: '0-0',
      isFull: () => this.#pending.size === 0,
      take: (entries) => {
        for (const [, fields] of entries) this.#answered(fields)
      },
    })
  }

  #answered(fields: StreamFields): void {
    const pending = this.#pending.get(fieldOf(fields, 'number') ?? '')
    if (pending === undefined) return
    const error = fieldOf(fields, 'error')
    try {
      if (error === undefined) pending.resolve(JSON.parse(fieldOf(fields, 'value') ?? 'null'))
      else pending.reject(new ForwardedError(JSON.parse(error) as ErrorRecord))
    } catch (failure) {
      pending.reject(failure)
    }
  }
}

/** What a sender put into the stream of requests; undefined when it is something else. */
export function toRequest(fields: StreamFields): EmitRequest | undefined {
  const sender = fieldOf(fields, 'sender')
  const number = fieldOf(fields, 'number')
  const taskId = Number(fieldOf(fields, 'task'))
  const attempt = Number(fieldOf(fields, 'attempt'))
  if (sender === undefined || number === undefined) return undefined
  if (!Number.isSafeInteger(taskId) || !Number.isSafeInteger(attempt)) return undefined
  try {
    return { sender, number, taskId, attempt, chunk: JSON.parse(fieldOf(fields, 'chunk') ?? '') }
  } catch {
    return undefined
  }
}

function closed(): EmitError {
  return new EmitError('queue/emit-unanswered', 'worker host is ending')
}
