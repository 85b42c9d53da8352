/**
 * Wakes an engine whose lanes have run dry, when there is something for it.
 *
 * BullMQ keeps a marker in each queue that has work; who takes it away (`BZPOPMIN`) goes and claims, and each claim puts the
 * marker back for the next one. So of all idle processes one is woken for a job, and who is busy takes no marker: a process
 * waits only for lanes that gave it less than it asked for. The same blocking call waits for a key of its own, through which
 * others tell of what is no job: a pause, a cancellation.
 *
 * @module
 */

import type { Redis } from 'ioredis'
import { endConnection } from './connection.ts'
import type { BullmqContext } from './context.ts'

/** A blocking call of more than 10 s is trouble when connections break: BullMQ #1658. */
const BLOCK_S = 5

/** An answer that is so much later never comes: the connection is dead without a word. */
const LATE_MS = 2_000

/** When Redis refuses the call. */
const REFUSED_MS = 1_000

/** A process that was not listed for this long is gone. */
const LISTED_MS = 60_000

/** Who takes a marker and does not claim by then (it stops, or its lane was closed) gives it back. */
const UNUSED_MS = 200

export class Watch {
  readonly #context: BullmqContext
  readonly #onChange = new Set<() => void>()
  /** Lanes that gave less than they were asked for. */
  readonly #dry = new Set<string>()
  /** Lanes whose marker was taken, and that nobody has claimed from since. */
  readonly #taken = new Map<string, NodeJS.Timeout>()
  #connection: Redis | undefined
  #loop: Promise<void> | undefined
  #isClosed = false
  /** Ends the call that blocks, for us: a connection that is just being made again would leave it open for ever. */
  #endWait: () => void = () => undefined

  constructor(context: BullmqContext) {
    this.#context = context
  }

  add(onChange: () => void): () => void {
    // The same function may watch twice.
    const own = (): void => onChange()
    this.#onChange.add(own)
    this.#loop ??= this.#run()
    return () => {
      this.#onChange.delete(own)
      if (this.#onChange.size === 0) this.#interrupt()
    }
  }

  /** Somebody claims from the lane: a marker of it that was taken has been of use. */
  claims(lane: string): void {
    clearTimeout(this.#taken.get(lane))
    this.#taken.delete(lane)
  }

  /** How a claim went: a lane that gave all that was asked for need not be waited for. */
  claimed(lane: string, isDry: boolean): void {
    if (!isDry) this.#dry.delete(lane)
    if (!isDry || this.#dry.has(lane)) return
    this.#dry.add(lane)
    // The call that blocks now does not wait for this lane: it is told to come back.
    if (this.#connection !== undefined) this.#poke([this.#context.instance]).catch(() => undefined)
  }

  /** Tells all other processes to look. */
  async wakeOthers(): Promise<void> {
    const { redis, clock, instance } = this.#context
    const listed = await redis.zrangebyscore(this.#listeners, clock.now() - LISTED_MS, '+inf')
    await this.#poke(listed.filter((one) => one !== instance))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#onChange.clear()
    this.#interrupt()
    await this.#loop
    await Promise.all([...this.#taken.keys()].map((lane) => this.#giveBack(lane)))
  }

  /** Sorted set: instance -> when it was last listed. */
  get #listeners(): string {
    return this.#context.key('listeners')
  }

  get #isWanted(): boolean {
    return !this.#isClosed && this.#onChange.size > 0
  }

  async #run(): Promise<void> {
    const { redis, instance } = this.#context
    while (this.#isWanted) {
      try {
        await this.#list()
        await this.#wait()
      } catch {
        if (this.#isWanted) await new Promise((resolve) => setTimeout(resolve, REFUSED_MS).unref())
      }
    }
    this.#loop = undefined
    this.#interrupt()
    // As far as that is still possible.
    if (redis.status === 'ready') await redis.zrem(this.#listeners, instance).catch(() => undefined)
    if (this.#isWanted) this.#loop = this.#run()
  }

  async #list(): Promise<void> {
    const { redis, clock, instance } = this.#context
    const now = clock.now()
    await Promise.all([
      redis.zadd(this.#listeners, now, instance),
      redis.zremrangebyscore(this.#listeners, 0, now - LISTED_MS),
    ])
  }

  /** Until there is a marker, somebody pokes, or a while has passed. */
  async #wait(): Promise<void> {
    if (!this.#isWanted) return
    const connection = this.#connection ?? this.#context.connections.another()
    this.#connection = connection
    const laneOf = new Map([...this.#dry].map((lane) => [this.#context.queue(lane).key('marker'), lane]))
    // Not the clock: this is the time of a socket.
    const late = setTimeout(() => this.#interrupt(), BLOCK_S * 1_000 + LATE_MS)
    late.unref()
    try {
      const popping = connection
        .bzpopmin(this.#wakeKey(this.#context.instance), ...laneOf.keys(), BLOCK_S)
        .then((popped) => {
          if (popped !== null) this.#popped(laneOf.get(popped[0]))
        })
      await new Promise<void>((resolve, reject) => {
        this.#endWait = resolve
        popping.then(resolve, reject)
      })
    } finally {
      clearTimeout(late)
    }
  }

  /** Of a lane, or by somebody who pokes. */
  #popped(lane: string | undefined): void {
    if (lane !== undefined) {
      clearTimeout(this.#taken.get(lane))
      const timer = setTimeout(() => {
        this.#giveBack(lane).catch(() => undefined)
      }, UNUSED_MS)
      timer.unref()
      this.#taken.set(lane, timer)
      // Meanwhile it was full again: somebody else is to have it.
      if (!this.#dry.delete(lane)) return
    }
    for (const onChange of [...this.#onChange]) onChange()
  }

  async #giveBack(lane: string): Promise<void> {
    const { redis } = this.#context
    if (!this.#taken.has(lane)) return
    this.claims(lane)
    await redis.zadd(this.#context.queue(lane).key('marker'), 0, '0')
  }

  async #poke(instances: readonly string[]): Promise<void> {
    const { redis } = this.#context
    await Promise.all(
      instances.flatMap((instance) => {
        const key = this.#wakeKey(instance)
        return [redis.zadd(key, 0, '0'), redis.pexpire(key, LISTED_MS)]
      }),
    )
  }

  #wakeKey(instance: string): string {
    return this.#context.key(`wake:${instance}`)
  }

  /** The next call gets a new connection: on this one it would be answered after the old one. */
  #interrupt(): void {
    if (this.#connection !== undefined) endConnection(this.#connection)
    this.#connection = undefined
    this.#endWait()
  }
}
