/**
 * The coordinator's end of the emit channel: has its engine deal with what remote tasks emit, and answers.
 *
 * @module
 */

import type { Redis } from 'ioredis'
import { type ErrorRecord, toErrorRecord } from '../../errors.ts'
import { attemptGivenUp } from '../queue-errors.ts'
import { type EmitKeys, type EmitRequest, MAX_ENTRIES, STREAM_LIFE_MS, toRequest } from './emit-channel.ts'
import type { FollowedStream } from './remote-reader.ts'

/** That many are dealt with at a time; the others wait in Redis. */
const MAX_OPEN = 256

/** How long it is believed that the coordinator lives. */
const ALIVE_MS = 20_000

export interface EmitAnswersOptions {
  readonly redis: Redis
  readonly keys: EmitKeys
  readonly origin: string
  /** Deals with a chunk; undefined when the attempt is none that is under way. */
  readonly deal: (request: EmitRequest) => Promise<unknown> | undefined
}

export class EmitAnswers {
  readonly #options: EmitAnswersOptions
  readonly #open = new Set<string>()

  constructor(options: EmitAnswersOptions) {
    this.#options = options
  }

  /** The stream of requests, to be followed. */
  get requests(): FollowedStream {
    const { keys, origin } = this.#options
    return {
      key: keys.requests(origin),
      lastId: '0-0',
      isFull: () => this.#open.size >= MAX_OPEN,
      take: (entries) => {
        for (const [id, fields] of entries) this.#take(id, toRequest(fields))
      },
    }
  }

  /** Says that the coordinator lives: to be called every few seconds. */
  async sayAlive(): Promise<void> {
    const { redis, keys, origin } = this.#options
    await redis.set(keys.alive(origin), '1', 'PX', ALIVE_MS)
  }

  /** Takes the coordinator's name out of Redis; what is still asked of it is refused there. */
  async close(): Promise<void> {
    const { redis, keys, origin } = this.#options
    await redis.del(keys.alive(origin), keys.requests(origin))
  }

  #take(entryId: string, request: EmitRequest | undefined): void {
    if (request === undefined) {
      this.#forget(entryId)
      return
    }
    const name = `${request.sender} ${request.number}`
    // Sent again because Redis was away, while the first one is being dealt with.
    if (this.#open.has(name)) {
      this.#forget(entryId)
      return
    }
    this.#open.add(name)
    void this.#answer(entryId, request).finally(() => this.#open.delete(name))
  }

  async #answer(entryId: string, request: EmitRequest): Promise<void> {
    const dealing = this.#options.deal(request)
    if (dealing === undefined)
      return this.#reply(entryId, request, errorFields(attemptGivenUp(request.taskId)))
    try {
      const value = await dealing
      await this.#reply(entryId, request, ['value', JSON.stringify(value) ?? 'null'])
    } catch (error) {
      await this.#reply(entryId, request, errorFields(toErrorRecord(error)))
    }
  }

  async #reply(entryId: string, { sender, number }: EmitRequest, fields: readonly string[]): Promise<void> {
    const { redis, keys, origin } = this.#options
    const key = keys.answers(sender)
    await redis
      .pipeline()
      .xadd(key, 'MAXLEN', '~', MAX_ENTRIES, '*', 'number', number, ...fields)
      .pexpire(key, STREAM_LIFE_MS)
      .xdel(keys.requests(origin), entryId)
      .exec()
      // Redis is away: the sender asks again.
      .catch(() => undefined)
  }

  #forget(entryId: string): void {
    const { redis, keys, origin } = this.#options
    redis.xdel(keys.requests(origin), entryId).catch(() => undefined)
  }
}

function errorFields(error: ErrorRecord): readonly string[] {
  return ['error', JSON.stringify(error)]
}
