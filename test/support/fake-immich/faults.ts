/**
 * What can go wrong on purpose: by route, a number of times or with a probability.
 *
 * @module
 */

interface FaultRule {
  /** `POST /assets`, `* /albums/*`; default: every route under `/api`. */
  readonly route?: string
  /** How often; default: until cleared. */
  readonly times?: number
  /** Lets so many matching calls pass before. */
  readonly skip?: number
  /** 0 to 1, default 1; from a seeded generator. */
  readonly probability?: number
}

export type FaultEffect =
  /**
   * Waits before the effect: `ms`, up to `jitterMs` more, and `msPerOther` for each other call of the route that was
   * running, as a server that is at its limit. `bytesPerSecond` brakes the reading of the body: of each call, or of
   * all of them together when the line is `shared`.
   */
  | {
      readonly kind: 'latency'
      readonly ms?: number
      readonly jitterMs?: number
      readonly msPerOther?: number
      readonly bytesPerSecond?: number
      readonly shared?: boolean
    }
  /** Answered without an effect, before the body is read unless `readBody`. */
  | {
      readonly kind: 'status'
      readonly status: number
      /** Value of `Retry-After`: seconds or an HTTP date. */
      readonly retryAfter?: string
      readonly readBody?: boolean
      /** Default: JSON as of the server; text stands for a proxy's page. */
      readonly text?: string
    }
  /** `before`: nothing is read. `mid-body`: after `bytes` or half of it. `after`: all is read, nothing is done. */
  | { readonly kind: 'drop'; readonly when: 'before' | 'mid-body' | 'after'; readonly bytes?: number }
  /** All is done, and the connection is dropped instead of the answer. */
  | { readonly kind: 'lost-answer' }
  /** All is done, and half of the answer arrives. */
  | { readonly kind: 'cut-answer' }
  /**
   * `POST /assets`: a duplicate is answered from the header, then the connection is reset, the body unread. Uploads
   * of something new count in `times` too.
   */
  | { readonly kind: 'early-duplicate-reset' }
  /** Neither reads on nor answers; for `ms`, or until the connection ends. */
  | {
      readonly kind: 'stall'
      readonly when: 'request' | 'mid-body' | 'answer'
      readonly bytes?: number
      readonly ms?: number
    }
  /** `POST /assets`: the body is read, and could not be stored; 500 as Immich, 507 as some proxies. */
  | { readonly kind: 'disk-full'; readonly status?: 500 | 507 }

export type Fault = FaultRule & FaultEffect
export type FaultKind = FaultEffect['kind']
export type FaultOf<K extends FaultKind> = Extract<FaultEffect, { kind: K }>

interface ActiveFault {
  readonly fault: Fault
  readonly pattern: RegExp
  seen: number
  used: number
}

/** The faults of one request. */
export interface RequestFaults {
  find<K extends FaultKind>(kind: K): FaultOf<K> | undefined
}

export class Faults {
  #active: ActiveFault[] = []
  #random: () => number

  constructor(seed = 1) {
    this.#random = mulberry32(seed)
  }

  add(...faults: readonly Fault[]): void {
    for (const fault of faults) {
      this.#active.push({ fault, pattern: patternOf(fault.route ?? '*'), seen: 0, used: 0 })
    }
  }

  clear(): void {
    this.#active = []
  }

  /** How often faults of this kind struck since the last `clear`. */
  countOf(kind: FaultKind): number {
    return this.#active.filter(({ fault }) => fault.kind === kind).reduce((sum, { used }) => sum + used, 0)
  }

  random(): number {
    return this.#random()
  }

  /** Counts the request: every rule that strikes is used up by one. */
  of(route: string): RequestFaults {
    const struck = this.#active.filter((active) => this.#strikes(active, route)).map(({ fault }) => fault)
    return {
      find<K extends FaultKind>(kind: K): FaultOf<K> | undefined {
        return struck.find((fault) => fault.kind === kind) as FaultOf<K> | undefined
      },
    }
  }

  #strikes(active: ActiveFault, route: string): boolean {
    const { fault, pattern } = active
    if (!pattern.test(route)) return false
    active.seen += 1
    if (active.seen <= (fault.skip ?? 0)) return false
    if (active.used >= (fault.times ?? Number.POSITIVE_INFINITY)) return false
    if (fault.probability !== undefined && this.#random() >= fault.probability) return false
    active.used += 1
    return true
  }
}

export function patternOf(route: string): RegExp {
  const escaped = route.replaceAll(/[.+?^${}()|[\]\\]/gu, '\\$&').replaceAll('*', '.*')
  return new RegExp(`^${escaped}$`, 'u')
}

/** A small generator with a seed (Tommy Ettinger, public domain), so that a failing run can be repeated. */
export function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
