/**
 * Tells any number of listeners what the dashboard shows, from one look a second.
 *
 * Nobody listens: nothing is read. Many listen: it is read once, made into text once, and only what has changed is
 * sent. One that does not keep up is dropped, since the next connection begins with the whole state anyway; so the
 * memory of slow ones is bounded.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import { toErrorRecord } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { DashboardReading } from './dashboard-reader.ts'

const LOOK_MS = 1_000

/** Below the minute after which proxies and the server itself think that a silent connection is dead. */
const HEARTBEAT_MS = 15_000

/** What a page waits before it connects again. */
const RETRY_MS = 2_000

/** More than any household has pages open. */
export const MAX_LISTENERS = 64

/** Text that a listener has not taken yet: several whole states. */
const MAX_BEHIND_BYTES = 1_000_000

/** One connection. */
export interface EventListener {
  /** Sends text; answers how many bytes are still unsent. */
  write(text: string): number
  /** `slow`: it is to be cut off. `ending`: what was written is to be delivered. */
  end(why: 'slow' | 'ending'): void
}

export interface EventHubOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Where everything comes from. */
  readonly reader: { read(): Promise<DashboardReading>; rest(): void }
}

export class EventHub {
  readonly #options: EventHubOptions
  readonly #listeners = new Set<EventListener>()
  /** The newest event of each name, as text. */
  readonly #state = new Map<string, string>()
  /** What was sent last of each name, to be compared with. */
  readonly #sent = new Map<string, string>()
  #lookedAt = Number.NEGATIVE_INFINITY
  #lastId = 0
  #looking: Promise<void> | undefined
  #cancelLook: (() => void) | undefined
  #cancelHeartbeat: (() => void) | undefined
  #isFailing = false
  #isClosed = false

  constructor(options: EventHubOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#listeners.size
  }

  /** No room for another listener, or no future. */
  get isFull(): boolean {
    return this.#isClosed || this.#listeners.size >= MAX_LISTENERS
  }

  /** The listener gets the state as it is, and every change from then on; the returned function ends that. */
  join(listener: EventListener): () => void {
    const isFirst = this.#listeners.size === 0
    const isFresh = this.#options.clock.now() - this.#lookedAt < LOOK_MS
    if (isFirst && !isFresh) this.#forget()
    this.#listeners.add(listener)
    this.#send(listener, `retry: ${RETRY_MS}\n\n${[...this.#state.values()].join('')}`)
    if (isFirst) {
      this.#beat()
      if (isFresh) this.#lookLater()
      else this.#look()
    }
    return () => this.#leave(listener)
  }

  /** Says good-bye to all. */
  close(): void {
    this.#isClosed = true
    for (const listener of [...this.#listeners]) {
      listener.write('event: ending\ndata: {}\n\n')
      this.#leave(listener)
      listener.end('ending')
    }
  }

  /** Resolves when no look is under way. */
  async settled(): Promise<void> {
    await this.#looking
  }

  #leave(listener: EventListener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return
    this.#cancelLook?.()
    this.#cancelLook = undefined
    this.#cancelHeartbeat?.()
    this.#options.reader.rest()
  }

  /** What was seen is old: the next look tells everything. */
  #forget(): void {
    this.#state.clear()
    this.#sent.clear()
  }

  #lookLater(): void {
    this.#cancelLook = this.#options.clock.after(LOOK_MS, () => this.#look())
  }

  #look(): void {
    this.#cancelLook = undefined
    // One that was begun for somebody who has left serves as well.
    this.#looking ??= this.#readAndTell().finally(() => {
      this.#looking = undefined
      if (this.#listeners.size > 0 && this.#cancelLook === undefined) this.#lookLater()
    })
  }

  async #readAndTell(): Promise<void> {
    const { reader, clock, logger } = this.#options
    this.#lookedAt = clock.now()
    try {
      this.#tell(await reader.read())
      this.#isFailing = false
    } catch (error) {
      // A database that is busy, or that is being taken over: the next look may be better.
      if (!this.#isFailing) logger.warn('dashboard cannot be read', { ...toErrorRecord(error) })
      this.#isFailing = true
    }
  }

  #tell(reading: DashboardReading): void {
    let text = ''
    for (const [name, value] of Object.entries(reading)) {
      const data = JSON.stringify(value)
      const compared = comparable(name, value, data)
      if (this.#sent.get(name) === compared) continue
      this.#sent.set(name, compared)
      this.#lastId += 1
      const event = `id: ${this.#lastId}\nevent: ${name}\ndata: ${data}\n\n`
      this.#state.set(name, event)
      text += event
    }
    if (text !== '') this.#broadcast(text)
  }

  #broadcast(text: string): void {
    for (const listener of [...this.#listeners]) this.#send(listener, text)
  }

  #send(listener: EventListener, text: string): void {
    if (listener.write(text) <= MAX_BEHIND_BYTES) return
    this.#leave(listener)
    listener.end('slow')
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#options.clock.after(HEARTBEAT_MS, () => {
      // The comment is for proxies; a page cannot hear comments, and would not know that it is cut off.
      this.#broadcast(': still here\nevent: beat\ndata: {}\n\n')
      this.#beat()
    })
  }
}

/** What is no news by itself does not count: the time, and some bytes of memory more or less. */
function comparable(name: string, value: unknown, data: string): string {
  if (name === 'snapshot') {
    const { now: _now, memory: _memory, ...rest } = value as DashboardReading['snapshot']
    const coordinators = rest.coordinators.map(({ seenAt: _seenAt, ...one }) => one)
    return JSON.stringify({ ...rest, coordinators })
  }
  return data
}
