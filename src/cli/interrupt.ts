/**
 * Ctrl-C in three steps: finish running work, kill it, leave whatever happens. All three are safe for the library.
 *
 * @module
 */

import type { Io } from './io.ts'

/** How long a killed job may take to answer before the process leaves without it. */
const LEAVE_AFTER_MS = 5000

export const EXIT_INTERRUPTED = 130

export interface Interrupt extends Disposable {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal
  /** Aborted by the second. */
  readonly kill: AbortSignal
}

/** Watches for Ctrl-C and SIGTERM until disposed of. `say` gets each line for the user. */
export function watchInterrupts(io: Io, say: (line: string) => void): Interrupt {
  const finish = new AbortController()
  const kill = new AbortController()
  let cancelLeaving = (): void => undefined
  const leave = (): void => io.exit(EXIT_INTERRUPTED)
  const stopWatching = io.onInterrupt(() => {
    if (kill.signal.aborted) {
      leave()
    } else if (finish.signal.aborted) {
      say('leaving at once; nothing is lost')
      cancelLeaving = io.clock.after(LEAVE_AFTER_MS, leave)
      kill.abort()
    } else {
      say('finishing running work; press Ctrl-C again to leave at once')
      finish.abort()
    }
  })
  return {
    signal: finish.signal,
    kill: kill.signal,
    [Symbol.dispose]: () => {
      stopWatching()
      cancelLeaving()
    },
  }
}

/** Whether a job threw because it was broken off: it may then end in any way, and what it had committed is safe. */
export function isBrokenOff(error: unknown, { signal, kill }: Pick<Interrupt, 'signal' | 'kill'>): boolean {
  return kill.aborted || (signal.aborted && error instanceof Error && error.name === 'AbortError')
}
