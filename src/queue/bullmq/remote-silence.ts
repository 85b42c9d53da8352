/**
 * Finds out that a server is away, by asking it: its requests wait for it and do not fail.
 *
 * @module
 */

import type { Clock } from '../../clock.ts'

/** A server that has not answered for so long is away. One that restarts is back sooner. */
export const SILENCE_MS = 5_000

/** Between two questions. */
const ASK_MS = 1_000

export interface SilenceOptions {
  readonly clock: Clock
  /** Asks the server whatever costs little. A refusal is an answer, too. */
  readonly ask: () => Promise<unknown>
  /** Whether somebody still wants to know. */
  readonly isWanted: () => boolean
}

/** True when the server has not answered for {@link SILENCE_MS}; false when nobody wants to know any more. Never rejects. */
export async function isSilent({ clock, ask, isWanted }: SilenceOptions): Promise<boolean> {
  while (isWanted()) {
    if (!(await isAnswered(clock, ask))) return isWanted()
    await after(clock, ASK_MS)
  }
  return false
}

function isAnswered(clock: Clock, ask: () => Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(SILENCE_MS, () => resolve(false))
    const answered = (): void => {
      cancel()
      resolve(true)
    }
    ask().then(answered, answered)
  })
}

function after(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve)
  })
}
