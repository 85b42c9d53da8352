/**
 * How many calls of a kind may be under way: as many as the server answers without making them queue.
 *
 * Immich has no rate limit; what it has is ten database connections and one thread, which people's phones use too. So
 * the limit follows what is seen: the median latency of a window of calls against the best median (Vegas: what is
 * above the best is waiting in a queue), halved on errors. `decide` is the pure rule; {@link createLimiter} the gate.
 * Source: Brakmo, Peterson, "TCP Vegas", 1995; the medians and thresholds were found by simulation.
 *
 * @module
 */

/** Calls that load the server in the same way share a limit. */
export type CallClass =
  | 'read'
  /** A chain of pages, none of which can be asked for before the one before: apart, so that it waits behind nothing. */
  | 'listing'
  | 'search'
  | 'album'
  | 'album-write'
  | 'sync'
  | 'asset'
  | 'stack'
  | 'tag'
  | 'upload'

export interface ClassLimits {
  /** At the beginning. */
  readonly start: number
  /** Never more. */
  readonly ceiling: number
}

/**
 * Few, of ten database connections that others need too. Reads are cheap, but those of albums lock their table (2.x);
 * tags are the slowest writes. A second stream beside one may cost a connection for good (immich #31415).
 */
export const DEFAULT_LIMITS: Readonly<Record<CallClass, ClassLimits>> = Object.freeze({
  read: { start: 2, ceiling: 8 },
  listing: { start: 2, ceiling: 8 },
  search: { start: 2, ceiling: 8 },
  album: { start: 1, ceiling: 2 },
  'album-write': { start: 2, ceiling: 4 },
  sync: { start: 1, ceiling: 1 },
  asset: { start: 2, ceiling: 4 },
  stack: { start: 2, ceiling: 4 },
  tag: { start: 1, ceiling: 3 },
  upload: { start: 2, ceiling: 4 },
})

/**
 * Ids whose change takes about as long as a call of its own, on 3.1.0: 12 to 27 ms an asset for tags, 0.6 ms for dates
 * and the like, 0.1 ms for albums, about 20 to 80 ms for a call.
 */
const UNITS_LIKE_A_CALL: Readonly<Partial<Record<CallClass, number>>> = {
  tag: 4,
  asset: 35,
  'album-write': 200,
}

/** What a bulk change would have taken with nothing to change: large ones must not look like a queue at the server. */
export function comparableLatencyMs(callClass: CallClass, latencyMs: number, units = 0): number {
  const unitsLikeACall = UNITS_LIKE_A_CALL[callClass]
  return unitsLikeACall === undefined ? latencyMs : latencyMs / (1 + units / unitsLikeACall)
}

export interface LimitState {
  /** Whole, from 1 to the ceiling. */
  readonly limit: number
  /** No queue was seen yet: decides after fewer calls. */
  readonly isStarting: boolean
  /** Latencies since the last decision, milliseconds. */
  readonly windowMs: readonly number[]
  /** Lowest median seen, drifting up: a server can become slower for good. */
  readonly baseMs: number | undefined
  readonly windows: number
  /** Calls that began before it have told of their trouble already. */
  readonly halvedAtMs: number
}

export type Sample =
  | { readonly kind: 'ok'; readonly latencyMs: number }
  | { readonly kind: 'overload'; readonly startedAtMs: number; readonly nowMs: number }

/** A window holds this many samples, or twice the limit. */
const WINDOW_SAMPLES = 20
/** While it starts: a few hundred calls would be over before they had gone up by more than a few. */
const STARTING_SAMPLES = 4
/** After so many windows the base goes up by {@link BASE_DRIFT}. */
const DRIFT_WINDOWS = 60
const BASE_DRIFT = 1.1
/** Clocks tick in milliseconds, and nobody is disturbed by less: a faster server counts as this fast. */
const NOISE_MS = 5
/** Calls that wait at the server: with fewer one more may go, with more one less. */
const QUEUE_LOW = 1.5
const QUEUE_HIGH = 3

