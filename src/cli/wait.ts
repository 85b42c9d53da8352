/**
 * Waiting between two looks at something, with the way out that a Ctrl-C needs.
 *
 * @module
 */

import type { Clock } from '../clock.ts'
import type { Io } from './io.ts'

/** A timer's longest time: 2^31 - 1 ms. */
const LONGEST_MS = 2_147_483_647

/** Resolves after the delay, or at once when the signal is aborted. Keeps the process alive meanwhile. */
export async function waitFor(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  // The clock's own timers do not keep a process alive; whoever waits in the foreground does.
  const alive = setInterval(() => undefined, LONGEST_MS)
  let leave: () => void = () => undefined
  try {
    await new Promise<void>((resolve) => {
      const cancel = clock.after(delayMs, resolve)
      leave = () => {
        cancel()
        resolve()
      }
      signal.addEventListener('abort', leave)
    })
  } finally {
    signal.removeEventListener('abort', leave)
    clearInterval(alive)
  }
}

/** A signal that the first Ctrl-C or SIGTERM aborts, for a command that may be left at any moment. */
export function abortOnInterrupt(io: Io): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController()
  const end = io.onInterrupt(() => controller.abort())
  return { signal: controller.signal, [Symbol.dispose]: end }
}
