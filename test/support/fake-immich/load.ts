/**
 * How busy the server is: milliseconds a call, and database connections that calls wait for.
 *
 * Immich has ten connections, and people's phones use them too. A call holds one for its whole time, so with all of
 * them busy it waits for its turn, first come, first served. Ping and other routes that ask nobody hold none: they
 * stay fast when the pool is starved (immich #31415). Off unless asked for.
 *
 * @module
 */

export interface FakeLoad {
  /** Of each call, while it holds its connection. The seed program saw 78 on its user's server. */
  readonly msPerCall?: number
  /** Default 10, as of Immich. */
  readonly connections?: number
  /** Held by others all the time; default 0. */
  readonly busy?: number
  /** More for each asset that is tagged or untagged, one number or a range: 12 to 27 were measured on 3.1.0. */
  readonly msPerTaggedAsset?: number | readonly [from: number, to: number]
  /** More for each asset that `PUT /assets` changes: 0.57 was measured on 3.1.0. */
  readonly msPerChangedAsset?: number
}

export class ConnectionPool {
  #load: FakeLoad | undefined
  #held = 0
  #leaked = 0
  readonly #waiting: (() => void)[] = []

  get load(): FakeLoad | undefined {
    return this.#load
  }

  /** Undefined: no load. Those who wait are let in as there is room. */
  set load(load: FakeLoad | undefined) {
    this.#load = load
    this.#admit()
  }

  /** Calls that wait for a connection now. */
  get queued(): number {
    return this.#waiting.length
  }

  /** Takes a connection, does the work, gives it back. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#load === undefined) return await work()
    if (this.#held < this.#size()) this.#held += 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      this.#held -= 1
      this.#admit()
    }
  }

  /** A connection that never comes back: what 3.2.0 does with a sync stream that is cut (immich #31415). */
  leak(): void {
    this.#leaked += 1
  }

  #size(): number {
    const { connections = 10, busy = 0 } = this.#load ?? {}
    return this.#load === undefined ? Number.POSITIVE_INFINITY : connections - busy - this.#leaked
  }

  #admit(): void {
    while (this.#held < this.#size()) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#held += 1
      next()
    }
  }
}

/** Of a call that tags so many assets. */
export function taggingMs(load: FakeLoad | undefined, assets: number, random: () => number): number {
  const each = load?.msPerTaggedAsset ?? 0
  const [from, to] = typeof each === 'number' ? [each, each] : each
  return assets * (from + (to - from) * random())
}
