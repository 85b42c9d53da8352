/**
 * Reads streams of Redis as they grow: all of them in one blocking request, on a connection of its own.
 *
 * Nothing may rely on an entry arriving: a stream can be trimmed, lost, or begin anew with lower ids.
 *
 * @module
 */

import type { Redis } from 'ioredis'

/** Entries of one stream in one answer. A job that completes leaves four. */
const COUNT = 1_000

/** One request waits this long for an entry; then the streams that are followed are looked at again. */
const BLOCK_MS = 2_000

/** After an error. */
const RETRY_MS = 1_000

/** Fields and values by turns. */
export type StreamFields = readonly string[]

export interface FollowedStream {
  readonly key: string
  /** The entry that was read last. */
  lastId: string
  /** While true, its entries are left where they are. */
  readonly isFull?: () => boolean
  readonly take: (entries: readonly (readonly [id: string, fields: StreamFields])[]) => void
}

export class StreamReader {
  readonly #redis: Redis
  readonly #onError: (error: unknown) => void
  readonly #streams = new Map<string, FollowedStream>()
  #loop: Promise<void> | undefined
  #isClosed = false
  /** Ends the request that is under way: a connection that is just being made again would leave it open for ever. */
  #interrupt: () => void = () => undefined
  #endPause: () => void = () => undefined

  /** The connection is used for nothing else, and {@link StreamReader.close} ends it. */
  constructor(redis: Redis, onError: (error: unknown) => void) {
    this.#redis = redis
    this.#onError = onError
  }

  /** Follows a stream from what comes after its `lastId`. */
  follow(stream: FollowedStream): void {
    this.#streams.set(stream.key, stream)
    this.#loop ??= this.#read()
  }

  /** Looks again at which streams have room, if it waited because none had. */
  wake(): void {
    this.#endPause()
  }

  /**
   * Sees to streams that have begun anew: with ids that are lower than those that were read (the server has lost its
   * data, and its clock was set back), nothing would ever be read of them.
   */
  async realign(redis: Redis): Promise<void> {
    for (const stream of this.#streams.values()) {
      const newest = await newestId(redis, stream.key)
      if (compareIds(newest, stream.lastId) < 0) stream.lastId = newest
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#endPause()
    this.#redis.disconnect()
    this.#interrupt()
    await this.#loop
  }

  async #read(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#readOnce()
      } catch (error) {
        if (this.#isClosed) return
        this.#onError(error)
        await this.#pause()
      }
    }
  }

  async #readOnce(): Promise<void> {
    const streams = [...this.#streams.values()].filter(({ isFull }) => !isFull?.())
    if (streams.length === 0) return this.#pause()
    const keys = streams.map(({ key }) => key)
    const ids = streams.map(({ lastId }) => lastId)
    const reading = this.#redis.xread('COUNT', COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', ...keys, ...ids)
    const answer = await new Promise<Awaited<typeof reading>>((resolve, reject) => {
      this.#interrupt = () => resolve(null)
      reading.then(resolve, reject)
    })
    for (const [key, entries] of answer ?? []) {
      const stream = this.#streams.get(key)
      const last = entries.at(-1)
      if (stream === undefined || last === undefined) continue
      stream.lastId = last[0]
      stream.take(entries)
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, RETRY_MS)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** The value of a field; undefined when there is none of this name. */
export function fieldOf(fields: StreamFields, name: string): string | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2) if (fields[at] === name) return fields[at + 1]
  return undefined
}

/** The id that the newest entry of a stream has or had; `0-0` when there is no such stream. */
export async function newestId(redis: Redis, key: string): Promise<string> {
  try {
    const told = (await redis.xinfo('STREAM', key)) as readonly unknown[]
    const at = told.indexOf('last-generated-id')
    return at === -1 ? '0-0' : String(told[at + 1])
  } catch (error) {
    if (error instanceof Error && error.message.includes('no such key')) return '0-0'
    throw error
  }
}

/** Stream ids are `<milliseconds>-<number>`; negative when `a` is the older one. */
export function compareIds(a: string, b: string): number {
  const [aMs = '0', aSequence = '0'] = a.split('-')
  const [bMs = '0', bSequence = '0'] = b.split('-')
  return Number(aMs) - Number(bMs) || Number(aSequence) - Number(bSequence)
}
