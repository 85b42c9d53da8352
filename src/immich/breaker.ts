/**
 * Stops asking a server that is not there, and finds out when it is back.
 *
 * After some failures in a row that look like nobody being there, calls wait. One of those waiting asks for a sign of
 * life now and then; the first one ends the wait for all. Whoever has waited too long, or asks a server that never
 * answered in this run (a typing error, most likely), is refused at once. The decisions are pure functions of the state;
 * {@link createBreaker} is the gate around them.
 *
 * @module
 */

import type { Clock } from '../clock.ts'

export interface BreakerOptions {
  /** Failures in a row that open it. Default 3. */
  readonly threshold?: number
  /** Between two signs of life asked for. Default 2 s. */
  readonly probeEveryMs?: number
  /** How long calls wait for a server that answered before. Default 5 min. */
  readonly patienceMs?: number
}

export const DEFAULT_BREAKER: Required<BreakerOptions> = Object.freeze({
  threshold: 3,
  probeEveryMs: 2_000,
  patienceMs: 300_000,
})

export type BreakerState = {
  /** Whether the server ever answered. */
  readonly hasAnswered: boolean
} & (
  | { readonly kind: 'closed'; readonly failures: number }
  /** Nobody was there since `sinceMs`; at `probeAtMs` someone asks again. */
  | { readonly kind: 'open'; readonly sinceMs: number; readonly probeAtMs: number }
  | { readonly kind: 'probing'; readonly sinceMs: number }
)

export const INITIAL_BREAKER: BreakerState = { kind: 'closed', failures: 0, hasAnswered: false }

export type Permit =
  | { readonly verdict: 'go' }
  | { readonly verdict: 'refuse'; readonly sinceMs: number }
  /** The caller asks for a sign of life, then asks here again. */
  | { readonly verdict: 'probe'; readonly next: BreakerState }
  /** Until then, or until the state changes. */
  | { readonly verdict: 'wait'; readonly untilMs: number }

/** What a caller may do now. */
export function permit(state: BreakerState, nowMs: number, options: Required<BreakerOptions>): Permit {
  if (state.kind === 'closed') return { verdict: 'go' }
  const { sinceMs } = state
  if (state.kind === 'open' && nowMs >= state.probeAtMs) {
    return { verdict: 'probe', next: { kind: 'probing', sinceMs, hasAnswered: state.hasAnswered } }
  }
  const lostPatienceAtMs = sinceMs + (state.hasAnswered ? options.patienceMs : 0)
  if (nowMs >= lostPatienceAtMs) return { verdict: 'refuse', sinceMs }
  return { verdict: 'wait', untilMs: state.kind === 'open' ? state.probeAtMs : lostPatienceAtMs }
}

/** The state after a call, or a sign of life asked for, has ended. */
export function afterOutcome(
  state: BreakerState,
  outcome: 'reached' | 'unreachable',
  context: { readonly nowMs: number; readonly isProbe: boolean; readonly options: Required<BreakerOptions> },
): BreakerState {
  if (outcome === 'reached') return { kind: 'closed', failures: 0, hasAnswered: true }
  const { nowMs, isProbe, options } = context
  if (state.kind === 'closed') {
    const failures = state.failures + 1
    // Asked for a sign of life at once: it may have been a moment only, such as idle connections that were closed.
    return failures < options.threshold
      ? { ...state, failures }
      : { kind: 'open', sinceMs: nowMs, probeAtMs: nowMs, hasAnswered: state.hasAnswered }
  }
  // Calls that were on their way when it opened say nothing new.
  if (state.kind === 'open' || !isProbe) return state
  const probeAtMs = nowMs + options.probeEveryMs
  return { kind: 'open', sinceMs: state.sinceMs, probeAtMs, hasAnswered: state.hasAnswered }
}

export interface Breaker {
  /** Resolves when a call may be made; rejects with the error of `refusal`, or the signal's reason. */
  enter(signal?: AbortSignal): Promise<void>
  report(outcome: 'reached' | 'unreachable'): void
}

/** `probe` resolves to whether there was a sign of life and never rejects. */
export function createBreaker(shell: {
  readonly clock: Clock
  readonly options?: BreakerOptions
  readonly probe: () => Promise<boolean>
  readonly refusal: (sinceMs: number) => Error
}): Breaker {
  const { clock, probe, refusal } = shell
  const options = { ...DEFAULT_BREAKER, ...shell.options }
  let state = INITIAL_BREAKER
  const waiting = new Set<() => void>()

  const become = (next: BreakerState): void => {
    if (next === state) return
    state = next
    for (const wake of [...waiting]) wake()
  }
  const finish = (outcome: 'reached' | 'unreachable', isProbe: boolean): void =>
    become(afterOutcome(state, outcome, { nowMs: clock.now(), isProbe, options }))

  /** Whether the call may be made now; resolves when it is worth asking again. */
  const step = async (signal?: AbortSignal): Promise<boolean> => {
    const now = permit(state, clock.now(), options)
    if (now.verdict === 'refuse') throw refusal(now.sinceMs)
    if (now.verdict === 'probe') {
      become(now.next)
      finish((await probe()) ? 'reached' : 'unreachable', true)
    }
    if (now.verdict === 'wait') await pause({ clock, untilMs: now.untilMs, signal, waiting })
    return now.verdict === 'go'
  }
  const enter = async (signal?: AbortSignal): Promise<void> => {
    do signal?.throwIfAborted()
    while (!(await step(signal)))
  }
  return { enter, report: (outcome) => finish(outcome, false) }
}

/** Until the time, the signal, or a call of what it puts into `waiting`. Keeps the process alive meanwhile. */
export async function pause(wait: {
  readonly clock: Clock
  readonly untilMs: number
  readonly signal?: AbortSignal | undefined
  readonly waiting?: Set<() => void>
}): Promise<void> {
  const { clock, untilMs, signal, waiting } = wait
  signal?.throwIfAborted()
  // The clock's own timers do not keep a process alive.
  const alive = setInterval(() => undefined, 2 ** 31 - 1)
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancel = clock.after(Math.max(0, untilMs - clock.now()), resolve)
  waiting?.add(resolve)
  const wake = (): void => resolve()
  signal?.addEventListener('abort', wake)
  try {
    await promise
  } finally {
    clearInterval(alive)
    cancel()
    waiting?.delete(resolve)
    signal?.removeEventListener('abort', wake)
  }
  signal?.throwIfAborted()
}
