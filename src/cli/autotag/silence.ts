/**
 * Tells of a server that is silent: it is waited for, since one that begins anew is back in a minute, and whoever sits
 * before the screen should not have to guess that.
 *
 * @module
 */

import type { Clock } from '../../clock.ts'

/** Far above what a call takes that is answered. */
const SILENT_MS = 15_000

export interface Silence {
  /** Something has come, or is awaited from now on. */
  heard(): void
  /** Nothing is awaited. */
  end(): void
}

/** Says it once a silence. */
export function createSilence(clock: Clock, say: (line: string) => void): Silence {
  let cancel = (): void => undefined
  return {
    heard: () => {
      cancel()
      cancel = clock.after(SILENT_MS, () =>
        say(`nothing has come from the server for ${SILENT_MS / 1000} s: waiting for it`),
      )
    },
    end: () => cancel(),
  }
}