export function initialLimit({ start, ceiling }: ClassLimits, isStarting = false): LimitState {
  const limit = Math.min(Math.max(1, Math.floor(start)), Math.max(1, Math.floor(ceiling)))
  const halvedAtMs = Number.NEGATIVE_INFINITY
  return { limit, isStarting, windowMs: [], baseMs: undefined, windows: 0, halvedAtMs }
}

/** The state after one more call has ended. */
export function decide(state: LimitState, sample: Sample, ceiling: number): LimitState {
  if (sample.kind === 'overload') {
    // One bad moment fails all that is under way; it counts once.
    if (sample.startedAtMs < state.halvedAtMs) return state
    return {
      ...state,
      limit: Math.max(1, Math.floor(state.limit / 2)),
      isStarting: false,
      windowMs: [],
      halvedAtMs: sample.nowMs,
    }
  }
  const windowMs = [...state.windowMs, Math.max(0, sample.latencyMs)]
  const enough = state.isStarting
    ? Math.max(STARTING_SAMPLES, state.limit)
    : Math.max(WINDOW_SAMPLES, 2 * state.limit)
  if (windowMs.length < enough) return { ...state, windowMs }
  const medianMs = medianOf(windowMs)
  const windows = state.windows + 1
  const drifted = (state.baseMs ?? medianMs) * (windows % DRIFT_WINDOWS === 0 ? BASE_DRIFT : 1)
  const baseMs = Math.min(drifted, medianMs)
  const queued = state.limit * (1 - Math.max(baseMs, NOISE_MS) / Math.max(medianMs, NOISE_MS))
  const step = queued < QUEUE_LOW ? 1 : queued > QUEUE_HIGH ? -1 : 0
  const limit = Math.min(Math.max(1, state.limit + step), Math.max(1, Math.floor(ceiling)))
  return { ...state, limit, isStarting: state.isStarting && step === 1, windowMs: [], baseMs, windows }
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

export interface LimiterOptions {
  /** Overrides of {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<Record<CallClass, ClassLimits>>
  /** Of all classes together. Default 8, or the highest ceiling if that is more; 3 if it is to be `nice`. */
  readonly total?: number
  /** Leaves the server to others: at most 3 at a time. */
  readonly isNice?: boolean
  /** Just so many at a time, of each class and of all together, whatever latencies say; errors still halve. */
  readonly concurrency?: number | undefined
  /** For a few hundred calls: goes up after fewer of them, until the first sign of a queue. */
  readonly startsQuickly?: boolean
  /** Bytes held for bodies under way; a call that needs more has it to itself. Default 64 MiB. */
  readonly budgetBytes?: number
  /** Whether a failure means that less at a time could help. */
  readonly isOverload: (error: unknown) => boolean
  /** Milliseconds. Default `performance.now`. */
  readonly now?: () => number
}

export interface Limiter {
  /**
   * Runs `fn` when there is room: first come, first served within a class. `bytes` is what the call holds in memory.
   * `fn` may tell a better latency than its whole time, such as that of the answer alone.
   */
  run<T>(
    callClass: CallClass,
    bytes: number,
    fn: (tellLatency: (latencyMs: number) => void) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>
  /** Of one class now. */
  look(callClass: CallClass): { readonly limit: number; readonly running: number; readonly waiting: number }
}

const DEFAULT_TOTAL = 8
const NICE_TOTAL = 3
const DEFAULT_BUDGET_BYTES = 64 * 1024 * 1024

export function createLimiter(options: LimiterOptions): Limiter {
  const { isOverload, now = () => performance.now(), budgetBytes = DEFAULT_BUDGET_BYTES } = options
  const limits = limitsOf(options)
  const total = totalOf(options, limits)
  const states = new Map<CallClass, LimitState>()
  const stateOf = (callClass: CallClass): LimitState =>
    states.get(callClass) ?? initialLimit(limits[callClass], options.startsQuickly)
  const learn = (callClass: CallClass, sample: Sample): void => {
    states.set(callClass, decide(stateOf(callClass), sample, limits[callClass].ceiling))
  }
  const gate = createGate({ total, budgetBytes, limitOf: (callClass) => stateOf(callClass).limit })

  return {
    run: async (callClass, bytes, fn, signal) => {
      const leave = await gate.enter(callClass, bytes, signal)
      const startedAtMs = now()
      let toldMs: number | undefined
      try {
        const result = await fn((latencyMs) => {
          toldMs = latencyMs
        })
        // With a fixed number nothing is slow: then only errors lower it, and it comes back.
        const latencyMs = options.concurrency === undefined ? (toldMs ?? now() - startedAtMs) : 0
        learn(callClass, { kind: 'ok', latencyMs })
        return result
      } catch (error) {
        if (isOverload(error)) learn(callClass, { kind: 'overload', startedAtMs, nowMs: now() })
        throw error
      } finally {
        leave()
      }
    },
    look: (callClass) => ({ limit: stateOf(callClass).limit, ...gate.look(callClass) }),
  }
}

type Limits = Readonly<Record<CallClass, ClassLimits>>

function limitsOf({ limits, concurrency }: LimiterOptions): Limits {
  const adapting = { ...DEFAULT_LIMITS, ...limits }
  if (concurrency === undefined) return adapting
  const fixed = { start: concurrency, ceiling: concurrency }
  const all = Object.keys(adapting).map((callClass) => [callClass, fixed])
  // Two streams at once harm the server.
  return { ...(Object.fromEntries(all) as Limits), sync: DEFAULT_LIMITS.sync }
}

function totalOf({ total, isNice = false, concurrency }: LimiterOptions, limits: Limits): number {
  const most =
    total ?? concurrency ?? Math.max(DEFAULT_TOTAL, ...Object.values(limits).map(({ ceiling }) => ceiling))
  return isNice ? Math.min(NICE_TOTAL, most) : most
}

interface Waiter {
  readonly callClass: CallClass
  readonly bytes: number
  readonly admit: () => void
}

interface Gate {
  /** Resolves to the way out when there is room. */
  enter(callClass: CallClass, bytes: number, signal?: AbortSignal): Promise<() => void>
  look(callClass: CallClass): { readonly running: number; readonly waiting: number }
}

/** The oldest first. Who only waits for memory is not overtaken by those who need some: it would never get any. */
function createGate(room: {
  readonly total: number
  readonly budgetBytes: number
  readonly limitOf: (callClass: CallClass) => number
}): Gate {
  const { total, budgetBytes, limitOf } = room
  const running: Waiter[] = []
  const queue: Waiter[] = []
  const runningIn = (callClass: CallClass): number =>
    running.filter((other) => other.callClass === callClass).length

  const admitWaiting = (): void => {
    let freeBytes = budgetBytes - running.reduce((sum, { bytes }) => sum + bytes, 0)
    for (const waiter of [...queue]) {
      if (running.length >= total) return
      if (runningIn(waiter.callClass) >= limitOf(waiter.callClass)) continue
      freeBytes -= waiter.bytes
      if (waiter.bytes > 0 && freeBytes < 0) continue
      remove(queue, waiter)
      running.push(waiter)
      waiter.admit()
    }
  }

  return {
    enter: async (callClass, bytes, signal) => {
      signal?.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const waiter = { callClass, bytes: Math.min(Math.max(0, bytes), budgetBytes), admit: resolve }
      const giveUp = (): void => {
        if (!remove(queue, waiter)) return
        reject(signal?.reason)
        admitWaiting()
      }
      queue.push(waiter)
      signal?.addEventListener('abort', giveUp)
      admitWaiting()
      try {
        await promise
      } finally {
        signal?.removeEventListener('abort', giveUp)
      }
      return () => {
        remove(running, waiter)
        admitWaiting()
      }
    },
    look: (callClass) => ({
      running: runningIn(callClass),
      waiting: queue.filter((waiter) => waiter.callClass === callClass).length,
    }),
  }
}

/** Whether it was there. */
function remove(waiters: Waiter[], waiter: Waiter): boolean {
  const index = waiters.indexOf(waiter)
  if (index !== -1) waiters.splice(index, 1)
  return index !== -1
}
