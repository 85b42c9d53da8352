/**
 * A state file of its own for a test.
 *
 * @module
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAutotagState } from '../../../src/immich/autotag/state/state-file.ts'
import type { AutotagState } from '../../../src/immich/autotag/state.ts'

export interface ScratchState extends Disposable {
  readonly folder: string
  readonly state: AutotagState
  /** Closes it and opens it again, as another process would find it. */
  reopen(): AutotagState
}

export function scratchState(owner: { readonly address: string; readonly userId: string }): ScratchState {
  const folder = mkdtempSync(join(tmpdir(), 'heirloom-autotag-'))
  let state = openAutotagState({ folder, ...owner })
  return {
    folder,
    get state() {
      return state
    },
    reopen: () => {
      state.close()
      state = openAutotagState({ folder, ...owner })
      return state
    },
    [Symbol.dispose]: () => {
      state.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
